// Lines and filled shapes on a mask, whose pixels become 1, as OpenCV draws them. Points are [x, y] in pixels.

function row(mask, y, first, last) {
  if (y < 0 || y >= mask.height) return;
  const start = y * mask.width;
  for (let x = Math.max(first, 0); x <= Math.min(last, mask.width - 1); x++) mask.data[start + x] = 1;
}

const round = (value) => Math.floor(value + 0.5);

/** A line of one pixel. */
function thin(mask, one, other) {
  const flat = Math.abs(other[0] - one[0]) > Math.abs(other[1] - one[1]);
  const main = flat ? 0 : 1;
  const [from, to] = one[main] <= other[main] ? [one, other] : [other, one];
  const length = to[main] - from[main];
  const slope = length ? (to[1 - main] - from[1 - main]) / length : 0;
  for (let k = 0; k <= Math.floor(length); k++) {
    const [along, across] = [round(from[main]) + k, round(from[1 - main] + k * slope)];
    const [x, y] = flat ? [along, across] : [across, along];
    row(mask, y, x, x);
  }
  row(mask, round(to[1]), round(to[0]), round(to[0]));
}

const whole = (points) => points.map((point) => point.map(round));

/** A shape. Its outline goes through whole pixels. Where it crosses itself, every second part is outside. */
export function fill(mask, points) {
  outlined(mask, points, whole(points), Math.ceil, Math.floor);
}

/** `first` and `last` say which pixel a row of the inside begins and ends with. */
function outlined(mask, points, outline, first, last) {
  const corners = points.map(([x, y]) => [x, round(y)]);
  const edges = corners.map((corner, i) => [corner, corners[(i + 1) % corners.length]]);
  outline.forEach((point, i) => thin(mask, point, outline[(i + 1) % outline.length]));
  const heights = corners.map(([, y]) => y);
  for (let y = Math.min(...heights); y <= Math.max(...heights); y++) {
    const crossed = edges
      .filter(([[, a], [, b]]) => Math.min(a, b) <= y && y < Math.max(a, b))
      .map(([[x0, y0], [x1, y1]]) => x0 + ((x1 - x0) * (y - y0)) / (y1 - y0))
      .sort((a, b) => a - b);
    for (let i = 0; i + 1 < crossed.length; i += 2) row(mask, y, first(crossed[i]), last(crossed[i + 1]));
  }
}

function dot(mask, [x, y], radius) {
  for (let across = radius, up = 0, error = 0; across >= up; up++) {
    for (const [high, wide] of [
      [up, across],
      [across, up],
    ])
      for (const at of [y - high, y + high]) row(mask, at, x - wide, x + wide);
    error += 2 * up + 1;
    if (error > 0) error -= 2 * across-- - 1;
  }
}

/** A line through points, of a whole width. */
export function stroke(mask, points, width) {
  for (let i = 0; i + 1 < points.length; i++) {
    const [[x0, y0], [x1, y1]] = [points[i], points[i + 1]];
    const [dx, dy] = [x1 - x0, y1 - y0];
    const length = Math.hypot(dx, dy);
    if (width <= 1) {
      thin(mask, ...whole([points[i], points[i + 1]]));
      continue;
    }
    if (length) {
      const half = (width + (width & 1)) / 2 / length;
      const [u, v] = [-dy * half, dx * half];
      const corners = [
        [x0 + u, y0 + v],
        [x0 - u, y0 - v],
        [x1 - u, y1 - v],
        [x1 + u, y1 + v],
      ];
      outlined(mask, corners, corners, round, round);
    }
    const radius = Math.floor((width + 1) / 2);
    if (i === 0) dot(mask, [round(x0), round(y0)], radius);
    dot(mask, [round(x1), round(y1)], radius);
  }
}
