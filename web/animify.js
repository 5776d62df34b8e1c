// The view Animify: photos in, anime faces out.

import { takePhoto } from "./camera.js";
import { h, paint, picture, show } from "./dom.js";
import { faults } from "./faults.js";
import { stem } from "./files.js";
import { hero } from "./hero.js";
import { unlessCancelled } from "./line.js";
import { looksForm, OF_PHOTOS } from "./looks.js";
import { result } from "./result.js";
import { source } from "./source.js";
import { animify as words, looks as lookWords, page, problem, problemOf } from "./strings.js";

const VIEW = 1024; // pixels of the longer side of a photo that is shown
const LARGE = 12e6; // bytes
const MOST = 12; // photos, for each takes memory
const UNNAMED = /^image\.\w+$/; // what browsers call a picture that is pasted

/** -> {element, take(files), people()} */
export function animify({ line, announce }) {
  let photos = [];
  let searches = 0; // that are under way
  let current = null;
  const title = h("h1", {}, words.title);
  const busy = h("p", { class: "busy", role: "status" });
  const wrong = faults();
  const first = hero({ take, camera, example });
  const drawing = result({ line, announce, complain, told: mark });
  const looks = looksForm(
    OF_PHOTOS,
    { text: lookWords.photo, label: lookWords.asPhoto },
    (asked) => drawing.draw({ asked }),
    lookWords.reset,
  );
  const from = source({ told: drawing.told, choose, remove, take, camera });
  const panel = h("section", { class: "card", "aria-label": lookWords.title }, h("h2", {}, lookWords.title), looks);
  const work = h("div", { class: "work" }, from.element, drawing.element, panel);
  const element = h("section", { class: "animify" }, title, busy, wrong, first, work);
  update();

  /** Files, one after the other, become photos with people. The first one found is shown. */
  async function take(files) {
    let shown = false;
    if (!searches) wrong.clear();
    searches++;
    if (!files.length) wrong.tell(page.noPictures);
    for (const file of files) {
      if (photos.length >= MOST) {
        wrong.tell(words.full(MOST));
        break;
      }
      const name = UNNAMED.test(file.name ?? "") ? words.pasted : stem(file.name ?? words.camera);
      busy.textContent = [words.looking(name), file.size > LARGE && words.large].filter(Boolean).join(". ");
      busy.dataset.on = "";
      try {
        const photo = await find(file, name);
        if (!photo) wrong.tell(words.nobody(name));
        else {
          photos.push(photo);
          announce(words.found(photo.people.length));
          if (shown && current) from.update(photos, current);
          else choose(photo.people[0]);
          shown = true;
        }
      } catch (error) {
        unlessCancelled((fault) =>
          wrong.tell(problemOf(name, problem(fault)), fault.code === "offline" && (() => take([file]))),
        )(error);
      }
    }
    if (--searches) return;
    busy.textContent = "";
    delete busy.dataset.on;
  }
  async function find(file, name) {
    const found = await line.ask((engine) => engine.find(file));
    const forget = () => line.ask((engine) => engine.forget(found.photo)).catch(() => {});
    if (!found.people.length) {
      forget();
      return null;
    }
    const small = await line
      .ask((engine) => engine.preview(found.photo, VIEW))
      .catch((error) => {
        forget();
        throw error;
      });
    const view = paint(picture(words.photo(name)), small);
    const photo = { ...found, name, view };
    photo.people = found.people.map((person, at) => ({
      ...person,
      photo,
      number: at + 1,
      options: { asked: {}, freedom: 0, variant: 0 },
    }));
    return photo;
  }
  async function camera() {
    const photo = await takePhoto();
    if (photo) take([new File([photo], `${words.camera}.jpg`, { type: photo.type })]);
  }
  async function example() {
    try {
      const answer = await fetch(new URL("example.jpg", import.meta.url), { cache: "force-cache" });
      take([new File([await answer.blob()], `${words.exampleName}.jpg`)]);
    } catch {
      wrong.tell(problem({ code: "offline" }), example);
    }
  }
  function complain(error) {
    wrong.tell(problem(error), () => current && drawing.draw({}));
  }
  function choose(person) {
    current = person;
    update();
    from.update(photos, person);
    looks.set(person.options.asked);
    mark(person);
    drawing.person(person);
  }
  function mark(person) {
    looks.mark(person.seen ?? {});
  }
  function remove(photo) {
    photos = photos.filter((each) => each !== photo);
    line.ask((engine) => engine.forget(photo.photo)).catch(() => {});
    current = null;
    if (photos.length) choose(photos.at(-1).people[0]);
    update();
  }
  function update() {
    show(first, !current);
    show(work, Boolean(current));
    title.classList.toggle("hidden", Boolean(current));
  }

  return { element, take, people: () => photos.flatMap((photo) => photo.people) };
}
