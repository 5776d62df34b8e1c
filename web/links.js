// Addresses within the page: #animify, #faces, #game, and #seed=12&edit=turn:-1&look=hair:blue, which is a face.

import { OF_FACES } from "./looks.js";

const pairs = (text) => (text ? text.split(",").map((pair) => pair.split(":")) : []);
const joined = (given) =>
  Object.entries(given)
    .map(([name, value]) => `${name}:${value}`)
    .join(",");

/** A face {seed, edit, asked} -> its hash. */
export function hashOf({ seed, edit, asked }) {
  const parts = [`seed=${seed}`];
  if (Object.keys(edit).length) parts.push(`edit=${joined(edit)}`);
  if (Object.keys(asked).length) parts.push(`look=${joined(asked)}`);
  return `#${parts.join("&")}`;
}

/** A hash -> the face that it names; null if it names none; undefined if it cannot be read. */
export function faceOf(hash) {
  if (!hash.startsWith("#seed=")) return null;
  const given = new URLSearchParams(hash.slice(1));
  const seed = Number(given.get("seed"));
  const edit = Object.fromEntries(pairs(given.get("edit")).map(([name, value]) => [name, Number(value)]));
  const asked = Object.fromEntries(pairs(given.get("look")));
  return /^\d+$/.test(given.get("seed")) && isFace({ seed, edit, asked }) ? { seed, edit, asked } : undefined;
}

/** Whether it is a face {seed, edit, asked} whose looks the page knows. */
export function isFace(face) {
  const { seed, edit, asked } = face ?? {};
  return (
    Number.isSafeInteger(seed) &&
    seed >= 0 &&
    edit instanceof Object &&
    Object.values(edit).every(Number.isFinite) &&
    asked instanceof Object &&
    Object.entries(asked).every(([name, word]) => Object.hasOwn(OF_FACES, name) && OF_FACES[name].includes(word))
  );
}

/** The same face with edits that the model has, within their limits. */
export function withinLimits(face, edits) {
  const edit = Object.entries(face.edit)
    .filter(([name]) => Object.hasOwn(edits, name))
    .map(([name, value]) => [name, Math.min(Math.max(value, -edits[name].limit), edits[name].limit)]);
  return { ...face, edit: Object.fromEntries(edit.filter(([, value]) => value)) };
}
