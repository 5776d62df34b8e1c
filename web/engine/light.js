// Crops of photos in poor light, or without colours -> as a usual photo shows them. Usual photos stay as they are. The
// limits are wide, because skin must never become lighter or darker than it is.

import { clip, fromLab, ofLight, toLab, toLight } from "./colour.js";
import { channel, combined, median, picture, quantile } from "./raster.js";

const EDGE = 0.005; // of the pixels are brighter than what is called the brightest here; as many are darker
// Lightness: from here on it changes, from here on it changes fully, where it is then brought to.
const BRIGHTEST = [57, 50, 73];
const DARKEST = [45, 53, 17];
// A dark face may be one with dark skin, if something else on the photo is as light as this. Then only a face that is
// darker than that of any usual photo is changed: it is against the light.
const LIGHT_PHOTO = 65;
const AGAINST_THE_LIGHT = [44, 36, 60];
const MOST = 64; // times brighter at most: more would show nothing but noise
const GLARE = [84, 90, 75]; // of the median of the crop
const COLOURLESS = 2; // with a smaller error of a and b that follow from the lightness: grey, sepia
// The mean a and b of the photos that have colours, at the lightness 0, 10 and so on to 100.
const NATURAL = [
  [1.9, 0.6],
  [6.4, 5],
  [9.8, 10.3],
  [12.8, 14.5],
  [14.9, 17.2],
  [16, 19.2],
  [15.6, 20],
  [14.4, 19.1],
  [10.8, 16],
  [3.9, 9.6],
  [-0.7, 2.6],
];
// The light of the skin: log2 of red / green and of blue / green, their means, variances and covariance.
const SKIN_MEAN = [0.99, -0.55];
const [RED, BLUE, BOTH] = [0.11, 0.114, -0.051];
const CAST = [3.3, 4.3, 1.5]; // of the distance from the mean, in standard deviations
const LUMINANCE = [0.2126, 0.7152, 0.0722]; // of red, green and blue light
const SAMPLED = 256; // pixels of a photo's longer side that say how light it is

const brought = (value, [start, full, goal]) => value + clip((value - start) / (full - start), 0, 1) * (goal - value);
const extremes = (lab) => [EDGE, 1 - EDGE].map((share) => quantile(channel(lab, 0).data, share));
/** The lightness of a grey -> its light. */
const light = (lightness) => toLight(picture(1, 1, 3, Float32Array.of(lightness, 0, 0))).data[1];

/** A crop and its photo -> the crop; if it is very dark, hazy or bright, with usual lightness. */
export function levelled(crop, photo) {
  let lab = toLab(crop);
  const [darkest, brightest] = extremes(lab);
  const black = brought(darkest, DARKEST);
  const white = brought(brightest, extremes(toLab(sampled(photo)))[1] > LIGHT_PHOTO ? AGAINST_THE_LIGHT : BRIGHTEST);
  if (black !== darkest || white !== brightest) {
    const [low, high, dark, bright] = [darkest, brightest, black, Math.max(white, black + 20)].map(light);
    const gain = Math.min((bright - dark) / Math.max(high - low, 1e-6), MOST);
    lab = ofLight(combined((value) => (value - low) * gain + dark, toLight(lab)));
    crop = fromLab(lab);
  }
  const middle = median(channel(lab, 0).data);
  const dimmed = brought(middle, GLARE);
  if (dimmed === middle) return crop;
  const gain = light(dimmed) / light(middle);
  return fromLab(ofLight(combined((value) => value * gain, toLight(lab))));
}

function sampled(photo) {
  const step = Math.max(1, Math.floor(Math.max(photo.width, photo.height) / SAMPLED));
  const made = picture(Math.ceil(photo.width / step), Math.ceil(photo.height / step), 3);
  for (let y = 0, at = 0; y < photo.height; y += step)
    for (let x = 0; x < photo.width; x += step)
      for (let c = 0; c < 3; c++) made.data[at++] = photo.data[(y * photo.width + x) * 3 + c];
  return made;
}

/** A crop, and the box of skin in it (top, bottom, left, right, shares of the side) -> the same; with usual colours if
 * it has none, or if its skin is in coloured light. */
export function coloured(crop, skin) {
  const lab = toLab(crop);
  if (!colourless(lab)) return balanced(crop, lab, skin);
  for (let i = 0; i < lab.data.length; i += 3) {
    const place = clip(lab.data[i] / 10, 0, 10);
    const first = Math.min(Math.floor(place), 9);
    const part = place - first;
    for (const c of [0, 1])
      lab.data[i + 1 + c] = NATURAL[first][c] + part * (NATURAL[first + 1][c] - NATURAL[first][c]);
  }
  return fromLab(lab);
}

function balanced(crop, lab, box) {
  const rgb = toLight(lab);
  const [top, bottom, left, right] = box.map((part) => Math.round(part * rgb.height));
  const sums = [0, 0, 0];
  for (let y = top; y < bottom; y++)
    for (let x = left; x < right; x++) for (let c = 0; c < 3; c++) sums[c] += rgb.data[(y * rgb.width + x) * 3 + c];
  const skin = sums.map((sum) => Math.max(sum / ((bottom - top) * (right - left)), 1e-3));
  const [u, v] = [skin[0], skin[2]].map((value, i) => Math.log2(value / skin[1]) - SKIN_MEAN[i]);
  const distance = Math.sqrt((BLUE * u * u - 2 * BOTH * u * v + RED * v * v) / (RED * BLUE - BOTH * BOTH));
  const goal = brought(distance, CAST);
  if (goal === distance) return crop;
  const gains = [2 ** ((goal / distance - 1) * u), 1, 2 ** ((goal / distance - 1) * v)];
  const lightness = (colour) => colour.reduce((sum, value, c) => sum + value * LUMINANCE[c], 0);
  const same = lightness(skin) / lightness(skin.map((value, c) => value * gains[c])); // skin stays as light as it is
  rgb.data.forEach((value, i) => (rgb.data[i] = value * gains[i % 3] * same));
  return fromLab(ofLight(rgb));
}

/** Lab -> whether one curve, of the third degree, gives a and b from the lightness. */
function colourless(lab) {
  const sums = new Float64Array(7);
  const goals = [new Float64Array(4), new Float64Array(4)];
  const count = lab.data.length / 3;
  for (let i = 0; i < lab.data.length; i += 3)
    for (let k = 0, power = 1; k < 7; k++, power *= lab.data[i] / 100) {
      sums[k] += power;
      if (k < 4) for (const c of [0, 1]) goals[c][k] += power * lab.data[i + 1 + c];
    }
  const curves = goals.map((goal) =>
    solved(
      [0, 1, 2, 3].map((j) => [0, 1, 2, 3].map((k) => sums[j + k])),
      [...goal],
    ),
  );
  let error = 0;
  for (let i = 0; i < lab.data.length; i += 3) {
    const l = lab.data[i] / 100;
    curves.forEach(([a, b, c, d], k) => (error += (lab.data[i + 1 + k] - (a + l * (b + l * (c + l * d)))) ** 2));
  }
  return Math.sqrt(error / count) < COLOURLESS;
}

/** A symmetric matrix and a vector -> x with matrix @ x = vector. An equation that says nothing gives 0. */
function solved(matrix, vector) {
  const size = vector.length;
  const least = 1e-12 * matrix[0][0];
  for (let i = 0; i < size; i++)
    for (let j = i + 1; j < size; j++) {
      const factor = matrix[i][i] > least ? matrix[j][i] / matrix[i][i] : 0;
      for (let k = i; k < size; k++) matrix[j][k] -= factor * matrix[i][k];
      vector[j] -= factor * vector[i];
    }
  const x = new Array(size).fill(0);
  for (let i = size - 1; i >= 0; i--) {
    let rest = vector[i];
    for (let k = i + 1; k < size; k++) rest -= matrix[i][k] * x[k];
    x[i] = matrix[i][i] > least ? rest / matrix[i][i] : 0;
  }
  return x;
}
