// The rounds of the game, without anything that is seen.

const MOST = 8; // answers to choose from

/** A list in random order. */
function shuffled(list, random = Math.random) {
  const made = [...list];
  for (let at = made.length - 1; at > 0; at--) {
    const other = Math.floor(random() * (at + 1));
    [made[at], made[other]] = [made[other], made[at]];
  }
  return made;
}

/** Rounds {asked, answers} about people without an end. Everybody is asked about once before anybody is twice. */
export function* rounds(people, random = Math.random) {
  for (;;) {
    for (const asked of shuffled(people, random)) {
      const others = shuffled(
        people.filter((person) => person !== asked),
        random,
      ).slice(0, MOST - 1);
      yield { asked, answers: shuffled([asked, ...others], random) };
    }
  }
}
