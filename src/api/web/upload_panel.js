// The panel of uploads: where pictures are picked and addresses given, and what becomes of each.
import { announce, count, element, icon } from "/ui/dom.js";
import { receipt_list } from "/ui/receipt.js";

const rows_max = 100;  // of finished uploads the oldest make way
const cross = "M6 6l12 12M18 6L6 18";

// What the person reads of a stage of the server, and how far along it is.
const stages = {
  queued: ["Waiting its turn", 0.35], fetch: ["Fetching the picture", 0.4], decode: ["Reading the picture", 0.5],
  caption: ["Writing the caption", 0.65], store: ["Storing", 0.92],
};

function progress_of(upload) {
  const { state, sent, stage } = upload;
  if (state === "waiting") return ["Waiting", 0];
  if (state === "sending") return [upload.url ? "Asking the server" : `Sending ${Math.round(sent * 100)} %`, sent * 0.3];
  if (state === "retrying") return [`The server is busy. Again in ${upload.retry_s} s`, 0];
  if (state === "working" && stage === "queued" && upload.job.attempts > 0) return ["It did not work yet and is tried again", 0.35];
  if (state === "working") return stages[stage] ?? ["Working", 0.5];
  if (state === "cancelled") return ["Cancelled", 0];
  return ["", 1];
}

class Row {
  constructor(upload, { api, uploads }) {
    this.upload = upload;
    this.api = api;
    this.uploads = uploads;
    this.local = upload.file && upload.file.type.startsWith("image/") ? URL.createObjectURL(upload.file) : "";
    this.image = element("img", { alt: "", width: 56, height: 56, decoding: "async", src: this.local || null, class: this.local ? null : "none" });
    this.image.addEventListener("error", () => this.image.classList.add("none"));
    this.image.addEventListener("load", () => this.image.classList.remove("none"));
    this.title = element("div", { class: "upload-title" }, upload.name);
    this.text = element("div", { class: "upload-text" });
    this.bar = element("progress", { max: 1, value: 0, "aria-label": `Progress of ${upload.name}` });
    this.body = element("div", { class: "upload-body" }, this.title, this.text, this.bar);
    this.action = element("button", { type: "button", class: "quiet" });
    this.node = element("li", { class: "upload" }, this.image, this.body, this.action);
    this.action.addEventListener("click", () => {
      if (upload.state === "failed" || upload.state === "cancelled") uploads.again(upload);
      else uploads.cancel(upload);
    });
    this.show();
  }

  show() {
    const { upload } = this, [text, part] = progress_of(upload);
    if (this.shown_state !== upload.state) {
      this.shown_state = upload.state;
      this.node.dataset.state = upload.state;
      this.bar.hidden = upload.is_over || upload.state === "waiting";
      this.show_action();
      if (upload.state === "done") this.show_done();
    }
    this.bar.value = part;
    if (upload.state === "failed") this.text.textContent = upload.detail;
    else if (upload.state !== "done" && this.text.textContent !== text) this.text.textContent = text;
  }

  show_action() {
    const { state, name } = this.upload, is_again = state === "failed" || state === "cancelled";
    this.action.hidden = state === "done";
    this.action.replaceChildren(icon(is_again ? "M20 11a8 8 0 1 0-2.3 6.3M20 5v6h-6" : cross));
    this.action.setAttribute("aria-label", is_again ? `Try again: ${name}` : `Cancel: ${name}`);
    this.action.title = is_again ? "Try again" : "Cancel";
  }

  show_done() {
    const { image, job } = this.upload;
    this.image.src = this.api.thumbnail(image.id, 128);
    this.drop_local();
    this.text.replaceChildren(element("a", { href: `#/image/${image.id}` }, image.caption));
    const total_ms = job.was_known ? 0 : new Date(job.finished_at) - new Date(job.created_at);
    if (job.was_known) this.body.append(element("p", { class: "note" }, "Already here"));
    else this.note_duplicates(image);
    this.body.append(element("details", {}, element("summary", {}, "Receipt"), receipt_list(image, total_ms)));
    // The whole name, where there is room only for a part.
    this.title.title = this.upload.name;
  }

  async note_duplicates(image) {
    let found;
    try {
      found = (await this.api.get(`/images/${image.id}/duplicates`)).duplicates;
    } catch {
      return;  // the picture is added all the same
    }
    const is_same = found.same_picture.length > 0, others = is_same ? found.same_picture : found.same_meaning;
    if (others.length === 0) return;
    this.text.after(element("p", { class: "note" }, is_same ? "Looks the same as " : "Much like ",
      element("a", { href: `#/image/${others[0].id}` }, others.length === 1 ? "another picture" : `${others.length} others`)));
  }

  drop_local() {
    if (this.local) URL.revokeObjectURL(this.local);
    this.local = "";
  }

  remove() {
    this.drop_local();
    this.node.remove();
  }
}

export class UploadPanel {
  // `button` opens and closes the panel, which goes into `container`.
  constructor(container, button, { api, uploads }) {
    this.context = { api, uploads };
    this.uploads = uploads;
    this.button = button;
    this.rows = new Map();  // upload -> row, in the order of the page
    this.summary = element("p", { class: "upload-summary" });
    this.clear = element("button", { type: "button", class: "small", hidden: true, onclick: () => this.clear_over() }, "Clear the finished");
    this.list = element("ul", { class: "upload-list", "aria-label": "Uploads" });
    this.node = element("section", { id: "uploads", class: "uploads", "aria-label": "Add pictures", tabindex: "-1", hidden: true },
      element("header", {}, element("h2", {}, "Add pictures"),
        element("button", { type: "button", class: "quiet", "aria-label": "Close the uploads", onclick: () => this.open(false) }, icon(cross))),
      this.make_choice(), element("div", { class: "upload-state" }, this.summary, this.clear), this.list);
    this.node.addEventListener("keydown", (event) => {
      if (event.key !== "Escape") return;
      event.preventDefault();
      this.open(false);
    });
    container.append(this.node);
    button.setAttribute("aria-controls", "uploads");
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => this.open(this.node.hidden));
    uploads.addEventListener("added", ({ detail }) => this.add(detail));
    uploads.addEventListener("change", ({ detail }) => this.change(detail));
  }

  make_choice() {
    const pick = (label, attributes) => {
      const input = element("input", { type: "file", class: "visually-hidden", multiple: true, ...attributes, onchange: () => {
        this.uploads.add([...input.files].filter((file) => !attributes.webkitdirectory || is_picture(file)));
        input.value = "";
      } });
      return element("label", { class: "button" }, input, label);
    };
    const address = element("input", { type: "text", inputmode: "url", name: "addresses", autocomplete: "off", spellcheck: "false",
      placeholder: "Addresses from the web", "aria-label": "Addresses of pictures" });
    const form = element("form", { class: "address-form", onsubmit: (event) => {
      event.preventDefault();
      const urls = address.value.split(/\s+/).filter((url) => url !== "");
      if (urls.length === 0) return;
      this.uploads.add(urls);
      address.value = "";
    } }, address, element("button", { type: "submit" }, "Fetch"));
    return element("div", { class: "upload-choice" },
      element("p", {}, "Drop pictures anywhere on the page, paste them, or:"),
      element("div", { class: "choices" }, pick("Choose pictures", { accept: "image/*,.heic,.heif,.avif" }),
        pick("Choose a folder", { webkitdirectory: true })), form);
  }

  open(is_open) {
    this.node.hidden = !is_open;
    this.button.setAttribute("aria-expanded", String(is_open));
    if (is_open) this.node.focus();
    else this.button.focus();
  }

  add(uploads) {
    if (this.node.hidden) {
      this.node.hidden = false;
      this.button.setAttribute("aria-expanded", "true");
    }
    announce(`${count(uploads.length, "picture")} to add`);
    for (const upload of uploads) if (this.rows.size < rows_max) this.add_row(upload);
    this.show_summary();
  }

  add_row(upload) {
    const row = new Row(upload, this.context);
    this.rows.set(upload, row);
    this.list.append(row.node);
    return row;
  }

  // What waits has no row where there are too many.
  change(upload) {
    let row = this.rows.get(upload);
    if (!row && upload.state !== "waiting") {
      this.make_room();
      row = this.add_row(upload);
    }
    row?.show();
    if (upload.state === "failed") this.list.prepend(row.node);  // is seen first
    if (this.uploads.count("waiting", "sending", "retrying", "working") === 0 && upload.is_over) this.announce_end();
    this.show_summary();
  }

  make_room() {
    if (this.rows.size < rows_max) return;
    for (const [upload, row] of this.rows) {
      if (upload.state !== "done" && upload.state !== "waiting") continue;
      row.remove();
      this.rows.delete(upload);
      return;
    }
  }

  show_summary() {
    cancelAnimationFrame(this.frame);
    this.frame = requestAnimationFrame(() => {
      const { uploads } = this, all = uploads.all.length, done = uploads.count("done"), failed = uploads.count("failed");
      const is_busy = uploads.count("waiting", "sending", "retrying", "working") > 0;
      this.summary.textContent = all === 0 ? "" : `${done} of ${all} added${failed > 0 ? `, ${failed} failed` : ""}`;
      this.clear.hidden = is_busy || all === 0;
      this.button.querySelector(".count").textContent = is_busy ? `${done + failed}/${all}` : "";
      this.button.classList.toggle("working", is_busy);
    });
  }

  announce_end() {
    const failed = this.uploads.count("failed");
    announce(`${count(this.uploads.count("done"), "picture")} added${failed > 0 ? `, ${failed} failed` : ""}`);
  }

  clear_over() {
    this.uploads.clear();
    for (const row of this.rows.values()) row.remove();
    this.rows.clear();
    this.show_summary();
    this.node.focus();
  }
}

// Of a folder, which has other files too.
export function is_picture(file) {
  return file.type.startsWith("image/") || /\.(jpe?g|png|gif|webp|bmp|tiff?|hei[cf]|avif)$/i.test(file.name);
}
