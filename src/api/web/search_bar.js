// The field, the mode and the filters of a search. It shows a state (search_state.js) and asks for
// another one; what is found is not its business.
import { element, icon } from "/ui/dom.js";
import { count_filters } from "/ui/search_state.js";
import { kept_picture } from "/ui/picture_search.js";

const typing_ms = 200;
const mode_names = { hybrid: "Both", semantic: "Meaning", keyword: "Words" };
const origins = [["", "anyone"], ["local", "a local model"], ["cloud", "a cloud provider"], ["user", "a person"],
  ["mock", "a mock model"]];
const cross = "M6 6l12 12M18 6L6 18";

export class SearchBar {
  // on_change(state, { is_typing }), on_picture(file)
  constructor(container, { api, on_change, on_picture }) {
    this.api = api;
    this.on_change = on_change;
    this.state = null;
    this.field = element("input", { id: "search", type: "search", autocomplete: "off", spellcheck: "false",
      enterkeyhint: "search", placeholder: "Search your pictures", "aria-label": "Search pictures",
      "aria-keyshortcuts": "/", oninput: () => this.type() });
    this.subjects = element("div", { class: "subjects" });
    const file = element("input", { type: "file", accept: "image/*", class: "visually-hidden", onchange: () => {
      if (file.files.length > 0) on_picture(file.files[0]);
      file.value = "";
    } });
    this.filter_button = element("button", { type: "button", "aria-expanded": "false", "aria-controls": "filters",
      onclick: () => this.open_filters(this.filters.hidden) }, icon("M4 6h16M7 12h10M10 18h4"), element("span", { class: "label" }, "Filters"));
    this.form = element("form", { class: "search", role: "search", onsubmit: (event) => this.submit(event) },
      element("div", { class: "search-line" },
        element("div", { class: "search-field" }, icon("M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20"),
          this.subjects, this.field, element("kbd", { "aria-hidden": "true" }, "/"),
          element("label", { class: "button quiet", title: "Search with a picture" }, file,
            icon("M4 8h3.5L9 5.5h6L16.5 8H20v11H4zM12 10a3.2 3.2 0 1 0 0 6.4 3.2 3.2 0 0 0 0-6.4z"),
            element("span", { class: "visually-hidden" }, "Search with a picture"))),
        this.filter_button),
      this.make_options(), this.make_filters());
    container.append(this.form);
  }

  // How words are understood; there only with words.
  make_options() {
    this.options = element("div", { class: "search-options", hidden: true },
      element("fieldset", { class: "modes" }, element("legend", { class: "visually-hidden" }, "Search by"),
        element("div", { class: "segments" }, ...Object.entries(mode_names).map(([value, label]) =>
          element("label", {}, element("input", { type: "radio", name: "mode", value, onchange: () => this.change(false) }), label)))),
      element("label", { class: "check" },
        element("input", { type: "checkbox", name: "fitting", onchange: () => this.change(false) }), "Only what fits"));
    return this.options;
  }

  make_filters() {
    const text = (name, label, placeholder) => element("label", {}, label,
      element("input", { name, placeholder, autocomplete: "off", spellcheck: "false", oninput: () => this.type() }));
    const date = (name, label) => element("label", {}, label,
      element("input", { name, type: "date", onchange: () => this.change(false) }));
    this.filters = element("div", { id: "filters", class: "filters", hidden: true },
      text("tags", "Tags", "beach, summer"), text("words", "Words in the caption", "dog, snow"),
      date("from", "Added from"), date("until", "Added until"),
      element("label", {}, "Captioned by", element("select", { name: "origin", onchange: () => this.change(false) },
        ...origins.map(([value, label]) => element("option", { value }, label)))),
      element("button", { type: "button", class: "clear", onclick: () => this.clear_filters() }, "Clear the filters"));
    return this.filters;
  }

  open_filters(is_open) {
    this.filters.hidden = !is_open;
    this.filter_button.setAttribute("aria-expanded", String(is_open));
  }

  get controls() {
    return this.form.elements;
  }

  // What was typed meanwhile stays.
  show(state) {
    const is_first = this.state === null;
    this.state = state;
    if (this.timer) return;
    const set = (input, value) => { if (input.value.trim() !== value) input.value = value; };
    set(this.field, state.q);
    for (const name of ["tags", "words", "from", "until", "origin"]) set(this.controls[name], state[name]);
    this.controls.mode.value = state.mode;
    this.controls.fitting.checked = !state.is_everything;
    this.options.hidden = state.q === "";
    const filters = count_filters(state);
    this.filter_button.querySelector("span").textContent = filters > 0 ? `Filters (${filters})` : "Filters";
    if (is_first && filters > 0) this.open_filters(true);
    this.show_subjects();
  }

  // The picture that is searched with, which can be taken away.
  show_subjects() {
    for (const shown of this.subjects.querySelectorAll("img")) URL.revokeObjectURL(shown.src);
    const { like, picture } = this.state;
    const chip = (source, label, without) => element("span", { class: "subject" },
      source && element("img", { src: source, alt: "" }), element("span", {}, label),
      element("button", { type: "button", class: "quiet", "aria-label": `Search without: ${label}`,
        onclick: () => this.on_change({ ...this.state, ...without }, { is_typing: false }) }, icon(cross)));
    const chips = [];
    if (like) chips.push(chip(this.api.thumbnail(like, 96), "like this picture", { like: "" }));
    if (picture) {
      const file = kept_picture(picture);
      chips.push(chip(file && URL.createObjectURL(file), file?.name || "a picture", { picture: "" }));
    }
    this.subjects.replaceChildren(...chips);
    this.field.placeholder = chips.length > 0 ? "and words" : "Search your pictures";
  }

  read() {
    const state = { ...this.state, q: this.field.value.trim(), mode: this.controls.mode.value,
      is_everything: !this.controls.fitting.checked };
    for (const name of ["tags", "words", "from", "until", "origin"]) state[name] = this.controls[name].value.trim();
    return state;
  }

  change(is_typing) {
    clearTimeout(this.timer);
    this.timer = 0;
    this.on_change(this.read(), { is_typing });
  }

  type() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.change(true), typing_ms);
  }

  submit(event) {
    event.preventDefault();
    this.change(true);
  }

  clear_filters() {
    this.change(false);
    const none = { tags: "", words: "", from: "", until: "", origin: "" };
    this.on_change({ ...this.state, ...none }, { is_typing: false });
    this.controls.tags.focus();
  }

  focus() {
    this.field.focus();
    this.field.select();
  }

  stop() {
    clearTimeout(this.timer);
  }
}
