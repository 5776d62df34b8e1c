// Which seeds the grid of new faces shows.

/** The seed to begin with, and well drawn ones, ascending -> a function: a place in the grid -> its seed. After the
 * first seed come the well drawn ones above it, and at their end all seeds. */
export function seedsFrom(first, well) {
  const above = well.filter((seed) => seed > first);
  const last = above.at(-1) ?? first;
  return (place) => (place === 0 ? first : (above[place - 1] ?? last + place - above.length));
}
