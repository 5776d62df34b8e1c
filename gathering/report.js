// The script of report.html: looks through the crops, and saves what is decided about them as decisions.json.
"use strict";

const DATA = JSON.parse(document.getElementById("data").textContent);
const LOOKS = DATA.looks; // [name, letters, words]
const AHEAD = 3; // rows that are drawn beyond what is seen
const HOSTED = location.protocol.startsWith("http"); // by preprocess.py --review, which saves
const FILE = "decisions.json";
const KEPT_HERE = `decisions ${location.pathname}`; // of the browser's storage, until they are downloaded
const SOFT = 0.5;
const GREY = 6;

const $ = (id) => document.getElementById(id);
const count = (number, noun) => `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;

const faces = DATA.names.map((name, index) => {
  const [pixels, side, sharpness, colour, flaw, found] = DATA.figures[index];
  const left = found === 1; // it was rejected before, and its file is aside
  const folder = left ? `./${DATA.aside}/` : "./";
  return {
    index, name, left, pixels, side, sharpness, colour, flaw,
    letters: DATA.letters[index], source: DATA.sources[index], url: folder + (DATA.addresses[index] ?? name),
  }; // prettier-ignore
});

// What is decided: name -> "rejected" or "accepted". Also of crops that this page does not know.
let decided = new Map();
const done = []; // what can be undone: lists of [name, what was decided before]
const state = (face) => decided.get(face.name) ?? (face.left ? "rejected" : "");

// ---- which faces are shown, and in which order

const FLAWS = [
  ["small", (face) => face.pixels > 0 && face.pixels < 0.75 * face.side],
  ["soft", (face) => face.sharpness < SOFT],
  ["grey", (face) => face.colour < GREY],
  ["flawed", (face) => face.flaw > 50],
];
const ORDERS = {
  likeness: null, // as Python has put them
  found: (a, b) => a.index - b.index,
  soft: (a, b) => a.sharpness - b.sharpness,
  small: (a, b) => (a.pixels || Infinity) - (b.pixels || Infinity),
  flawed: (a, b) => b.flaw - a.flaw,
  grey: (a, b) => a.colour - b.colour,
};
const chosen = { state: "all", flaws: new Set(), looks: new Map() };
let shown = [];

function choose() {
  const current = shown[focus];
  const kinds = FLAWS.filter(([name]) => chosen.flaws.has(name));
  const wanted = [...chosen.looks];
  const order = ORDERS[$("order").value];
  shown = DATA.order
    .map((index) => faces[index])
    .filter((face) => {
      const is = state(face);
      if (chosen.state === "undecided" ? is : chosen.state !== "all" && is !== chosen.state) return false;
      if (kinds.length && !kinds.some(([, fits]) => fits(face))) return false;
      return wanted.every(([look, letter]) => face.letters[look] === letter);
    });
  if (order) shown.sort(order);
  selected.clear();
  focus = Math.max(0, shown.indexOf(current));
  lay();
  tell();
}

// ---- the grid: only the rows that can be seen are in the page

const grid = $("grid");
const selected = new Set(); // places in `shown`
const tiles = new Map(); // place -> element
let focus = 0;
let anchor = 0;
let columns = 1;
let cell = 80;

function lay() {
  cell = Number($("zoom").value);
  columns = Math.max(1, Math.floor(grid.clientWidth / cell));
  cell = Math.floor(grid.clientWidth / columns);
  grid.style.height = `${Math.ceil(shown.length / columns) * cell}px`;
  for (const tile of tiles.values()) tile.remove();
  tiles.clear();
  $("nothing").hidden = shown.length > 0;
  draw();
}

function draw() {
  const top = -grid.getBoundingClientRect().top;
  const first = Math.max(0, (Math.floor(top / cell) - AHEAD) * columns);
  const last = Math.min(shown.length, (Math.ceil((top + innerHeight) / cell) + AHEAD) * columns);
  for (const [place, tile] of tiles) {
    if (place >= first && place < last) continue;
    tile.remove();
    tiles.delete(place);
  }
  for (let place = first; place < last; place++) if (!tiles.has(place)) tiles.set(place, made(place));
  for (const [place, tile] of tiles) mark(tile, place);
  const active = tiles.get(focus);
  if (active) grid.setAttribute("aria-activedescendant", active.id);
  else grid.removeAttribute("aria-activedescendant");
}

function made(place) {
  const tile = document.createElement("div");
  const image = document.createElement("img");
  image.src = shown[place].url;
  image.alt = "";
  image.decoding = "async";
  image.draggable = false;
  tile.append(image);
  tile.id = `face-${place}`;
  tile.setAttribute("role", "option");
  tile.setAttribute("aria-setsize", shown.length);
  tile.setAttribute("aria-posinset", place + 1);
  tile.style.cssText = `width:${cell}px;height:${cell}px;
    transform:translate(${(place % columns) * cell}px,${Math.floor(place / columns) * cell}px)`;
  grid.append(tile);
  return tile;
}

function mark(tile, place) {
  const is = state(shown[place]);
  tile.className = [is, selected.has(place) && "selected", place === focus && "focus"].filter(Boolean).join(" ");
  tile.setAttribute("aria-label", `${described(shown[place])}${is && `, ${is}`}`);
  tile.setAttribute("aria-selected", selected.has(place));
}

function described(face) {
  const says = (look) => {
    const place = LOOKS.findIndex(([name]) => name === look);
    return LOOKS[place][2][LOOKS[place][1].indexOf(face.letters[place])];
  };
  const words = [says("hair") === "none" ? "no hair" : `${says("hair")} ${says("length")} hair`];
  for (const look of ["glasses", "beard", "hat"]) if (says(look) === "yes") words.push(look);
  if (says("mouth") === "open") words.push("mouth open");
  if (says("turn") !== "front") words.push(`turned ${says("turn")}`);
  return words.join(", ");
}

function go(place, extend) {
  if (!shown.length) return;
  focus = Math.min(shown.length - 1, Math.max(0, place));
  if (extend) select(anchor, focus);
  else {
    selected.clear();
    anchor = focus;
  }
  reveal();
}

function reveal() {
  const top = grid.getBoundingClientRect().top + Math.floor(focus / columns) * cell;
  const from = $("told").getBoundingClientRect().bottom + 12;
  const to = $("strip").getBoundingClientRect().top - 4;
  if (top < from) scrollBy(0, top - from);
  else if (top + cell > to) scrollBy(0, top + cell - to);
  draw();
  tell();
}

function select(from, to) {
  selected.clear();
  for (let place = Math.min(from, to); place <= Math.max(from, to); place++) selected.add(place);
}

// ---- deciding

function decide(what, places) {
  const before = places.map((place) => [shown[place].name, decided.get(shown[place].name)]);
  for (const place of places) put(shown[place].name, what(shown[place]));
  done.push(before);
  changed();
}

function put(name, what) {
  if (what) decided.set(name, what);
  else decided.delete(name);
}

function decideAndGoOn(what) {
  if (!shown.length) return;
  const places = selected.size ? [...selected].sort((a, b) => a - b) : [focus];
  decide(() => what, places);
  go(places[places.length - 1] + 1);
}

// A click takes back what is not carried out yet; what is aside already must be accepted to come back.
const toggled = (face) => (state(face) !== "rejected" ? "rejected" : face.left ? "accepted" : undefined);

function undo() {
  const before = done.pop();
  if (!before) return;
  for (const [name, what] of before) put(name, what);
  const place = shown.findIndex((face) => face.name === before[0][0]);
  if (place >= 0) go(place);
  changed();
}

function changed() {
  draw();
  tell();
  save();
}

// ---- words

function tell() {
  const counts = { rejected: 0, accepted: 0 };
  for (const face of faces) if (state(face)) counts[state(face)]++;
  $("rejected").textContent = count(counts.rejected, "face") + " rejected";
  $("accepted").textContent = `${counts.accepted.toLocaleString("en")} accepted`;
  $("count").textContent =
    shown.length === faces.length
      ? count(faces.length, "face")
      : `${shown.length.toLocaleString("en")} of ${count(faces.length, "face")}`;
  const face = shown[focus];
  $("strip").hidden = !face;
  $("undo").disabled = !done.length;
  if (!face) return;
  const many = selected.size > 1;
  const is = state(face);
  const figures = [face.pixels && `${face.pixels} pixels`, `sharpness ${face.sharpness.toFixed(2)}`, is].filter(
    Boolean,
  );
  $("preview").src = face.url;
  $("name").textContent = many ? `${count(selected.size, "face")} selected` : face.source;
  $("about").textContent = many ? "" : `${described(face)}; ${figures.join(", ")}`;
}

// ---- saving

let tag = '""'; // of decisions.json, as the host knows it
let waiting = false; // something is decided that is not saved
let saving = false;

function record() {
  const lists = { rejected: [], accepted: [] };
  for (const [name, what] of decided) lists[what].push(name);
  return JSON.stringify({ rejected: lists.rejected.sort(), accepted: lists.accepted.sort() });
}

function took(lists) {
  decided = new Map(["rejected", "accepted"].flatMap((what) => (lists[what] ?? []).map((name) => [name, what])));
}

function save() {
  waiting = true;
  if (!HOSTED) return keepHere();
  say("saving ...");
  if (!saving) send();
}

async function send() {
  saving = true;
  while (waiting) {
    waiting = false;
    try {
      const answer = await fetch(FILE, {
        method: "PUT",
        body: record(),
        headers: { "Content-Type": "application/json", "If-Match": tag },
      });
      if (!answer.ok) throw new Error(answer.status === 412 ? "changed elsewhere" : await answer.text());
      tag = answer.headers.get("ETag");
      if (!waiting) say("saved"); // else something newer is still to be sent
    } catch (fault) {
      saving = false;
      waiting = true;
      if (fault.message === "changed elsewhere")
        say("not saved: decisions.json was changed elsewhere. Reload this page");
      else say("not saved: preprocess.py --review has ended, or cannot write. Start it again, or download", true);
      return;
    }
  }
  saving = false;
}

// Without a host, the page cannot write into the folder. The browser keeps what is decided until it is downloaded.
function keepHere() {
  const changes = [...decided].concat(
    [...embedded.keys()].filter((name) => !decided.has(name)).map((name) => [name, ""]),
  );
  const news = changes.filter(([name, what]) => (embedded.get(name) ?? "") !== what);
  try {
    localStorage.setItem(KEPT_HERE, JSON.stringify({ time: Date.now(), news }));
  } catch {
    // a browser that keeps nothing: the download is all
  }
  say(news.length ? `${count(news.length, "decision")} to download` : "", news.length > 0);
}

let embedded = new Map();

function begin() {
  took(DATA.decisions);
  embedded = new Map(decided);
  if (HOSTED) return ask();
  try {
    const { time, news } = JSON.parse(localStorage.getItem(KEPT_HERE)) ?? {};
    if (time > DATA.saved) for (const [name, what] of news) put(name, what); // else decisions.json is newer
  } catch {
    // nothing is kept
  }
  keepHere();
}

async function ask() {
  try {
    const answer = await fetch(FILE, { cache: "no-store" });
    tag = answer.headers.get("ETag");
    took(JSON.parse((await answer.text()) || "{}"));
    say("saved into the folder by itself");
  } catch {
    say("decisions.json cannot be read: start preprocess.py --review again");
  }
  choose();
}

function say(words, download = false) {
  $("saved").textContent = words;
  $("download").hidden = !download;
}

function download() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([record()], { type: "application/json" }));
  link.download = FILE;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
  $("saved").textContent = `Put ${FILE} into the folder of the faces, and run preprocess.py again.`;
}

// ---- keys, mouse, finger

const KEYS = {
  ArrowLeft: (event) => go(focus - 1, event.shiftKey),
  ArrowRight: (event) => go(focus + 1, event.shiftKey),
  ArrowUp: (event) => go(focus - columns, event.shiftKey),
  ArrowDown: (event) => go(focus + columns, event.shiftKey),
  PageUp: (event) => go(focus - columns * Math.floor(innerHeight / cell / 2), event.shiftKey),
  PageDown: (event) => go(focus + columns * Math.floor(innerHeight / cell / 2), event.shiftKey),
  Home: (event) => go(0, event.shiftKey),
  End: (event) => go(shown.length - 1, event.shiftKey),
  x: () => decideAndGoOn("rejected"),
  Delete: () => decideAndGoOn("rejected"),
  a: () => decideAndGoOn("accepted"),
  Enter: () => decideAndGoOn("accepted"),
  u: undo,
  Escape: () => go(focus),
  " ": () => shown.length && decide(toggled, selected.size ? [...selected] : [focus]),
};

document.addEventListener("keydown", (event) => {
  if ($("faces").hidden || event.altKey || event.metaKey || event.target.closest("select, input")) return;
  if ([" ", "Enter"].includes(event.key) && event.target.closest("button, a, summary")) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const act = event.ctrlKey ? { z: undo }[key] : KEYS[key];
  if (!act) return;
  event.preventDefault();
  act(event);
});

function placeAt(event) {
  const box = grid.getBoundingClientRect();
  const column = Math.min(columns - 1, Math.max(0, Math.floor((event.clientX - box.left) / cell)));
  const place = Math.floor((event.clientY - box.top) / cell) * columns + column;
  return Math.min(shown.length - 1, Math.max(0, place));
}

let pressed = null; // the place where the mouse went down
let dragged = false;

grid.addEventListener("pointerdown", (event) => {
  if (event.pointerType !== "mouse" || event.button || event.shiftKey) return;
  pressed = placeAt(event);
  dragged = false;
  grid.setPointerCapture(event.pointerId);
});
grid.addEventListener("pointermove", (event) => {
  if (pressed === null || (placeAt(event) === pressed && !dragged)) return;
  dragged = true;
  focus = placeAt(event);
  anchor = pressed;
  select(anchor, focus);
  if (event.clientY < $("told").getBoundingClientRect().bottom) scrollBy(0, -cell / 2);
  if (event.clientY > $("strip").getBoundingClientRect().top) scrollBy(0, cell / 2);
  draw();
  tell();
});
grid.addEventListener("pointerup", () => (pressed = null));
grid.addEventListener("pointercancel", () => (pressed = null));
grid.addEventListener("click", (event) => {
  grid.focus({ preventScroll: true });
  if (dragged || !shown.length) return void (dragged = false);
  if (event.shiftKey) return go(placeAt(event), true);
  go(placeAt(event));
  decide(toggled, [focus]);
});

// ---- the controls

function option(list, value, words) {
  const element = document.createElement("option");
  element.value = value;
  element.textContent = words;
  list.append(element);
}

// Who chooses with the mouse goes on in the grid with the keys. Who chooses with the keys stays in the list.
function onChoice(list, act) {
  let mouse = false;
  list.addEventListener("pointerdown", () => (mouse = true));
  list.addEventListener("keydown", () => (mouse = false));
  list.addEventListener("change", () => {
    act();
    choose();
    if (mouse) grid.focus({ preventScroll: true });
  });
}

function build() {
  for (const [name, fits] of FLAWS) {
    const number = faces.filter(fits).length;
    const button = $(`flaw-${name}`);
    button.append(` ${number.toLocaleString("en")}`);
    button.disabled = !number;
    button.addEventListener("click", () => {
      chosen.flaws[chosen.flaws.has(name) ? "delete" : "add"](name);
      button.setAttribute("aria-pressed", chosen.flaws.has(name));
      choose();
    });
  }
  LOOKS.forEach(([name, letters, words], look) => {
    if (name === "flaw") return;
    const label = document.createElement("label");
    const list = document.createElement("select");
    label.append(name, " ", list);
    option(list, "", "any");
    [...letters].forEach((letter, place) => {
      const number = faces.filter((face) => face.letters[look] === letter).length;
      if (number) option(list, letter, `${words[place]} (${number.toLocaleString("en")})`);
    });
    onChoice(list, () => {
      if (list.value) chosen.looks.set(look, list.value);
      else chosen.looks.delete(look);
    });
    (name === "hair" ? $("hair") : $("looks")).append(label);
  });
  for (const button of document.querySelectorAll("[data-state]")) {
    button.addEventListener("click", () => {
      chosen.state = button.dataset.state;
      for (const other of document.querySelectorAll("[data-state]"))
        other.setAttribute("aria-pressed", other === button);
      choose();
    });
  }
  onChoice($("order"), () => {});
  $("zoom").addEventListener("input", () => (lay(), reveal()));
  $("reject").addEventListener("click", () => decideAndGoOn("rejected"));
  $("accept").addEventListener("click", () => decideAndGoOn("accepted"));
  $("undo").addEventListener("click", undo);
  $("download").addEventListener("click", download);
  addEventListener("scroll", draw, { passive: true });
  addEventListener("resize", lay);
  addEventListener("beforeunload", (event) => HOSTED && (waiting || saving) && event.preventDefault());
  addEventListener("hashchange", turn);
}

// The address says which of the two views is seen: the faces, or what became of the pictures.
function turn() {
  const pictures = location.hash.startsWith("#pictures") || location.hash.startsWith("#verdict-");
  $("faces").hidden = pictures;
  $("pictures").hidden = !pictures;
  for (const link of document.querySelectorAll("nav a")) {
    if ((link.hash === "#pictures") === pictures) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  if (!pictures) lay();
  else if (location.hash === "#pictures") scrollTo(0, 0);
  else document.getElementById(location.hash.slice(1))?.scrollIntoView();
}

for (const part of ["nav", "bar", "grid"]) $(part).hidden = false;
// A browser opens no files from a page of a host.
if (HOSTED) for (const link of document.querySelectorAll('a[href^="file:"]')) link.removeAttribute("href");
build();
begin();
choose();
turn();
grid.focus({ preventScroll: true });
