// A caption, and changing it where it stands.
import { announce, element, icon } from "/ui/dom.js";

const pencil = "M4 20h4L19.5 8.5l-4-4L4 16zM13 7l4 4";

// on_save(text) -> what is then the caption; throws a Problem. `node` is for the page.
export class CaptionEditor {
  constructor({ on_save }) {
    this.on_save = on_save;
    this.text = element("p", { class: "caption", onclick: () => { if (getSelection().isCollapsed) this.open(); } });
    this.edit = element("button", { type: "button", class: "quiet", title: "Edit the caption", "aria-label": "Edit the caption",
      onclick: () => this.open() }, icon(pencil));
    this.shown = element("div", { class: "caption-shown" }, this.text, this.edit);
    this.field = element("textarea", { id: "caption-field", rows: 3, "aria-describedby": "caption-hint",
      onkeydown: (event) => this.press(event), oninput: () => this.fit() });
    this.problem = element("p", { class: "field-problem", role: "alert" });
    this.save_button = element("button", { type: "submit", class: "primary" }, "Save");
    this.form = element("form", { class: "caption-form", hidden: true, onsubmit: (event) => {
      event.preventDefault();
      this.save();
    } }, element("label", { for: "caption-field" }, "Caption"), this.field, this.problem,
    element("div", { class: "caption-buttons" }, this.save_button,
      element("button", { type: "button", onclick: () => this.close() }, "Cancel"),
      element("span", { id: "caption-hint", class: "hint" }, "Ctrl+Enter saves, Escape leaves it as it was")));
    this.node = element("section", { class: "caption-part", "aria-label": "Caption" }, this.shown, this.form);
  }

  get is_changed() {
    return !this.form.hidden && this.field.value.trim() !== this.caption;
  }

  // What is being written stays.
  show(caption) {
    this.caption = caption;
    this.text.textContent = caption;
  }

  open() {
    this.field.value = this.caption;
    this.problem.textContent = "";
    this.shown.hidden = true;
    this.form.hidden = false;
    this.fit();
    this.field.focus();
  }

  close() {
    this.form.hidden = true;
    this.shown.hidden = false;
    this.edit.focus();
  }

  fit() {
    this.field.style.height = "auto";
    this.field.style.height = `${this.field.scrollHeight + 2}px`;
  }

  press(event) {
    if (event.isComposing) return;
    if (event.key === "Escape") this.close();
    else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) this.save();
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  async save() {
    if (this.save_button.disabled) return;
    if (!this.is_changed) {
      this.close();
      return;
    }
    this.save_button.disabled = true;
    this.problem.textContent = "";
    try {
      this.show(await this.on_save(this.field.value.trim()));
      announce("Caption saved");
      this.close();
    } catch (problem) {
      if (problem.name === "AbortError") return;
      this.problem.textContent = problem.detail ?? String(problem);
      this.field.focus();
    } finally {
      this.save_button.disabled = false;
    }
  }
}
