// Latent vectors z: of seeds, changed, and on the way between two.

import { Random } from "./random.js";

/** A whole number >= 0 -> its z, Float32Array. */
export function ofSeed(seed, dimensions) {
  const random = new Random(seed);
  return Float32Array.from({ length: dimensions }, () => random.normal32());
}

/** z, {name: strength} and the directions {name: {z}} -> z moved along those that there are. */
export function edited(z, edit, directions) {
  const made = Float32Array.from(z);
  for (const [name, strength] of Object.entries(edit)) {
    if (!Object.hasOwn(directions, name)) continue; // a kept face may be of an older model
    for (let i = 0; i < made.length; i++) made[i] += strength * directions[name].z[i];
  }
  return made;
}

/** a, b and t in [0, 1] -> the point on the arc from a to b; the length changes linearly (Shoemake 1985). */
export function between(a, b, t) {
  const lengths = [Math.hypot(...a), Math.hypot(...b)];
  const product = a.reduce((sum, value, i) => sum + value * b[i], 0);
  const angle = Math.acos(Math.min(Math.max(product / (lengths[0] * lengths[1]), -1), 1));
  if (!(Math.sin(angle) >= 1e-6)) return a.map((value, i) => (1 - t) * value + t * b[i]); // there is no arc
  const length = ((1 - t) * lengths[0] + t * lengths[1]) / Math.sin(angle);
  const [first, second] = [Math.sin((1 - t) * angle) / lengths[0], Math.sin(t * angle) / lengths[1]];
  return a.map((value, i) => length * (first * value + second * b[i]));
}
