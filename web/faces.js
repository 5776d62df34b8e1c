// The view New faces: an endless grid, the faces that are kept, and one of them large.

import { choice } from "./controls.js";
import { button, h, paint, show } from "./dom.js";
import { editor } from "./editor.js";
import { faults } from "./faults.js";
import { openFilm } from "./film.js";
import { grid } from "./grid.js";
import { SOON, unlessCancelled } from "./line.js";
import { faceOf, isFace, withinLimits } from "./links.js";
import { recall, remember } from "./saving.js";
import { seedsFrom } from "./seeds.js";
import { refill, thumb } from "./source.js";
import { faces as words, problem } from "./strings.js";

const SEEDS = 1_000_000; // "somewhere else" is below
const SCREEN = 96; // faces, about: so many well drawn ones are left below "somewhere else"

/** -> {element, start(), open(hash)}: open shows the face of a link, if the hash is one. */
export function faces({ line, announce }) {
  let well = []; // seeds of faces that are well drawn
  let kept = [];
  let keeps = null; // the name under which the browser keeps them: another generator draws other faces
  let chosen = null;
  const thumbs = new Map(); // seed -> canvas
  const wrong = faults();
  const from = h("input", {
    type: "number",
    min: 0,
    step: 1,
    value: 0,
    id: "from",
    onchange: () => begin(from.valueAsNumber),
  });
  const which = choice(
    words.which,
    [
      { value: "well", text: words.well, label: words.wellMeans },
      { value: "all", text: words.all },
    ],
    (value) => begin(value === "well" && from.valueAsNumber > well.at(-1) ? well[0] : from.valueAsNumber),
    { hideLegend: true },
  );
  show(which, false);
  const endless = grid({ line, isKept: (seed) => kept.some((face) => face.seed === seed), pick, complain });
  const large = editor({ line, announce, complain, changed, letGo });
  const list = h("div", { class: "strip", role: "group", "aria-label": words.kept });
  const walk = button(words.walk, () => openFilm(kept, line), { image: "film" });
  const tray = h("div", { class: "tray" }, list, walk);
  const element = h(
    "section",
    { class: "faces" },
    h(
      "div",
      { class: "head" },
      h("h1", {}, words.title),
      h("p", { class: "lead" }, words.lead),
      h(
        "div",
        { class: "row" },
        h("label", { for: "from" }, words.from),
        from,
        button(words.elsewhere, elsewhere, { image: "again" }),
        which,
      ),
    ),
    wrong,
    large.element,
    endless.element,
    tray,
  );
  let begun = false;

  async function start() {
    if (begun) return;
    begun = true;
    update();
    try {
      const { model } = await line.opening;
      keeps = `kept-faces-${model.networks.generator.sha256?.slice(0, 12)}`;
      well = model.well ?? [];
    } catch {
      return; // the page says already that it could not be loaded
    }
    show(which, well.length > 0);
    begin(from.valueAsNumber || well[0]);
    kept = [...remembered(keeps).filter(({ seed }) => !kept.some((face) => face.seed === seed)), ...kept];
    if (kept.length) choose(chosen ?? kept.at(-1));
  }
  function begin(seed) {
    const right = Number.isSafeInteger(seed) && seed >= 0 ? seed : 0;
    from.value = right;
    if (right > well.at(-1)) which.set("all"); // nobody has looked at these
    endless.start(seedsFrom(right, which.value === "well" ? well : []));
  }
  function elsewhere() {
    const among = which.value === "well" ? well : [];
    const place = Math.floor(Math.random() * (among.length ? Math.max(1, among.length - SCREEN) : SEEDS));
    begin(among[place] ?? place);
  }
  function pick(seed) {
    const face = kept.find((each) => each.seed === seed);
    endless.steady(seed, () => (face ? choose(face) : keep({ seed, edit: {}, asked: {} })));
  }
  function keep(face) {
    kept = [...kept.filter((each) => each.seed !== face.seed), face];
    thumbs.delete(face.seed);
    announce(words.keptNow(face.seed, kept.length));
    choose(face);
  }
  function letGo(face) {
    kept = kept.filter((each) => each !== face);
    thumbs.delete(face.seed);
    announce(words.gone(face.seed));
    choose(chosen === face ? (kept.at(-1) ?? null) : chosen);
  }
  function choose(face) {
    if (face !== chosen || !face) large.show(face);
    chosen = face;
    update();
  }
  function changed(face) {
    small(face);
    store();
  }
  function store() {
    if (keeps) remember(keeps, kept);
  }
  function update() {
    refill(
      list,
      kept.map((face) => {
        const known = thumbs.get(face.seed);
        const made = thumb(
          words.cell(face.seed),
          known ?? h("canvas", { width: 64, height: 64 }),
          face === chosen,
          () => {
            choose(face);
            const { top, bottom } = large.element.getBoundingClientRect();
            if (bottom < 0 || top > innerHeight) large.element.scrollIntoView();
          },
        );
        thumbs.set(face.seed, made.firstElementChild);
        if (!known) small(face);
        return made;
      }),
    );
    show(tray, kept.length > 0);
    walk.disabled = kept.length < 2;
    walk.title = kept.length < 2 ? words.walkNeeds : "";
    store();
    endless.update();
  }
  async function small(face) {
    try {
      const pixels = await line.ask(
        (engine) => engine.face(face.seed, { size: 64, edit: face.edit, asked: face.asked }),
        { rank: SOON, key: `kept-${face.seed}` },
      );
      const canvas = thumbs.get(face.seed);
      if (canvas) paint(canvas, pixels);
    } catch (error) {
      unlessCancelled(complain)(error);
    }
  }
  async function open(hash) {
    const face = faceOf(hash);
    if (face === null) return;
    if (face === undefined) return wrong.tell(words.wrongLink);
    try {
      const { model } = await line.opening;
      keep(withinLimits(face, model.edits));
      if (location.hash === hash) history.replaceState(null, "", "#faces"); // a reload is not to undo later changes
    } catch {
      // the page says already that it could not be loaded
    }
  }
  function complain(error) {
    wrong.tell(problem(error), again);
  }
  function again() {
    thumbs.clear();
    update();
    large.show(chosen);
    endless.again();
  }

  return { element, start, open };
}

function remembered(name) {
  const known = recall(name);
  return Array.isArray(known) ? known.filter(isFace) : [];
}
