// A list of pictures that comes in pages: all of them, newest first, or what a search found.
import { kept_picture } from "/ui/picture_search.js";
import { is_search, search_query } from "/ui/search_state.js";

const list_page = 200, search_page = 60;

// What the grid shows of an image; the rest would only take memory, with many thousands.
export function item_of(image) {
  return { id: image.id, caption: image.caption, width: image.width, height: image.height,
    score: image.score ?? null, relevance: image.relevance ?? null };
}

export class PictureSource {
  constructor(api, state) {
    this.api = api;
    this.state = state;
    this.is_search = is_search(state);
    this.items = [];
    this.known = new Set();  // their ids
    this.cursor = "";        // null: that was all
    this.answer = null;      // the newest, without its pictures
    this.loading = null;
    this.stopped = new AbortController();
  }

  get is_complete() {
    return this.cursor === null;
  }

  stop() {
    this.stopped.abort();
  }

  async ask(cursor) {
    const options = { signal: this.stopped.signal };
    if (!this.is_search)
      return this.api.get("/images", { ...options, query: { limit: list_page, cursor } });
    const query = { ...search_query(this.state), k: search_page, cursor };
    if (this.state.picture === "") return this.api.get("/search", { ...options, query });
    const picture = kept_picture(this.state.picture);
    if (picture === null)
      return { results: [], next_cursor: null, reason: "The picture that this search was made with is no longer here. Drop it again to search with it." };
    const body = new FormData();
    body.append("file", picture, picture.name || "picture");
    return this.api.send("POST", "/search", { ...options, query: { ...query, q: this.state.q, image_id: "" }, body });
  }

  // One at a time. Returns the items that came; throws a Problem, or AbortError when stopped.
  load_more() {
    if (this.is_complete) return Promise.resolve([]);
    this.loading ??= this.load().finally(() => { this.loading = null; });
    return this.loading;
  }

  async load() {
    const { images, results, ...answer } = await this.ask(this.cursor);
    this.answer = answer;
    this.cursor = answer.next_cursor ?? null;
    return this.add(images ?? results, (items) => this.items.push(...items));
  }

  // What has come since, to the beginning; only of the list of all. False: so much that the list
  // is better read again.
  async load_newer() {
    const { images } = await this.ask("");
    const index = images.findIndex((image) => this.known.has(image.id));
    const is_whole = index >= 0 || this.items.length === 0;
    if (is_whole) this.add(index < 0 ? images : images.slice(0, index), (items) => this.items.unshift(...items));
    return is_whole;
  }

  add(images, put) {
    const items = images.filter((image) => !this.known.has(image.id)).map(item_of);
    for (const item of items) this.known.add(item.id);
    put(items);
    return items;
  }

  remove(ids) {
    const gone = new Set(ids);
    this.items = this.items.filter((item) => !gone.has(item.id));
    for (const id of gone) this.known.delete(id);
  }

  // The new facts of one picture; its score stays.
  change(image) {
    this.items = this.items.map((item) => item.id !== image.id ? item
      : { ...item_of(image), score: item.score, relevance: item.relevance });
  }
}
