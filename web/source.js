// The photos that the user gave, and the people on them.

import { photoPicker } from "./controls.js";
import { h, iconButton, show } from "./dom.js";
import { animify as words } from "./strings.js";

const THUMB = 128; // pixels

/** told: an element about the chosen person. choose(person), remove(photo), take(files), camera(): the user does so. */
export function source({ told, choose, remove, take, camera }) {
  const strip = h("div", { class: "strip", role: "group", "aria-label": words.photos });
  const stage = h("div", { class: "photo" });
  const note = h("p", { class: "soft" });
  const chips = h("div", { class: "strip", role: "group", "aria-label": words.people });
  const element = h(
    "div",
    { class: "source" },
    strip,
    stage,
    note,
    chips,
    told,
    h(
      "div",
      { class: "row" },
      photoPicker(words.add, take),
      iconButton("camera", words.take, camera),
      iconButton("close", words.remove, () => remove(shown.photo)),
    ),
  );
  let shown = null;

  /** photos: all of them; person: the chosen one. */
  function update(photos, person) {
    const other = shown?.photo !== person.photo;
    shown = person;
    const { people, name, view } = person.photo;
    show(strip, photos.length > 1);
    refill(
      strip,
      photos.map((photo) => thumb(photo.name, photo.view, photo === person.photo, () => choose(photo.people[0]))),
    );
    if (other) {
      view.setAttribute("aria-label", words.photo(name));
      stage.replaceChildren(view, ...people.map(frame));
    }
    stage.querySelectorAll(".frame").forEach((box, at) => box.classList.toggle("chosen", people[at] === person));
    note.textContent = people.length > 1 ? words.many(people.length) : "";
    show(chips, people.length > 1);
    refill(
      chips,
      people.map((each) =>
        thumb(words.person(each.number), each.crop, each === person, () => choose(each), each.number),
      ),
    );
  }

  // The frames are for the pointer; who uses the keyboard takes the buttons below.
  function frame(person) {
    const { width, height } = person.photo;
    const [x, y, side] = person.box;
    const many = person.photo.people.length > 1;
    const box = h(
      "div",
      { class: "frame", "aria-hidden": "true", onclick: () => choose(person) },
      many && h("span", {}, String(person.number)),
    );
    const percent = (part, whole) => `${(part / whole) * 100}%`;
    Object.assign(box.style, {
      left: percent(x, width),
      top: percent(y, height),
      width: percent(side, width),
      height: percent(side, height),
    });
    return box;
  }

  return { element, update };
}

/** A button with a small picture. */
export function thumb(label, image, chosen, onclick, number = null) {
  const small = h("canvas", { width: THUMB, height: THUMB });
  const side = Math.min(image.width, image.height);
  small
    .getContext("2d")
    .drawImage(image, (image.width - side) / 2, (image.height - side) / 2, side, side, 0, 0, THUMB, THUMB);
  return h(
    "button",
    { type: "button", class: "thumb", "aria-label": label, title: label, "aria-pressed": String(chosen), onclick },
    small,
    number && h("span", { class: "number", "aria-hidden": "true" }, String(number)),
  );
}

/** A list shows these buttons now; the focus stays at its place in the list. */
export function refill(list, buttons) {
  const at = [...list.children].indexOf(document.activeElement);
  list.replaceChildren(...buttons);
  list.children[at]?.focus({ preventScroll: true });
}
