// What the page uses: an engine that finds people on photos and draws faces, in a worker. Every method gives a promise.
// The work is done in the order of the calls; a failure is an EngineError.

export class EngineError extends Error {
  /** `code`: no-webassembly, offline, unreadable, heic, memory, gone (the photo was forgotten) or internal. */
  constructor({ code, message }) {
    super(message);
    this.code = code;
  }
}

export class Engine {
  #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  #calls = new Map(); // those that are not answered yet, by their numbers
  #count = 0;

  /** Starts the worker, which fetches all networks in the background. `onProgress` gets {loaded, total, ready}, in
   * bytes, or {fault}, the code of what went wrong. */
  static async open({ base = new URL("../", import.meta.url), onProgress = () => {} } = {}) {
    const engine = new Engine();
    engine.#worker.onmessage = ({ data }) => (data.progress ? onProgress(data.progress) : engine.#answered(data));
    engine.#worker.onerror = ({ message }) =>
      engine.#failed({ code: "offline", message: message ?? "the worker does not start" });
    engine.model = await engine.#ask("open", [String(base)]);
    return engine;
  }

  /** A picture file -> {photo, width, height, turns, people: [{person, eyes, box, crop: ImageBitmap, inner}]}. They
   * are from left to right, in pixels of the turned photo; `box` is [x, y, side], and `inner` that of the part of the
   * crop that a drawing frames, so that eyes meet eyes. Other methods take the numbers photo, person. */
  find = (blob) => this.#ask("find", [blob]);

  /** The photo, turned upright -> an ImageBitmap with that many pixels at most on its longer side. */
  preview = (photo, maxSide) => this.#ask("preview", [photo, maxSide]);

  /** -> {face: ImageData, seen, said, drawn, missed, seed, mirrored}. `seen`: {look: word}, what is read in the
   * photo. `asked`: the same, instead of what is read; `said` is both. `freedom`: from 0, as in the photo, to 1, the
   * generator's own face. `variant`: 0 the best face, 1 and so on others. */
  portrait = (person, options = {}) => this.#ask("portrait", [person, options]);

  /** A photo, [{person, options}] and {paint} -> an ImageBitmap of the photo with their drawn heads, painted or not. */
  intoPhoto = (photo, heads, options = {}) => this.#ask("intoPhoto", [photo, heads, options]);

  /** -> ImageData of the drawn head alone, 512 pixels wide. */
  sticker = (person, options = {}) => this.#ask("sticker", [person, options]);

  /** A seed and {size: 64 or 256, edit: {name: strength}, asked: {look: word}} -> ImageData. */
  face = (seed, options = {}) => this.#ask("face", [seed, options]);

  /** Two {seed, edit, asked}, t in [0, 1] and {size} -> ImageData of the face on the way from one to the other. */
  between = (a, b, t, options = {}) => this.#ask("between", [a, b, t, options]);

  /** Frees the memory of a photo. */
  forget = (photo) => this.#ask("forget", [photo]);

  #ask(method, values) {
    return new Promise((resolve, reject) => {
      const id = ++this.#count;
      this.#worker.postMessage({ id, method, values });
      this.#calls.set(id, { resolve, reject });
    });
  }

  #answered({ id, value, fault }) {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (fault) call?.reject(new EngineError(fault));
    else call?.resolve(value);
  }

  #failed(fault) {
    for (const id of this.#calls.keys()) this.#answered({ id, fault });
  }
}
