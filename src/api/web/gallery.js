// All pictures, newest first.
import { count, element } from "/ui/dom.js";
import { deletions, is_deleted } from "/ui/undo.js";

export function mount(container, { api }) {
  const stopped = new AbortController();
  const heading = element("h1", {}, "Pictures");
  const grid = element("ul", { class: "grid" });
  container.append(heading, grid);

  async function fill() {
    try {
      const page = await api.get("/images", { query: { limit: 100 }, signal: stopped.signal });
      const images = page.images.filter((image) => !is_deleted(image.id));
      heading.textContent = count(images.length, "picture");
      grid.replaceChildren(...images.map((image) => element("li", {},
        element("a", { href: `#/image/${image.id}` },
          element("img", { src: api.thumbnail(image.id), alt: "", loading: "lazy" }), image.caption))));
    } catch (problem) {
      if (problem.name !== "AbortError") heading.textContent = problem.detail;
    }
  }

  for (const name of ["hidden", "restored"]) deletions.addEventListener(name, fill, { signal: stopped.signal });
  fill();
  return () => stopped.abort();
}
