// The first screen: what the page does, and where to put a photo.

import { filePicker } from "./controls.js";
import { button, h } from "./dom.js";
import { animify as words, page } from "./strings.js";

export const ACCEPT = "image/*,.heic,.heif";

/** take(files), camera() and example() are called when the user gives photos. */
export function hero({ take, camera, example }) {
  return h(
    "div",
    { class: "hero" },
    h("p", { class: "lead" }, words.lead),
    h(
      "div",
      { class: "drop" },
      h("p", { class: "big" }, words.drop),
      h("p", { class: "soft" }, words.ways),
      h(
        "div",
        { class: "row" },
        filePicker(
          button(words.choose, () => {}, { image: "photo", look: "main" }),
          { multiple: true, accept: ACCEPT },
          take,
        ),
        button(words.take, camera, { image: "camera" }),
      ),
    ),
    h("p", { class: "privacy" }, page.privacy),
    h(
      "figure",
      { class: "example" },
      h(
        "div",
        { class: "pair" },
        h("span", {}, h("img", { src: "example.jpg", alt: words.examplePhoto })),
        h("span", {}, h("img", { src: "example-face.jpg", alt: words.exampleFace })),
      ),
      h(
        "figcaption",
        {},
        button(words.example, example, { look: "quiet" }),
        h("span", { class: "soft" }, words.exampleCredit),
      ),
    ),
  );
}
