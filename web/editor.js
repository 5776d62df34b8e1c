// One kept face, large, with all that can be changed in it.

import { slider } from "./controls.js";
import { button, h, paint, picture, show } from "./dom.js";
import { NOW, unlessCancelled } from "./line.js";
import { hashOf } from "./links.js";
import { looksForm, OF_FACES } from "./looks.js";
import { copy, saveCanvas } from "./saving.js";
import { faces as words, looks as lookWords } from "./strings.js";

const HERE = /^(localhost|127\.0\.0\.1|\[::1\])$/; // hosts that other computers cannot reach

/** changed(face) is called when its edits or looks are; letGo(face) when it is not kept any more. */
export function editor({ line, announce, complain, changed, letGo }) {
  const large = picture("", 256);
  const title = h("h2", {});
  const link = h("input", {
    type: "text",
    readonly: true,
    "aria-label": words.linkHere,
    hidden: true,
    onfocus: () => link.select(),
  });
  const named = h("div", { class: "sliders" });
  const unnamed = h("details", {}, h("summary", {}, words.unnamed), h("div", { class: "sliders" }));
  const looks = looksForm(OF_FACES, { text: lookWords.asItIs }, (asked) => change({ asked }), lookWords.resetFace);
  const reset = button(
    words.reset,
    () => {
      change({ edit: {} });
      put();
    },
    { look: "quiet" },
  );
  const changes = h("h3", {}, words.changes);
  const save = button(words.download, () => saveCanvas(large, words.file(face.seed)), { image: "save", look: "main" });
  const nothing = h("p", { class: "soft" }, words.nothing);
  const body = h(
    "div",
    { class: "body" },
    h("div", { class: "stage" }, large),
    h(
      "div",
      { class: "row ends" },
      title,
      button(words.letGo, () => letGo(face), { image: "close", look: "quiet" }),
    ),
    h("div", { class: "row" }, save, button(words.share, share, { image: "link" })),
    link,
    looks,
    changes,
    named,
    unnamed,
    reset,
  );
  const element = h("section", { class: "card editor", "aria-label": words.kept }, nothing, body);
  const sliders = new Map();
  let face = null;
  let newest = 0; // the number of the newest request to draw
  show(body, false);

  line.opening.then(
    ({ model }) => {
      for (const [name, { limit }] of Object.entries(model.edits)) {
        const texts = words.edits[name];
        const ends = texts ?? words.none;
        const control = slider(
          texts ? texts.join(" - ") : words.unnamedOne(name),
          ends,
          { min: -limit, max: limit, step: 0.1 },
          (value) => edit(name, value),
        );
        sliders.set(name, control);
        (texts ? named : unnamed.lastElementChild).append(control);
      }
      for (const each of [changes, reset]) show(each, sliders.size > 0);
      show(unnamed, unnamed.lastElementChild.hasChildNodes());
      if (face) put();
    },
    () => {},
  );

  function edit(name, value) {
    const others = { ...face.edit };
    delete others[name];
    change({ edit: value ? { ...others, [name]: value } : others });
  }
  function change(what) {
    Object.assign(face, what);
    show(link, false);
    changed(face);
    draw();
  }
  function put() {
    for (const [name, control] of sliders) control.set(face.edit[name] ?? 0);
    looks.set(face.asked);
  }
  async function draw() {
    const now = face;
    const request = ++newest;
    const { edit: edits, asked } = face;
    large.parentElement.setAttribute("aria-busy", "true");
    save.disabled = true;
    try {
      const pixels = await line.ask((engine) => engine.face(now.seed, { size: 256, edit: edits, asked }), {
        rank: NOW,
        key: "large",
      });
      if (now !== face) return;
      paint(large, pixels);
      if (request !== newest) return;
      large.parentElement.removeAttribute("aria-busy");
      save.disabled = false;
    } catch (error) {
      unlessCancelled((fault) => {
        if (request === newest) large.parentElement.removeAttribute("aria-busy");
        complain(fault);
      })(error);
    }
  }
  async function share() {
    link.value = new URL(hashOf(face), location.href).href;
    const copied = await copy(link.value);
    show(link, !copied);
    if (copied) announce(HERE.test(location.hostname) ? words.sharedHere : words.shared, true);
    else link.focus();
  }

  return {
    element,
    /** Another face is shown, or none. */
    show(chosen) {
      face = chosen;
      show(nothing, !face);
      show(body, Boolean(face));
      show(link, false);
      if (!face) return;
      title.textContent = words.chosen(face.seed);
      large.setAttribute("aria-label", words.large(face.seed));
      put();
      draw();
    },
  };
}
