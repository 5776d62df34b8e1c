// Heads of drawn faces: cut out of their pictures, made whole, put back into the photo, or made a sticker. A drawn face
// fills its picture, which often cuts hair off. So a head is drawn beyond the edges: its outline bulges there, with the
// hair stretched to it, and hair that hangs out below ends in locks.

import { clip, fromLab, toLab } from "./colour.js";
import { Random } from "./random.js";
import * as raster from "./raster.js";
import { fill, stroke } from "./strokes.js";
import { HAIR, OTHER, skinOf, typical } from "./touches.js";

const MARGIN = 0.25; // of the side: room around the picture for what is drawn beyond it
const STRETCHED = 0.35; // of the side: so far from an edge hair is stretched outwards
const TOP = [0.17, 0.16]; // of a bulge: height as a share of its width, and at most of the side
const SIDES = [0.1, 0.12]; // the same, of those at the left and at the right
const LOCK = 0.09; // of the side: width of a lock
const NARROW = 0.1; // of the side: hair that hangs out below and is narrower ends without locks
const ROUND = 0.3; // of the side: radius of the upper corners of a picture that is all hair
const LINE = 5; // pixels: twice the width of the line around what is drawn beyond the picture, and one
const NOTCH = 21; // pixels: light on hair above the eyes that is narrower is hair
const EDGE = 0.06; // of the side: what touches an edge for less than this does not bulge
const CHIN = 1.9; // from the middle between the eyes to the chin, in eye distances
const BELOW_MOUTH = 0.85; // from the mouth to the chin
const MOUTH = 1.2; // from the eyes to the mouth, in eye distances, at most in a face that looks into the camera
const WIDE = 4.6; // side of a drawn picture on the photo, in eye distances: larger than life, to cover the head
const TINT = 0.2; // how much of the photo's tint a head takes on
const GLOW = 0.4; // of its brightness
const SHADE = 0.6; // of the direction of its light
const STICKER = 512; // side of a sticker, in pixels
const RIM = 15; // width of its white rim

const { picture, combined, channel } = raster;

/** A large face, and parts and places of the small one -> its head, {pixels, cover, chin, side, skin}: floats in
 * [0, 255], how much of each pixel belongs to the head, the chin in pixels, the side of the face, L, a, b of skin. */
export function cutOut(face, parts, places) {
  const side = face.width;
  const shares = combined((value) => clip(value, 0, 1), raster.resized(parts, side, side, raster.cubic));
  const lab = toLab(face);
  const { cover, hair } = covered(lab, shares, places);
  const bulges = new Bulges(cover);
  const { margin } = bulges;
  const { inside, above, beyond } = bulges.masks();
  const whole = raster.blurred(
    combined(
      (value, inside, above, beyond) => Math.max(value, beyond) * inside * above,
      bulges.stretched(cover),
      inside,
      above,
      beyond,
    ),
    0.7,
  );
  const lines = combined(
    (value, inside, inner) => value * (inside && !inner),
    whole,
    inside,
    raster.eroded(inside, LINE),
  );
  for (const lock of locks(cover, hair, places)) {
    const [left, right, tip] = lock.map((point) => point.map((value) => Math.round((value + margin) * 16) / 16));
    fill(whole, [left, right, tip]);
    stroke(lines, [left, tip, right], 1);
  }
  const dark = (typical(face, (i) => hair.data[i] > 0.8, 0, 0.06) ?? [0, 0, 0]).map((value) => 0.8 * value);
  const soft = raster.blurred(lines, 0.6);
  const pixels = bulges.stretched(raster.floats(face), raster.MIRROR);
  pixels.data.forEach(
    (value, i) => (pixels.data[i] = clip(value + soft.data[Math.floor(i / 3)] * (dark[i % 3] - value), 0, 255)),
  );
  return {
    pixels,
    cover: combined((whole, line) => Math.max(whole, line * (whole > 0.02)), whole, soft),
    chin: places.chin.map((share) => side * share + margin),
    side,
    skin: skinOf(lab, shares),
  };
}

/** Lab of a face and its parts -> {cover, hair}: how much of each pixel is head, and hair. */
function covered(lab, shares, places) {
  const side = lab.width;
  const hair = channel(shares, HAIR);
  const count = side * side;
  const own = typical(lab, (i) => hair.data[i] > 0.9);
  const [left, one] = places.leftJaw;
  const [right, other] = places.rightJaw;
  const chin = places.chin[1];
  const head = picture(side, side);
  const paper = picture(side, side);
  const grey = picture(side, side);
  for (let i = 0; i < count; i++) {
    const l = lab.data[3 * i];
    const a = lab.data[3 * i + 1];
    const b = lab.data[3 * i + 2];
    const rest = shares.data[4 * i + OTHER];
    const skin = 1 - hair.data[i] - rest; // eyes are skin here
    // The ends of the hair, over the clothes, are taken for something else.
    if (own) hair.data[i] += rest * clip((14 - Math.hypot((l - own[0]) / 2, a - own[1], b - own[2])) / 5, 0, 1);
    // Skin below the line of the jaw is a neck, and the photo has its own.
    const x = (i % side) / side;
    const y = Math.floor(i / side) / side;
    const away = Math.abs(x - (left + right) / 2) / Math.max((right - left) / 2, 0.1);
    const jaw = chin + 0.015 - (chin - (one + other) / 2) * clip(away, 0, 2) ** 1.6;
    head.data[i] = clip(hair.data[i] + skin * clip(((jaw - y) * side) / 4 + 0.5, 0, 1), 0, 1);
    paper.data[i] = +(l > 94 && Math.hypot(a, b) < 7 && hair.data[i] < 0.7 && skin < 0.5);
    grey.data[i] = l / 100;
  }
  const bare = combined((head, outside) => head * !outside, head, around(paper));
  let cover = combined((value) => clip((value - 0.3) / 0.4, 0, 1), alongLines(bare, grey));
  // Light on the hair may be as white as paper.
  const closed = raster.eroded(raster.dilated(cover, NOTCH), NOTCH);
  const eyes = ((places.leftEye[1] + places.rightEye[1]) / 2) * side;
  cover.data.forEach((_, i) => Math.floor(i / side) < eyes && (cover.data[i] = closed.data[i]));
  // One piece, without holes.
  const { labels, sizes } = raster.pieces(combined((value) => +(value > 0.5), cover));
  if (sizes.length > 1) {
    const largest = sizes.indexOf(Math.max(...sizes));
    const piece = picture(side, side);
    piece.data.forEach((_, i) => (piece.data[i] = +(labels[i] === largest)));
    const kept = raster.dilated(piece, 5);
    const outside = around(combined((value) => +!value, kept));
    cover = combined((value, kept, outside) => (kept ? value : +!outside), cover, kept, outside);
  }
  return { cover, hair };
}

/** A mask -> the part of it that hangs together with the border. */
function around(mask) {
  const { width, height } = mask;
  const wide = picture(width + 2, height + 2);
  wide.data.fill(1);
  for (let y = 0; y < height; y++)
    wide.data.set(mask.data.subarray(y * width, (y + 1) * width), (y + 1) * (width + 2) + 1);
  const { labels } = raster.pieces(wide, 4);
  return raster.cropped(
    picture(
      width + 2,
      height + 2,
      1,
      Float32Array.from(labels, (label) => +(label === 1)),
    ),
    1,
    1,
    width,
    height,
  );
}

/** A cover and the picture in grey -> the cover with its edge along the lines (guided filter, He et al. 2010). */
function alongLines(cover, grey, radius = 3, smooth = 1e-3) {
  const mean = (image) => raster.averaged(image, 2 * radius + 1);
  const product = (a, b) => mean(combined((a, b) => a * b, a, b));
  const [light, there] = [mean(grey), mean(cover)];
  const slope = combined(
    (both, square, light, there) => (both - light * there) / (square - light * light + smooth),
    product(grey, cover),
    product(grey, grey),
    light,
    there,
  );
  const rest = mean(combined((there, slope, light) => there - slope * light, there, slope, light));
  return combined((slope, grey, rest) => slope * grey + rest, mean(slope), grey, rest);
}

/** How far the outline of a head lies beyond the edges of its picture: at the top, at the left and at the right. */
class Bulges {
  constructor(cover) {
    const side = (this.side = cover.width);
    const last = side - 3;
    this.margin = Math.round(MARGIN * side);
    this.total = side + 2 * this.margin;
    const touched = (at) => Array.from({ length: side }, (_, i) => [0, 1, 2].some((k) => cover.data[at(i, k)] > 0.5));
    this.top = this.bulge(
      touched((i, k) => k * side + i),
      ...TOP,
    );
    this.left = this.bulge(
      touched((i, k) => i * side + k),
      ...SIDES,
    );
    this.right = this.bulge(
      touched((i, k) => i * side + last + k),
      ...SIDES,
    );
  }

  /** -> a function of a place along the edge. */
  bulge(edge, share, most) {
    const [first, end] = runs(edge).reduce((best, run) => (run[1] - run[0] > best[1] - best[0] ? run : best), [0, 0]);
    if (end - first < EDGE * this.side) return () => 0;
    const width = end - first - 1;
    const high = Math.min(share * width, most * this.side);
    return (place) => {
      if (place < 0 || place > this.side - 1) return 0;
      const along = clip((place - first) / width, 0, 1);
      return high * 4 * along * (1 - along);
    };
  }

  /** A picture with a margin, into which it is stretched. */
  stretched(image, border = raster.NOTHING) {
    const { margin, total, side } = this;
    const reach = STRETCHED * side;
    const last = side - 1;
    // Places beyond the edge at 0, up to `bulge`, become places inside; from STRETCHED on they stay.
    const pulled = (place, bulge) =>
      place < reach ? place + (bulge * (reach - place) ** 2) / (reach + bulge) ** 2 : place;
    return raster.remapped(
      image,
      total,
      total,
      (x, y, place) => {
        place[0] = last - pulled(last - pulled(x - margin, this.left(y - margin)), this.right(y - margin));
        place[1] = pulled(y - margin, this.top(x - margin));
      },
      { border },
    );
  }

  /** -> masks: where the head may be (upper corners are round), what is above the lower edge, the bulge at the top. */
  masks() {
    const { margin, total, side } = this;
    const last = side - 1;
    const reach = ROUND * side;
    const [inside, above, beyond] = [0, 1, 2].map(() => picture(total, total));
    for (let j = 0, i = 0; j < total; j++)
      for (let k = 0; k < total; k++, i++) {
        const [x, y] = [k - margin, j - margin];
        const [top, left, right] = [this.top(x), this.left(y), this.right(y)];
        const high = Math.max((reach - y) / (reach + top), 0);
        const wide = Math.max((reach - x) / (reach + left), (x - last + reach) / (reach + right), 0);
        inside.data[i] = +(high ** 2 + wide ** 2 <= 1 && x >= -left - 0.5 && x <= last + 0.5 + right);
        above.data[i] = +(y <= last);
        beyond.data[i] = +(top > 0 && y < 0);
      }
    return { inside, above, beyond };
  }
}

/** -> triangles in pixels of the picture: two corners at its lower edge, and the tip below it. */
function* locks(cover, hair, places) {
  const side = cover.width;
  const random = new Random(0);
  const low = (image, x) => [3, 2, 1].some((k) => image.data[(side - k) * side + x] > 0.5);
  for (const [first, last] of runs(Array.from({ length: side }, (_, x) => low(cover, x) && low(hair, x)))) {
    const neck = places.rightJaw[0] - places.leftJaw[0] > (last - first) / side;
    if (last - first < NARROW * side || (neck && Math.abs((first + last) / 2 / side - places.chin[0]) < 0.08)) continue;
    const count = Math.max(1, Math.round((last - first) / (LOCK * side)));
    const width = (last - first) / count;
    for (let i = 0; i < count; i++) {
      const left = first + i * width;
      const tip = left + width / 2 + random.normal() * 0.12 * width;
      yield [
        [left, side - 3],
        [left + width, side - 3],
        [tip, side + (0.5 + 0.6 * random.uniform()) * LOCK * side],
      ];
    }
  }
}

/** Booleans -> [first, after the last] of each run of true ones. */
function runs(mask) {
  const found = [];
  mask.forEach((value, i) => {
    if (value && !mask[i - 1]) found.push([i, i + 1]);
    else if (value) found[found.length - 1][1] = i + 1;
  });
  return found;
}

/** A photo, a person on it, the head drawn of them, and a picture of the photo's size that gets the head on theirs.
 * The head is turned as the person's is, and takes on some of the photo's light and tint. */
export function putBack(photo, { eyes: [left, right], mouth }, head, onto) {
  const across = [right[0] - left[0], right[1] - left[1]];
  const middle = [0, 1].map((i) => (left[i] + right[i]) / 2);
  let apart = Math.max(Math.hypot(...across), 1);
  const [ux, uy] = across.map((value) => value / apart);
  const down = [-uy, ux];
  let chin = middle.map((value, i) => value + CHIN * apart * down[i]);
  if (mouth) {
    // seen from the side, eyes are nearer to each other, and the mouth says how large the face is
    apart = clip(((mouth[0] - middle[0]) * down[0] + (mouth[1] - middle[1]) * down[1]) / MOUTH, apart, 2 * apart);
    chin = mouth.map((value, i) => value + BELOW_MOUTH * apart * down[i]);
  }
  const light = lightOn(photo, middle, apart, [ux, uy], down);
  const zoom = (WIDE * apart) / head.side;
  const turn = [
    [ux * zoom, -uy * zoom],
    [uy * zoom, ux * zoom],
  ];
  const size = head.cover.width;
  const corner = turn.map(([a, b], i) => chin[i] - a * head.chin[0] - b * head.chin[1]);
  const corners = [
    [0, 0],
    [0, size],
    [size, 0],
    [size, size],
  ].map(([x, y]) => turn.map(([a, b], i) => corner[i] + a * x + b * y));
  const most = [photo.width, photo.height];
  const edge = (pick, i) => pick(...corners.map((place) => place[i]));
  const first = most.map((length, i) => clip(Math.floor(edge(Math.min, i)), 0, length));
  const last = most.map((length, i) => clip(Math.ceil(edge(Math.max, i)) + 1, 0, length));
  const [width, height] = last.map((end, i) => end - first[i]);
  if (width <= 0 || height <= 0) return;
  const way = raster.inverse(turn.map(([a, b], i) => [a, b, corner[i] - first[i]]));
  const warped = (image) =>
    raster.warped(zoom < 0.8 ? raster.blurred(image, 0.4 / zoom) : image, way, width, height, { cubic: zoom >= 1 });
  const lit = inLight(head, light.colour);
  const cover = warped(head.cover);
  lit.data.forEach((_, i) => (lit.data[i] *= head.cover.data[Math.floor(i / 3)]));
  const drawn = warped(lit);
  for (let y = 0, i = 0; y < height; y++)
    for (let x = 0; x < width; x++, i++) {
      const amount = clip(cover.data[i], 0, 1);
      if (!amount) continue;
      const aside = (x + first[0] - middle[0]) * ux + (y + first[1] - middle[1]) * uy;
      const shade = clip(1 + (SHADE * light.slope * aside) / (1.5 * apart), 0.7, 1.2);
      for (let c = 0, to = ((y + first[1]) * onto.width + x + first[0]) * 3; c < 3; c++, to++) {
        const value = clip((drawn.data[3 * i + c] / Math.max(amount, 1e-3)) * shade, 0, 255);
        onto.data[to] = Math.floor(onto.data[to] + amount * (value - onto.data[to]) + 0.5);
      }
    }
}

/** -> {colour: L, a, b of the person's face, slope: how much brighter it becomes from left to right, as a share}. */
function lightOn(photo, middle, apart, across, down, count = 32) {
  const step = (i, first, last) => first + ((last - first) * i) / (count - 1);
  const face = raster.remapped(
    photo,
    count,
    count,
    (i, j, place) => {
      const [u, v] = [step(i, -0.75, 0.75), step(j, -0.25, 1.35)];
      for (const k of [0, 1]) place[k] = middle[k] + apart * (u * across[k] + v * down[k]);
    },
    { border: raster.EDGE },
  );
  const lab = toLab(face);
  const soft = raster.blurred(channel(lab, 0), 2).data;
  const mean = soft.reduce((a, b) => a + b) / soft.length;
  let [rise, run] = [0, 0];
  soft.forEach((value, i) => {
    const u = step(i % count, -0.75, 0.75) / 1.5;
    rise += u * (value - mean);
    run += u * u;
  });
  return {
    colour: [0, 1, 2].map((c) => raster.median(channel(lab, c).data)),
    slope: clip(rise / run / Math.max(mean, 10), -0.6, 0.6),
  };
}

/** A head, and L, a, b of the face on the photo -> its pixels in that light. */
function inLight({ pixels, skin }, light) {
  if (!skin) return raster.floats(pixels);
  const lab = toLab(pixels);
  const glow = clip(light[0] / Math.max(skin[0], 1), 0.6, 1.05) ** GLOW;
  const tint = [1, 2].map((c) => TINT * clip(light[c] - skin[c], -15, 15));
  for (let i = 0; i < lab.data.length; i += 3) {
    lab.data[i] *= glow;
    for (const c of [1, 2]) lab.data[i + c] += (tint[c - 1] * lab.data[i]) / 100;
  }
  return raster.floats(fromLab(lab));
}

/** A head -> bytes, RGBA: the head alone on transparency, with a white rim. */
export function sticker({ pixels, cover }) {
  const made = raster.bytes(STICKER, STICKER, 4);
  const { width } = cover;
  const box = [width, width, -1, -1];
  cover.data.forEach((value, i) => {
    if (!(value > 0.1)) return;
    const [x, y] = [i % width, Math.floor(i / width)];
    [box[0], box[1], box[2], box[3]] = [
      Math.min(box[0], x),
      Math.min(box[1], y),
      Math.max(box[2], x),
      Math.max(box[3], y),
    ];
  });
  if (box[2] < 0) return made;
  const sides = [box[2] - box[0] + 1, box[3] - box[1] + 1];
  const zoom = (STICKER - 2 * RIM - 4) / Math.max(...sides);
  const size = sides.map((n) => Math.max(1, Math.round(zoom * n)));
  const [left, top] = size.map((n) => (STICKER - n) >> 1);
  const head = raster.resized(raster.cropped(cover, box[0], box[1], ...sides), ...size, raster.cubic);
  const covered = picture(
    width,
    width,
    3,
    pixels.data.map((value, i) => value * cover.data[Math.floor(i / 3)]),
  );
  const colour = raster.resized(raster.cropped(covered, box[0], box[1], ...sides), ...size, raster.cubic);
  const inner = picture(STICKER, STICKER);
  const place = (i) => (top + Math.floor(i / size[0])) * STICKER + left + (i % size[0]);
  head.data.forEach((value, i) => (inner.data[place(i)] = clip(value, 0, 1)));
  const ring = raster.blurred(
    raster.grown(
      combined((value) => +(value > 0.5), inner),
      RIM,
    ),
    1,
  );
  for (let i = 0, at = 0; i < inner.data.length; i++) {
    const white = 255 * (1 - inner.data[i]);
    for (let c = 0; c < 3; c++) made.data[at++] = white;
    made.data[at++] = 255 * Math.max(ring.data[i], inner.data[i]);
  }
  for (let i = 0; i < head.data.length; i++) {
    const to = place(i);
    const white = 255 * (1 - inner.data[to]);
    for (let c = 0; c < 3; c++) made.data[4 * to + c] = colour.data[3 * i + c] + white;
  }
  return made;
}
