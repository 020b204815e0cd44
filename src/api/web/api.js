// The server's API. Every failure is a Problem whose `detail` is a sentence for people.

export class Problem extends Error {
  // status 0: no answer came. retry_after_s: when to come back, where the server says so.
  constructor(status, detail, retry_after_s = null) {
    super(detail);
    this.status = status;
    this.detail = detail;
    this.retry_after_s = retry_after_s;
  }

  get is_passing() {  // may well be over when asked again
    return this.status === 0 || this.status === 429 || this.status === 503;
  }
}

export const no_answer = "The server does not answer. Is it running, and is the network there?";

// What a status and a body tell; the body is problem+json or anything else.
export function problem_of(status, text, retry_after) {
  let detail = "";
  try {
    detail = JSON.parse(text).detail;
  } catch {
    // Not ours: of a proxy, perhaps.
  }
  if (typeof detail !== "string" || detail === "") detail = `The server answered with status ${status}.`;
  const seconds = Number.parseInt(retry_after ?? "", 10);
  return new Problem(status, detail, Number.isNaN(seconds) ? null : seconds);
}

function address(path, query) {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query ?? {}))
    if (value !== null && value !== undefined && value !== "") parameters.set(name, value);
  return parameters.size > 0 ? `${path}?${parameters}` : path;
}

// JSON answers as values, others as null. `json` or `body` is what is sent; an aborted signal throws
// the browser's AbortError.
async function send(method, path, { query, json, body, signal, keepalive = false } = {}) {
  const headers = { Accept: "application/json" };
  if (json !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch(address(path, query), {
      method, headers, signal, keepalive, body: json !== undefined ? JSON.stringify(json) : body });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Problem(0, no_answer);
  }
  if (!answer.ok) throw problem_of(answer.status, await answer.text(), answer.headers.get("Retry-After"));
  const is_json = /[/+]json\b/.test(answer.headers.get("Content-Type") ?? "");
  return is_json ? answer.json() : null;
}

export const api = {
  send,
  address,
  get: (path, options) => send("GET", path, options),
  thumbnail: (id, size = 512) => `/images/${id}/thumbnail?size=${size}`,
  content: (id) => `/images/${id}/content`,
};
