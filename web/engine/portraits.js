// From looks to drawn faces that have them: chosen among the known faces of the generator, then finished by hand.

import { Finisher } from "./finishing.js";
import { ofSeed } from "./latents.js";
import { meant, sharpened } from "./looks.js";
import { frames, within } from "./photos.js";
import { Random } from "./random.js";
import { area, cropped, mirrored, picture, resized } from "./raster.js";

// How much each look counts in the choice. What is drawn by hand counts little: less has then to be drawn.
const CHOSEN = {
  sex: 2.2,
  length: 1.5,
  turn: 1.1,
  fringe: 0.9,
  hair: 0.35,
  mouth: 0.25,
  smile: 0.25,
  skin: 0.2,
  age: 0.2,
};
const FLAW = 2; // how much a flaw counts against a face
const SHAPE = 1.1; // how much the likeness of light and dark in the two pictures counts
const PLAIN = 0.8; // a look with this probability can be seen: a higher one is not better
const COARSE = 8; // light and dark are compared in COARSE x COARSE squares
// Light and dark in photos, in tenths: the mean of 3,150.
const USUAL = [
  -5, -6, -4, -2, -3, -4, -6, -6, -6, -4, 2, 6, 6, 2, -4, -7, -7, -2, 6, 10, 10, 6, -2, -7, -6, -3, 0, 6, 6, 0, -2, -6,
  -4, -2, -3, 3, 3, -3, -1, -4, -3, 4, 9, 8, 8, 10, 5, -3, -3, 1, 5, 3, 3, 5, 1, -3, -4, -1, 1, 2, 2, 2, -1, -4,
].map((tenths) => tenths / 10);
const FRAME = { eyes: 0.53, distance: 0.37 }; // of the training faces
/** The part of a crop in the frame `loose` that drawings frame: top, bottom, left, right, shares of the side. */
export const INNER = within(frames.loose, FRAME);
const CANDIDATES = 20; // variants are among so many faces
const COUNTED = ["hair", "length", "fringe", "sex", "glasses", "beard", "mouth", "smile", "turn", "skin", "age"];

const numbers = (text, Type) => new Type(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);

export class Portraits {
  /** `known`: what looks.json holds of the faces whose looks are known. */
  constructor(faces, known) {
    Object.assign(this, { faces, looks: faces.looks, finisher: new Finisher(faces) });
    const rows = numbers(known.looks, Uint8Array);
    const shapes = numbers(known.shapes, Int8Array);
    const squares = COARSE * COARSE;
    const each = known.seeds.map((seed, i) => ({
      seed,
      mirrored: false,
      looks: Float32Array.from(rows.subarray(i * this.looks.size, (i + 1) * this.looks.size), (value) => value / 255),
      shape: Float32Array.from(shapes.subarray(i * squares, (i + 1) * squares), (value) => value / 32),
    }));
    // Every face also mirrored: that is another face, which is turned the other way.
    const others = each.map(({ seed, looks, shape }) => ({
      seed,
      mirrored: true,
      looks: this.looks.mirrored(looks),
      shape: mirrored(picture(COARSE, COARSE, 1, shape)).data,
    }));
    this.known = [...each, ...others];
    const mean = new Float32Array(squares).map(
      (_, i) => this.known.reduce((sum, { shape }) => sum + shape[i], 0) / this.known.length,
    );
    for (const face of this.known) face.apart = apart(face.shape, mean);
  }

  /** A row of looks, and light and dark as `shapeOf` gives it -> the known faces, the best first. */
  choose(wanted, shape) {
    const { looks } = this;
    const goal = apart(shape, USUAL);
    const [flaw] = looks.places.flaw;
    const wishes = Object.entries(CHOSEN)
      .filter(([name]) => looks.known(wanted, name))
      .map(([name, weight]) => [
        looks.places[name][0],
        sharpened(looks.part(wanted, name)),
        weight,
        name === "sex" ? 1 : PLAIN,
      ]); // a man is to be a man at a glance
    const score = (face) => {
      let sum = -FLAW * face.looks[flaw + 1];
      for (const [start, shares, weight, most] of wishes)
        shares.forEach((share, i) => (sum += weight * share * Math.min(face.looks[start + i], most)));
      goal.forEach((value, i) => (sum += SHAPE * value * face.apart[i]));
      return sum;
    };
    return this.known
      .map((face) => [score(face), face])
      .sort(([a], [b]) => b - a)
      .map(([, face]) => face);
  }

  /** As `choose` -> the best face, or for a variant from 1 on another one of the best. */
  chosen(wanted, shape, variant) {
    const seen = new Set();
    const best = this.choose(wanted, shape).filter(({ seed }) => !seen.has(seed) && seen.add(seed));
    if (!variant) return best[0];
    const others = new Random(0).permutation(Math.min(CANDIDATES, best.length - 1));
    return best[1 + others[(variant - 1) % others.length]];
  }

  /** A crop in the frame `loose` -> {face, seen, said, drawn, missed, seed, mirrored}; see Engine.portrait. */
  async portrait(crop, { asked = {}, freedom = 0, variant = 0 } = {}) {
    const { faces, looks } = this;
    const read = await faces.read(crop, "photo_reader");
    const wanted = looks.row(meant(asked), read);
    const chosen = this.chosen(wanted, shapeOf(ofPhoto(crop)), variant);
    const plain = await faces.draw(ofSeed(chosen.seed, faces.latent));
    const has = chosen.looks;
    const goal = wanted.map((value, i) => (1 - freedom) * value + freedom * has[i]);
    const face =
      freedom < 1
        ? await this.finisher.finished(plain, goal, has, chosen.mirrored)
        : chosen.mirrored
          ? mirrored(plain)
          : plain;
    const [seen, said, drawn] = [read, wanted, await faces.read(face, "drawing_reader")].map((row) => {
      const { flaw, ...words } = looks.said(row); // a photo has none
      return words;
    });
    const missed = COUNTED.filter((name) => said[name] !== drawn[name] && !(name === "hair" && said.hair === "none"));
    return { face, seen, said, drawn, missed, seed: chosen.seed, mirrored: chosen.mirrored };
  }

  /** A drawn face -> the same with the looks that can be drawn onto it. */
  async finish(face, asked) {
    return this.finisher.finished(face, this.looks.row(meant(asked)), await this.faces.read(face, "drawing_reader"));
  }
}

/** A shape -> in what it differs from another one, of length 1. */
function apart(shape, usual) {
  const row = Float32Array.from(shape, (value, i) => value - usual[i]);
  const length = Math.hypot(...row) + 1e-3;
  return row.map((value) => value / length);
}

/** A face in bytes -> light and dark in COARSE x COARSE squares, standardised. */
function shapeOf(face) {
  const grey = picture(face.width, face.height);
  grey.data.forEach((_, i) => (grey.data[i] = (face.data[3 * i] + face.data[3 * i + 1] + face.data[3 * i + 2]) / 3));
  const { data } = resized(grey, COARSE, COARSE, area);
  const mean = data.reduce((a, b) => a + b) / data.length;
  const spread = Math.sqrt(data.reduce((sum, value) => sum + (value - mean) ** 2, 0) / data.length) + 1e-3;
  return data.map((value) => (value - mean) / spread);
}

/** A crop in the frame `loose` -> its inner part. */
function ofPhoto(crop) {
  const [top, bottom, left, right] = INNER.map((edge) => Math.round(edge * crop.height));
  const [x, y] = [Math.max(left, 0), Math.max(top, 0)];
  return cropped(crop, x, y, Math.min(right, crop.width) - x, Math.min(bottom, crop.height) - y);
}
