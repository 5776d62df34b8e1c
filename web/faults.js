// What went wrong, told to the user until it is closed.

import { button, h, iconButton } from "./dom.js";
import { page } from "./strings.js";

/** An element with .tell(text, again), and .clear(). again(), if there is one, is what a button of the fault does. */
export function faults() {
  const element = h("div", { class: "faults", role: "alert" });
  element.tell = (text, again = null) => {
    if ([...element.children].some((each) => each.firstChild.textContent === text)) return; // once is enough
    const fault = h(
      "div",
      {},
      h("p", {}, text),
      again &&
        button(page.again, () => {
          fault.remove();
          again();
        }),
      iconButton("close", page.close, () => fault.remove()),
    );
    element.append(fault);
  };
  element.clear = () => element.replaceChildren();
  return element;
}
