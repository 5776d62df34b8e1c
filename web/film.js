// A film that goes from one kept face to the next, and back to the first.

import { button, calm, h, paint, picture, show } from "./dom.js";
import { NOW, unlessCancelled } from "./line.js";
import { saveBlob } from "./saving.js";
import { film as words, page, problem } from "./strings.js";

const STEPS = 20; // frames from one face to the next
const RATE = 20; // frames a second
const SIDE = 256;
const MOST = 12; // faces: all frames are kept in memory
const TYPES = ["video/webm;codecs=vp9", "video/webm;codecs=vp8", "video/webm"];

const gently = (t) => t * t * (3 - 2 * t); // slow near each face

/** The way from face to face: [[a, b, t]]. Between two faces it is the same way there and back. */
function way(faces) {
  const legs = faces.length === 2 ? [faces] : faces.map((face, at) => [face, faces[(at + 1) % faces.length]]);
  return legs.flatMap(([a, b]) => Array.from({ length: STEPS }, (_, at) => [a, b, gently(at / STEPS)]));
}

/** A dialogue that draws the film, plays it and saves it. */
export function openFilm(faces, line) {
  const screen = picture(words.picture, SIDE);
  const bar = h("progress", { max: 1, value: 0, "aria-label": words.bar });
  const note = h("p", { role: "status", class: "soft" }, faces.length > MOST ? words.first(MOST) : "");
  const play = button(words.play, () => run(!playing));
  const save = button(words.save, record, { image: "save", look: "main" });
  const dialog = h(
    "dialog",
    { class: "film", "aria-label": words.title, onclose: end },
    h("h2", {}, words.title),
    screen,
    bar,
    note,
    h(
      "div",
      { class: "row" },
      play,
      save,
      button(page.close, () => dialog.close()),
    ),
  );
  const type =
    typeof MediaRecorder === "function" &&
    screen.captureStream &&
    TYPES.find((each) => MediaRecorder.isTypeSupported(each));
  const steps = way(faces.slice(0, MOST));
  const frames = [];
  let playing = 0;
  let at = 0;
  let recorder = null;

  play.disabled = save.disabled = true;
  document.body.append(dialog);
  dialog.showModal();
  draw().catch(
    unlessCancelled((error) => {
      note.textContent = problem(error);
    }),
  );

  async function draw() {
    for (const [a, b, t] of steps) {
      const frame = await line.ask((engine) => engine.between(a, b, t, { size: SIDE }), { rank: NOW, key: "film" });
      if (!dialog.open) return;
      frames.push(frame);
      paint(screen, frame);
      bar.value = frames.length / steps.length;
      bar.textContent = words.drawing(frames.length, steps.length);
    }
    if (faces.length === 2) frames.push(...frames.slice(1).reverse());
    show(bar, false);
    play.disabled = false;
    save.disabled = !type;
    note.textContent = type ? words.ready : words.no;
    run(!calm());
  }
  function run(wanted) {
    clearInterval(playing);
    playing = wanted ? setInterval(() => paint(screen, frames[(at = (at + 1) % frames.length)]), 1000 / RATE) : 0;
    play.lastElementChild.textContent = playing ? words.pause : words.play;
  }
  async function record() {
    save.disabled = play.disabled = true;
    note.textContent = words.saving;
    const blob = await recorded();
    if (!dialog.open) return;
    save.disabled = play.disabled = false;
    note.textContent = words.ready;
    saveBlob(blob, `${words.file}.webm`);
    run(!calm());
  }
  function recorded() {
    run(false);
    recorder = new MediaRecorder(screen.captureStream(RATE), { mimeType: type, videoBitsPerSecond: 4e6 });
    const parts = [];
    recorder.addEventListener("dataavailable", ({ data }) => parts.push(data));
    return new Promise((resolve) => {
      recorder.addEventListener("stop", () => resolve(new Blob(parts, { type })));
      recorder.start();
      let next = 0;
      playing = setInterval(() => {
        if (next < frames.length) return paint(screen, frames[next++]);
        run(false);
        recorder.stop();
      }, 1000 / RATE);
    });
  }
  function end() {
    run(false);
    if (recorder?.state === "recording") recorder.stop();
    line.drop("film");
    dialog.remove();
  }
}
