// Random numbers like numpy.random.default_rng(seed): SeedSequence, PCG64, and normal numbers by the ziggurat
// (Marsaglia and Tsang 2000). The same seed gives the same numbers, to the bit in float32.

const WORD = 32n; // bits
const LOW = (1n << 64n) - 1n;
const ALL = (1n << 128n) - 1n;
const MULTIPLIER = (2549297995355413924n << 64n) + 4865540595714422341n;
const R = 3.6541528853610088; // where the tail begins
const V = 0.004928673233974655; // the area of each layer

/** A whole number >= 0 -> `count` words of 32 bits, well mixed. */
function mixed(seed, count) {
  const entropy = [];
  for (let rest = BigInt(seed); rest > 0n || !entropy.length; rest >>= WORD) entropy.push(Number(rest & 0xffffffffn));
  const hasher = (start, factor) => (value) => {
    value ^= start;
    start = Math.imul(start, factor);
    value = Math.imul(value, start);
    return value ^ (value >>> 16);
  };
  const hash = hasher(0x43b0d7e5, 0x931e8875);
  const mix = (x, y) => {
    const value = Math.imul(0xca01f9dd, x) - Math.imul(0x4973f715, y);
    return value ^ (value >>> 16);
  };
  const pool = [0, 1, 2, 3].map((i) => hash(entropy[i] ?? 0));
  for (let from = 0; from < 4; from++)
    for (let to = 0; to < 4; to++) if (from !== to) pool[to] = mix(pool[to], hash(pool[from]));
  for (const more of entropy.slice(4)) for (let to = 0; to < 4; to++) pool[to] = mix(pool[to], hash(more));
  const out = hasher(0x8b51f9dd, 0x58f38ded);
  return Array.from({ length: count }, (_, i) => out(pool[i % 4]) >>> 0);
}

/** The tables of the ziggurat for numbers of so many bits: widths, limits of the sure part, heights. */
function ziggurat(bits, rounded) {
  const scale = 2 ** bits;
  const height = (x) => Math.exp(-0.5 * x * x);
  const width = new Float64Array(256);
  const sure = new Float64Array(256);
  const high = new Float64Array(256);
  const base = V / height(R);
  sure[0] = Math.floor((R / base) * scale);
  [width[0], width[255], high[0], high[255]] = [base / scale, R / scale, 1, height(R)];
  for (let i = 254, x = R; i >= 1; i--) {
    const inner = Math.sqrt(-2 * Math.log(V / x + height(x)));
    sure[i + 1] = Math.floor((inner / x) * scale);
    x = inner;
    [high[i], width[i]] = [height(x), x / scale];
  }
  return { width: width.map(rounded), sure, high: high.map(rounded) };
}

const SINGLE = ziggurat(23, Math.fround);
const DOUBLE = ziggurat(52, (x) => x);

export class Random {
  constructor(seed) {
    const words = mixed(seed, 8).map(BigInt);
    const [a, b, c, d] = [0, 2, 4, 6].map((i) => words[i] | (words[i + 1] << WORD));
    this.increment = (((c << 64n) | d) << 1n) | 1n;
    this.state = (this.increment + ((a << 64n) | b)) & ALL;
    this.step();
    this.kept = null; // the upper half of 64 bits, of which the lower half was used
  }

  step() {
    this.state = (this.state * MULTIPLIER + this.increment) & ALL;
  }

  bits64() {
    this.step();
    const turn = this.state >> 122n;
    const value = (this.state >> 64n) ^ (this.state & LOW);
    return ((value >> turn) | (value << (64n - turn))) & LOW;
  }

  bits32() {
    if (this.kept !== null) {
      const value = this.kept;
      this.kept = null;
      return value;
    }
    const both = this.bits64();
    this.kept = Number(both >> WORD);
    return Number(both & 0xffffffffn);
  }

  /** A number in [0, 1). */
  uniform() {
    return Number(this.bits64() >> 11n) / 2 ** 53;
  }

  /** From N(0, 1), float32. */
  normal32() {
    const f = Math.fround;
    const uniform = () => (this.bits32() >>> 8) / 2 ** 24;
    for (;;) {
      const bits = this.bits32();
      const layer = bits & 255;
      const size = bits >>> 9;
      const x = f(size * SINGLE.width[layer]) * (bits & 256 ? -1 : 1);
      if (size < SINGLE.sure[layer]) return x;
      if (layer === 0) return this.tail(() => f(Math.log1p(-uniform())), (size >> 8) & 1, f);
      const step = f(SINGLE.high[layer - 1] - SINGLE.high[layer]);
      if (f(f(step * uniform()) + SINGLE.high[layer]) < Math.exp(-0.5 * x * x)) return x;
    }
  }

  /** From N(0, 1), float64. */
  normal() {
    for (;;) {
      const bits = this.bits64();
      const layer = Number(bits & 255n);
      const size = Number((bits >> 9n) & 0xfffffffffffffn);
      const x = size * DOUBLE.width[layer] * (bits & 256n ? -1 : 1);
      if (size < DOUBLE.sure[layer]) return x;
      if (layer === 0)
        return this.tail(
          () => Math.log1p(-this.uniform()),
          (size >> 8) & 1,
          (v) => v,
        );
      const high = DOUBLE.high[layer];
      if ((DOUBLE.high[layer - 1] - high) * this.uniform() + high < Math.exp(-0.5 * x * x)) return x;
    }
  }

  tail(logarithm, negative, rounded) {
    for (;;) {
      const x = rounded(-rounded(1 / R) * logarithm());
      const y = -logarithm();
      if (rounded(y + y) > rounded(x * x)) return rounded(rounded(R) + x) * (negative ? -1 : 1);
    }
  }

  /** A whole number in [0, last]. */
  below(last) {
    const mask = 2 ** (32 - Math.clz32(last)) - 1;
    for (;;) {
      const number = (this.bits32() & mask) >>> 0;
      if (number <= last) return number;
    }
  }

  /** 0 to count - 1 in a random order. */
  permutation(count) {
    const order = Array.from({ length: count }, (_, i) => i);
    for (let i = count - 1; i > 0; i--) {
      const j = this.below(i);
      [order[i], order[j]] = [order[j], order[i]];
    }
    return order;
  }
}
