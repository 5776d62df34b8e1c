// Photos of people -> their faces, turned upright and framed alike.

import { coloured, levelled } from "./light.js";
import * as raster from "./raster.js";

// Where the eyes are in a crop, and their distance, as shares of its side. They are level, in the middle of its width.
export const frames = { tight: { eyes: 0.285, distance: 0.38 }, loose: { eyes: 0.46, distance: 0.25 } };
const SKIN = [0.4, 0.6, 0.22, 0.78]; // of a crop in the frame tight, between eyes and mouth: top, bottom, left, right
const SMALL = 96; // side of a crop for the reader, in pixels
const LARGER = 4; // it is made of a crop that is so many times as large
const CERTAIN = 0.99; // with such a face the photo is upright
const BLUR = 0.06; // of the crop's side: how much is blurred what lies beyond the photo

/** A box in one frame (top, bottom, left, right, shares of the side) -> the same part of a face in another. */
function moved(box, from, into) {
  const zoom = into.distance / from.distance;
  return box.map((edge, i) => (i < 2 ? into.eyes + zoom * (edge - from.eyes) : 0.5 + zoom * (edge - 0.5)));
}

/** The box of a crop in the frame `other` in a crop of `frame`. */
export const within = (frame, other) => moved([0, 1, 0, 1], other, frame);

/** Two eyes -> the square around the face, [x, y, side]. */
export function boxOf([left, right]) {
  const { eyes, distance } = frames.tight;
  const side = Math.max(Math.hypot(right[0] - left[0], right[1] - left[1]), 1) / distance;
  return [(left[0] + right[0]) / 2 - side / 2, (left[1] + right[1]) / 2 - eyes * side, side];
}

const doubt = (people) => 1 - Math.max(0, ...people.map(({ score }) => score));

/** A photo and a detector -> {people, turns, photo}, turned by quarters to the left so that the faces are upright.
 * The detector is less sure of a wrong turn, where it sees no face or takes something else for one. */
export async function upright(photo, find) {
  let [people, turns] = [await find(photo), 0];
  if (doubt(people) > 1 - CERTAIN) {
    const limit = doubt(people) / 3; // a third, because most photos are upright
    let best = null;
    for (const other of [1, 2, 3]) {
      const found = await find(raster.turned(photo, other));
      if (!best || doubt(found) < doubt(best)) [best, turns] = [found, other];
    }
    if (doubt(best) < limit) people = best;
    else turns = 0;
  }
  people.sort(({ eyes: [a] }, { eyes: [b] }) => a[0] - b[0] || a[1] - b[1]);
  return { people, turns, photo: raster.turned(photo, turns) };
}

/** A photo and a person on it -> the crop for the reader, with usual light and colours. */
export function forReader(photo, { eyes }) {
  const seen = cutUpright(photo, eyes, LARGER * SMALL, frames.loose);
  const small = levelled(raster.resized(seen, SMALL, SMALL, raster.lanczos), photo);
  return coloured(small, moved(SKIN, frames.tight, frames.loose));
}

/** A photo and two eyes -> the crop with the eyes level. What lies beyond the photo is its border, drawn out; if it
 * is to be smooth, blurred, too. */
export function cutUpright(photo, [left, right], size, frame, smooth = false) {
  const across = [right[0] - left[0], right[1] - left[1]];
  const apart = Math.hypot(...across);
  const side = Math.max(apart, 1) / frame.distance;
  const [ux, uy] = across.map((value) => value / Math.max(apart, 1e-6));
  const down = (0.5 - frame.eyes) * side;
  const centre = [(left[0] + right[0]) / 2 - down * uy, (left[1] + right[1]) / 2 + down * ux];
  // Only the part that is needed, and not at many times the resolution: else a thin line would come and go.
  const reach = 0.75 * side + 4;
  const whole = [photo.width, photo.height];
  const first = centre.map((value, i) => Math.min(Math.max(Math.floor(value - reach), 0), whole[i] - 1));
  const last = centre.map((value, i) => Math.min(Math.max(Math.ceil(value + reach), first[i] + 1), whole[i]));
  const full = raster.cropped(photo, ...first, last[0] - first[0], last[1] - first[1]);
  const shrink = Math.min(1, (2 * size) / side);
  const [width, height] = [full.width, full.height].map((n) => Math.max(1, Math.round(n * shrink)));
  const part = raster.resized(full, width, height, raster.area);
  const scale = [width / full.width, height / full.height];
  // From the middle of the crop's pixel (u, v) to the place in `part`.
  const step = side / size;
  const middle = 0.5 - size / 2;
  const turn = [
    [ux * step, -uy * step],
    [uy * step, ux * step],
  ];
  const matrix = turn.map(([a, b], i) => [
    scale[i] * a,
    scale[i] * b,
    scale[i] * (centre[i] - first[i] + (a + b) * middle) - 0.5,
  ]);
  const crop = raster.warped(part, matrix, size, size, { cubic: true, border: raster.EDGE });
  if (!smooth) return crop;
  const beyond = (x, y) =>
    matrix.some(([a, b, c], i) => {
      const at = a * x + b * y + c;
      return at < -0.5 || at > [width, height][i] - 0.5;
    });
  const corners = [
    [0, 0],
    [size - 1, 0],
    [0, size - 1],
    [size - 1, size - 1],
  ];
  if (!corners.some(([x, y]) => beyond(x, y))) return crop;
  const soft = raster.blurred(crop, BLUR * size);
  for (let y = 0, at = 0; y < size; y++)
    for (let x = 0; x < size; x++, at += 3)
      if (beyond(x, y)) for (let c = at; c < at + 3; c++) crop.data[c] = soft.data[c];
  return crop;
}
