// The page: its frame, its three views, and the engine that they share.

import { animify } from "./animify.js";
import { button, h, iconButton, show } from "./dom.js";
import { faces } from "./faces.js";
import { filesOf } from "./files.js";
import { game } from "./game.js";
import { Line } from "./line.js";
import { recall, remember } from "./saving.js";
import { page as words, problem } from "./strings.js";

const THEME = "theme";
const DONE = 8000; // ms: so long it is said that all is ready
const SAID = 3500;

const live = h("p", { class: "hidden", role: "status", "aria-live": "polite" });
const toast = h("p", { class: "toast", "aria-hidden": "true", hidden: true });
const bar = h("progress", { max: 1, value: 0, "aria-label": words.loadingBar });
const loading = h("p", {});
const progress = h("div", { class: "loading" }, loading, bar);
const failed = h("div", { class: "failed", role: "alert", hidden: true });

/** Tells something to those who listen; with seen, to those who look as well. */
function announce(text, seen = false) {
  live.textContent = text;
  if (!seen) return;
  toast.textContent = text;
  show(toast, true);
  clearTimeout(announce.timer);
  announce.timer = setTimeout(() => show(toast, false), SAID);
}

function onProgress({ loaded, total, ready, fault }) {
  if (total) bar.value = loaded / total;
  show(bar, !ready && !fault);
  const done = ready ? words.ready : fault && problem({ code: fault });
  if (done && done !== loading.textContent) announce(done);
  loading.textContent = done || (total ? words.loading(loaded, total) : words.starting);
  if (ready) setTimeout(() => show(progress, false), DONE);
}

async function open() {
  loading.textContent = words.starting;
  try {
    const { Engine } = await import("./engine/client.js").catch(() => Promise.reject({ code: "offline" }));
    return await Engine.open({ onProgress });
  } catch (error) {
    show(progress, false);
    failed.replaceChildren(
      h("p", {}, problem(error)),
      button(words.again, () => location.reload()),
    );
    show(failed, true);
    throw error;
  }
}

const line = new Line(open());
const photos = animify({ line, announce });
const endless = faces({ line, announce });
const views = {
  animify: photos,
  faces: endless,
  game: game({ line, announce, animifyPeople: photos.people }),
};
const links = Object.fromEntries(Object.keys(views).map((name) => [name, h("a", { href: `#${name}` }, words[name])]));
let shown = null;

/** Shows the view of the address; an address with a face opens it among the new faces. */
function route() {
  const name = location.hash.slice(1);
  const face = name.startsWith("seed=");
  shown = Object.hasOwn(views, name) ? name : face ? "faces" : "animify";
  for (const [each, view] of Object.entries(views)) {
    show(view.element, each === shown);
    if (each === shown) links[each].setAttribute("aria-current", "page");
    else links[each].removeAttribute("aria-current");
  }
  document.body.dataset.view = shown;
  document.title = shown === "animify" ? words.title : `${words[shown]} - ${words.title}`;
  if (face) endless.open(location.hash);
  views[shown].start?.();
}

/** Files go to the view that is open, or to Animify if that one wants none. */
function give(files) {
  if (!views[shown].take) location.hash = "animify";
  (views[shown].take ?? photos.take)(files);
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const theme = iconButton("moon", "", () => paintTheme(isDark() ? "light" : "dark"));
const isDark = () => (document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light")) === "dark";
function paintTheme(chosen) {
  if (chosen) {
    document.documentElement.dataset.theme = chosen;
    remember(THEME, chosen);
  }
  theme.title = isDark() ? words.light : words.dark;
  theme.setAttribute("aria-label", theme.title);
}
const remembered = recall(THEME);
paintTheme(["dark", "light"].includes(remembered) ? remembered : null);
dark.addEventListener("change", () => paintTheme(null));

const main = h(
  "main",
  { id: "main", tabindex: "-1" },
  Object.values(views).map((view) => view.element),
);
// This replaces the words for browsers in which it does not run.
document.body.replaceChildren(
  h(
    "a",
    {
      class: "skip",
      href: "#main",
      onclick: (event) => {
        event.preventDefault();
        main.focus();
      },
    },
    words.skip,
  ),
  h(
    "header",
    {},
    h(
      "div",
      { class: "bar" },
      h("a", { class: "name", href: "#animify" }, words.title),
      progress,
      h("nav", { "aria-label": words.views }, Object.values(links)),
      theme,
    ),
  ),
  failed,
  main,
  h("footer", {}, h("p", { class: "privacy" }, words.privacy), h("p", {}, words.foot)),
  toast,
  live,
);

addEventListener("hashchange", route);
addEventListener("dragover", (event) => {
  event.preventDefault();
  document.body.dataset.over = "";
});
addEventListener("dragleave", (event) => {
  if (!event.relatedTarget) delete document.body.dataset.over;
});
addEventListener("drop", async (event) => {
  event.preventDefault();
  delete document.body.dataset.over;
  if (event.dataTransfer.types.includes("Files")) give(await filesOf(event.dataTransfer));
});
addEventListener("paste", (event) => {
  const { files } = event.clipboardData;
  if (files.length) give([...files]);
});
route();
