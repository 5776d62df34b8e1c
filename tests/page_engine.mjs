// For test_page_engine.py: calls of the page's own modules. Reads [{module, call, words}] as JSON from stdin. Pictures
// in it are {width, height, channels, and bytes or floats}, the last in base64. Writes the bytes that the calls make.

import { readFileSync } from "node:fs";

const engine = new URL("../web/engine/", import.meta.url);

function read(value) {
  if (Array.isArray(value)) return value.map(read);
  if (!value || typeof value !== "object") return value;
  const { width, height, channels, bytes, floats } = value;
  if (bytes) return { width, height, channels, data: new Uint8ClampedArray(Buffer.from(bytes, "base64")) };
  if (floats) {
    const { buffer } = new Uint8Array(Buffer.from(floats, "base64"));
    return { width, height, channels, data: new Float32Array(buffer) };
  }
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, read(each)]));
}

const answers = [];
for (const { module, call, words } of JSON.parse(readFileSync(0, "utf8"))) {
  const given = read(words);
  const { [call]: work, cutOut } = await import(new URL(module, engine));
  // These two take a head.
  if (call === "sticker") given.splice(0, 3, cutOut(...given));
  if (call === "putBack") given.splice(2, 3, cutOut(...given.slice(2, 5)));
  const made = work(...given) ?? given.at(-1); // putBack changes its last word
  answers.push(Buffer.from(made.data).toString("base64"));
}
process.stdout.write(JSON.stringify(answers));
