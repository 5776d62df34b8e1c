// Finds upright faces on photos with MTCNN (Zhang et al. 2016): a network proposes boxes on the photo at many sizes, a
// second one refines them, a third one does so again and gives five points.

import { area, bytes, floats, resized } from "./raster.js";

const PIXELS = 960 * 720; // in a picture of so many pixels faces are looked for
const NARROW = 1000; // a picture that is more than so many times as long as wide shows nobody, and would need much memory
const MIN_SIDE = 64; // pixels
const BORDER = 0.3; // of the shorter side: added, so that a face that fills all is found
const WIDEST = 108; // of a border, in pixels
const SMALLEST = 20; // side of a face, in pixels
const CELL = 12; // side of what the first network looks at
const STRIDE = 2; // from one place where it looks to the next
const STEP = 0.709; // from one size of the picture to the next
const SURE = [0.6, 0.7, 0.9]; // what each network gives less than this is no face
const TOGETHER = 64; // boxes that go through a network at a time

export class Detector {
  constructor(networks) {
    this.networks = networks;
  }

  /** A photo in bytes -> [{eyes, mouth, score}] in its pixels. */
  async find(photo) {
    if (Math.max(photo.width, photo.height) > NARROW * Math.min(photo.width, photo.height)) return [];
    const { seen, shrink, border } = prepared(photo);
    const scaled = floats(seen);
    scaled.data.forEach((value, i) => (scaled.data[i] = (value - 127.5) / 128));
    let boxes = [];
    for (const scale of pyramid(seen)) boxes.push(...apart(await this.proposed(scaled, scale), 0.5));
    boxes = apart(boxes, 0.7).map(square);
    boxes = apart(await this.refined("face_refinement", scaled, boxes, 24, SURE[1]), 0.7).map(square);
    boxes = apart(await this.refined("face_points", scaled, boxes, 48, SURE[2]), 0.7, true);
    const place = (value) => (value + 0.5 - border) / shrink;
    return boxes
      .filter(({ points }) => mouthBelowEyes(points))
      .map(({ points, score }) => {
        const [one, other, , left, right] = points.map((point) => point.map(place));
        const eyes = [one, other].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
        return { eyes, mouth: [0, 1].map((i) => (left[i] + right[i]) / 2), score };
      });
  }

  /** The boxes that the first network proposes at one size of the picture. */
  async proposed(image, scale) {
    const [width, height] = [image.width, image.height].map((n) => Math.trunc(n * scale));
    const small = resized(image, width, height, area);
    const {
      data,
      dims: [, rows, columns],
    } = await this.networks.run("face_proposals", small.data, [1, height, width, 3]);
    const found = [];
    for (let y = 0, at = 0; y < rows; y++)
      for (let x = 0; x < columns; x++, at += 6) {
        if (!(data[at + 5] > SURE[0])) continue;
        const corners = [x * STRIDE + 1, y * STRIDE + 1, x * STRIDE + CELL, y * STRIDE + CELL];
        found.push({
          box: corners.map((corner, i) => (corner + data[at + i] * (CELL - 1)) / scale),
          score: data[at + 5],
        });
      }
    return found;
  }

  /** Boxes -> those that a later network takes for faces, moved as it says. */
  async refined(name, image, boxes, side, sure) {
    const found = [];
    for (let start = 0; start < boxes.length; start += TOGETHER) {
      const some = boxes.slice(start, start + TOGETHER);
      const length = side * side * 3;
      const parts = new Float32Array(some.length * length);
      some.forEach(({ box }, i) => cut(image, box, side, parts.subarray(i * length, (i + 1) * length)));
      const {
        data,
        dims: [, size],
      } = await this.networks.run(name, parts, [some.length, side, side, 3]);
      some.forEach(({ box }, i) => {
        const given = data.subarray(i * size, (i + 1) * size);
        const score = given[size - 1];
        if (!(score > sure)) return;
        const sides = [box[2] - box[0] + 1, box[3] - box[1] + 1];
        const points =
          size > 6 && [0, 1, 2, 3, 4].map((k) => [0, 1].map((c) => sides[c] * given[4 + 5 * c + k] + box[c] - 1));
        found.push({ box: box.map((edge, k) => edge + given[k] * sides[k % 2]), score, points });
      });
    }
    return found;
  }
}

/** The scales at which faces of more and more pixels have the size that the first network looks at. */
function pyramid({ width, height }) {
  const exact = -(Math.log(Math.min(width, height) / CELL) / Math.log(STEP) + 1);
  const down = Math.floor(exact);
  const count = exact - down === 0.5 ? down + (down % 2) : Math.round(exact);
  return Array.from({ length: count }, (_, i) => (CELL / SMALLEST) * STEP ** i);
}

/** Boxes from the surest on (of equally sure ones, from the last on), without those that overlap one before them by
 * more than a share: of both, or of the smaller one. */
function apart(boxes, most, ofSmaller = false) {
  const order = [...boxes].reverse().sort((a, b) => b.score - a.score);
  const size = ([left, top, right, bottom]) => (right - left) * (bottom - top);
  return order.filter(({ box }, i) => {
    for (let k = 0; k < i; k++) {
      const other = order[k].box;
      const wide = Math.min(box[2], other[2]) - Math.max(box[0], other[0]);
      const high = Math.min(box[3], other[3]) - Math.max(box[1], other[1]);
      if (wide <= 0 || high <= 0) continue;
      const [a, b] = [size(box), size(other)];
      const both = wide * high;
      if (both / (ofSmaller ? Math.min(a, b) : a + b - both) > most) return false;
    }
    return true;
  });
}

function square({ box: [left, top, right, bottom], ...rest }) {
  const [wide, high] = [right - left, bottom - top];
  const side = Math.max(wide, high);
  const [x, y] = [left + (wide - side) / 2, top + (high - side) / 2];
  return { ...rest, box: [x, y, x + side, y + side] };
}

/** A box of a picture, resized to side x side pixels, into `to`; 0 beyond the picture. */
function cut(image, box, side, to) {
  const { width, height, data } = image;
  const places = [0, 1].map((axis) => {
    const length = axis ? height : width;
    const [first, last] = [box[axis], box[axis + 2]].map((edge) => (edge / length) * (length - 1));
    return Array.from({ length: side }, (_, i) => first + (i * (last - first)) / (side - 1));
  });
  places[1].forEach((v, j) =>
    places[0].forEach((u, i) => {
      if (!(u >= 0 && u <= width - 1 && v >= 0 && v <= height - 1)) return;
      const [x, y] = [Math.floor(u), Math.floor(v)];
      const [right, down] = [u - x, v - y];
      const [beside, below] = [right ? 3 : 0, down ? 3 * width : 0];
      for (let c = 0, at = 3 * (y * width + x); c < 3; c++, at++) {
        const upper = data[at] + right * (data[at + beside] - data[at]);
        const lower = data[at + below] + right * (data[at + below + beside] - data[at + below]);
        to[3 * (j * side + i) + c] = upper + down * (lower - upper);
      }
    }),
  );
}

/** Rather below than beside or above them: else it is no face, or one to be found in another turn of the photo. */
function mouthBelowEyes([one, other, , left, right]) {
  const [x, y] = [0, 1].map((i) => (left[i] + right[i] - one[i] - other[i]) / 2);
  return y >= Math.abs(x);
}

/** A photo of any size -> the picture to look at, by how much it is smaller, and the border that it has. */
function prepared(photo) {
  // By the area, not by the longer side: else the people on a panorama would be too small to be found.
  const shrink = Math.min(1, Math.sqrt(PIXELS / (photo.width * photo.height)));
  const [width, height] = [photo.width, photo.height].map((n) => Math.max(1, Math.round(n * shrink)));
  const small = resized(photo, width, height, area);
  const shorter = Math.min(width, height);
  const border = Math.max(Math.min(Math.ceil(BORDER * shorter), WIDEST), (MIN_SIDE - shorter + 1) >> 1);
  // In its mean colour: at a border that is drawn out, fewer faces are found; at a mirror, some that nobody has.
  const sums = [0, 0, 0];
  small.data.forEach((value, i) => (sums[i % 3] += value));
  const mean = sums.map((sum) => Math.round(sum / (width * height)));
  const seen = bytes(width + 2 * border, height + 2 * border, 3);
  for (let i = 0; i < seen.data.length; i++) seen.data[i] = mean[i % 3];
  for (let y = 0; y < height; y++)
    seen.data.set(small.data.subarray(y * width * 3, (y + 1) * width * 3), ((y + border) * seen.width + border) * 3);
  return { seen, shrink, border };
}
