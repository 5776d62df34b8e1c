// An endless grid of new faces. Only what is near the screen is drawn, and what is far away is dropped, so that the
// memory it takes does not grow. The faces are in blocks; a block that is far away is an empty box of the same size.

import { h, paint } from "./dom.js";
import { LATER, unlessCancelled } from "./line.js";
import { faces as words } from "./strings.js";

const BLOCK = 48; // faces: whole rows, whatever the number of columns in style.css
const SIDE = 64;
const FAR = "1000px"; // blocks beyond this are emptied
const NEAR = "250px"; // faces within this are drawn
const STEPS = {
  ArrowLeft: () => -1,
  ArrowRight: () => 1,
  ArrowUp: (columns) => -columns,
  ArrowDown: (columns) => columns,
};

/** isKept(seed); pick(seed) is called when a face is clicked. -> {element, start, steady, update, again}. Each face has a
 * place in the grid, from 0, and a seed. */
export function grid({ line, isKept, pick, complain }) {
  const element = h("div", { class: "grid", role: "group", "aria-label": words.grid, onkeydown: move });
  let seedAt = (place) => place;
  let reached = 0; // the place that the keyboard is at

  const nearBlocks = new IntersectionObserver(
    (entries) =>
      entries.forEach(({ target, isIntersecting }) => {
        if (isIntersecting) fill(target);
        else if (!target.contains(document.activeElement)) empty(target);
      }),
    { rootMargin: `${FAR} 0px` },
  );
  const nearCells = new IntersectionObserver(
    (entries) =>
      entries.forEach(({ target, isIntersecting }) => {
        if (isIntersecting) draw(target);
        else line.drop(key(target));
      }),
    { rootMargin: `${NEAR} 0px` },
  );

  const key = (cell) => `cell-${cell.dataset.seed}`;

  function add() {
    const block = h("div", { class: "block" });
    block.start = element.children.length * BLOCK;
    element.append(block);
    nearBlocks.observe(block);
  }
  function fill(block) {
    if (!block.children.length) {
      block.append(...Array.from({ length: BLOCK }, (_, i) => cell(block.start + i)));
      for (const each of block.children) nearCells.observe(each);
    }
    if (block === element.lastElementChild) add();
    enter();
  }
  function empty(block) {
    for (const each of block.children) {
      nearCells.unobserve(each);
      line.drop(key(each));
    }
    block.replaceChildren();
    enter();
  }
  /** Tab goes to the reached cell. If that one is gone, to the first one. */
  function enter() {
    const there = element.querySelector(".cell");
    if (there && !at(reached)) reach(Number(there.dataset.place));
  }
  function cell(place) {
    const seed = seedAt(place);
    return h("button", {
      type: "button",
      class: "cell",
      "data-place": place,
      "data-seed": seed,
      "aria-label": words.cell(seed),
      title: words.cell(seed),
      "aria-pressed": String(isKept(seed)),
      tabindex: place === reached ? 0 : -1,
      onclick: () => {
        reach(place);
        pick(seed);
      },
    });
  }
  async function draw(target) {
    if (target.firstChild) return;
    const seed = Number(target.dataset.seed);
    try {
      const face = await line.ask((engine) => engine.face(seed, { size: SIDE }), { rank: LATER, key: key(target) });
      if (target.isConnected && !target.firstChild) target.append(paint(h("canvas"), face));
    } catch (error) {
      unlessCancelled(complain)(error);
    }
  }
  function find(seed) {
    return element.querySelector(`[data-seed="${seed}"]`);
  }
  function at(place) {
    return element.querySelector(`[data-place="${place}"]`);
  }
  function reach(place) {
    at(reached)?.setAttribute("tabindex", -1);
    reached = place;
    at(place)?.setAttribute("tabindex", 0);
  }
  function move(event) {
    const columns = Number(getComputedStyle(element).getPropertyValue("--columns"));
    const step = STEPS[event.key]?.(columns);
    if (!step || !at(reached + step)) return;
    event.preventDefault();
    reach(reached + step);
    at(reached).focus();
  }

  return {
    element,
    /** Shows the faces of other seeds: a function that gives the seed at a place. */
    start(seeds) {
      for (const block of element.children) {
        nearBlocks.unobserve(block);
        empty(block);
      }
      element.replaceChildren();
      seedAt = seeds;
      reached = 0;
      add();
    },
    /** Does something that may move the grid, and scrolls so that this face stays where it is. */
    steady(seed, act) {
      const before = find(seed).getBoundingClientRect().top;
      act();
      scrollBy({ top: find(seed).getBoundingClientRect().top - before, behavior: "instant" });
    },
    /** Shows which faces are kept now. */
    update() {
      for (const each of element.querySelectorAll(".cell")) {
        each.setAttribute("aria-pressed", String(isKept(Number(each.dataset.seed))));
      }
    },
    /** Draws what is near and could not be drawn. */
    again() {
      for (const each of element.querySelectorAll(".cell:empty")) {
        nearCells.unobserve(each);
        nearCells.observe(each); // tells anew whether it is near
      }
    },
  };
}
