// A photo as if it were painted, by filters that keep edges: the domain transform (Gastal and Oliveira 2011), as
// OpenCV's stylization and edgePreservingFilter use it.

import { clip } from "./colour.js";
import { area, bytes, cubic, MIRROR, picture, resized } from "./raster.js";

const FINEST = 3_000_000; // pixels that are painted at most; a larger photo is painted smaller
const ROUNDS = 3; // of a filter, in each of both directions
const STYLE = [45, 0.35]; // how far a filter reaches: in pixels, and in colours in [0, 1]
const SMOOTH = [30, 0.3];

/** A photo in bytes -> the same as if it were painted. */
export function painted(photo) {
  const shrink = Math.min(1, Math.sqrt(FINEST / (photo.width * photo.height)));
  const [width, height] = [photo.width, photo.height].map((n) => Math.round(n * shrink));
  const small = resized(photo, width, height, area);
  const image = picture(
    width,
    height,
    3,
    Float32Array.from(small.data, (value) => value / 255),
  );
  const flat = filtered(image, STYLE, inBoxes);
  const { data } = flat;
  const light = magnitude(flat);
  data.forEach((value, i) => (data[i] = Math.round(255 * clip(value * light[Math.floor(i / 3)], 0, 1)) / 255));
  const soft = filtered(flat, SMOOTH, recursive);
  const made = bytes(width, height, 3);
  soft.data.forEach((value, i) => (made.data[i] = value * 255));
  return resized(made, photo.width, photo.height, cubic);
}

/** Every row, then every column, ROUNDS times, each time with a smaller reach. Distances grow with steps of colour. */
function filtered(image, [space, colour], line) {
  const { width, height } = image;
  const made = picture(width, height, 3, image.data.slice());
  const distances = (count, first, step, length) => {
    const found = new Float32Array(length);
    for (let i = 1, at = first + step; i < length; i++, at += step) {
      let change = 0;
      for (let c = 0; c < 3; c++) change += Math.abs(image.data[at + c] - image.data[at - step + c]);
      found[i] = 1 + (space / colour) * change;
    }
    return found;
  };
  const lines = [
    Array.from({ length: height }, (_, y) => [y * width * 3, 3, width]),
    Array.from({ length: width }, (_, x) => [x * 3, width * 3, height]),
  ].map((all) => all.map(([first, step, length], i) => [first, step, distances(i, first, step, length)]));
  for (let round = 1; round <= ROUNDS; round++) {
    const reach = (space * Math.sqrt(3) * 2 ** (ROUNDS - round)) / Math.sqrt(4 ** ROUNDS - 1);
    for (const direction of lines) for (const one of direction) line(made.data, ...one, reach);
  }
  return made;
}

/** The mean of what is within a distance along a line. */
function inBoxes(data, first, step, distances, reach) {
  const length = distances.length;
  const place = new Float64Array(length);
  const sums = new Float64Array(3 * (length + 1));
  for (let i = 0, at = first; i < length; i++, at += step) {
    place[i] = (i && place[i - 1]) + distances[i];
    for (let c = 0; c < 3; c++) sums[3 * i + 3 + c] = sums[3 * i + c] + data[at + c];
  }
  const radius = Math.sqrt(3) * reach;
  for (let i = 0, low = 0, high = 0, at = first; i < length; i++, at += step) {
    while (place[low] < place[i] - radius) low++;
    while (high < length && place[high] <= place[i] + radius) high++;
    for (let c = 0; c < 3; c++) data[at + c] = (sums[3 * high + c] - sums[3 * low + c]) / (high - low);
  }
}

/** Each pixel is drawn to the one before it, forwards and back, the less the further away that is. */
function recursive(data, first, step, distances, reach) {
  const length = distances.length;
  const weights = distances.map((distance) => Math.exp((-Math.SQRT2 / reach) * distance));
  for (let i = 1, at = first + step; i < length; i++, at += step)
    for (let c = at; c < at + 3; c++) data[c] += weights[i] * (data[c - step] - data[c]);
  for (let i = length - 2, at = first + i * step; i >= 0; i--, at -= step)
    for (let c = at; c < at + 3; c++) data[c] += weights[i + 1] * (data[c + step] - data[c]);
}

/** How light the lines are: 1 where nothing changes, less at edges (Sobel). */
function magnitude({ width, height, data }) {
  const light = new Float32Array(width * height);
  for (let y = 0, i = 0; y < height; y++) {
    const rows = [-1, 0, 1].map((step) => MIRROR(y + step, height) * width * 3);
    for (let x = 0; x < width; x++, i++) {
      const left = MIRROR(x - 1, width) * 3;
      const right = MIRROR(x + 1, width) * 3;
      const [above, here, below] = rows;
      light[i] = 1;
      for (let c = 0; c < 3; c++) {
        const at = (row, column) => data[row + column + c];
        const across =
          at(above, right) -
          at(above, left) +
          2 * (at(here, right) - at(here, left)) +
          at(below, right) -
          at(below, left);
        const down =
          at(below, left) -
          at(above, left) +
          2 * (at(below, 3 * x) - at(above, 3 * x)) +
          at(below, right) -
          at(above, right);
        light[i] -= Math.sqrt(across * across + down * down);
      }
    }
  }
  return light;
}
