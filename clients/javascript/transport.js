// Requests, and when they are sent again.
import { ConnectionFailed, ProblemError } from "./errors.js";

const RETRIED_STATUSES = new Set([429, 503]);
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 30_000; // a longer Retry-After is told to the caller as the error it came with

const sleep = (ms, signal) => new Promise((resolve, reject) => {
  signal?.throwIfAborted();
  const stop = () => {
    clearTimeout(timer);
    reject(signal.reason);
  };
  const timer = setTimeout(() => {
    signal?.removeEventListener("abort", stop);
    resolve();
  }, ms);
  signal?.addEventListener("abort", stop, { once: true });
});

export async function problemOf(answer) {
  const text = await answer.text().catch(() => "");
  let problem = null;
  try {
    problem = JSON.parse(text);
  } catch {
    // not from our server; a proxy's page, perhaps
  }
  if (problem === null || typeof problem !== "object" || Array.isArray(problem)) {
    problem = { title: answer.statusText, status: answer.status, detail: text.slice(0, 200) };
  }
  return new ProblemError(answer.status, problem);
}

// NaN where it does not say in seconds.
function retryAfterMs(answer) {
  const text = answer.headers.get("Retry-After");
  return /^\d+(\.\d+)?$/.test(text ?? "") ? Number(text) * 1000 : NaN;
}

export class Transport {
  constructor(url, { timeoutMs, retries, headers, fetch }) {
    this.base = new URL(url);
    if (!["http:", "https:"].includes(this.base.protocol)) {
      throw new TypeError(`${url} is not an address such as http://127.0.0.1:8001`);
    }
    this.prefix = this.base.origin + this.base.pathname.replace(/\/+$/, "");
    this.timeoutMs = timeoutMs;
    this.retries = retries;
    this.headers = headers;
    this.fetch = fetch;
  }

  target(path, query = {}) {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
    const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
    return this.prefix + path + (text ? `?${text}` : "");
  }

  // The time ends an answer that is still being read, too.
  limited(signal) {
    const controller = new AbortController();
    const timer = setTimeout(() => controller.abort(new DOMException("no answer in time", "TimeoutError")),
      this.timeoutMs);
    const stop = () => controller.abort(signal.reason);
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    const release = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", stop);
    };
    return { signal: controller.signal, release };
  }

  /**
   * What `read` makes of the answer, when its status is below 400. `mayRepeat`: doing it twice comes to the same, so
   * a request whose answer was lost is sent again; one that was answered 429 or 503 was not done at all.
   */
  async request(method, path, { query, body, headers, mayRepeat = true, retries = this.retries, signal,
    read = (answer) => answer.json() } = {}) {
    const target = this.target(path, query);
    let pauseMs = FIRST_PAUSE_MS;
    for (let attempt = 0; ; attempt++) {
      const isLast = attempt >= retries;
      let waitMs = pauseMs * (0.5 + Math.random());
      const limit = this.limited(signal);
      try {
        const answer = await this.fetch(target, { method, body, signal: limit.signal,
          headers: { Accept: "application/json", ...this.headers, ...headers } });
        if (answer.ok) return await read(answer);
        const problem = await problemOf(answer);
        // The attempt whose answer was lost has done it.
        if (method === "DELETE" && answer.status === 404 && attempt > 0) return undefined;
        const askedMs = retryAfterMs(answer);
        if (isLast || !RETRIED_STATUSES.has(answer.status) || askedMs > LONGEST_PAUSE_MS) throw problem;
        if (!Number.isNaN(askedMs)) waitMs = askedMs;
      } catch (error) {
        if (error instanceof ProblemError) throw error;
        signal?.throwIfAborted();
        const isRefused = error.cause?.code === "ECONNREFUSED";
        if (isLast || !(mayRepeat || isRefused)) {
          throw new ConnectionFailed(`${method} ${target}: ${error.cause?.message ?? error.message}`, { cause: error });
        }
      } finally {
        limit.release();
      }
      await sleep(waitMs, signal);
      pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
  }
}
