// One picture of the grid: its thumbnail, its caption, how well it was found, and what can be done.
import { element, icon } from "/ui/dom.js";

const like_icon = "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4.5 4.5M11 8v6M8 11h6";
const delete_icon = "M5 7h14M10 7V4.5h4V7M7 7l1 12.5h8L17 7M10.5 10.5v6M13.5 10.5v6";

// 0.8731 -> "87 %"
function percent(part) {
  return `${Math.round(part * 100)} %`;
}

// A narrow tile has room for the figures; what they are, everybody can ask for.
function finding(item) {
  const { score, relevance } = item;
  if (score === null && relevance === null) return element("span", { class: "tile-score" }, "found by its words");
  const parts = [];
  if (relevance !== null)
    parts.push(element("meter", { min: 0, max: 1, value: relevance, "aria-hidden": "true" }),
      element("span", { class: "visually-hidden" }, "relevance "), percent(relevance));
  if (score !== null) parts.push(`${relevance !== null ? " · " : ""}score ${score.toFixed(3)}`);
  return element("span", { class: "tile-score", title: relevance === null ? null : `relevance ${percent(relevance)}` }, ...parts);
}

// For virtual_grid.js. `is_found`: of a search. on_like(item), on_delete(item).
export function make_tile(item, { api, is_found, on_like, on_delete }) {
  const size = devicePixelRatio > 1.2 ? 768 : 512;
  const image = element("img", { alt: "", decoding: "async", draggable: "false" });
  const caption = element("span", { class: "tile-caption" }, item.caption);
  const link = element("a", { class: "tile-link", href: `#/image/${item.id}` }, image, caption);
  if (is_found) link.append(finding(item));
  const box = element("input", { type: "checkbox", "aria-label": `Select: ${item.caption}` });
  const node = element("div", { class: "tile", role: "gridcell", "data-id": item.id }, link,
    element("label", { class: "tile-select" }, box),
    element("div", { class: "tile-tools" },
      element("button", { type: "button", title: "More like this", "aria-label": `More like this: ${item.caption}`,
        onclick: () => on_like(item) }, icon(like_icon)),
      element("button", { type: "button", title: "Delete", "aria-label": `Delete: ${item.caption}`,
        onclick: () => on_delete(item) }, icon(delete_icon))));
  image.addEventListener("error", () => node.classList.add("broken"));
  image.addEventListener("load", () => node.classList.add("loaded"));
  return {
    node, link, image, src: api.thumbnail(item.id, size),
    set_selected: (is_selected) => {
      box.checked = is_selected;
      node.setAttribute("aria-selected", String(is_selected));
    },
  };
}
