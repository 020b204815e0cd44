// One picture: large, with its caption, its tags, how they came about, and what can be done with it.
import { CaptionEditor } from "/ui/caption_editor.js";
import { caption_lines, file_size, format_name, is_displayable, safe_link } from "/ui/caption_facts.js";
import { announce, element, icon } from "/ui/dom.js";
import { show_duplicates } from "/ui/duplicate_list.js";
import { last_shown } from "/ui/gallery.js";
import { live } from "/ui/live.js";
import { TagEditor } from "/ui/tag_editor.js";
import { delete_with_undo, is_deleted } from "/ui/undo.js";

const like_icon = "M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l4.5 4.5M11 8v6M8 11h6";
const delete_icon = "M5 7h14M10 7V4.5h4V7M7 7l1 12.5h8L17 7M10.5 10.5v6M13.5 10.5v6";
const download_icon = "M12 4v11M7.5 11L12 15.5 16.5 11M5 19.5h14";
const back_icon = "M14.5 5l-7 7 7 7";
const step_icons = { [-1]: "M19 12H5.5M11 6l-6 6 6 6", 1: "M5 12h13.5M13 6l6 6-6 6" };
const largest_thumbnail = 1024;

function fact(name, what, explanation = "") {
  return [element("dt", {}, name), element("dd", {}, what, explanation !== "" && element("small", {}, explanation))];
}

function labelled(path, label) {
  return [icon(path), element("span", { class: "label" }, label)];
}

class PicturePage {
  constructor(container, { api, navigate, parameters }) {
    this.container = container;
    this.api = api;
    this.navigate = navigate;
    this.id = parameters.id;
    this.stopped = new AbortController();
    this.before = last_shown();
    const { signal } = this.stopped;
    live.addEventListener("image", ({ detail }) => this.hear(detail), { signal });
    live.addEventListener("missed", () => this.load(), { signal });
    addEventListener("keydown", (event) => this.press(event), { signal });
    addEventListener("beforeunload", (event) => { if (this.caption?.is_changed) event.preventDefault(); }, { signal });
    this.load();
  }

  stop() {
    this.stopped.abort();
  }

  async load() {
    try {
      const image = await this.api.get(`/images/${this.id}`, { signal: this.stopped.signal });
      if (!this.node) this.build(image);
      this.show(image);
    } catch (problem) {
      if (problem.name !== "AbortError") this.show_failure(problem);
    }
  }

  hear({ id, change }) {
    if (id !== this.id || is_deleted(id)) return;
    if (change === "deleted") this.show_gone();
    else this.load();
  }

  show_message(title, text, ...more) {
    this.node = null;
    this.caption = null;
    this.container.replaceChildren(element("div", { class: "empty" }, icon("M4 5h16v14H4zM4 16l5-5 4 4 3-3 4 4"),
      element("h1", {}, title), element("p", {}, text), ...more));
    announce(`${title}. ${text}`);
  }

  show_gone() {
    this.show_message("This picture is gone", "It was deleted, or it was never on this server.",
      element("a", { class: "button", href: this.before.address }, "To the pictures"));
  }

  // A picture that is shown stays, though the server be away for a while.
  show_failure(problem) {
    if (problem.status === 404) this.show_gone();
    else if (!this.node)
      this.show_message("The picture could not be read", problem.detail ?? String(problem),
        element("button", { type: "button", onclick: () => this.load() }, "Try again"));
  }

  build(image) {
    this.caption = new CaptionEditor({ on_save: (caption) => this.change({ caption }).then((changed) => changed.caption) });
    this.tags = new TagEditor({ on_change: (tags) => this.change({ tags }) });
    this.about_caption = element("dl", { class: "facts" });
    this.picture = this.make_picture(image);
    const duplicates = element("section", { class: "part", "aria-label": "Duplicates", hidden: true });
    this.node = element("div", { class: "picture-page" },
      element("figure", { class: "stage" }, this.picture),
      element("div", { class: "about" }, this.caption.node, this.tags.node,
        element("section", { class: "part", "aria-labelledby": "caption-head" },
          element("h2", { id: "caption-head" }, "How the caption came about"), this.about_caption),
        this.make_file_part(image), duplicates));
    this.container.replaceChildren(element("h1", { class: "visually-hidden" }, "Picture"), this.make_bar(image), this.node);
    show_duplicates(duplicates, image.id, { api: this.api, signal: this.stopped.signal });
  }

  show(image) {
    this.caption.show(image.caption);
    this.tags.show(image);
    this.picture.alt = image.caption;
    document.title = `${image.caption} · imgrouter`;
    this.about_caption.replaceChildren(...caption_lines(image).flatMap((line) => fact(...line)));
  }

  async change(what) {
    const image = await this.api.send("PATCH", `/images/${this.id}`, { json: what, signal: this.stopped.signal });
    this.show(image);
    return image;
  }

  make_picture(image) {
    const { api } = this;
    const smaller = api.thumbnail(image.id, largest_thumbnail);
    const picture = element("img", { src: is_displayable(image.mime) ? api.content(image.id) : smaller,
      width: image.width, height: image.height, decoding: "async" });
    picture.addEventListener("error", () => {
      if (picture.getAttribute("src") !== smaller) picture.src = smaller;
      else picture.replaceWith(element("p", { class: "hint" }, "The picture itself could not be read from the server."));
    });
    return picture;
  }

  make_bar(image) {
    const content = this.api.content(image.id);
    return element("div", { class: "picture-bar" },
      element("a", { class: "button quiet", href: this.before.address }, icon(back_icon), "Pictures"),
      element("div", { class: "steps" }, this.make_step(-1, "Previous picture"), this.make_step(1, "Next picture")),
      element("a", { class: "button", href: `#/?like=${image.id}` }, ...labelled(like_icon, "More like this")),
      element("a", { class: "button", href: content, download: true }, ...labelled(download_icon, "Download")),
      element("button", { type: "button", class: "bad", onclick: () => this.remove() }, ...labelled(delete_icon, "Delete")));
  }

  // The picture beside this one, in the order of the page that led here; null without one.
  beside(step) {
    const { ids } = this.before, at = ids.indexOf(this.id);
    return at < 0 ? null : ids[at + step] ?? null;
  }

  make_step(step, name) {
    return this.before.ids.includes(this.id) && element("button", { type: "button", class: "quiet", title: name, "aria-label": name,
      disabled: this.beside(step) === null, onclick: () => this.step(step) }, icon(step_icons[step]));
  }

  // Back leads to where the pictures were, however many were looked at.
  step(step) {
    const id = this.beside(step);
    if (id) this.navigate(`#/image/${id}`, { replace: true });
  }

  make_file_part(image) {
    const { src } = image.payload, link = src.source === "url" ? safe_link(src.url) : null;
    const source = link ? element("a", { href: link, rel: "noreferrer noopener", target: "_blank" }, src.url) : src.url ?? src.filename;
    const format = `${format_name(image.mime)}, ${image.width} × ${image.height}, ${file_size(image.size_bytes)}`;
    return element("section", { class: "part", "aria-labelledby": "file-head" }, element("h2", { id: "file-head" }, "The file"),
      element("dl", { class: "facts" },
        ...(source ? fact(src.source === "url" ? "From" : "Name", source) : []),
        ...fact("Format", format, is_displayable(image.mime) ? "" : "Shown here as a JPEG; the download is the file itself."),
        ...fact("Added", element("time", { datetime: image.created_at },
          new Date(image.created_at).toLocaleString("en", { dateStyle: "long", timeStyle: "short" }))),
        ...fact("Id", element("code", {}, image.id)),
        ...fact("Searched by", image.embedding_model)));
  }

  remove() {
    delete_with_undo([this.id], this.api);
    this.navigate(this.before.address);
  }

  press(event) {
    const is_typing = event.target.closest("input, textarea, select") !== null;
    if (is_typing || !this.node || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey || event.defaultPrevented) return;
    if (event.key === "ArrowLeft") this.step(-1);
    else if (event.key === "ArrowRight") this.step(1);
    else if (event.key === "Delete") this.remove();
    else return;
    event.preventDefault();
  }
}

export function mount(container, context) {
  const page = new PicturePage(container, context);
  return () => page.stop();
}
