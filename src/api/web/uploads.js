// Pictures on their way to the server: a few at a time, tried again when the server is busy.
import { Problem, no_answer, problem_of } from "/ui/api.js";
import { watch_job } from "/ui/live.js";

const sending_max = 3;   // of the six connections that a browser has to a server
const open_max = 12;     // sent and not done yet
const bulk_from = 8;     // so many together let searches and single uploads of others go first
const tries_max = 10;

// One picture. `state` is waiting, sending, retrying, working, done, failed or cancelled; `sent` is 0 to
// 1; `stage` the server's; `image` as the server has it; `job` the server's; `detail` a sentence when it failed.
class Upload {
  constructor(source, is_bulk) {
    this.file = source instanceof File ? source : null;
    this.url = this.file ? null : source;
    this.name = this.file ? this.file.name || "pasted picture" : source;
    this.is_bulk = is_bulk;
    this.tries = 0;
    this.reset();
  }

  reset() {
    Object.assign(this, { state: "waiting", sent: 0, stage: null, image: null, detail: "", job: null });
  }

  get is_over() {
    return ["done", "failed", "cancelled"].includes(this.state);
  }
}

export class Uploads extends EventTarget {
  // Tells "change" with an upload as `detail`, whenever it has changed, and "added" with an array.
  constructor(api) {
    super();
    this.api = api;
    this.all = [];
  }

  count(...states) {
    return this.all.filter((upload) => states.includes(upload.state)).length;
  }

  // Files, and addresses as texts.
  add(sources) {
    const added = [...sources].map((source) => new Upload(source, sources.length >= bulk_from));
    this.all.push(...added);
    this.dispatchEvent(new CustomEvent("added", { detail: added }));
    this.begin_next();
  }

  tell(upload, change) {
    Object.assign(upload, change);
    this.dispatchEvent(new CustomEvent("change", { detail: upload }));
  }

  begin_next() {
    let sending = this.count("sending"), open = sending + this.count("working");
    for (const upload of this.all) {
      if (sending >= sending_max || open >= open_max) return;
      if (upload.state !== "waiting") continue;
      this.begin(upload);
      sending += 1;
      open += 1;
    }
  }

  async begin(upload) {
    upload.tries += 1;
    this.tell(upload, { state: "sending", sent: 0, stage: null });
    try {
      const job = await (upload.file ? this.send_file(upload) : this.send_address(upload));
      if (upload.state === "cancelled") {
        this.withdraw(job);
        return;
      }
      this.tell(upload, { state: "working", sent: 1, job });
      upload.unwatch = watch_job(job, (newest) => this.follow(upload, newest));
    } catch (problem) {
      this.fail(upload, problem);
    }
    this.begin_next();
  }

  query(upload) {
    return { async: "true", priority: upload.is_bulk ? "bulk" : "interactive" };
  }

  send_address(upload) {
    const stopped = new AbortController();
    upload.abort = () => stopped.abort();
    return this.api.send("POST", "/images", { query: this.query(upload), json: { url: upload.url }, signal: stopped.signal });
  }

  // Not fetch, which does not tell how much is sent.
  send_file(upload) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      upload.abort = () => request.abort();
      request.open("POST", this.api.address("/images", this.query(upload)));
      request.setRequestHeader("Accept", "application/json");
      request.upload.addEventListener("progress", (event) => {
        if (event.lengthComputable) this.tell(upload, { sent: event.loaded / event.total });
      });
      request.addEventListener("load", () => {
        if (request.status >= 200 && request.status < 300) resolve(JSON.parse(request.responseText));
        else reject(problem_of(request.status, request.responseText, request.getResponseHeader("Retry-After")));
      });
      request.addEventListener("error", () => reject(new Problem(0, no_answer)));
      request.addEventListener("abort", () => reject(new DOMException("cancelled", "AbortError")));
      const body = new FormData();
      body.append("file", upload.file, upload.name);
      request.send(body);
    });
  }

  follow(upload, job) {
    if (upload.is_over) return;
    upload.job = job;
    if (job.state === "done" && job.image !== null) this.tell(upload, { state: "done", stage: null, image: job.image });
    else if (job.state === "done") this.tell(upload, { state: "failed", detail: "The picture was deleted meanwhile." });
    else if (job.state === "failed") this.tell(upload, { state: "failed", stage: null, detail: job.problem?.detail ?? "The upload failed." });
    else this.tell(upload, { stage: job.stage ?? "queued" });
    if (upload.is_over) this.begin_next();
  }

  fail(upload, problem) {
    if (upload.state === "cancelled" || problem.name === "AbortError") return;
    if (!problem.is_passing || upload.tries >= tries_max) {
      this.tell(upload, { state: "failed", detail: problem.detail ?? String(problem) });
      return;
    }
    const seconds = (problem.retry_after_s ?? Math.min(2 ** (upload.tries - 1), 30)) * (1 + Math.random() / 4);
    this.tell(upload, { state: "retrying", detail: problem.detail, retry_s: Math.ceil(seconds) });
    upload.timer = setTimeout(() => {
      this.tell(upload, { state: "waiting", detail: "" });
      this.begin_next();
    }, seconds * 1000);
  }

  cancel(upload) {
    if (upload.is_over) return;
    clearTimeout(upload.timer);
    upload.unwatch?.();
    const { job } = upload;
    this.tell(upload, { state: "cancelled" });
    if (job) this.withdraw(job);
    else upload.abort?.();
    this.begin_next();
  }

  // One that has begun is finished all the same.
  withdraw(job) {
    this.api.send("DELETE", `/jobs/${job.id}`).catch(() => {});
  }

  again(upload) {
    upload.tries = 0;
    upload.reset();
    this.tell(upload, {});
    this.begin_next();
  }

  // Forgets what is over.
  clear() {
    this.all = this.all.filter((upload) => !upload.is_over);
  }
}
