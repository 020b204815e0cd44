// A grid of any number of pictures of which only the rows near the window are in the page. It scrolls
// with the page itself.
import { element } from "/ui/dom.js";
import { lay_rows, neighbour, row_at, row_of } from "/ui/grid_layout.js";

const text_height = 60, line_gap = 20;
const fast_px = 1200;    // a jump within a frame: pictures are asked for when it has settled
const settled_ms = 120;

export class VirtualGrid {
  // make_tile(item) -> { node: a gridcell, link, image, src, set_selected }
  // on_near_end(): more items are wanted; is_whole(): there are no more. on_selection(ids), on_delete(ids), on_leave().
  constructor(container, handlers) {
    this.handlers = handlers;
    this.items = [];
    this.rows = [];
    this.shown = new Map();  // row number -> its node
    this.tiles = new Map();  // id -> tile, of the rows that are shown
    this.spare = new Map();  // those of before, while rows are made anew
    this.selected = new Set();
    this.active = 0;         // index of the item that Tab reaches
    this.anchor = 0;         // where a range of selected items begins
    this.last_scroll = 0;
    this.stopped = new AbortController();
    this.node = element("div", { class: "picture-grid", role: "grid", "aria-label": "Pictures",
      "aria-multiselectable": "true" });
    container.append(this.node);
    const options = { signal: this.stopped.signal, passive: true };
    addEventListener("scroll", () => this.render_soon(), options);
    this.node.addEventListener("keydown", (event) => this.press(event));
    this.node.addEventListener("focusin", (event) => this.follow_focus(event));
    this.node.addEventListener("click", (event) => this.click(event), { capture: true });
    this.observer = new ResizeObserver(() => this.resize());
    this.observer.observe(this.node);
    this.body_observer = new ResizeObserver(() => this.render_soon());
    this.body_observer.observe(document.body);
  }

  stop() {
    this.stopped.abort();
    this.observer.disconnect();
    this.body_observer.disconnect();
    cancelAnimationFrame(this.frame);
    clearTimeout(this.settle_timer);
  }

  shape() {
    const width = this.node.clientWidth;
    return { width, height: width < 560 ? 150 : width < 1100 ? 200 : 235, text_height, line_gap,
      gap: width < 560 ? 10 : 16 };
  }

  // More items at the end of the same list.
  append(items) {
    this.items = items;
    this.lay();
  }

  // Another list, or one that changed. What has the focus keeps it, by its id.
  replace(items) {
    const active_id = this.items[this.active]?.id;
    const had_focus = this.node.contains(document.activeElement);
    const found = items.findIndex((item) => item.id === active_id);
    this.items = items;
    this.active = found >= 0 ? found : Math.min(this.active, Math.max(items.length - 1, 0));
    const there = new Set(items.map((item) => item.id));
    const selected = [...this.selected].filter((id) => there.has(id));
    if (selected.length !== this.selected.size) this.select(selected);
    this.lay_again();
    if (had_focus && items.length > 0) this.focus(this.active, false);
    else if (had_focus) this.handlers.on_leave();
  }

  // All rows anew. Tiles of the same items are used again, so that nothing flickers.
  lay_again() {
    this.spare = this.tiles;
    this.tiles = new Map();
    for (const node of this.shown.values()) node.remove();
    this.shown.clear();
    this.rows = [];
    this.lay();
    for (const tile of this.spare.values()) tile.image.removeAttribute("src");
    this.spare = new Map();
  }

  tile_of(item) {
    const spare = this.spare.get(item.id);
    if (spare?.item !== item) return { ...this.handlers.make_tile(item), item };
    this.spare.delete(item.id);
    return spare;
  }

  resize() {
    const shape = this.shape();
    if (this.last_shape?.width === shape.width || shape.width === 0) return;
    const y = scrollY - this.top();
    const row = this.rows[row_at(this.rows, Math.max(y, 0))];
    const first = y > 0 && row ? row.first : -1;
    this.lay_again();
    if (first >= 0 && this.rows.length > 0) scrollTo(0, this.top() + this.rows[row_of(this.rows, first)].top);
    this.render();
  }

  lay() {
    const shape = this.shape();
    if (shape.width === 0) return;
    const was_last = this.rows.length - 1;
    if (was_last >= 0 && !this.rows[was_last].is_full) this.drop_row(was_last);
    this.last_shape = shape;
    lay_rows(this.rows, this.items, shape);
    this.node.style.height = `${this.rows.at(-1)?.bottom ?? 0}px`;
    this.node.setAttribute("aria-rowcount", String(this.handlers.is_whole() ? this.rows.length : -1));
    this.render();
  }

  // Of the grid in the page.
  top() {
    return this.node.getBoundingClientRect().top + scrollY;
  }

  render_soon() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => this.render());
  }

  render() {
    if (this.rows.length === 0) return;
    const view = scrollY - this.top();
    const first = row_at(this.rows, view - innerHeight), last = row_at(this.rows, view + 2 * innerHeight);
    const active_row = row_of(this.rows, this.active);
    for (const number of [...this.shown.keys()])
      if ((number < first || number > last) && number !== active_row) this.drop_row(number);
    for (let number = first; number <= last; number++) this.show_row(number);
    this.show_row(active_row);
    const is_fast = Math.abs(view - this.last_scroll) > fast_px;
    this.last_scroll = view;
    clearTimeout(this.settle_timer);
    if (is_fast) this.settle_timer = setTimeout(() => this.load_pictures(), settled_ms);
    else this.load_pictures();
    if (view + 4 * innerHeight > this.rows.at(-1).bottom) this.handlers.on_near_end();
  }

  load_pictures() {
    for (const tile of this.tiles.values()) if (!tile.image.hasAttribute("src")) tile.image.src = tile.src;
  }

  show_row(number) {
    if (this.shown.has(number)) return;
    const row = this.rows[number];
    const node = element("div", { class: "picture-row", role: "row", "aria-rowindex": number + 1 });
    node.style.transform = `translateY(${row.top}px)`;
    for (let place = 0; place < row.count; place++) {
      const index = row.first + place;
      const tile = this.tile_of(this.items[index]);
      tile.node.dataset.index = String(index);
      tile.node.style.width = `${row.widths[place]}px`;
      tile.image.style.height = `${row.height}px`;
      tile.set_selected(this.selected.has(this.items[index].id));
      this.set_reachable(tile, index === this.active);
      this.tiles.set(this.items[index].id, tile);
      node.append(tile.node);
    }
    this.shown.set(number, node);
    // Screen readers read in the order of the page.
    const after = [...this.shown.keys()].filter((other) => other > number).sort((a, b) => a - b)[0];
    this.node.insertBefore(node, after === undefined ? null : this.shown.get(after));
  }

  drop_row(number) {
    const node = this.shown.get(number);
    if (!node) return;
    for (const cell of node.children) {
      const id = cell.dataset.id;
      // Without an address the browser stops loading what is not seen any more.
      this.tiles.get(id)?.image.removeAttribute("src");
      this.tiles.delete(id);
    }
    node.remove();
    this.shown.delete(number);
  }

  // Of a tile, all or nothing is reached by Tab: the active tile is, others by arrows.
  set_reachable(tile, is_reachable) {
    for (const node of tile.node.querySelectorAll("a, button, input")) node.tabIndex = is_reachable ? 0 : -1;
  }

  set_active(index) {
    const before = this.tiles.get(this.items[this.active]?.id);
    if (before) this.set_reachable(before, false);
    this.active = index;
    this.show_row(row_of(this.rows, index));
    const tile = this.tiles.get(this.items[index].id);
    this.set_reachable(tile, true);
    return tile;
  }

  focus(index, scrolls = true) {
    const tile = this.set_active(index);
    const row = this.rows[row_of(this.rows, index)];
    if (scrolls) {
      const above = 84, view = scrollY - this.top();  // the header covers the top
      if (row.top < view + above) scrollTo(0, this.top() + row.top - above);
      else if (row.bottom + line_gap > view + innerHeight) scrollTo(0, this.top() + row.bottom + line_gap - innerHeight);
      this.render();
    }
    tile.link.focus({ preventScroll: true });
    this.load_pictures();
  }

  follow_focus(event) {
    const index = Number(event.target.closest("[data-index]")?.dataset.index ?? this.active);
    if (index !== this.active) this.set_active(index);
  }

  press(event) {
    if (event.altKey || event.target.closest("[data-index]") === null) return;
    const rows_a_page = Math.max(1, Math.floor((innerHeight - 100) / (this.last_shape.height + text_height)));
    const row = this.rows[row_of(this.rows, this.active)], last = this.items.length - 1;
    const to_all = event.ctrlKey || event.metaKey;
    const moves = {
      ArrowLeft: () => Math.max(this.active - 1, 0),
      ArrowRight: () => Math.min(this.active + 1, last),
      ArrowUp: () => neighbour(this.rows, this.active, -1),
      ArrowDown: () => neighbour(this.rows, this.active, 1),
      PageUp: () => neighbour(this.rows, this.active, -rows_a_page),
      PageDown: () => neighbour(this.rows, this.active, rows_a_page),
      Home: () => (to_all ? 0 : row.first),
      End: () => (to_all ? last : row.first + row.count - 1),
    };
    const is_on_link = event.target.closest("a") !== null;
    if (moves[event.key]) {
      const index = moves[event.key]();
      if (event.shiftKey) this.select_range(index);
      this.focus(index);
    } else if (event.key === " " && is_on_link) this.toggle(this.active);
    else if (event.key === "Delete") this.handlers.on_delete(this.chosen());
    else if (event.key === "Escape" && this.selected.size > 0) this.select([]);
    else if (event.key === "a" && to_all) this.select(this.items.map((item) => item.id));
    else return;
    event.preventDefault();
  }

  // A click with Shift selects a range, one with Ctrl or Command a single picture.
  click(event) {
    const cell = event.target.closest("[data-index]");
    if (cell === null) return;
    const index = Number(cell.dataset.index), is_box = event.target.matches("input");
    if (!is_box && !(event.target.closest("a") && (event.shiftKey || event.ctrlKey || event.metaKey))) return;
    if (!is_box) event.preventDefault();
    if (event.shiftKey) this.select_range(index);
    else this.toggle(index);
    this.set_active(index);
    event.stopPropagation();
  }

  toggle(index) {
    const id = this.items[index].id, selected = new Set(this.selected);
    if (!selected.delete(id)) selected.add(id);
    this.anchor = index;
    this.select([...selected]);
  }

  select_range(index) {
    if (this.selected.size === 0) this.anchor = this.active;
    const [from, to] = [Math.min(this.anchor, index), Math.max(this.anchor, index)];
    this.select(this.items.slice(from, to + 1).map((item) => item.id));
  }

  select(ids) {
    this.selected = new Set(ids);
    for (const [id, tile] of this.tiles) tile.set_selected(this.selected.has(id));
    this.handlers.on_selection([...this.selected]);
  }

  // What an action is for: the selected pictures, else the one that has the focus.
  chosen() {
    if (this.selected.size > 0) return [...this.selected];
    return this.items.length > 0 ? [this.items[this.active].id] : [];
  }
}
