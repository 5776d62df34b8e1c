// The looks of a face: their controls, and the sentence that tells them.

import { choice } from "./controls.js";
import { button, h } from "./dom.js";
import { looks as words } from "./strings.js";

/** Colours of the swatches, near those that are drawn. */
const HAIR = {
  black: "#2c2a31",
  brown: "#7d5a3c",
  blond: "#e3c469",
  red: "#b0473a",
  grey: "#adadb3",
  blue: "#5b7fd0",
  green: "#6ea55c",
  pink: "#f09ab8",
  violet: "#8a6cc0",
};
const SKIN = { light: "#f6dcc4", tan: "#d9a97f", dark: "#8a5a3a" };
const COLOURS = { hair: HAIR, skin: SKIN };

/** What may be asked for in a photo's drawing, and what can be drawn onto a face that is there already. */
export const OF_PHOTOS = {
  hair: Object.keys(HAIR),
  length: ["short", "long"],
  fringe: ["no", "yes"],
  glasses: ["no", "yes"],
  beard: ["no", "yes"],
  smile: ["no", "yes", "more"],
  mouth: ["closed", "open"],
  age: ["young", "adult", "old"],
  skin: Object.keys(SKIN),
  turn: ["left", "front", "right"],
  sex: ["f", "m"],
};
export const OF_FACES = {
  hair: Object.keys(HAIR),
  glasses: ["yes"],
  beard: ["yes"],
  smile: ["no", "yes", "more"],
  mouth: ["closed", "open"],
  age: ["adult", "old"],
  skin: ["tan", "dark"],
};
const AS_IT_IS = "";
const SHOWN = { hat: "yes", eyes: "closed" }; // the sentence says these; the choice of a face ignores them

/** Words by look -> what people say: "a man, adult, black short hair, glasses, smiling". As `sentence` in looks.py. */
export function sentence(said) {
  const hair = said.hair === "none" ? words.bald : [said.hair, said.length, words.hairWord].filter(Boolean).join(" ");
  return [
    words[said.sex] ?? words.somebody,
    said.age,
    hair,
    ...["fringe", "glasses", "beard", "hat"].filter((name) => said[name] === "yes").map((name) => words.plain[name]),
    said.smile === "yes" && words.smiling,
    said.mouth === "open" && words.open,
    said.eyes === "closed" && words.asleep,
    (said.turn === "left" || said.turn === "right") && words.turned(said.turn),
    (said.skin === "tan" || said.skin === "dark") && words.skin(said.skin),
  ]
    .filter(Boolean)
    .join(", ");
}

/** What is said of a photo but cannot be seen in its drawing, as the names of looks; "bald" is one more. */
export function unseen({ said, drawn, missed }) {
  const never = ["hat", "eyes"].filter((name) => SHOWN[name] === said[name] && said[name] !== drawn[name]);
  return [...missed, ...never, ...(said.hair === "none" ? ["bald"] : [])];
}

/**
 * Controls of looks. offered: {look: [words]}; onchange(asked) gets the words by look that were asked for.
 * The element has .set(asked), and .mark(said), which marks the words that were seen.
 */
export function looksForm(offered, asIs, onchange, resetText) {
  let asked = {};
  const rows = Object.entries(offered).map(([name, list]) => [
    name,
    row(name, list, asIs, (word) => {
      asked = { ...asked, [name]: word };
      if (word === AS_IT_IS) delete asked[name];
      if (name === "smile" && word === "more") delete asked.mouth; // it opens the mouth
      if (name === "mouth" && word === "closed" && asked.smile === "more") asked.smile = "yes";
      element.set(asked);
      onchange(asked);
    }),
  ]);
  const reset = button(
    resetText,
    () => {
      element.set({});
      onchange({});
    },
    { look: "quiet" },
  );
  const element = h(
    "div",
    { class: "looks" },
    rows.map(([, control]) => control),
    reset,
  );
  element.set = (now) => {
    asked = { ...now };
    for (const [name, control] of rows) control.set(asked[name] ?? AS_IT_IS);
    reset.disabled = !Object.keys(asked).length;
  };
  element.mark = (said) => {
    for (const [name, control] of rows) control.mark(said[name], words.readHere);
  };
  element.set({});
  return element;
}

function row(name, list, asIs, onchange) {
  const colours = COLOURS[name];
  const options = list.map((word) => {
    const text = words.words[name]?.[word] ?? word;
    return { value: word, text, look: colours ? "swatch" : "", colour: colours?.[word] };
  });
  return choice(words.names[name], [{ value: AS_IT_IS, look: "plain", ...asIs }, ...options], onchange, {
    look: colours ? "swatches" : "",
  });
}
