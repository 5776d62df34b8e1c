// Controls that have a label: a choice among words, a slider.

import { button, h } from "./dom.js";

const PHOTOS = "image/*,.heic,.heif";

let made = 0;
const fresh = () => `control-${++made}`; // a name for one group of radio buttons

/**
 * One of several words. options: [{value, text, label, look, colour}]: a label says more than a short text.
 * The element has .set(value), and .mark(value, label), which marks a word, or none.
 */
export function choice(legend, options, onchange, { look = "", hideLegend = false } = {}) {
  const name = fresh();
  const inputs = new Map();
  const marks = new Map();
  const labels = options.map((option) => {
    const input = h("input", { type: "radio", name, value: option.value, onchange: () => onchange(option.value) });
    const mark = h("span", { class: "hidden" });
    const text = h("span", { class: "word" }, option.text);
    if (option.colour) text.style.setProperty("--colour", option.colour);
    inputs.set(option.value, input);
    marks.set(option.value, mark);
    if (option.label) input.setAttribute("aria-label", option.label);
    return h("label", { class: option.look ?? "", title: option.label ?? option.text }, input, text, mark);
  });
  const element = h(
    "fieldset",
    { class: `choice ${look}` },
    h("legend", { class: hideLegend ? "hidden" : "" }, legend),
    h("div", { class: "words" }, labels),
  );
  element.set = (value) => {
    for (const [key, input] of inputs) input.checked = key === value;
  };
  element.mark = (value, label) => {
    for (const [key, mark] of marks) {
      mark.textContent = key === value ? ` (${label})` : "";
      mark.parentElement.classList.toggle("marked", key === value);
    }
  };
  Object.defineProperty(element, "value", { get: () => [...inputs].find(([, input]) => input.checked)?.[0] });
  element.set(options[0].value);
  return element;
}

/** A slider with a word at each end. The element has .set(number) and .value. */
export function slider(label, ends, { min = 0, max = 1, step = 0.01, value = 0 }, oninput) {
  const input = h("input", { type: "range", min, max, step, value, "aria-label": label });
  const tell = () => {
    const part = (input.valueAsNumber - min) / (max - min);
    input.setAttribute("aria-valuetext", part === 0.5 && min < 0 ? "0" : `${input.value}, ${ends[part < 0.5 ? 0 : 1]}`);
  };
  input.addEventListener("input", () => {
    tell();
    oninput(input.valueAsNumber);
  });
  const end = (text) => h("span", { class: "end", "aria-hidden": "true" }, text);
  const element = h("div", { class: "slider" }, end(ends[0]), input, end(ends[1]));
  element.set = (number) => {
    input.value = number;
    tell();
  };
  Object.defineProperty(element, "value", { get: () => input.valueAsNumber });
  tell();
  return element;
}

/** A button that opens the file dialogue. attributes: multiple, webkitdirectory, accept. */
export function filePicker(open, attributes, onfiles) {
  const input = h("input", {
    type: "file",
    class: "hidden",
    tabindex: "-1",
    "aria-hidden": "true",
    ...attributes,
    onchange: () => {
      onfiles([...input.files]);
      input.value = ""; // so that the same file can be chosen again
    },
  });
  open.addEventListener("click", () => input.click());
  return h("span", { class: "picker" }, open, input);
}

/** A button with this text for choosing photos; onfiles gets them. look: of the button. */
export function photoPicker(text, onfiles, look) {
  return filePicker(
    button(text, () => {}, { image: "photo", look }),
    { multiple: true, accept: PHOTOS },
    onfiles,
  );
}
