// The tags of a picture: each leads to the pictures that have it, can be taken away, and others added.
import { announce, element, icon } from "/ui/dom.js";

function origin_words({ tags, tags_origin }) {
  if (tags.length === 0 || !tags_origin) return "";
  return tags_origin === "user" ? "Chosen by a person; no model changes them." : "Chosen by models. Once you change them they are yours.";
}

// on_change(tags) -> the image as it then is; throws a Problem. `node` is for the page.
export class TagEditor {
  constructor({ on_change }) {
    this.on_change = on_change;
    this.tags = [];
    this.list = element("ul", { class: "tags", "aria-label": "Tags", hidden: true });
    this.origin = element("p", { class: "hint" });
    this.field = element("input", { id: "tag-field", type: "text", autocomplete: "off", placeholder: "Add a tag", "aria-describedby": "tag-problem" });
    this.problem = element("p", { id: "tag-problem", class: "field-problem", role: "alert" });
    this.node = element("section", { class: "part", "aria-labelledby": "tags-head" },
      element("h2", { id: "tags-head" }, "Tags"), this.list,
      element("form", { class: "tag-form", onsubmit: (event) => {
        event.preventDefault();
        this.add();
      } }, element("label", { for: "tag-field", class: "visually-hidden" }, "Add a tag; commas part several"), this.field,
      element("button", { type: "submit" }, "Add")),
      this.problem, this.origin);
  }

  show(image) {
    this.origin.textContent = origin_words(image);
    if (JSON.stringify(image.tags) === JSON.stringify(this.tags)) return;  // the focus stays where it is
    this.tags = image.tags;
    this.list.hidden = image.tags.length === 0;
    this.list.replaceChildren(...image.tags.map((tag, index) => element("li", {},
      element("a", { href: `#/?${new URLSearchParams({ tags: tag })}`, title: "Show the pictures with this tag" }, tag),
      element("button", { type: "button", "aria-label": `Remove the tag ${tag}`, onclick: () => this.remove(index) },
        icon("M7 7l10 10M17 7L7 17")))));
  }

  // Whether it was done.
  async change(tags, told) {
    if (this.is_busy) return false;
    this.is_busy = true;
    this.problem.textContent = "";
    try {
      this.show(await this.on_change(tags));
      announce(told);
      return true;
    } catch (problem) {
      if (problem.name !== "AbortError") this.problem.textContent = problem.detail ?? String(problem);
      return false;
    } finally {
      this.is_busy = false;
    }
  }

  async add() {
    const wanted = this.field.value.split(",").map((tag) => tag.trim()).filter((tag) => tag !== "" && !this.tags.includes(tag));
    if (wanted.length > 0 && !await this.change([...this.tags, ...wanted], `Added ${wanted.join(", ")}`)) return;
    this.field.value = "";
    this.field.focus();
  }

  async remove(index) {
    const tag = this.tags[index];
    if (!await this.change(this.tags.filter((_, at) => at !== index), `Removed ${tag}`)) return;
    const buttons = this.list.querySelectorAll("button");
    (buttons[Math.min(index, buttons.length - 1)] ?? this.field).focus();
  }
}
