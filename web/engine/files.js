// The files that the page needs, with their bytes counted as they come. What has a sha256 is kept by the browser under
// it, so that the next visit fetches nothing.

const CACHE = "anime-faces";
const OFTEN = 100; // ms between two reports

export class MissingFile extends Error {}

export class Files {
  /** `base`: the address of the page's folder. `wanted`: {name: {file, bytes, sha256}}; the last two may be
   * unknown. `onProgress`: called with {loaded, total}. */
  constructor(base, wanted, onProgress) {
    Object.assign(this, { base, wanted, onProgress, loaded: {}, told: 0 });
  }

  /** -> the bytes of a file. */
  async read(name) {
    const { file, sha256 } = this.wanted[name];
    const url = new URL(file, this.base);
    const key = new URL(`?sha256=${sha256}`, url);
    const cache = sha256 && (await globalThis.caches?.open(CACHE).catch(() => null)); // a browser may forbid it
    const kept = await cache?.match(key).catch(() => null);
    const bytes = kept ? new Uint8Array(await kept.arrayBuffer()) : await this.verified(name, url, sha256);
    this.count(name, bytes.length, true);
    if (cache && !kept) await this.keep(cache, key, bytes);
    return bytes;
  }

  /** Fetches a file until its checksum is right: something on the way may keep an older one of the same name. */
  async verified(name, url, sha256) {
    for (const cache of ["default", "reload"]) {
      const bytes = await this.fetched(name, url, cache);
      if (!sha256 || !globalThis.crypto?.subtle || (await digest(bytes)) === sha256) return bytes;
    }
    throw new MissingFile(`${url.pathname} is another file than this page needs`);
  }

  async fetched(name, url, cache) {
    const response = await answer(url, { cache });
    const length = Number(response.headers.get("Content-Length")) || 0;
    const whole = !response.headers.get("Content-Encoding"); // else the length is that of the packed file
    if (whole) this.wanted[name].bytes ??= length;
    const parts = [];
    let loaded = 0;
    try {
      for (const reader = response.body.getReader(); ;) {
        const { done, value } = await reader.read();
        if (done) break;
        parts.push(value);
        this.count(name, (loaded += value.length));
      }
    } catch (fault) {
      throw new MissingFile(`${url.pathname} broke off (${fault.message})`);
    }
    const bytes = new Uint8Array(loaded);
    parts.reduce((at, part) => (bytes.set(part, at), at + part.length), 0);
    return bytes;
  }

  count(name, loaded, whole = false) {
    this.loaded[name] = loaded;
    if (whole) this.wanted[name].bytes = loaded;
    if (!whole && performance.now() < this.told + OFTEN) return;
    this.told = performance.now();
    this.onProgress(this.sum());
  }

  /** -> {loaded, total}, in bytes. */
  sum() {
    const all = (numbers) => numbers.reduce((a, b) => a + (b ?? 0), 0);
    return {
      loaded: all(Object.values(this.loaded)),
      total: all(Object.values(this.wanted).map(({ bytes }) => bytes)),
    };
  }

  /** Keeps a file, and forgets older ones of the same name, and those of its folder that the page no longer has. */
  async keep(cache, key, bytes) {
    const others = Object.values(this.wanted)
      .map(({ file }) => new URL(file, this.base).pathname)
      .filter((path) => path !== key.pathname);
    const folder = new URL(".", key).pathname;
    try {
      for (const { url } of await cache.keys()) {
        const kept = new URL(url);
        if (new URL(".", kept).pathname === folder && !others.includes(kept.pathname)) await cache.delete(url);
      }
      await cache.put(key, new Response(bytes));
    } catch {
      // There is no room: it is fetched again next time.
    }
  }
}

async function answer(url, settings) {
  const response = await fetch(url, settings).catch((fault) => {
    throw new MissingFile(`${url.pathname} cannot be fetched (${fault.message})`);
  });
  if (!response.ok) throw new MissingFile(`${url.pathname} cannot be fetched (${response.status})`);
  return response;
}

export async function json(url) {
  return (await answer(url)).json();
}

async function digest(bytes) {
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return [...hash].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}
