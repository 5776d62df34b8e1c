// The worker that holds networks and photos. It answers {id, method, values} with {id, value} or {id, fault}, and tells
// {progress} by itself.

import { bitmap, decoded, fitted, imageData } from "./decoding.js";
import { Files, json, MissingFile } from "./files.js";
import { Networks } from "./networks.js";
import { Studio } from "./studio.js";

// In the order in which they are needed.
const NEEDED = [
  "generator",
  "upscaler",
  "face_proposals",
  "face_refinement",
  "face_points",
  "photo_reader",
  "drawing_reader",
  "parts",
];
const MODULES = ["ort/ort.wasm.min.mjs", "ort/ort-wasm-simd-threaded.mjs"]; // the first one imports the second one
const RUNTIME = { file: "ort/ort-wasm-simd-threaded.wasm" };
const KNOWN = { file: "models/looks.json" };
const AGAIN = 10_000; // ms, until what was missing is looked for again

let studio;

const methods = {
  async open(address) {
    if (typeof WebAssembly !== "object")
      throw Object.assign(new Error("there is no WebAssembly"), { code: "no-webassembly" });
    const base = new URL(address);
    const model = await json(new URL("models/model.json", base));
    // Before it answers: a worker never tries a failed import again, but the page then offers to be loaded again.
    const [ort] = await Promise.all(MODULES.map((name) => import(new URL(name, base)))).catch((fault) => {
      throw new MissingFile(fault.message);
    });
    const names = NEEDED.filter((name) => model.networks[name]);
    const wanted = { runtime: { ...RUNTIME, ...model.runtime }, known: { ...KNOWN, ...model.known } };
    for (const name of names) wanted[name] = { ...model.networks[name], file: `models/${model.networks[name].file}` };
    const files = new Files(base, wanted, (progress) => postMessage({ progress: { ...progress, ready: false } }));
    const known = once(async () => JSON.parse(new TextDecoder().decode(await files.read("known"))));
    const runtime = once(async () => {
      Object.assign(ort.env.wasm, {
        numThreads: 1,
        wasmPaths: new URL("ort/", base).href,
        wasmBinary: await files.read("runtime"),
      });
      return ort;
    });
    const networks = new Networks(runtime, (name) => files.read(name));
    studio = new Studio(networks, model, known);
    loaded(files, [runtime, known, ...names.map((name) => () => networks.open(name))]);
    return model;
  },
  async find(blob) {
    const found = await studio.find(await decoded(blob));
    for (const person of found.people) person.crop = await bitmap(person.crop);
    return found;
  },
  preview: (photo, side) => bitmap(fitted(studio.photo(photo), side)),
  async portrait(person, options) {
    const made = await studio.portrait(person, options);
    return { ...made, face: imageData(made.face) };
  },
  intoPhoto: async (...values) => bitmap(await studio.intoPhoto(...values)),
  sticker: async (...values) => imageData(await studio.sticker(...values)),
  face: async (...values) => imageData(await studio.face(...values)),
  between: async (...values) => imageData(await studio.between(...values)),
  forget: (photo) => studio.forget(photo),
};

/** A function that gives a promise -> the same, which is called once, or again after a failure. */
function once(make) {
  let made;
  return () =>
    (made ??= make().catch((fault) => {
      made = undefined;
      throw fault;
    }));
}

/** Loads everything in the background. What fails is told; a file that is missing is looked for again. */
async function loaded(files, steps) {
  try {
    for (const step of steps) await step();
    const { loaded } = files.sum();
    postMessage({ progress: { loaded, total: loaded, ready: true } });
  } catch (fault) {
    postMessage({ progress: { fault: codeOf(fault) } });
    if (fault instanceof MissingFile) setTimeout(() => loaded(files, steps), AGAIN);
  }
}

function codeOf(fault) {
  const text = `${fault?.name} ${fault?.message ?? fault}`;
  if (typeof fault?.code === "string") return fault.code;
  if (fault instanceof MissingFile || /import\w* (a )?module/i.test(text)) return "offline"; // in the words of browsers
  if (/allocat|out of memory|bad_alloc|memory access/i.test(text)) return "memory";
  if (/CompileError|no available backend/.test(text)) return "no-webassembly";
  return "internal";
}

async function answer({ id, method, values }) {
  try {
    const value = await methods[method](...values);
    const bitmaps = [value, ...(value?.people?.map(({ crop }) => crop) ?? [])].filter(
      (one) => one instanceof ImageBitmap,
    );
    postMessage({ id, value }, bitmaps);
  } catch (fault) {
    postMessage({ id, fault: { code: codeOf(fault), message: String(fault?.message ?? fault) } });
  }
}

let last = Promise.resolve();
onmessage = ({ data }) => {
  last = last.then(() => answer(data)); // one call at a time, in their order
};
