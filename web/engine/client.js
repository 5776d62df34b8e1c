// What the page uses: an engine that finds people on photos and draws faces, in a worker. Every method gives a promise.
// The work is done in the order of the calls; a failure is an EngineError.

export class EngineError extends Error {
  /** `code`: no-webassembly, offline, unreadable, heic, memory or internal. */
  constructor({ code, message }) {
    super(message);
    this.code = code;
  }
}

export class Engine {
  #worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  #waiting = [];
  #running = null;
  #count = 0;

  /** Starts the worker, which fetches all networks in the background. `onProgress` gets {loaded, total, ready}, in
   * bytes. */
  static async open({ base = new URL("../", import.meta.url), onProgress = () => {} } = {}) {
    const engine = new Engine();
    engine.#worker.onmessage = ({ data }) => (data.progress ? onProgress(data.progress) : engine.#answered(data));
    engine.#worker.onerror = ({ message }) =>
      engine.#failed({ code: "offline", message: message ?? "the worker does not start" });
    engine.model = await engine.#ask("open", [String(base)]);
    return engine;
  }

  /** A picture file -> {photo, width, height, turns, people: [{person, eyes, box: [x, y, side], crop: ImageBitmap}]}.
   * The faces are from left to right, in pixels of the turned photo. Other methods take the numbers photo, person. */
  find = (blob) => this.#ask("find", [blob]);

  /** The photo, turned upright -> an ImageBitmap with that many pixels at most on its longer side. */
  preview = (photo, maxSide) => this.#ask("preview", [photo, maxSide]);

  /** -> {face: ImageData, said, drawn, missed, seed, mirrored}. `asked`: {look: word}, instead of what is read in the
   * photo. `freedom`: from 0, as in the photo, to 1, the generator's own face. `variant`: 0 the best face, 1 and so on
   * others. */
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

  // The worker gets one call at a time.

  #ask(method, values) {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ method, values, resolve, reject });
      this.#next();
    });
  }

  #next() {
    if (this.#running || !this.#waiting.length) return;
    this.#running = { ...this.#waiting.shift(), id: ++this.#count };
    const { id, method, values } = this.#running;
    try {
      this.#worker.postMessage({ id, method, values });
    } catch ({ message }) {
      this.#answered({ id, fault: { code: "internal", message } });
    }
  }

  #answered({ id, value, fault }) {
    if (id !== this.#running?.id) return;
    const { resolve, reject } = this.#running;
    this.#running = null;
    if (fault) reject(new EngineError(fault));
    else resolve(value);
    this.#next();
  }

  #failed(fault) {
    for (const { reject } of [this.#running, ...this.#waiting]) reject?.(new EngineError(fault));
    [this.#running, this.#waiting] = [null, []];
  }
}
