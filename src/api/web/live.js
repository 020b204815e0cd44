// What happens on the server, as it happens: its server-sent events, and asking for jobs where those
// do not come.
import { Problem } from "/ui/api.js";

// Tells "image" with { id, change }, and "missed" when something may have been missed.
export const live = new EventTarget();

const retry_ms = [1000, 2000, 5000, 10000, 30000];
const poll_ms = 1000;
const silent_ms = 6000;     // without an event for so long a job is asked for
const recent_max = 256;     // jobs of which an event may come before the answer that names them

const watched = new Map();  // id -> { listener, heard_ms }
const recent = new Map();   // id -> the newest state
let api = null, source = null, tries = 0, is_polling = false;

function is_over(job) {
  return job.state === "done" || job.state === "failed";
}

function hear_job(job) {
  recent.delete(job.id);
  recent.set(job.id, job);
  if (recent.size > recent_max) recent.delete(recent.keys().next().value);
  const watch = watched.get(job.id);
  if (!watch) return;
  watch.heard_ms = performance.now();
  if (is_over(job)) watched.delete(job.id);
  watch.listener(job);
}

// listener(job) is called with `job` or what is newer, and with everything that follows until it is
// over. Returns what ends that.
export function watch_job(job, listener) {
  watched.set(job.id, { listener, heard_ms: performance.now() });
  hear_job(recent.get(job.id) ?? job);
  return () => watched.delete(job.id);
}

function connect() {
  source = new EventSource("/events");
  source.addEventListener("open", () => {
    if (tries > 0) live.dispatchEvent(new Event("missed"));  // this is another one
    tries = 0;
  });
  source.addEventListener("job", (event) => hear_job(JSON.parse(event.data)));
  source.addEventListener("image", (event) =>
    live.dispatchEvent(new CustomEvent("image", { detail: JSON.parse(event.data) })));
  source.addEventListener("reset", () => live.dispatchEvent(new Event("missed")));
  source.addEventListener("error", ({ target }) => {
    // The browser itself connects again and resumes, unless the answer was no stream of events.
    if (target.readyState !== EventSource.CLOSED || target !== source) return;
    setTimeout(() => { if (target === source) connect(); }, retry_ms[Math.min(tries++, retry_ms.length - 1)]);
  });
}

async function poll() {
  if (is_polling) return;
  is_polling = true;
  const is_open = source?.readyState === EventSource.OPEN;
  for (const [id, watch] of [...watched]) {
    if (is_open && performance.now() - watch.heard_ms < silent_ms) continue;
    try {
      hear_job(await api.get(`/jobs/${id}`));
    } catch (problem) {
      if (!(problem instanceof Problem) || problem.status !== 404) continue;  // asked again
      hear_job({ id, state: "failed", stage: null, image: null,
        problem: { detail: "The server does not know of this upload any more; add the picture again." } });
    }
  }
  is_polling = false;
}

// Of the few connections that a browser has to a server, a page that nobody sees keeps none.
function follow_sight() {
  if (document.hidden && watched.size === 0 && source !== null) {
    source.close();
    source = null;
  } else if (!document.hidden && source === null) {
    connect();
    live.dispatchEvent(new Event("missed"));
  }
}

export function start_live(client) {
  api = client;
  connect();
  setInterval(poll, poll_ms);
  document.addEventListener("visibilitychange", follow_sight);
}
