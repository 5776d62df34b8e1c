// What anybody can see in a face. A row of looks has a probability for each word of each look, in the order of
// "looks" in model.json.

export class Looks {
  /** `words`: {look: [words]} */
  constructor(words) {
    this.words = words;
    this.places = {};
    this.size = 0;
    for (const [name, list] of Object.entries(words)) this.places[name] = [this.size, (this.size += list.length)];
  }

  /** The part of a row that is about one look. */
  part(row, name) {
    return row.subarray(...this.places[name]);
  }

  /** {look: word} -> a row; other looks are as in `start`, or unknown (NaN). */
  row(said, start = new Float32Array(this.size).fill(NaN)) {
    const made = Float32Array.from(start);
    for (const [name, word] of Object.entries(said)) {
      this.part(made, name).fill(0);
      made[this.places[name][0] + this.words[name].indexOf(word)] = 1;
    }
    return made;
  }

  known(row, name) {
    return !this.part(row, name).some(Number.isNaN);
  }

  /** A row -> {look: likeliest word} of the looks that are known. */
  said(row) {
    const made = {};
    for (const [name, list] of Object.entries(this.words)) {
      const shares = this.part(row, name);
      if (this.known(row, name)) made[name] = list[shares.indexOf(Math.max(...shares))];
    }
    return made;
  }

  /** A row -> that of the mirror image: left is right. */
  mirrored(row) {
    const made = Float32Array.from(row);
    this.part(made, "turn").reverse();
    return made;
  }
}

/** {look: word} as people ask for it -> with words that looks have: more is a smile with an open mouth. */
export function meant(asked) {
  return asked.smile === "more" ? { ...asked, smile: "yes", mouth: "open" } : asked;
}

/** Probabilities of one look -> the same, with the likely ones likelier. */
export function sharpened(shares) {
  const squares = Float32Array.from(shares, (share) => share * share);
  const total = Math.max(
    squares.reduce((a, b) => a + b),
    1e-9,
  );
  return squares.map((square) => square / total);
}
