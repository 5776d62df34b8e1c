// The drawing of one person: the face over its photo, the sticker, or the head in the photo.

import { choice, slider } from "./controls.js";
import { button, h, paint, picture, show } from "./dom.js";
import { NOW, SOON, unlessCancelled } from "./line.js";
import { sentence, unseen } from "./looks.js";
import { saveCanvas } from "./saving.js";
import { animify as words, looks as lookWords } from "./strings.js";
import { wipe } from "./wipe.js";

const FREE = 0.5; // from here on a drawing leaves out what the photo shows

const named = (options, texts) => options.map((value) => ({ value, text: texts[value] }));

/** told(person) is called when the looks of a person are known; complain(error) when something went wrong. */
export function result({ line, announce, complain, told }) {
  const face = wipe();
  const sticker = picture(words.sticker, 512);
  const photo = picture(words.intoPhoto, 512);
  const stages = { face: face.stage, sticker, photo };
  const stage = h(
    "div",
    { class: "stage" },
    Object.values(stages),
    h("p", { class: "wait", "aria-hidden": "true" }, words.drawing),
  );
  const modes = choice(words.view, named(["face", "sticker", "photo"], words.views), changeMode, {
    hideLegend: true,
    look: "tabs",
  });
  const who = choice(
    words.who,
    [
      { value: "all", text: words.everyone },
      { value: "one", text: words.one },
    ],
    draw,
  );
  const rest = choice(
    words.rest,
    [
      { value: "photo", text: words.asIs },
      { value: "paint", text: words.painted },
    ],
    draw,
  );
  const freedom = slider(words.freedom, words.freedomEnds, { step: 0.05 }, (value) => change({ freedom: value }));
  const variant = h("span", { class: "soft", role: "status" });
  const best = button(words.best, () => change({ variant: 0 }), { look: "quiet" });
  const save = button(words.download, download, { image: "save", look: "main" });
  const crop = picture(words.crop, 96);
  const seen = h("p", { class: "seen" });
  const missed = h("p", { class: "soft" });
  const element = h(
    "div",
    { class: "result" },
    modes,
    stage,
    face.control,
    h("div", { class: "row spread" }, who, rest),
    freedom,
    h(
      "div",
      { class: "row" },
      button(words.another, () => change({ variant: person.options.variant + 1 }), { image: "again" }),
      save,
    ),
    h("div", { class: "row" }, variant, best),
  );
  const card = h("div", { class: "card told" }, crop, h("div", {}, h("h2", {}, words.seen), seen, missed));
  let person = null;
  let mode = "face";
  let covered = true; // the photo is shown until the face is drawn
  let newest = 0; // the number of the newest request to draw

  function change(options) {
    Object.assign(person.options, options);
    update();
    draw();
  }
  function changeMode(value) {
    mode = value;
    update();
    draw();
  }
  function update() {
    for (const [name, each] of Object.entries(stages)) show(each, name === mode);
    show(face.control, mode === "face");
    show(who.parentElement, mode === "photo");
    show(who, person.photo.people.length > 1);
    freedom.set(person.options.freedom);
    variant.textContent = person.options.variant ? words.variant(person.options.variant) : "";
    show(best, person.options.variant > 0);
    tell();
  }
  function tell() {
    seen.textContent = person.seen ? sentence(person.seen) : "";
    const left = (person.missed ?? []).map((name) => lookWords.missed[name] ?? name);
    const free = person.options.freedom >= FREE && left.length;
    const all = Object.keys(person.options.asked).length ? words.allChosen : words.all;
    missed.textContent = !person.seen ? "" : free ? words.free : left.length ? words.missed(left) : all;
  }

  /** Draws what is shown once more. An older drawing that nobody waits for leaves the line. */
  async function draw() {
    const now = person;
    const request = ++newest;
    stage.setAttribute("aria-busy", "true");
    save.disabled = true;
    const current = () => now === person;
    const jobs = [];
    if (mode === "face" || now.drawnWith !== JSON.stringify(now.options)) jobs.push(portrait(now, current));
    if (mode === "sticker")
      jobs.push(other("sticker", sticker, (engine) => engine.sticker(now.person, copied(now)), current));
    if (mode === "photo")
      jobs.push(
        other(
          "photo",
          photo,
          (engine) => engine.intoPhoto(now.photo.photo, heads(now), { paint: rest.value === "paint" }),
          current,
        ),
      );
    try {
      await Promise.all(jobs);
      if (request !== newest) return;
      stage.removeAttribute("aria-busy");
      save.disabled = false;
      announce(words.done);
    } catch (error) {
      unlessCancelled((fault) => {
        if (request === newest) stage.removeAttribute("aria-busy");
        complain(fault);
      })(error);
    }
  }
  async function portrait(now, current) {
    const asked = copied(now);
    const key = JSON.stringify(asked);
    const made = await line.ask((engine) => engine.portrait(now.person, asked), {
      rank: mode === "face" ? NOW : SOON,
      key: "portrait",
    });
    now.seen = made.seen;
    now.missed = unseen(made);
    now.drawnWith = key; // the options that `missed` is true of
    if (!current()) return;
    face.drawing(made.face, words.face(sentence(made.drawn)));
    if (covered) face.reveal();
    covered = false;
    tell();
    told(now);
  }
  async function other(name, canvas, work, current) {
    const image = await line.ask(work, { rank: NOW, key: name });
    if (current()) paint(canvas, image);
  }
  function heads(now) {
    const people = who.value === "one" ? [now] : now.photo.people;
    return people.map((each) => ({ person: each.person, options: copied(each) }));
  }
  function download() {
    const canvas = mode === "face" ? face.after : stages[mode];
    saveCanvas(
      canvas,
      [person.photo.name, person.photo.people.length > 1 && person.number, words.suffix[mode]]
        .filter(Boolean)
        .join("-"),
    );
  }

  return {
    element,
    told: card, // what was seen in the photo
    draw: change,
    /** Another person is shown, and drawn. */
    person(chosen) {
      person = chosen;
      paint(crop, chosen.crop);
      face.photo(chosen.crop, chosen.inner);
      face.cover();
      covered = true;
      sticker.width = 512; // empty
      paint(photo, chosen.photo.view);
      update();
      draw();
    },
  };
}

const copied = ({ options }) => ({ ...options, asked: { ...options.asked } });
