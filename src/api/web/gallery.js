// The pictures: all of them or those that a search found, as one scrolls.
import { announce, count, element, icon, toast } from "/ui/dom.js";
import { live } from "/ui/live.js";
import { keep_picture } from "/ui/picture_search.js";
import { PictureSource } from "/ui/picture_source.js";
import { SearchBar } from "/ui/search_bar.js";
import { address_of, has_subject, read_state } from "/ui/search_state.js";
import { make_tile } from "/ui/tile.js";
import { delete_with_undo, deletions, is_deleted } from "/ui/undo.js";
import { VirtualGrid } from "/ui/virtual_grid.js";

const newer_ms = 800, together_ms = 150;  // what comes together is shown together

// What was shown when this page was left, for coming back to it.
let left = null;  // { address, source, scroll, active: id, number: index of it }
// What goes meanwhile is not there any more.
deletions.addEventListener("deleted", ({ detail }) => left?.source.remove(detail));
live.addEventListener("image", ({ detail }) => { if (detail.change === "deleted") left?.source.remove([detail.id]); });

// Where pictures were shown last and which, in their order.
export function last_shown() {
  return { address: left?.address ?? "#/", ids: left?.source.items.map(({ id }) => id).filter((id) => !is_deleted(id)) ?? [] };
}

class Gallery {
  constructor(container, { api, navigate, parameters }) {
    this.api = api;
    this.navigate = navigate;
    this.stopped = new AbortController();
    this.total = null;
    this.doubtful = new Set();  // ids
    this.gone = new Set();
    container.append(element("h1", { class: "visually-hidden" }, "Pictures"));
    this.bar = new SearchBar(container, { api, on_change: (state, how) => this.go(state, how),
      on_picture: (file) => this.search_with(file) });
    this.status = element("p", { class: "status" });
    this.newer = element("button", { type: "button", class: "newer", hidden: true, onclick: () => this.show_newer(true) });
    this.message = element("div", { class: "empty", hidden: true });
    this.choose = element("button", { type: "button", class: "small choose", "aria-pressed": "false",
      onclick: () => this.set_choosing(!this.is_choosing) }, "Select");
    container.append(element("div", { class: "status-line" }, this.status, this.newer, this.choose), this.message);
    this.grid = new VirtualGrid(container, {
      make_tile: (item) => make_tile(item, { api, is_found: has_subject(this.state), on_like: (liked) => this.like(liked),
        on_delete: (gone) => this.remove([gone.id]) }),
      on_near_end: () => this.load_more(),
      is_whole: () => this.source.is_complete,
      on_selection: (ids) => this.show_selection(ids),
      on_delete: (ids) => this.remove(ids),
      on_leave: () => this.bar.field.focus(),
    });
    this.selection = element("div", { class: "selection", role: "region", "aria-label": "Selected pictures", hidden: true });
    container.append(this.selection);
    this.listen();
    this.update(parameters);
  }

  listen() {
    const options = { signal: this.stopped.signal };
    deletions.addEventListener("hidden", () => this.refresh(), options);
    deletions.addEventListener("restored", () => this.refresh(), options);
    deletions.addEventListener("deleted", ({ detail }) => this.forget(detail), options);
    live.addEventListener("image", ({ detail }) => this.hear(detail), options);
    live.addEventListener("missed", () => this.newer_soon(), options);
    addEventListener("keydown", (event) => this.press(event), options);
  }

  stop() {
    left = { address: address_of(this.state), source: this.source, scroll: scrollY,
      active: this.grid.items[this.grid.active]?.id, number: this.grid.active };
    this.stopped.abort();
    this.grid.stop();
    this.bar.stop();
    for (const timer of [this.newer_timer, this.look_timer, this.forget_timer]) clearTimeout(timer);
    this.source.remove(this.gone);
  }

  // Typing is one step of the history, however many letters.
  go(state, { is_typing }) {
    const address = address_of(state);
    if (address === address_of(this.state)) return;
    this.navigate(address, { replace: is_typing && this.is_typing });
    this.is_typing = is_typing;
  }

  like(item) {
    const none = read_state({});
    this.go({ ...none, like: item.id }, { is_typing: false });
    scrollTo(0, 0);
    this.bar.field.focus();
  }

  search_with(file) {
    this.go({ ...read_state({}), q: this.bar.field.value.trim(), picture: keep_picture(file) }, { is_typing: false });
  }

  // Called with every new address of this page.
  update(parameters) {
    const state = read_state(parameters), address = address_of(state);
    const was = this.state ? address_of(this.state) : null;
    if (was === address) return;
    this.state = state;
    if (was !== null) this.is_typing = false;
    this.bar.show(state);
    this.source?.stop();
    this.newer.hidden = true;
    if (left?.address === address) this.come_back();
    else this.begin();
    left = null;
  }

  begin() {
    this.source = new PictureSource(this.api, this.state);
    this.is_fresh = true;  // what is shown belongs to the search before, until the first page is there
    this.load_more();
    if (!this.source.is_search) this.count_all();
  }

  come_back() {
    const { source, scroll, active, number } = left;
    this.source = new PictureSource(this.api, this.state);
    Object.assign(this.source, { items: source.items, known: source.known, cursor: source.cursor, answer: source.answer });
    this.is_fresh = false;
    this.refresh();
    if (this.grid.items.length > 0) {
      const index = this.grid.items.findIndex((item) => item.id === active);
      this.grid.set_active(index >= 0 ? index : Math.min(number, this.grid.items.length - 1));
    }
    scrollTo(0, scroll);
    if (index_is_there(this.grid)) this.grid.focus(this.grid.active, false);
    if (active) this.look_again(active);
    if (!this.source.is_search) {
      this.count_all();
      this.newer_soon();
    }
  }

  // What may have changed or gone, here or elsewhere; many at a time are shown together.
  look_again(id) {
    this.doubtful.add(id);
    this.look_timer ||= setTimeout(() => this.look(), together_ms);
  }

  async look() {
    const { source } = this, ids = [...this.doubtful];
    this.doubtful.clear();
    for (const id of ids) {
      if (!source.known.has(id)) continue;
      try {
        source.change(await this.api.get(`/images/${id}`, { signal: this.stopped.signal }));
      } catch (problem) {
        if (problem.status === 404) source.remove([id]);
      }
    }
    this.look_timer = 0;
    if (this.doubtful.size > 0) this.look_again(this.doubtful.values().next().value);
    if (source === this.source && !this.stopped.signal.aborted) this.refresh();
  }

  // Gone for certain.
  forget(ids) {
    for (const id of ids) this.gone.add(id);
    this.forget_timer ||= setTimeout(() => {
      this.forget_timer = 0;
      this.source.remove(this.gone);
      this.gone.clear();
      this.refresh();
      if (!this.source.is_search) this.count_all();
    }, together_ms);
  }

  async load_more() {
    const source = this.source;
    if (source.is_complete || source.loading || this.failed_source === source) return;
    try {
      if (this.is_fresh) this.status.classList.add("busy");
      await source.load_more();
    } catch (problem) {
      if (problem.name !== "AbortError" && source === this.source) this.show_failure(problem);
      return;
    }
    if (source !== this.source) return;
    const is_fresh = this.is_fresh;
    this.is_fresh = false;
    if (is_fresh) {
      this.grid.active = 0;
      if (this.grid.selected.size > 0) this.grid.select([]);
      this.refresh();
      if (scrollY > 0 && this.source.is_search) scrollTo(0, 0);
    } else {
      this.grid.append(this.visible());
    }
    this.show_status(is_fresh);
  }

  visible() {
    return this.source.items.filter((item) => !is_deleted(item.id) && !this.gone.has(item.id));
  }

  refresh() {
    this.grid.replace(this.visible());
    this.show_status(false);
  }

  show_status(is_news) {
    const { source, grid } = this, shown = grid.items.length;
    this.status.classList.remove("busy");
    this.message.hidden = shown > 0 || this.is_fresh;
    this.choose.hidden = shown === 0;
    if (source.is_search) {
      const ms = source.answer?.timings?.total_ms;
      const found = source.is_complete ? count(shown, "picture") : `${shown.toLocaleString("en")} and more pictures`;
      this.status.textContent = shown === 0 ? "Nothing found" : `${found} found${ms === undefined ? "" : ` in ${ms.toFixed(ms < 10 ? 1 : 0)} ms`}`;
    } else {
      this.status.textContent = shown === 0 ? "" : count(this.total ?? shown, "picture");
    }
    this.show_notice();
    if (shown === 0 && !this.is_fresh) this.show_emptiness();
    if (is_news) announce(shown === 0 && source.answer?.reason ? source.answer.reason : this.status.textContent);
  }

  // What the banner does not say already.
  show_notice() {
    const said = document.getElementById("banner").dataset.notice ?? "";
    const notice = (this.source.answer?.notice ?? "").replace(said, "").trim();
    if (this.source.is_search && notice !== "" && !/^(MOCK|DEMO) MODELS/.test(notice))
      this.status.textContent += ` · ${notice}`;
  }

  show_emptiness() {
    if (!this.source.is_search) {
      this.message.replaceChildren(icon("M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4M15.5 8.6v.01"), element("h2", {}, "No pictures yet"),
        element("p", {}, "Drop pictures anywhere on this page, paste them, or use “Add pictures”. Each gets a caption, and is found by what it shows."));
      return;
    }
    this.message.replaceChildren(icon("M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20M8 8l5 5M13 8l-5 5"),
      element("h2", {}, "Nothing found"), element("p", {}, this.source.answer?.reason ?? ""));
    if (!this.state.is_everything && this.state.q !== "")
      this.message.append(element("button", { type: "button",
        onclick: () => this.go({ ...this.state, is_everything: true }, { is_typing: false }) }, "Show the nearest all the same"));
  }

  show_failure(problem) {
    this.status.classList.remove("busy");
    this.failed_source = this.source;
    if (this.is_fresh) this.grid.replace([]);
    this.is_fresh = false;
    this.status.textContent = "";
    this.message.hidden = false;
    this.message.replaceChildren(icon("M12 8v5M12 16.5v.01M12 3l9.5 17h-19z"), element("p", {}, problem.detail ?? String(problem)),
      element("button", { type: "button", onclick: () => {
        this.failed_source = null;
        this.message.hidden = true;
        if (this.grid.items.length === 0) this.begin();
        else this.load_more();
      } }, "Try again"));
    announce(problem.detail ?? String(problem));
  }

  async count_all() {
    try {
      const health = await this.api.get("/healthz", { signal: this.stopped.signal });
      this.total = health.store.images;
    } catch {
      return;  // the list itself tells of a server that is gone
    }
    if (!this.source.is_search) this.show_status(false);
  }

  remove(ids) {
    if (ids.length === 0) return;
    this.set_choosing(false);
    delete_with_undo(ids, this.api);
  }

  // While one chooses, every picture shows its box.
  set_choosing(is_choosing) {
    this.is_choosing = is_choosing;
    this.choose.setAttribute("aria-pressed", String(is_choosing));
    this.choose.textContent = is_choosing ? "Done" : "Select";
    if (is_choosing) this.grid.node.classList.add("selecting");
    else this.grid.select([]);
  }

  show_selection(ids) {
    this.grid.node.classList.toggle("selecting", ids.length > 0 || this.is_choosing);
    this.selection.hidden = ids.length === 0;
    if (ids.length === 0) {
      this.selection.replaceChildren();
      return;
    }
    this.selection.replaceChildren(element("strong", {}, `${count(ids.length, "picture")} selected`),
      element("button", { type: "button", class: "bad", onclick: () => this.remove(ids) }, "Delete"),
      element("button", { type: "button", onclick: () => {
        this.set_choosing(false);
        if (index_is_there(this.grid)) this.grid.focus(this.grid.active, false);
      } }, "Clear the selection"));
    announce(`${count(ids.length, "picture")} selected`);
  }

  // Another page or program has stored, changed or deleted a picture.
  hear({ id, change }) {
    if (change === "stored") this.newer_soon();
    else if (change === "deleted") {
      if (this.source.known.has(id)) this.forget([id]);
    } else if (this.source.known.has(id)) this.look_again(id);
  }

  newer_soon() {
    if (this.source.is_search || this.newer_timer) return;
    this.newer_timer = setTimeout(() => {
      this.newer_timer = 0;
      if (!this.source.is_search) this.show_newer(false);
    }, newer_ms);
  }

  // At the top new pictures appear by themselves; further down they would push away what is looked at.
  async show_newer(is_asked) {
    if (!is_asked && scrollY > innerHeight / 2) {
      this.newer.textContent = "New pictures have come. Show them";
      this.newer.hidden = false;
      return;
    }
    this.newer.hidden = true;
    const source = this.source;
    try {
      const is_whole = await source.load_newer();
      if (source !== this.source) return;
      if (is_whole) this.refresh();
      else this.begin();
    } catch (problem) {
      if (problem.name !== "AbortError" && is_asked) toast(problem.detail, { is_bad: true });
      return;
    }
    this.count_all();
    if (is_asked) scrollTo(0, 0);
  }

  press(event) {
    if (event.altKey || event.ctrlKey || event.metaKey || event.defaultPrevented) return;
    const is_typing = event.target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select") !== null;
    if (event.key === "/" && !is_typing) {
      this.bar.focus();
      scrollTo(0, 0);
    } else if (event.key === "Escape" && event.target === this.bar.field) {
      this.bar.field.value = "";
      this.bar.change(false);
    } else if (event.key === "Escape" && this.bar.filters.contains(event.target)) {
      this.bar.open_filters(false);
      this.bar.filter_button.focus();
    } else if (event.key === "Escape" && this.grid.selected.size > 0) this.grid.select([]);
    else if (event.key === "ArrowDown" && event.target === this.bar.field && index_is_there(this.grid)) this.grid.focus(this.grid.active);
    else return;
    event.preventDefault();
  }
}

function index_is_there(grid) {
  return grid.active < grid.items.length;
}

export function mount(container, context) {
  const gallery = new Gallery(container, context);
  return { unmount: () => gallery.stop(), update: (parameters) => gallery.update(parameters) };
}
