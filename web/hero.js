// The first screen: what the page does, and where to put a photo.

import { photoPicker } from "./controls.js";
import { button, h } from "./dom.js";
import { animify as words, page } from "./strings.js";

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
        photoPicker(words.choose, take, "main"),
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
