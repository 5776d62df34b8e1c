// Touches on drawn faces: another colour of hair and skin, another mouth, a beard, glasses, lines of age. Colours are
// changed where hair and skin are, with their light and shadow kept; lines are drawn at the eyes, nose and mouth.

import { clip, fromLab, toLab } from "./colour.js";
import { Random } from "./random.js";
import * as raster from "./raster.js";
import { fill, stroke } from "./strokes.js";

const [SKIN, HAIR, OTHER, EYES] = [0, 1, 2, 3]; // the parts of a face
export { HAIR, OTHER };
const NEAR = 0.06; // of the side: so near to skin, what has its colour is skin
const FINE = 4; // lines are drawn at this many times the size of the picture, so that they are soft

// Colours (L, a, b) of hair and skin that anybody calls by these words.
export const HAIR_COLOURS = {
  black: [24, 1, -3],
  brown: [42, 14, 20],
  blond: [78, 6, 38],
  red: [48, 38, 30],
  grey: [72, 0, -2],
  blue: [50, -4, -30],
  green: [55, -30, 22],
  pink: [72, 30, 0],
  violet: [45, 24, -26],
};
export const SKIN_COLOURS = { light: [91, 6, 16], tan: [74, 13, 25], dark: [50, 15, 23] };

const MOUTH = [46, 42, 24];
const TONGUE = [66, 40, 22];
const TEETH = [96, 2, 2];
const LIPS = [30, 23, 15]; // the line of an open mouth
const CLOSED = [34, 12, 12]; // that of a closed one
const FRAMES = [18, 2, -4]; // of glasses
const BEARD = [30, 5, 8]; // without a colour of the hair
const GREY = 5; // mean chroma: a face with less has no colours

const { picture, combined, channel } = raster;
const share = (value) => clip(value, 0, 1);
const places = (count, first, last) =>
  Array.from({ length: count }, (_, i) => first + ((last - first) * i) / (count - 1));

/** A function of x and y (shares of the side) and of the place in the grid -> its values on the finer grid, reduced. */
function gridded(side, make) {
  const fine = side * FINE;
  const grid = picture(fine, fine);
  for (let j = 0, at = 0; j < fine; j++)
    for (let i = 0; i < fine; i++, at++) grid.data[at] = make((i + 0.5) / fine, (j + 0.5) / fine, at);
  return raster.resized(grid, side, side, raster.area);
}

/** A picture, and which of its pixels -> the quantile of each of three channels (0.5: the median); null where there are
 * none, or less than a share of all. */
export function typical(image, chosen, least = 0, which = 0.5) {
  const found = [[], [], []];
  const count = image.width * image.height;
  for (let i = 0; i < count; i++) if (chosen(i)) for (let c = 0; c < 3; c++) found[c].push(image.data[3 * i + c]);
  const enough = found[0].length && found[0].length > least * count;
  return enough ? found.map((list) => raster.quantile(list, which)) : null;
}

/** Lab of a drawn face -> the median colour of its cheeks, or null if there is no skin. */
export function skinOf(lab, parts) {
  const { width, height } = lab;
  const [top, bottom] = [height >> 1, Math.floor((7 * height) / 8)].map((y) => y * width);
  return typical(lab, (i) => i >= top && i < bottom && parts.data[4 * i + SKIN] > 0.8, 0.005);
}

/** Lab with each pixel moved towards a colour, or the pixel of another Lab, by a share (alpha). */
function towards(lab, target, alpha) {
  const made = picture(lab.width, lab.height, 3);
  const own = target.data;
  for (let i = 0; i < alpha.data.length; i++)
    for (let c = 0, at = 3 * i; c < 3; c++, at++)
      made.data[at] = lab.data[at] + alpha.data[i] * ((own ? own[at] : target[c]) - lab.data[at]);
  return made;
}

const mixed = (lab, target, alpha) => fromLab(towards(lab, target, combined(share, alpha)));

/** How far a pixel is from a colour. Light and shadow count little. */
const off = (l, a, b, own) => Math.hypot((l - own[0]) / 2.5, a - own[1], b - own[2]);

/** How much a pixel is white: of paper, eyes or teeth. */
const white = (l, a, b) => share((l - 88) / 6) * share((8 - Math.hypot(a, b)) / 4);

/** How much a pixel has the hue of a colour, however dark it is; up to `wide` of a and b away from the hue. */
function hue(a, b, own, wide = 14) {
  const length = Math.max(Math.hypot(own[1], own[2]), 4);
  const along = (a * own[1] + b * own[2]) / length;
  const across = Math.abs(a * own[2] - b * own[1]) / length;
  return share((along - 0.25 * length) / (0.25 * length)) * share((wide - across) / 6);
}

/** A face in bytes, its parts and places -> the face with hair and skin of these colours; null leaves a colour. */
export function coloured(pixels, parts, at, hair, skin) {
  if (!hair && !skin) return pixels;
  const side = pixels.width;
  const lab = toLab(pixels);
  const own = skinOf(lab, parts);
  const lips = gridded(side, (x, y) => +(((x - at.mouth[0]) / 0.11) ** 2 + ((y - at.mouth[1]) / 0.08) ** 2 < 1));
  const newHair = hairOf(lab, parts, hair);
  const newSkin = skinned(lab, own, skin);
  const besides = beside(lab, parts, at, own);
  const made = picture(side, side, 3);
  const fresh = [0, 0, 0];
  const other = [0, 0, 0];
  for (let i = 0; i < side * side; i++) {
    const [l, a, b] = lab.data.subarray(3 * i, 3 * i + 3);
    const part = parts.data.subarray(4 * i, 4 * i + 4);
    const [more, ears] = besides(i, l, a, b, part);
    const ends = newHair(l, a, b, part, fresh);
    const lids = newSkin(l, a, b, part, other);
    // Where hair and skin meet, a pixel is a mixture of both, so it becomes a mixture of both new colours. A mouth may
    // have the colour of the hair, and is then taken for hair.
    const ofHair = (part[HAIR] + ends - ears) * (1 - lips.data[i]);
    const ofSkin = part[SKIN] + more + ears;
    const both = ofHair + ofSkin + 1e-6;
    const amount = share(1.25 * both - 0.1);
    for (let c = 0; c < 3; c++) {
      const value = lab.data[3 * i + c];
      const next = (ofHair * fresh[c] + ofSkin * other[c]) / both;
      made.data[3 * i + c] = value + amount * (next - value) + lids[c];
    }
  }
  return fromLab(made);
}

/** -> a function of a pixel that puts its Lab, as if it were hair of that colour, and gives how much it ends hair. */
function hairOf(lab, parts, target) {
  const own = target && typical(lab, (i) => parts.data[4 * i + HAIR] > 0.8, 0.02);
  if (!own)
    return (l, a, b, part, to) => {
      [to[0], to[1], to[2]] = [l, a, b];
      return 0;
    };
  // Bent by a power: black and white stay what they are.
  const power = clip(Math.log(clip(target[0], 5, 95) / 100) / Math.log(clip(own[0], 8, 94) / 100), 0.35, 3.2);
  const usual = Math.max(Math.hypot(own[1], own[2]), 6);
  return (l, a, b, part, to) => {
    to[0] = 100 * (clip(l, 0, 100) / 100) ** power;
    const strength = clip(0.6 + (0.4 * Math.hypot(a, b)) / usual, 0.4, 1.3) * share((100 - to[0]) / 25);
    [to[1], to[2]] = [target[1] * strength, target[2] * strength];
    // The ends of the hair, over the clothes, are taken for something else: those of the hair's own colour are hair.
    return part[OTHER] * share((14 - off(l, a, b, own)) / 5) * (1 - white(l, a, b));
  };
}

/** -> a function of a pixel that puts its Lab, as if it were skin of that colour, and gives what lids of eyes add. */
function skinned(lab, own, target) {
  if (!target || !own)
    return (l, a, b, part, to) => {
      [to[0], to[1], to[2]] = [l, a, b];
      return [0, 0, 0];
    };
  const ratio = clip(target[0] / own[0], 0.3, 1.3);
  const paler = Math.min(1, ratio + 0.3);
  return (l, a, b, part, to) => {
    to[0] = l < own[0] ? l * ratio : target[0] + l - own[0];
    to[1] = target[1] + 0.8 * (a - own[1]);
    to[2] = target[2] + 0.8 * (b - own[2]);
    // Around the eyes, what has the hue of the skin is skin, however dark; white and iris are not.
    const lids = part[EYES] * hue(a, b, own) * share((l - 35) / 20);
    return [lids * (l * ratio - l), lids * (a * paler - a), lids * (b * paler - b)];
  };
}

/** -> a function of a pixel: how much is skin that was taken for something else (neck, edges), and for hair (ears).
 * It has the skin's own colour, and is near other skin. */
function beside(lab, parts, at, own) {
  if (!own) return () => [0, 0];
  const side = lab.width;
  const near = raster.dilated(
    combined((skin) => +(skin > 0.5), channel(parts, SKIN)),
    2 * Math.round(side * NEAR) + 1,
  );
  const neck = gridded(side, (x, y) => +(y > at.chin[1] - 0.03 && x > at.leftJaw[0] && x < at.rightJaw[0]));
  const ears = gridded(
    side,
    (x, y) =>
      +((x < at.leftJaw[0] + 0.05 || x > at.rightJaw[0] - 0.05) && y > at.leftEye[1] - 0.06 && y < at.mouth[1] + 0.04),
  );
  const hair = typical(lab, (i) => parts.data[4 * i + HAIR] > 0.8);
  return (i, l, a, b, part) => {
    const away = off(l, a, b, own);
    const ofHair = hair ? off(l, a, b, hair) : 100;
    const paper = white(l, a, b);
    const alike = share((14 - away) / 5) * (1 - paper);
    const ear = ears.data[i] * hue(a, b, own, 22) * share((l - 45) / 10) * share((ofHair - 16) / 6);
    const elsewhere = Math.max(alike * Math.max(near.data[i], neck.data[i]), ear * (1 - paper));
    const edge = alike * near.data[i] * share((ofHair - away - 4) / 8);
    return [part[OTHER] * elsewhere, part[HAIR] * Math.max(ear, edge)];
  };
}

/** A face -> the face with another mouth: open or closed, smiling or not. A face without skin stays. */
export function mouthed(pixels, parts, at, open, smile) {
  const side = pixels.width;
  const [mx, my] = at.mouth;
  const first = toLab(pixels);
  const own = skinOf(first, parts);
  if (!own) return pixels;
  let lab = withoutMouth(first, parts, at, own);
  const dark = ([l, a, b]) => [(l * own[0]) / 92, a, b]; // in a dark face, lines are darker
  const along = places(21, -1, 1);
  if (!open) {
    const [half, bend, width] = smile ? [0.066, 0.028, 0.75] : [0.052, 0, 0.5];
    const line = along.map((u) => [mx + half * u, my + bend * (0.55 - u * u)]);
    return mixed(
      lab,
      dark(CLOSED),
      combined((a) => 0.9 * a, drawn(side, [[line, width]], 0.4)),
    );
  }
  const [half, deep, arch] = smile ? [0.07, 0.06, -0.012] : [0.042, 0.05, 0.012];
  const top = my - 0.012;
  const upper = along.map((u) => [mx + half * u, top - arch * (1 - u * u)]);
  const lower = along.map((u) => [mx - half * u, top + deep * (1 - Math.abs(u) ** 2.4)]);
  const inside = filled(side, [...upper, ...lower]);
  const tongue = gridded(
    side,
    (x, y) => +(((x - mx) / (0.7 * half)) ** 2 + ((y - top - deep) / (0.5 * deep)) ** 2 < 1),
  );
  lab = towards(lab, MOUTH, inside);
  lab = towards(
    lab,
    TONGUE,
    combined((a, b) => 0.75 * a * b, tongue, inside),
  );
  if (smile) {
    const teeth = gridded(side, (x, y) => +(Math.abs(y - top - 0.008) < 0.012 && Math.abs(x - mx) < 0.8 * half));
    lab = towards(
      lab,
      TEETH,
      combined((a, b) => 0.8 * a * b, teeth, inside),
    );
  }
  return mixed(
    lab,
    dark(LIPS),
    combined(
      (a) => 0.8 * a,
      drawn(
        side,
        [
          [upper, 0.8],
          [lower, 0.45],
        ],
        0.5,
      ),
    ),
  );
}

/** Lab of a face -> the same, with the skin around the mouth instead of the mouth. */
function withoutMouth(lab, parts, at, own) {
  const side = lab.width;
  const [mx, my] = at.mouth;
  const line = (at.nose[1] + my) / 2 - 0.01;
  const skin = channel(parts, SKIN);
  const near = gridded(side, (x, y) => +(((x - mx) / 0.15) ** 2 + ((y - my - 0.005) / 0.072) ** 2 < 1 && y > line));
  const lips = gridded(side, (x, y) => +(((x - mx) / 0.09) ** 2 + ((y - my) / 0.045) ** 2 < 1));
  const away = picture(side, side);
  away.data.forEach(
    (_, i) => (away.data[i] = Math.max(...own.map((value, c) => Math.abs(lab.data[3 * i + c] - value)))),
  );
  // Lips may be taken for anything.
  const odd = combined(
    (off, near, skin, lips, hair) => +(off > 3 && near > 0.3 && (skin > 0.4 || (lips > 0.5 && hair < 0.5))),
    away,
    near,
    skin,
    lips,
    channel(parts, HAIR),
  );
  // Only what begins at the lips: the line of the jaw stays.
  const { labels } = raster.pieces(odd);
  const begun = new Set(labels.filter((_, i) => lips.data[i] > 0.5 && odd.data[i]));
  odd.data.forEach((_, i) => (odd.data[i] &&= +begun.has(labels[i])));
  const mouth = raster.dilated(odd, 3);
  const usable = combined((skin, off, mouth) => +(skin > 0.5 && off < 12 && !mouth), skin, away, mouth);
  const wide = (3 * side) / 64;
  const amount = raster.blurred(usable, wide);
  const clean = picture(side, side, 3);
  clean.data.forEach((_, i) => (clean.data[i] = lab.data[i] * usable.data[Math.floor(i / 3)]));
  const around = raster.blurred(clean, wide);
  around.data.forEach((value, i) => {
    const there = amount.data[Math.floor(i / 3)];
    around.data[i] = there > 0.01 ? value / Math.max(there, 1e-4) : own[i % 3];
  });
  const soft = raster.blurred(mouth, (0.4 * side) / 64);
  return towards(
    lab,
    around,
    combined((mouth, soft, skin) => (mouth ? 1 : soft * (skin > 0.5)), mouth, soft, skin),
  );
}

/** A face -> the face with a beard and a moustache of that colour, in strokes along the growth. */
export function bearded(pixels, parts, at, colour, strength = 0.8) {
  const side = pixels.width;
  const { mouth } = at;
  const chin = Math.max(at.chin[1], mouth[1] + 0.12);
  const half = Math.max((at.rightJaw[0] - at.leftJaw[0]) / 2, 0.18);
  const axis = (at.leftJaw[0] + at.rightJaw[0] + 2 * mouth[0]) / 4;
  const growth = strands(side * FINE);
  const alpha = gridded(side, (x, y, i) => {
    const across = Math.abs((x - axis) / half);
    const top = mouth[1] + 0.018 - across ** 2.2 * 0.11;
    const lips = ((x - mouth[0]) / 0.082) ** 2 + ((y - mouth[1] - 0.006) / 0.042) ** 2;
    const jaw =
      share((y - top) / 0.035) * share((chin + 0.05 - y) / 0.03) * share((1.12 - across) / 0.1) * share((lips - 1) * 2);
    const aside = Math.abs(x - mouth[0]);
    const lip = share(1.6 - Math.abs(y - mouth[1] + 0.041 - (aside / 0.094) ** 2 * 0.025) / 0.016);
    return Math.max(jaw, lip * share((0.103 - aside) / 0.025) * clip(aside / 0.02, 0.35, 1)) * growth[i];
  });
  return mixed(
    toLab(pixels),
    colour,
    combined((a, skin) => a * share(1.3 * skin - 0.15) * strength, alpha, channel(parts, SKIN)),
  );
}

const grown = new Map();

/** How thick a beard is on a grid of that side; always the same. */
function strands(side) {
  if (!grown.has(side)) {
    const random = new Random(0);
    const noise = picture(side, side);
    noise.data.forEach((_, i) => (noise.data[i] = random.normal()));
    const { data } = raster.averaged(raster.blurred(noise, 1.1), 1, 9);
    const mean = data.reduce((a, b) => a + b) / data.length;
    const spread = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length);
    grown.set(
      side,
      data.map((value) => share(0.82 + (0.16 * value) / spread)),
    );
  }
  return grown.get(side);
}

/** The colour of the hair, or null -> that of the beard: a little darker and warmer. */
export function ofBeard(hair) {
  const [l, a, b] = hair ?? BEARD;
  return [0.8 * l + 2, a + 2, b + 3];
}

/** A face -> the face with the lines of age: from the nose to the mouth; `everywhere`, also at the eyes. */
export function aged(pixels, parts, at, strength, everywhere) {
  const [mx, my] = at.mouth;
  const lines = [];
  for (const [way, [ex, ey]] of [
    [-1, at.leftEye],
    [1, at.rightEye],
  ]) {
    lines.push([
      [
        [mx + way * 0.066, my - 0.086],
        [mx + way * 0.103, my - 0.039],
        [mx + way * 0.122, my + 0.016],
      ],
      0.9,
    ]);
    if (!everywhere) continue;
    lines.push([
      [
        [ex - 0.063, ey + 0.113],
        [ex, ey + 0.134],
        [ex + 0.063, ey + 0.119],
      ],
      0.7,
    ]);
    lines.push([
      [
        [ex + way * 0.133, ey - 0.016],
        [ex + way * 0.164, ey - 0.031],
      ],
      0.6,
    ]);
    lines.push([
      [
        [ex + way * 0.133, ey + 0.013],
        [ex + way * 0.169, ey + 0.022],
      ],
      0.6,
    ]);
  }
  const lab = toLab(pixels);
  const darker = picture(lab.width, lab.height, 3);
  for (let i = 0; i < lab.data.length; i += 3)
    darker.data.set([lab.data[i] * 0.62, lab.data[i + 1] + 4, lab.data[i + 2]], i);
  const alpha = combined(
    (a, skin) => a * share(1.3 * skin - 0.1) * strength,
    drawn(pixels.width, lines),
    channel(parts, SKIN),
  );
  return mixed(lab, darker, alpha);
}

/** A face -> the face with glasses: two round frames, a bridge between them, and the temples. */
export function withGlasses(pixels, at, strength = 0.85) {
  const [[lx, ly], [rx, ry]] = [at.leftEye, at.rightEye];
  const wide = Math.min(0.148, (rx - lx) / 2 - 0.028);
  const high = 0.112;
  // Between an ellipse and a rectangle, lower in the middle of the upper side.
  const bent = (value) => Math.sign(value) * Math.abs(value) ** 0.75;
  const lines = [
    [lx, ly + 0.02],
    [rx, ry + 0.02],
  ].map(([ex, ey]) => [
    places(40, 0, 2 * Math.PI).map((turn) => [ex + wide * bent(Math.cos(turn)), ey + high * bent(Math.sin(turn))]),
    1,
  ]);
  lines.push([
    [
      [lx + wide, ly],
      [(lx + rx) / 2, (ly + ry) / 2 - 0.02],
      [rx - wide, ry],
    ],
    1,
  ]);
  lines.push([
    [
      [lx - wide, ly],
      [lx - wide - 0.05, ly - 0.012],
    ],
    1,
  ]);
  lines.push([
    [
      [rx + wide, ry],
      [rx + wide + 0.05, ry - 0.012],
    ],
    1,
  ]);
  return mixed(
    toLab(pixels),
    FRAMES,
    combined((a) => a * strength, drawn(pixels.width, lines, 0.5)),
  );
}

/** Points as shares of a side -> in pixels, with four bits after the point. */
const scaled = (points, side) => points.map((point) => point.map((value) => Math.round(value * side * 16) / 16));

/** Lines, each its points (shares of the side) and a width in pixels of a 64-pixel face -> how much they cover. */
function drawn(side, lines, blur = 0.8) {
  const canvas = picture(side * FINE, side * FINE);
  for (const [points, width] of lines)
    stroke(canvas, scaled(points, side * FINE), Math.max(1, Math.round((width * FINE * side) / 64)));
  return raster.resized(raster.blurred(canvas, (blur * side) / 64 + 1e-3), side, side, raster.area);
}

/** The points of a shape, shares of the side -> how much of each pixel is in it. */
function filled(side, points) {
  const canvas = picture(side * FINE, side * FINE);
  fill(canvas, scaled(points, side * FINE));
  return raster.resized(canvas, side, side, raster.area);
}

/** A drawn face, and the same with touches -> the second one, in grey if the first one is. */
export function asGrey(face, made) {
  if (made === face) return made;
  const before = toLab(face).data;
  let chroma = 0;
  for (let i = 0; i < before.length; i += 3) chroma += Math.hypot(before[i + 1], before[i + 2]);
  if (chroma / (before.length / 3) >= GREY) return made;
  const lab = toLab(made);
  for (let i = 0; i < lab.data.length; i += 3) lab.data[i + 1] = lab.data[i + 2] = 0;
  return fromLab(lab);
}
