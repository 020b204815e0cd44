// What the server's figures were in the last minutes. It is kept while the page of the browser is
// open, also when another part of it is shown.

export const history_seconds = 600;

const samples = [];  // oldest first
let before = null;   // { time, summary } of the newest

// Of a count that only grows; null across a new start of the server and a long time without looking.
function rate(now, then, seconds) {
  return seconds > 0 && seconds < 30 && now >= then ? (now - then) / seconds : null;
}

function rates(summary, seconds) {
  const found = {};
  for (const group of Object.keys(summary.requests))
    found[group] = before === null ? null
      : rate(summary.requests[group].answered, before.summary.requests[group]?.answered ?? 0, seconds);
  return found;
}

// The samples with this one, `time` in milliseconds.
export function remember(summary, time) {
  const seconds = before === null ? 0 : (time - before.time) / 1000;
  // So that a line has a gap where nobody looked.
  if (seconds >= 30) samples.push({ time: time - 1, rates: {}, queue: null });
  samples.push({ time, rates: rates(summary, seconds), queue: summary.queue });
  while (samples[0].time < time - history_seconds * 1000) samples.shift();
  before = { time, summary };
  return samples;
}
