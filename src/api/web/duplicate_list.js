// Pictures that are the same as one, or show the same, as far as docs/duplicates.md can tell.
import { count, element } from "/ui/dom.js";

const hash_bits = 64;

function thumbnail(api, { id, words }) {
  const image = element("img", { src: api.thumbnail(id, 256), alt: "", loading: "lazy" });
  const name = element("span", { class: "visually-hidden" }, "A picture");
  const link = element("a", { href: `#/image/${id}` }, image, name, element("span", { class: "hint" }, words));
  image.addEventListener("error", () => link.classList.add("broken"));
  return { id, name, node: element("li", {}, link) };
}

// Names are of use to those who do not see the pictures; without one it is still a link.
async function name_all(shown, api, signal) {
  for (const { id, name } of shown) {
    try {
      name.textContent = (await api.get(`/images/${id}`, { signal })).caption;
    } catch (problem) {
      if (problem.name === "AbortError") return;
    }
  }
}

function group(api, title, found) {
  const shown = found.map((entry) => thumbnail(api, entry));
  return { shown, nodes: [element("h3", {}, title), element("ul", { class: "duplicates", "aria-label": title }, ...shown.map(({ node }) => node))] };
}

// Fills `node`, which stays hidden when there are none; a failure is told there.
export async function show_duplicates(node, id, { api, signal }) {
  let found;
  try {
    found = (await api.get(`/images/${id}/duplicates`, { signal })).duplicates;
  } catch (problem) {
    if (problem.name === "AbortError" || problem.status === 404) return;
    node.replaceChildren(element("h2", {}, "Duplicates"), element("p", { class: "hint" }, problem.detail ?? String(problem)));
    node.hidden = false;
    return;
  }
  const same = found.same_picture.map(({ id: other, distance }) => ({ id: other,
    words: distance === 0 ? "no difference to the eye" : `${distance} of ${hash_bits} bits differ` }));
  const alike = found.same_meaning.map(({ id: other, score }) => ({ id: other, words: `${Math.round(score * 100)} % alike` }));
  const groups = [];
  if (same.length > 0) groups.push(group(api, "The same picture, in another file", same));
  if (alike.length > 0) groups.push(group(api, "Pictures that show the same", alike));
  node.hidden = groups.length === 0;
  node.replaceChildren(element("h2", {}, count(same.length + alike.length, "possible duplicate")), ...groups.flatMap(({ nodes }) => nodes));
  await name_all(groups.flatMap(({ shown }) => shown), api, signal);
}
