// The line in front of the engine. The engine works in the order of the calls, so it gets one call at a time: the most
// urgent of those that wait. What nobody waits for any more leaves the line, and is never computed.

/** How urgent a call is. */
export const NOW = 0; // somebody looks at the place where it will be
export const SOON = 1;
export const LATER = 2;

export class Line {
  #waiting = [];
  #busy = false;

  /** opening: the promise of an Engine. */
  constructor(opening) {
    this.opening = opening;
    opening.catch(() => {});
  }

  /** work: engine -> promise. Of calls with the same key only the newest waits; the others reject with "cancelled". */
  ask(work, { rank = SOON, key = null } = {}) {
    if (key !== null) this.drop(key);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ work, rank, key, resolve, reject });
      this.#next();
    });
  }

  /** The call with this key leaves the line, unless it has begun. */
  drop(key) {
    const at = this.#waiting.findIndex((call) => call.key === key);
    if (at >= 0) this.#waiting.splice(at, 1)[0].reject({ code: "cancelled" });
  }

  async #next() {
    if (this.#busy || !this.#waiting.length) return;
    const rank = Math.min(...this.#waiting.map((call) => call.rank));
    const [call] = this.#waiting.splice(
      this.#waiting.findIndex((each) => each.rank === rank),
      1,
    );
    this.#busy = true;
    try {
      const engine = await this.opening.catch(() => Promise.reject({ code: "cancelled" })); // the page has told why
      call.resolve(await call.work(engine));
    } catch (error) {
      call.reject(error);
    }
    this.#busy = false;
    this.#next();
  }
}

/** For calls whose result may come too late: if they were cancelled, or their photo was removed, nobody minds. */
export function unlessCancelled(complain) {
  return (error) => {
    if (!["cancelled", "gone"].includes(error?.code)) complain(error);
  };
}
