// Elements and pictures.

const SVG = "http://www.w3.org/2000/svg";

/** An element. Attributes that are functions are listeners; null and false are left out; true is an empty one. */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== null && value !== undefined && value !== false)
      element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

// Each icon is one line drawn with a round pen in a square of 24.
const ICONS = {
  photo: "M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 9h.01",
  camera: "M4 8h3l2-3h6l2 3h3v11H4zM12 17a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7",
  save: "M12 4v11M7 10l5 5 5-5M4 20h16",
  again: "M20 11a8 8 0 1 0-1 5M20 5v6h-6",
  link: "M10 14a4 4 0 0 0 6 0l3-3a4 4 0 0 0-6-6l-1 1M14 10a4 4 0 0 0-6 0l-3 3a4 4 0 0 0 6 6l1-1",
  close: "M6 6l12 12M18 6L6 18",
  moon: "M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10",
  play: "M8 5l11 7-11 7z",
  film: "M4 5h16v14H4zM8 5v14M16 5v14M4 12h4M16 12h4",
  folder: "M3 6h6l2 2h10v11H3z",
};

function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  const path = svg.appendChild(document.createElementNS(SVG, "path"));
  path.setAttribute("d", ICONS[name]);
  return svg;
}

/** A button with a text and perhaps an icon. */
export function button(text, onclick, { image = null, look = "", ...attributes } = {}) {
  return h(
    "button",
    { type: "button", class: `button ${look}`, onclick, ...attributes },
    image && icon(image),
    h("span", {}, text),
  );
}

/** A button that shows an icon alone; its text is for those who do not see it. */
export function iconButton(image, text, onclick, attributes = {}) {
  return h(
    "button",
    { type: "button", class: "icon", title: text, "aria-label": text, onclick, ...attributes },
    icon(image),
  );
}

/** A canvas that is a picture with a label. */
export function picture(label, side = 64) {
  return h("canvas", { role: "img", "aria-label": label, width: side, height: side });
}

/** An ImageBitmap, ImageData or canvas is drawn onto a canvas, which takes its size; or the part [x, y, side] of it. */
export function paint(canvas, image, part = null) {
  const [x, y, width, height] = part ? [part[0], part[1], part[2], part[2]] : [0, 0, image.width, image.height];
  canvas.width = Math.round(width);
  canvas.height = Math.round(height);
  const context = canvas.getContext("2d");
  if (image instanceof ImageData) context.putImageData(image, 0, 0);
  else context.drawImage(image, x, y, width, height, 0, 0, canvas.width, canvas.height);
  return canvas;
}

/** Shows or hides an element. */
export function show(element, visible) {
  element.hidden = !visible;
}

/** Whether the user asked for little movement. */
export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
