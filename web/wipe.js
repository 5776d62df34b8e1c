// Before and after: a photo over its drawing, wiped away with a slider, the pointer or the arrow keys.

import { slider } from "./controls.js";
import { calm, h, paint, picture } from "./dom.js";
import { animify as words } from "./strings.js";

const SECONDS = 0.9; // the photo is wiped away when a drawing is new

export function wipe() {
  const before = picture(words.crop, 256);
  const after = picture("", 256);
  const stage = h("div", { class: "wipe" }, after, before, h("div", { class: "edge", "aria-hidden": "true" }));
  const control = slider(words.wipe, words.wipeEnds, {}, put);
  let moving = 0;

  function put(part) {
    cancelAnimationFrame(moving);
    stage.style.setProperty("--at", `${part * 100}%`);
    stage.classList.toggle("whole", part === 0);
    before.setAttribute("aria-hidden", String(part === 0));
  }
  function set(part) {
    put(part);
    control.set(part);
  }
  function follow(event) {
    if (event.type === "pointermove" && !event.buttons) return;
    const { left, width } = stage.getBoundingClientRect();
    set(Math.min(Math.max((event.clientX - left) / width, 0), 1));
  }
  stage.addEventListener("pointerdown", (event) => {
    stage.setPointerCapture(event.pointerId);
    follow(event);
  });
  stage.addEventListener("pointermove", follow);
  set(0);

  return {
    stage,
    control,
    after,
    photo: (image, part) => paint(before, image, part),
    drawing(image, label) {
      paint(after, image);
      after.setAttribute("aria-label", label);
    },
    cover: () => set(1),
    reveal() {
      if (calm()) return set(0);
      const start = performance.now();
      const step = (now) => {
        const done = Math.min((now - start) / 1000 / SECONDS, 1);
        set((1 - done) ** 3);
        if (done < 1) moving = requestAnimationFrame(step);
      };
      step(start);
    },
  };
}
