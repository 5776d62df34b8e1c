// The view Is it me?: can people tell whose face was drawn?

import { choice, filePicker, photoPicker } from "./controls.js";
import { button, h, paint, picture, show } from "./dom.js";
import { faults } from "./faults.js";
import { pictures } from "./files.js";
import { unlessCancelled } from "./line.js";
import { rounds } from "./rounds.js";
import { thumb } from "./source.js";
import { game as words, page, problem } from "./strings.js";

const LEAST = 3; // people
const ROW = 4; // answers: more are in two rows

/** animifyPeople() -> the people of the other view. -> {element, take(files), start()} */
export function game({ line, announce, animifyPeople }) {
  const people = []; // {person, crop, face, out}: out is left out
  let kind = "photos";
  let order = null;
  let score = { right: 0, rounds: 0, chance: 0 };
  let searches = 0;
  const note = h("p", { role: "status" });
  const wrong = faults();
  const list = h("div", { class: "strip wide", role: "group", "aria-label": words.title });
  const leaveOut = h("p", { class: "soft" }, words.leaveOut);
  const borrowing = button(words.animify, borrow);
  const play = button(words.start, begin, { image: "play", look: "main" });
  const kinds = choice(
    words.kind,
    Object.entries(words.kinds).map(([value, text]) => ({ value, text })),
    (value) => {
      kind = value;
    },
  );
  const setup = h(
    "div",
    { class: "setup" },
    h("p", { class: "lead" }, words.lead),
    h("p", { class: "privacy" }, words.privacy),
    h(
      "div",
      { class: "row" },
      photoPicker(words.choose, take, "main"),
      filePicker(
        button(words.folder, () => {}, { image: "folder" }),
        { webkitdirectory: true },
        take,
      ),
      borrowing,
    ),
    wrong,
    note,
    list,
    leaveOut,
    kinds,
    play,
  );
  const board = h("div", { class: "board" });
  const title = h("h1", {}, words.title);
  const element = h("section", { class: "game" }, title, setup, board);
  element.addEventListener("keydown", (event) => {
    const answer = /^[1-8]$/.test(event.key) && board.querySelectorAll(".answer")[event.key - 1];
    if (answer && !answer.disabled) answer.click();
  });
  update();

  async function take(files) {
    const found = pictures(files);
    wrong.clear();
    if (!found.length) return wrong.tell(page.noPictures);
    let unread = 0;
    await working(async () => {
      for (const [at, file] of found.entries()) {
        note.textContent = words.looking(at + 1, found.length);
        try {
          const photo = await line.ask((engine) => engine.find(file));
          try {
            for (const each of photo.people) await add(each);
          } finally {
            await line.ask((engine) => engine.forget(photo.photo)); // a folder may hold more than fits into the memory
          }
        } catch (error) {
          if (error.code !== "unreadable" && error.code !== "heic") throw error;
          unread++;
        }
      }
    });
    if (unread) wrong.tell(words.unreadable(unread));
  }
  async function borrow() {
    const known = new Set(people.map((each) => each.person));
    const others = animifyPeople().filter((each) => !known.has(each.person));
    await working(async () => {
      for (const [at, each] of others.entries()) {
        note.textContent = words.drawing(at + 1, others.length);
        try {
          await add(each);
        } catch (error) {
          if (error.code !== "gone") throw error; // the photo was removed in Animify
        }
      }
    });
  }
  async function working(work) {
    searches++;
    try {
      await work();
    } catch (error) {
      unlessCancelled((fault) => wrong.tell(problem(fault)))(error);
    }
    searches--;
    update();
  }
  /** Everybody is drawn at once, so that no round has to wait. */
  async function add({ person, crop }) {
    const { face } = await line.ask((engine) => engine.portrait(person, {}));
    const each = { person, crop, face, out: false };
    people.push(each);
    const small = thumb(words.person(people.length), crop, true, () => {
      each.out = !each.out;
      small.setAttribute("aria-pressed", String(!each.out));
      update();
    });
    list.append(small);
    update();
  }
  function playing() {
    return people.filter((each) => !each.out);
  }
  function update() {
    const count = playing().length;
    show(list, people.length > 0);
    show(leaveOut, people.length > 0);
    show(kinds, count >= LEAST);
    show(play, count >= LEAST);
    borrowing.disabled = !animifyPeople().length;
    borrowing.title = borrowing.disabled ? words.noAnimify : "";
    if (!searches) note.textContent = !people.length ? "" : count < LEAST ? words.few(count) : words.people(count);
  }
  function begin() {
    score = { right: 0, rounds: 0, chance: 0 };
    order = rounds(playing());
    setUp(false);
    next();
  }
  function stop() {
    order = null;
    board.replaceChildren();
    setUp(true);
    update();
  }
  function setUp(wanted) {
    show(setup, wanted);
    title.classList.toggle("hidden", !wanted);
  }
  function next() {
    const { asked, answers } = order.next().value;
    const [shown, offered] = kind === "photos" ? ["face", "crop"] : ["crop", "face"];
    const question = h("h2", { tabindex: "-1" }, kind === "photos" ? words.whoseFace : words.whichDrawing);
    const told = h("p", {}, words.noScore);
    const sum = h("p", { class: "soft score" }, tell());
    const on = button(words.next, next, { look: "main", hidden: true });
    const options = answers.map((each, at) =>
      h(
        "button",
        {
          type: "button",
          class: "answer",
          "aria-label": words.option(at + 1),
          onclick: () => judge(each),
        },
        paint(h("canvas"), each[offered]),
        h("span", { class: "number", "aria-hidden": "true" }, String(at + 1)),
      ),
    );
    const group = h("div", { class: "answers", role: "group", "aria-label": question.textContent }, options);
    group.style.setProperty("--columns", options.length > ROW ? Math.ceil(options.length / 2) : options.length);
    board.replaceChildren(
      h(
        "div",
        { class: "question" },
        paint(picture(words.asked[kind]), asked[shown]),
        h(
          "div",
          { class: "words" },
          question,
          told,
          sum,
          h("div", { class: "row" }, on, button(words.stop, stop, { look: "quiet" })),
        ),
      ),
      group,
    );
    question.focus();

    function judge(answer) {
      const right = answer === asked;
      score = { right: score.right + right, rounds: score.rounds + 1, chance: score.chance + 1 / answers.length };
      options.forEach((option, at) => {
        option.disabled = true;
        option.classList.toggle("right", answers[at] === asked);
        option.classList.toggle("wrong", answers[at] === answer && !right);
      });
      told.textContent = right ? words.right : words.wrong(answers.indexOf(asked) + 1);
      told.classList.add(right ? "good" : "bad");
      sum.textContent = tell();
      announce(`${told.textContent} ${tell()}`);
      show(on, true);
      on.focus();
    }
  }
  function tell() {
    return score.rounds ? words.score(score.right, score.rounds, score.chance) : "";
  }

  return { element, take, start: update };
}
