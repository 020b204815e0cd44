// Making nodes, and telling people what happened. Text is always set as text, never as markup.

// element("a", { class: "tile", href: "#/", onclick: f, "aria-label": "…" }, "text", node, …)
export function element(name, attributes = {}, ...children) {
  const node = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

const svg_space = "http://www.w3.org/2000/svg";

// A line drawing of 24 by 24; the path is this program's own.
export function icon(path) {
  const svg = document.createElementNS(svg_space, "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "icon");
  const line = document.createElementNS(svg_space, "path");
  line.setAttribute("d", path);
  svg.append(line);
  return svg;
}

// Said by screen readers when they have finished what they are saying.
export function announce(text) {
  const announcer = document.getElementById("announcer");
  // The same words again would not be said.
  announcer.textContent = announcer.textContent === text ? `${text}\u00a0` : text;
}

// count(1, "picture") -> "1 picture", count(12345, "picture") -> "12,345 pictures"
export function count(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}

const toast_seconds = 10;

// A notice at the edge of the page that goes by itself, though not while it is pointed at or has the
// focus. `actions` is [["Undo", function], …]; `on_end` is called when it goes without one of them.
export function toast(text, { actions = [], is_bad = false, on_end = () => {} } = {}) {
  let timer = 0;
  const node = element("div", { class: is_bad ? "toast bad" : "toast" }, element("span", {}, text));
  const close = (after) => {
    clearTimeout(timer);
    if (node.isConnected) {
      node.remove();
      after();
    }
  };
  const wait = () => {
    clearTimeout(timer);
    timer = setTimeout(() => close(on_end), toast_seconds * 1000);
  };
  for (const [label, action] of actions)
    node.append(element("button", { type: "button", onclick: () => close(action) }, label));
  node.append(element("button", { type: "button", class: "quiet", "aria-label": "Close this notice",
    onclick: () => close(on_end) }, icon("M6 6l12 12M18 6L6 18")));
  for (const event of ["pointerenter", "focusin"]) node.addEventListener(event, () => clearTimeout(timer));
  for (const event of ["pointerleave", "focusout"]) node.addEventListener(event, wait);
  document.getElementById("toasts").append(node);
  announce(text);
  wait();
  return { close: () => close(() => {}) };
}
