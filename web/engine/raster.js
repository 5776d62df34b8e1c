// Operations on pictures. A picture is {width, height, channels, data}: rows from the top, channels last. Its data is a
// Uint8ClampedArray (bytes are rounded to the nearest) or a Float32Array. The results are those of OpenCV and Pillow.

export function picture(width, height, channels = 1, data = new Float32Array(width * height * channels)) {
  return { width, height, channels, data };
}

export function bytes(width, height, channels) {
  return picture(width, height, channels, new Uint8ClampedArray(width * height * channels));
}

const like = (image, width = image.width, height = image.height, channels = image.channels) =>
  picture(width, height, channels, new image.data.constructor(width * height * channels));

export const floats = (image) => picture(image.width, image.height, image.channels, new Float32Array(image.data));

const NONE = new Float32Array(0);

/** A function of numbers at the same place in up to six pictures -> the picture of its values. */
export function combined(make, first, ...others) {
  const made = picture(first.width, first.height, first.channels);
  const to = made.data;
  const own = first.data;
  const [b, c, d, e, f] = [0, 1, 2, 3, 4].map((i) => others[i]?.data ?? NONE);
  for (let i = 0; i < to.length; i++) to[i] = make(own[i], b[i], c[i], d[i], e[i], f[i]);
  return made;
}

/** One channel of a picture, as floats. */
export function channel(image, which) {
  const made = picture(image.width, image.height);
  for (let i = 0, j = which; i < made.data.length; i++, j += image.channels) made.data[i] = image.data[j];
  return made;
}

/** The part of a picture from (left, top) on. */
export function cropped(image, left, top, width, height) {
  const made = like(image, width, height);
  const row = width * image.channels;
  for (let y = 0; y < height; y++) {
    const start = ((top + y) * image.width + left) * image.channels;
    made.data.set(image.data.subarray(start, start + row), y * row);
  }
  return made;
}

/** The mirror image: left is right. */
export function mirrored(image) {
  const made = like(image);
  const { width, height, channels } = image;
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let c = 0; c < channels; c++)
        made.data[(y * width + x) * channels + c] = image.data[(y * width + width - 1 - x) * channels + c];
  return made;
}

/** A picture turned by quarters to the left. */
export function turned(image, quarters) {
  const count = ((quarters % 4) + 4) % 4;
  const { width, height, channels, data } = image;
  if (!count) return image;
  const made = count === 2 ? like(image) : like(image, height, width);
  for (let y = 0, at = 0; y < made.height; y++)
    for (let x = 0; x < made.width; x++) {
      const [u, v] =
        count === 1 ? [width - 1 - y, x] : count === 2 ? [width - 1 - x, height - 1 - y] : [y, height - 1 - x];
      for (let c = 0, from = (v * width + u) * channels; c < channels; c++) made.data[at++] = data[from++];
    }
  return made;
}

// A resize is one list of taps per axis: for each new pixel the first old one, and the weights of it and the next ones.

const inside = (place, length) => (place < 0 ? 0 : place >= length ? length - 1 : place);

/** Weights at places that may lie beyond the edge, where the pixel at the edge stands for them. */
function taps(length, first, weights) {
  const start = inside(first, length);
  const kept = new Float64Array(inside(first + weights.length - 1, length) - start + 1);
  weights.forEach((weight, i) => (kept[inside(first + i, length) - start] += weight));
  return { first: start, weights: kept };
}

const each = (count, make) => Array.from({ length: count }, (_, i) => make(i));

export const area = (from, to) =>
  each(to, (i) => {
    const [start, end] = [(i * from) / to, ((i + 1) * from) / to];
    const first = Math.floor(start + 1e-6);
    const count = Math.max(Math.min(Math.ceil(end - 1e-6), from) - first, 1);
    const weights = each(count, (k) => Math.min(end, first + k + 1) - Math.max(start, first + k));
    const total = weights.reduce((a, b) => a + b);
    return taps(
      from,
      first,
      weights.map((weight) => weight / total),
    );
  });

function cubicWeights(t) {
  const A = -0.75;
  const near = (x) => ((A + 2) * x - (A + 3)) * x * x + 1;
  const far = (x) => ((A * x - 5 * A) * x + 8 * A) * x - 4 * A;
  return [far(1 + t), near(t), near(1 - t), far(2 - t)];
}

export const cubic = (from, to) =>
  each(to, (i) => {
    const place = ((i + 0.5) * from) / to - 0.5;
    const first = Math.floor(place);
    return taps(from, first - 1, cubicWeights(place - first));
  });

export const lanczos = (from, to) =>
  each(to, (i) => {
    const scale = Math.max(from / to, 1);
    const middle = ((i + 0.5) * from) / to;
    const sinc = (x) => (x ? Math.sin(Math.PI * x) / (Math.PI * x) : 1);
    const first = Math.max(Math.trunc(middle - 3 * scale + 0.5), 0);
    const last = Math.min(Math.trunc(middle + 3 * scale + 0.5), from);
    const weights = each(last - first, (k) => {
      const x = (first + k - middle + 0.5) / scale;
      return Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0;
    });
    const total = weights.reduce((a, b) => a + b);
    return { first, weights: Float64Array.from(weights, (weight) => weight / total) };
  });

/** A picture of another size. `kind`: area, cubic or lanczos. Pillow's lanczos rounds bytes between the two axes. */
export function resized(image, width, height, kind) {
  if (width === image.width && height === image.height) return image;
  const { channels } = image;
  const made = like(image, width, height);
  const between = kind === lanczos ? like(image, width, image.height) : picture(width, image.height, channels);
  const across = kind(image.width, width);
  const down = kind(image.height, height);
  const row = width * channels;
  for (let y = 0, at = 0; y < image.height; y++) {
    const start = y * image.width * channels;
    for (const { first, weights } of across)
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        for (let k = 0, from = start + first * channels + c; k < weights.length; k++, from += channels)
          sum += weights[k] * image.data[from];
        between.data[at++] = sum;
      }
  }
  const sums = new Float64Array(row);
  down.forEach(({ first, weights }, y) => {
    sums.fill(0);
    weights.forEach((weight, k) => {
      for (let x = 0, from = (first + k) * row; x < row; x++) sums[x] += weight * between.data[from++];
    });
    made.data.set(sums, y * row);
  });
  return made;
}

/** A place beyond the edge -> the place that stands for it, mirrored; the pixel at the edge comes once. */
function reflected(place, length) {
  if (length === 1) return 0;
  while (place < 0 || place >= length) place = place < 0 ? -place : 2 * length - 2 - place;
  return place;
}

/** A picture whose every pixel is the sum of its neighbours, with weights along each axis. */
function filtered(image, across, down) {
  const { width, height, channels } = image;
  const row = width * channels;
  const between = picture(width, height, channels);
  const made = like(image);
  const half = across.length >> 1;
  const high = down.length >> 1;
  const wide = new Float32Array((width + 2 * half) * channels);
  for (let y = 0; y < height; y++) {
    for (let x = -half, at = 0; x < width + half; x++)
      for (let c = 0, from = (y * width + reflected(x, width)) * channels; c < channels; c++)
        wide[at++] = image.data[from++];
    for (let x = 0; x < row; x++) {
      let sum = 0;
      for (let k = 0, from = x; k < across.length; k++, from += channels) sum += across[k] * wide[from];
      between.data[y * row + x] = sum;
    }
  }
  const sums = new Float64Array(row);
  for (let y = 0; y < height; y++) {
    sums.fill(0);
    for (let k = 0; k < down.length; k++)
      for (let x = 0, weight = down[k], from = reflected(y + k - high, height) * row; x < row; x++)
        sums[x] += weight * between.data[from++];
    made.data.set(sums, y * row);
  }
  return made;
}

/** Blurred by a Gaussian. */
export function blurred(image, sigma) {
  const size = Math.round(sigma * (image.data instanceof Float32Array ? 8 : 6) + 1) | 1;
  const weights = Float64Array.from({ length: size }, (_, i) =>
    Math.exp(-((i - (size >> 1)) ** 2) / (2 * sigma * sigma)),
  );
  const total = weights.reduce((a, b) => a + b);
  const kernel = weights.map((weight) => weight / total);
  return filtered(image, kernel, kernel);
}

/** Means of boxes of odd sides. */
export function averaged(image, width, height = width) {
  return filtered(image, new Float64Array(width).fill(1 / width), new Float64Array(height).fill(1 / height));
}

/** The largest value in a box of odd sides around each pixel, or with a sign of -1 the smallest one. */
function extreme(image, side, sign) {
  const { width, height } = image;
  const half = side >> 1;
  const pass = (from, length, lines, step, stride) => {
    const to = new Float32Array(from.length);
    for (let line = 0; line < lines; line++)
      for (let i = 0; i < length; i++) {
        const first = Math.max(i - half, 0);
        const last = Math.min(i + half, length - 1);
        let best = -Infinity;
        for (let k = first, at = line * stride + k * step; k <= last; k++, at += step)
          if (sign * from[at] > best) best = sign * from[at];
        to[line * stride + i * step] = sign * best;
      }
    return to;
  };
  return picture(width, height, 1, pass(pass(image.data, width, height, 1, width), height, width, width, 1));
}

export const dilated = (image, side) => extreme(image, side, 1);
export const eroded = (image, side) => extreme(image, side, -1);

/** A mask of 0 and 1, grown by a disc of that radius. */
export function grown(mask, radius) {
  const { width, height } = mask;
  const made = picture(width, height);
  const away = new Float32Array(width * height).fill(Infinity);
  for (let y = 0; y < height; y++) {
    const row = away.subarray(y * width, (y + 1) * width);
    for (let x = 0, last = -Infinity; x < width; x++) row[x] = x - (mask.data[y * width + x] ? (last = x) : last);
    for (let x = width - 1, last = Infinity; x >= 0; x--)
      row[x] = Math.min(row[x], (mask.data[y * width + x] ? (last = x) : last) - x);
  }
  for (let dy = -radius; dy <= radius; dy++) {
    const reach = Math.round(Math.sqrt(radius * radius - dy * dy));
    for (let y = Math.max(0, -dy); y < Math.min(height, height - dy); y++)
      for (let x = 0; x < width; x++) if (away[(y + dy) * width + x] <= reach) made.data[y * width + x] = 1;
  }
  return made;
}

/** A mask -> the number of the piece that each pixel belongs to, from 1 on, and 0 beside; the sizes of the pieces. */
export function pieces(mask, neighbours = 8) {
  const { width, height, data } = mask;
  const labels = new Int32Array(data.length);
  const sizes = [0];
  const stack = [];
  for (let start = 0; start < data.length; start++) {
    if (!data[start] || labels[start]) continue;
    const label = sizes.push(0) - 1;
    labels[start] = label;
    stack.push(start);
    while (stack.length) {
      const at = stack.pop();
      const x = at % width;
      const y = (at - x) / width;
      sizes[label]++;
      for (let dy = -1; dy <= 1; dy++)
        for (let dx = -1; dx <= 1; dx++) {
          if ((neighbours === 4 && dx && dy) || x + dx < 0 || x + dx >= width || y + dy < 0 || y + dy >= height)
            continue;
          const next = at + dy * width + dx;
          if (data[next] && !labels[next]) {
            labels[next] = label;
            stack.push(next);
          }
        }
    }
  }
  return { labels, sizes };
}

// What lies beyond the edge: the pixel at the edge, nothing (0), or the mirror image.
export const EDGE = (place, length) => inside(place, length);
export const NOTHING = (place, length) => (place < 0 || place >= length ? -1 : place);
export const MIRROR = reflected;

const STEPS = 32; // places are rounded to so many parts of a pixel
const CUBIC = each(STEPS, (i) => cubicWeights(i / STEPS));
const LINEAR = each(STEPS, (i) => [1 - i / STEPS, i / STEPS]);

/** A picture whose pixels come from places in another one: `where(x, y, place)` puts x and y there into `place`. */
export function remapped(image, width, height, where, { cubic = false, border = NOTHING } = {}) {
  const { channels } = image;
  const made = like(image, width, height);
  const place = [0, 0];
  const sums = new Float64Array(channels);
  const tables = cubic ? CUBIC : LINEAR;
  const before = cubic ? 1 : 0;
  const count = cubic ? 4 : 2;
  for (let y = 0, at = 0; y < height; y++)
    for (let x = 0; x < width; x++, at += channels) {
      where(x, y, place);
      const u = Math.round(place[0] * STEPS);
      const v = Math.round(place[1] * STEPS);
      const left = (u >> 5) - before;
      const top = (v >> 5) - before;
      if (border === NOTHING && (left + count <= 0 || top + count <= 0 || left >= image.width || top >= image.height))
        continue;
      const across = tables[u & 31];
      const down = tables[v & 31];
      const safe = left >= 0 && top >= 0 && left + count <= image.width && top + count <= image.height;
      sums.fill(0);
      for (let j = 0; j < count; j++) {
        const line = safe ? top + j : border(top + j, image.height);
        if (line < 0) continue;
        for (let i = 0; i < count; i++) {
          const column = safe ? left + i : border(left + i, image.width);
          if (column < 0) continue;
          const weight = across[i] * down[j];
          const from = (line * image.width + column) * channels;
          for (let c = 0; c < channels; c++) sums[c] += weight * image.data[from + c];
        }
      }
      for (let c = 0; c < channels; c++) made.data[at + c] = sums[c];
    }
  return made;
}

/** As `remapped`, from the place matrix @ (x, y, 1). */
export function warped(image, [[a, b, c], [d, e, f]], width, height, options) {
  const where = (x, y, place) => {
    place[0] = a * x + b * y + c;
    place[1] = d * x + e * y + f;
  };
  return remapped(image, width, height, where, options);
}

/** The matrix (2, 3) of the way back. */
export function inverse([[a, b, c], [d, e, f]]) {
  const area = a * e - b * d;
  const [p, q, r, s] = [e / area, -b / area, -d / area, a / area];
  return [
    [p, q, -(p * c + q * f)],
    [r, s, -(r * c + s * f)],
  ];
}

/** The median of numbers. */
export function median(numbers) {
  return quantile(numbers, 0.5);
}

/** The number that this share of numbers is below. */
export function quantile(numbers, share) {
  const sorted = new Float32Array(numbers).sort();
  const place = share * (sorted.length - 1);
  const first = Math.floor(place);
  const next = sorted[Math.min(first + 1, sorted.length - 1)];
  return sorted[first] + (place - first) * (next - sorted[first]);
}
