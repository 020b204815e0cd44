// The client: a method for each operation of /openapi.json. Its types are in index.d.ts.
import { ConnectionFailed, ImgrouterError, JobFailed, WaitTimeout } from "./errors.js";
import { splitEvents } from "./events.js";
import { Transport, problemOf } from "./transport.js";

const PAGE = 200; // images a request, while going through all of them
const FIRST_LOOK_MS = 50, LONGEST_LOOK_MS = 1000; // between two looks at a job
const JSON_BODY = { "Content-Type": "application/json" };

// An id as a part of a path; what cannot be one never becomes another address.
function segment(id) {
  if (!/^[0-9A-Za-z]+$/.test(id)) throw new ImgrouterError(`${JSON.stringify(id)} is no id`);
  return id;
}

const joined = (values) => (Array.isArray(values) ? values.join(",") : values);
const timeText = (value) => (value instanceof Date ? value.toISOString() : value);
const bytesOf = async (answer) => new Uint8Array(await answer.arrayBuffer());
const nothing = () => undefined;

function formOf(pictures, names = []) {
  const form = new FormData();
  pictures.forEach((picture, i) => {
    const blob = picture instanceof Blob ? picture : new Blob([picture]);
    form.append("file", blob, names[i] ?? picture.name ?? "");
  });
  return form;
}

// The body of a request with a picture, or with the address of one.
function pictureBody(picture, { url, name }) {
  if ((picture == null) === (url == null)) throw new TypeError("give a picture, or the url of one");
  return url != null ? { body: JSON.stringify({ url }), headers: JSON_BODY } : { body: formOf([picture], [name]) };
}

export class Client {
  constructor(url = "http://127.0.0.1:8001", { timeoutMs = 60_000, retries = 3, headers = {},
    fetch = (...request) => globalThis.fetch(...request) } = {}) {
    this.transport = new Transport(url, { timeoutMs, retries, headers, fetch });
  }

  // Images

  /** uploadImage */
  upload(picture, { url, name, quality, signal } = {}) {
    return this.transport.request("POST", "/images",
      { query: { quality }, signal, ...pictureBody(picture, { url, name }) });
  }

  /** uploadImages */
  uploadMany(pictures, { urls, quality, signal } = {}) {
    if ((pictures == null) === (urls == null)) throw new TypeError("give pictures, or urls of some");
    const body = urls != null ? { body: JSON.stringify({ urls }), headers: JSON_BODY }
      : { body: formOf([...pictures]) };
    return this.transport.request("POST", "/images/batch", { query: { quality }, signal, ...body });
  }

  /** listImages: one page */
  listPage({ limit, cursor, signal } = {}) {
    return this.transport.request("GET", "/images", { query: { limit, cursor }, signal });
  }

  /** listImages: every image */
  async* list({ page = PAGE, signal } = {}) {
    for (let cursor; cursor !== null;) {
      const answer = await this.listPage({ limit: page, cursor, signal });
      yield* answer.images;
      cursor = answer.next_cursor;
    }
  }

  /** getImage */
  async get(id, { signal } = {}) {
    return this.transport.request("GET", `/images/${segment(id)}`, { signal });
  }

  /** changeImage */
  async change(id, { caption, tags, signal } = {}) {
    return this.transport.request("PATCH", `/images/${segment(id)}`,
      { body: JSON.stringify({ caption, tags }), headers: JSON_BODY, signal });
  }

  /** deleteImage */
  async delete(id, { signal } = {}) {
    return this.transport.request("DELETE", `/images/${segment(id)}`, { read: nothing, signal });
  }

  /** getImageDuplicates */
  async duplicates(id, { signal } = {}) {
    return (await this.transport.request("GET", `/images/${segment(id)}/duplicates`, { signal })).duplicates;
  }

  /** getImageContent */
  async content(id, { signal } = {}) {
    return this.transport.request("GET", `/images/${segment(id)}/content`,
      { headers: { Accept: "image/*" }, read: bytesOf, signal });
  }

  /** getImageThumbnail */
  async thumbnail(id, { size, signal } = {}) {
    return this.transport.request("GET", `/images/${segment(id)}/thumbnail`,
      { query: { size }, headers: { Accept: "image/*" }, read: bytesOf, signal });
  }

  // Search

  /** search; searchByPicture where a picture or its url is given */
  search(q, { imageId, picture, url, mode, k, cursor, minScore, exact, ids, since, until, origin, tags, words,
    signal } = {}) {
    const query = { q, image_id: imageId, mode, k, cursor, min_score: minScore, exact, ids: joined(ids),
      from: timeText(since), until: timeText(until), origin, tags: joined(tags), words: joined(words) };
    if (picture == null && url == null) return this.transport.request("GET", "/search", { query, signal });
    if (imageId != null) throw new TypeError("give a stored image, or a picture that is not stored");
    return this.transport.request("POST", "/search", { query, signal, ...pictureBody(picture, { url }) });
  }

  // Jobs

  /** uploadImage with async=true */
  uploadLater(picture, { url, name, quality, priority, signal } = {}) {
    // Twice would be two jobs: not sent again where the first one may have been taken.
    return this.transport.request("POST", "/images",
      { query: { quality, async: true, priority }, mayRepeat: false, signal, ...pictureBody(picture, { url, name }) });
  }

  /** getJob */
  async job(id, { signal } = {}) {
    return this.transport.request("GET", `/jobs/${segment(id)}`, { signal });
  }

  /** listJobs */
  jobs({ state, limit, signal } = {}) {
    return this.transport.request("GET", "/jobs", { query: { state, limit }, signal });
  }

  /** deleteJob */
  async deleteJob(id, { signal } = {}) {
    return this.transport.request("DELETE", `/jobs/${segment(id)}`, { read: nothing, signal });
  }

  /** The job once it is done. JobFailed when it failed, WaitTimeout after `timeoutMs`. */
  async wait(id, { timeoutMs = Infinity, signal } = {}) {
    const deadline = Date.now() + timeoutMs;
    for (let pauseMs = FIRST_LOOK_MS; ; pauseMs = Math.min(1.5 * pauseMs, LONGEST_LOOK_MS)) {
      const job = await this.job(id, { signal });
      if (job.state === "failed") throw new JobFailed(job);
      if (job.state === "done") return job;
      if (Date.now() + pauseMs > deadline) throw new WaitTimeout(`the job ${id} is ${job.state} after ${timeoutMs} ms`);
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }

  /** followEvents: until the connection ends, the signal says so, or the loop is left */
  async* events({ lastEventId, signal } = {}) {
    const controller = new AbortController();
    const stop = () => controller.abort(signal.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    const headers = { ...this.transport.headers, Accept: "text/event-stream" };
    if (lastEventId != null) headers["Last-Event-ID"] = lastEventId;
    try {
      const answer = await this.transport.fetch(this.transport.target("/events"),
        { headers, signal: controller.signal });
      if (!answer.ok) throw await problemOf(answer);
      yield* splitEvents(answer.body);
    } catch (error) {
      if (signal?.aborted) return;
      if (error instanceof ImgrouterError) throw error;
      throw new ConnectionFailed(`GET /events: ${error.cause?.message ?? error.message}`, { cause: error });
    } finally {
      signal?.removeEventListener("abort", stop);
      controller.abort();
    }
  }

  // Operation

  /** getHealth */
  health({ signal } = {}) {
    return this.transport.request("GET", "/healthz", { signal });
  }

  /** getReadiness: false also where nobody answers */
  async isReady({ signal } = {}) {
    try {
      await this.transport.request("GET", "/readyz", { retries: 0, signal });
      return true;
    } catch (error) {
      if (error instanceof ImgrouterError) return false;
      throw error;
    }
  }

  /** getCosts */
  costs({ days, signal } = {}) {
    return this.transport.request("GET", "/costs", { query: { days }, signal });
  }

  /** getExperiments */
  experiments({ signal } = {}) {
    return this.transport.request("GET", "/experiments", { signal });
  }

  /** getMetricsSummary */
  summary({ signal } = {}) {
    return this.transport.request("GET", "/metrics/summary", { query: { format: "json" }, signal });
  }

  /** getMetrics: Prometheus text */
  metrics({ signal } = {}) {
    return this.transport.request("GET", "/metrics",
      { headers: { Accept: "text/plain" }, read: (answer) => answer.text(), signal });
  }

  /** getOpenApi */
  openapi({ signal } = {}) {
    return this.transport.request("GET", "/openapi.json", { signal });
  }
}
