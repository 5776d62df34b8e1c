// What went wrong, told to the user until it is closed.

import { h, iconButton } from "./dom.js";
import { page } from "./strings.js";

/** An element with .tell(text), and .clear(). */
export function faults() {
  const element = h("div", { class: "faults", role: "alert" });
  element.tell = (text) => {
    if ([...element.children].some((each) => each.firstChild.textContent === text)) return; // once is enough
    const fault = h(
      "div",
      {},
      h("p", {}, text),
      iconButton("close", page.close, () => fault.remove()),
    );
    element.append(fault);
  };
  element.clear = () => element.replaceChildren();
  return element;
}
