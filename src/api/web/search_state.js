// What is looked for, as the address has it: `#/?q=dog&mode=keyword`. So back, forward, reload and
// bookmarks work.

const texts = ["q", "like", "picture", "tags", "words", "from", "until", "origin"];
const filters = ["tags", "words", "from", "until", "origin"];
export const modes = ["hybrid", "semantic", "keyword"];

// `like` is the id of a stored picture, `picture` tells of one that is not stored (picture_search.js),
// `is_everything` shows also what does not fit.
export function read_state(parameters) {
  const state = { mode: modes.includes(parameters.mode) ? parameters.mode : modes[0],
    is_everything: parameters.all === "1" };
  for (const name of texts) state[name] = (parameters[name] ?? "").trim();
  if (!/^[0-9a-f]{16}$/.test(state.like)) state.like = "";
  return state;
}

export function address_of(state) {
  const query = new URLSearchParams();
  for (const name of texts) if (state[name]) query.set(name, state[name]);
  if (state.mode !== modes[0]) query.set("mode", state.mode);
  if (state.is_everything) query.set("all", "1");
  return query.size > 0 ? `#/?${query}` : "#/";
}

export function count_filters(state) {
  return filters.filter((name) => state[name] !== "").length;
}

// Filters alone are none: how well they fit says nothing.
export function has_subject(state) {
  return state.q !== "" || state.like !== "" || state.picture !== "";
}

export function is_search(state) {
  return has_subject(state) || count_filters(state) > 0;
}

// "beach, summer" -> "beach,summer"
function list(text) {
  return text.split(",").map((entry) => entry.trim()).filter((entry) => entry !== "").join(",");
}

// The start of a day where the person is; `more` days later.
function day(text, more) {
  const [year, month, date] = text.split("-").map(Number);
  const time = new Date(year, month - 1, date + more);
  return Number.isNaN(time.getTime()) ? text : time.toISOString();
}

// The parameters of the search. Filters alone look for what they name, since a search looks for
// something; with dates or an origin alone, for any picture.
export function search_query(state) {
  const words = list(state.words), tags = list(state.tags);
  const by_words = state.q !== "" && state.like === "" && state.picture === "";
  return {
    q: has_subject(state) ? state.q : [tags, words].join(",").replaceAll(",", " ").trim() || "a picture",
    image_id: state.like,
    mode: state.q !== "" ? state.mode : "semantic",
    min_score: by_words && !state.is_everything ? "auto" : "",
    tags, words,
    from: state.from ? day(state.from, 0) : "",
    until: state.until ? day(state.until, 1) : "",
    origin: state.origin,
  };
}
