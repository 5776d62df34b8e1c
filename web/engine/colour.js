// RGB <-> CIE L*a*b*, as OpenCV computes them: from sRGB by a table of 33 x 33 x 33 colours, in between linearly.

import { bytes, picture } from "./raster.js";

const TO_XYZ = [
  [0.412453, 0.35758, 0.180423],
  [0.212671, 0.71516, 0.072169],
  [0.019334, 0.119193, 0.950227],
];
const WHITE = [0.950456, 1, 1.088754];
const FROM_XYZ = [
  [3.240479, -1.53715, -0.498535],
  [-0.969256, 1.875991, 0.041556],
  [0.055648, -0.204043, 1.057311],
];
const KNEE = 0.008856; // of light: below it, lightness is proportional to light
// The table has a colour at every corner of CELLS cells a side, in whole numbers up to BASE. A place in a cell is
// rounded to PARTS parts of its side.
const CELLS = 32;
const SIDE = CELLS + 1;
const PARTS = 16;
const BASE = 1 << 14;
// The places of the corners of a cell in the table, from its first corner on.
const CORNERS = Int32Array.from({ length: 8 }, (_, k) => 3 * ((k & 1) + SIDE * (((k >> 1) & 1) + SIDE * (k >> 2))));

const ROUNDING = 2; // in a grey face, the channels of a pixel differ by no more

export const clip = (value, low, high) => (value < low ? low : value > high ? high : value);

const linear = (value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4);
const bent = (value) => (value <= 0.0031308 ? value * 12.92 : 1.055 * value ** (1 / 2.4) - 0.055);

const root = (value) => (value > KNEE ? Math.cbrt(value) : 7.787 * value + 16 / 116);

function labOfLight(red, green, blue, to, at) {
  const [X, Y, Z] = TO_XYZ;
  const y = Y[0] * red + Y[1] * green + Y[2] * blue;
  const fy = root(y);
  to[at] = y > KNEE ? 116 * fy - 16 : 903.3 * y;
  to[at + 1] = 500 * (root((X[0] * red + X[1] * green + X[2] * blue) / WHITE[0]) - fy);
  to[at + 2] = 200 * (fy - root((Z[0] * red + Z[1] * green + Z[2] * blue) / WHITE[2]));
}

function labTable() {
  const table = new Int16Array(SIDE ** 3 * 3);
  const lab = [0, 0, 0];
  for (let b = 0, at = 0; b < SIDE; b++)
    for (let g = 0; g < SIDE; g++)
      for (let r = 0; r < SIDE; r++, at += 3) {
        labOfLight(linear(r / CELLS), linear(g / CELLS), linear(b / CELLS), lab, 0);
        table[at] = Math.round((BASE * lab[0]) / 100);
        table[at + 1] = Math.round((BASE * (lab[1] + 128)) / 256);
        table[at + 2] = Math.round((BASE * (lab[2] + 128)) / 256);
      }
  return table;
}

let table;

/** Bytes, RGB, or floats in [0, 255] -> Lab as floats: L in [0, 100], a and b around 0. */
export function toLab(image) {
  table ??= labTable();
  const weights = new Int32Array(8);
  const lab = picture(image.width, image.height, 3);
  const from = image.data;
  const to = lab.data;
  const step = (value) => Math.round(clip(value / 255, 0, 1) * BASE);
  for (let i = 0; i < to.length; i += 3) {
    const [r, g, b] = [step(from[i]), step(from[i + 1]), step(from[i + 2])];
    const first = 3 * ((r >> 9) + SIDE * ((g >> 9) + SIDE * (b >> 9)));
    const x = (r >> 5) & (PARTS - 1);
    const y = (g >> 5) & (PARTS - 1);
    const z = (b >> 5) & (PARTS - 1);
    for (let k = 0; k < 8; k++)
      weights[k] = (k & 1 ? x : PARTS - x) * (k & 2 ? y : PARTS - y) * (k & 4 ? z : PARTS - z);
    for (let c = 0; c < 3; c++) {
      let sum = 2048;
      for (let k = 0; k < 8; k++) if (weights[k]) sum += weights[k] * table[first + CORNERS[k] + c];
      const value = (sum >> 12) / BASE;
      to[i + c] = c ? value * 256 - 128 : value * 100;
    }
  }
  return lab;
}

/** Lab -> RGB that is proportional to light, as floats in [0, 1]. */
export function toLight(lab) {
  const light = picture(lab.width, lab.height, 3);
  for (let i = 0; i < light.data.length; i += 3) lightOf(lab.data[i], lab.data[i + 1], lab.data[i + 2], light.data, i);
  return light;
}

const cube = (f) => (f <= 0.206893 ? (f - 16 / 116) / 7.787 : f * f * f);

function lightOf(l, a, b, to, at) {
  const y = l <= 8 ? l / 903.3 : ((l + 16) / 116) ** 3;
  const fy = l <= 8 ? 7.787 * y + 16 / 116 : (l + 16) / 116;
  const x = cube(fy + a / 500) * WHITE[0];
  const z = cube(fy - b / 200) * WHITE[2];
  for (let c = 0; c < 3; c++) to[at + c] = clip(FROM_XYZ[c][0] * x + FROM_XYZ[c][1] * y + FROM_XYZ[c][2] * z, 0, 1);
}

/** RGB that is proportional to light, cut off at 0 and 1 -> Lab. */
export function ofLight(light) {
  const lab = picture(light.width, light.height, 3);
  const cut = (i) => clip(light.data[i], 0, 1);
  for (let i = 0; i < lab.data.length; i += 3) labOfLight(cut(i), cut(i + 1), cut(i + 2), lab.data, i);
  return lab;
}

/** Lab -> bytes, RGB. What no RGB can show gets the nearest values. */
export function fromLab(lab) {
  const rgb = bytes(lab.width, lab.height, 3);
  const light = [0, 0, 0];
  for (let i = 0; i < rgb.data.length; i += 3) {
    lightOf(lab.data[i], lab.data[i + 1], lab.data[i + 2], light, 0);
    for (let c = 0; c < 3; c++) rgb.data[i + c] = Math.floor(bent(light[c]) * 255 + 0.5);
  }
  return rgb;
}

/** A face, and other pixels of it -> these in grey, the mean of their channels, if the face is grey. */
export function greyLike(face, pixels) {
  for (let i = 0; i < face.data.length; i += 3) {
    const [r, g, b] = face.data.subarray(i, i + 3);
    if (Math.max(r, g, b) - Math.min(r, g, b) > ROUNDING) return pixels;
  }
  const { width, height, data } = pixels;
  const made = bytes(width, height, 3);
  for (let i = 0; i < data.length; i += 3) {
    made.data.fill(Math.round((data[i] + data[i + 1] + data[i + 2]) / 3), i, i + 3);
  }
  return made;
}
