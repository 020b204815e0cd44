// What the server does and how well: figures and charts from /metrics/summary, /healthz and /costs.
import { reason_sentence } from "/ui/caption_facts.js";
import { ColumnChart, LineChart, parts_bar, share_bar, spread_bar } from "/ui/charts.js";
import { announce, count, element } from "/ui/dom.js";
import { history_seconds, remember } from "/ui/metrics_history.js";
import { duration } from "/ui/receipt.js";

const poll_ms = 2000, slow_poll_ms = 10_000;  // the book of costs and the store's count are asked less often
const cost_days = 14;
const stage_range_s = [0.00001, 10];

// In the order in which a picture goes through them, search last.
const stages = [["accept", "arrive"], ["decode", "decode"], ["queue", "wait for the models"], ["preprocess", "preprocess"],
  ["caption_vision", "look"], ["caption_decode", "write the caption"], ["embed", "embed"], ["cloud", "ask the cloud"],
  ["store", "store"], ["search", "search"]];

const breakers = { closed: "in use", half_open: "being tried again", open: "paused" };
const reindex_words = { running: "The others are being made anew.", waiting: "The others wait for the store.",
  held: "The others are kept: they are of a better model, which does not run now." };

// Dollars, with as many digits as small amounts need.
function dollars(amount) {
  return `$${amount.toFixed(amount === 0 || amount >= 1 ? 2 : amount < 0.01 ? 6 : 4)}`;
}

// Of an axis: 0.0025 -> "$0.0025"
function round_dollars(amount) {
  return `$${amount.toLocaleString("en", { maximumSignificantDigits: 3 })}`;
}

// "1 d 3 h", "12 min"
function uptime(seconds) {
  const minutes = Math.floor(seconds / 60), hours = Math.floor(minutes / 60), days = Math.floor(hours / 24);
  if (days > 0) return `${days} d ${hours % 24} h`;
  if (hours > 0) return `${hours} h ${minutes % 60} min`;
  return minutes > 0 ? `${minutes} min` : `${Math.floor(seconds)} s`;
}

function whole(number) {
  return number.toLocaleString("en");
}

function cell(text, name = null) {
  return element("td", { class: name }, text);
}

function row(name, ...cells) {
  return element("tr", {}, element("th", { scope: "row" }, ...[name].flat()), ...cells);
}

// Columns of numbers are named "#…".
function table(caption, columns) {
  const body = element("tbody", {});
  const node = element("table", {}, element("caption", { class: "visually-hidden" }, caption),
    element("thead", {}, element("tr", {}, ...columns.map((column) =>
      element("th", { scope: "col", class: column.startsWith("#") ? "number" : null }, column.replace("#", ""))))), body);
  return { node, body };
}

// On a phone a wide table moves sideways by itself, also with the keyboard.
function scrolled(label, node) {
  return element("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label }, node);
}

function facts(lines) {
  return lines.flatMap(([name, ...what]) => [element("dt", {}, name), element("dd", {}, ...what)]);
}

class MetricsPage {
  constructor(container, { api }) {
    this.api = api;
    this.stopped = new AbortController();
    this.turns = [];
    this.charts = [];
    this.state = element("p", { class: "metrics-state" });
    this.problem = element("p", { class: "metrics-problem", role: "alert" });
    this.cards = element("div", { class: "metrics", hidden: true });
    container.append(element("div", { class: "metrics-head" }, element("h1", {}, "Metrics"), this.state), this.problem, this.cards);
    this.build();
    document.addEventListener("visibilitychange", () => { if (!document.hidden) this.wake(); }, { signal: this.stopped.signal });
    this.repeat(() => this.poll(), poll_ms);
    this.repeat(() => this.poll_slowly(), slow_poll_ms);
  }

  stop() {
    this.stopped.abort();
    for (const turn of this.turns) clearTimeout(turn.timer);
    for (const chart of this.charts) chart.stop();
  }

  // One after the other, and only while somebody can see it.
  repeat(look, ms) {
    const turn = { timer: 0, is_looking: false, run: async () => {
      clearTimeout(turn.timer);
      if (document.hidden || turn.is_looking) return;
      turn.is_looking = true;
      await look();
      turn.is_looking = false;
      if (!this.stopped.signal.aborted) turn.timer = setTimeout(turn.run, ms);
    } };
    this.turns.push(turn);
    turn.run();
  }

  wake() {
    for (const turn of this.turns) turn.run();
  }

  async poll() {
    try {
      const summary = await this.api.get("/metrics/summary", { signal: this.stopped.signal });
      const samples = remember(summary, Date.now());
      this.show(summary, samples);
      this.problem.textContent = "";
    } catch (problem) {
      if (problem.name === "AbortError") return;
      this.state.replaceChildren();
      this.problem.textContent = `${problem.detail ?? problem} It is asked again by itself; the figures are those of before.`;
    }
  }

  // What cannot be had is as it was; poll() tells of it.
  async poll_slowly() {
    const signal = this.stopped.signal;
    const [health, costs] = await Promise.allSettled([this.api.get("/healthz", { signal }),
      this.api.get("/costs", { query: { days: cost_days }, signal })]);
    if (signal.aborted) return;
    if (health.status === "fulfilled") this.show_health(health.value);
    if (costs.status === "fulfilled") this.show_costs(costs.value);
    else this.budget_words.textContent = costs.reason.detail ?? String(costs.reason);
  }

  card(title, wide, ...content) {
    const id = `metrics-${this.cards.children.length}`;
    const node = element("section", { class: wide ? "part wide" : "part", "aria-labelledby": id }, element("h2", { id }, title), ...content);
    this.cards.append(node);
    return node;
  }

  build() {
    this.figures = element("dl", { class: "figures" });
    this.cards.append(this.figures);
    this.requests = this.chart(new LineChart("Requests a second",
      [["uploads", "uploads"], ["searches", "searches"], ["pictures shown", "images"]].map(([name, group]) => [name, ({ rates }) => rates[group] ?? null]),
      { seconds: history_seconds }));
    this.card("Requests a second", false, this.requests.node);
    this.queue = this.chart(new LineChart("Waiting", [["for the models", ({ queue }) => queue?.depth ?? null],
      ["requests for a thread", ({ queue }) => queue?.requests_waiting ?? null], ["accepted uploads", ({ queue }) => queue?.jobs_waiting ?? null]],
    { seconds: history_seconds, is_whole: true }));
    this.queue_words = element("p", { class: "hint" });
    this.card("Waiting", false, this.queue.node, this.queue_words);
    this.stages = table("Latency per stage", ["stage", "#times", "#p50", "#p95", "#p99", "10 µs to 10 s"]);
    this.card("Latency per stage", true, scrolled("Latency per stage, as a table", this.stages.node),
      element("p", { class: "hint" }, "Of the last 512 times each: half were faster than p50, 95 of 100 faster than p95, 99 of 100 faster than p99. ",
        "The bar ends at p50, p95 and p99, from strong to pale; each line of its scale is ten times the one before."));
    this.routes_bar = element("div", {});
    this.routes_words = element("p", {});
    this.reasons = table("Captions by the reason that decided who wrote them", ["reason", "#captions", "#share"]);
    this.card("Who wrote the captions", false, this.routes_words, this.routes_bar, this.reasons.node);
    this.build_costs();
    this.cloud = table("Cloud providers", ["provider", "state", "#under way", "#may be asked now", "last failure"]);
    this.cloud_card = this.card("Cloud providers", true, scrolled("Cloud providers, as a table", this.cloud.node));
    this.models = element("dl", { class: "facts" });
    this.card("Models and processor", false, this.models);
    this.store = element("dl", { class: "facts" });
    this.card("Pictures and vectors", false, this.store);
  }

  build_costs() {
    this.budget_words = element("p", {});
    this.budget = element("meter", { class: "budget", min: 0, "aria-label": "Spent of today's budget" });
    this.limits = element("p", { class: "hint" });
    this.days = this.chart(new ColumnChart({ words: round_dollars }));
    this.days_legend = element("ul", { class: "days-legend", "aria-label": "Providers" });
    this.days_table = table(`Cost of each of the last ${cost_days} days`, ["day", "provider", "#requests", "#cost"]);
    this.days_part = element("div", {}, element("h3", {}, `Cost of each day, last ${cost_days} days (UTC)`), this.days.node, this.days_legend,
      element("details", {}, element("summary", {}, "As a table"), this.days_table.node));
    this.card("Cost and budgets", false, this.budget_words, this.budget, this.limits, this.days_part);
  }

  chart(chart) {
    this.charts.push(chart);
    return chart;
  }

  show(summary, samples) {
    const is_first = this.cards.hidden;
    this.cards.hidden = false;
    this.state.replaceChildren(element("span", { class: summary.is_ready ? "badge good" : "badge bad" }, summary.is_ready ? "ready" : "not ready"),
      `imgrouter ${summary.version}, up ${uptime(summary.uptime_s)}`);
    this.show_figures(summary);
    const now = samples.at(-1).time;
    this.requests.show(samples, now);
    this.queue.show(samples, now);
    const { queue } = summary;
    this.queue_words.textContent = `The models have ${whole(queue.capacity)} places. ${whole(queue.jobs_running)} accepted uploads and ${whole(queue.requests_active)} requests are under way.${
      queue.batch_size === null ? "" : ` On average ${queue.batch_size.toFixed(1)} are taken together.`}`;
    this.show_stages(summary.stages);
    this.show_routes(summary.captions);
    this.show_cloud(summary.cloud);
    this.store.replaceChildren(...this.store_facts(summary.store));
    if (is_first) announce("The figures are there");
  }

  show_figures({ requests, uploads, store }) {
    const groups = Object.values(requests);
    const sum = (name) => groups.reduce((total, group) => total + group[name], 0);
    this.figures.replaceChildren(...[["Pictures", whole(store.images)], ["New since start", whole(uploads.new ?? 0)],
      ["Searches", whole(requests.searches.answered)], ["Requests", whole(sum("answered"))], ["Refused", whole(sum("refused"))],
      ["Failed", whole(sum("failed"))]].map(([name, value]) =>
      element("div", { class: name === "Failed" && value !== "0" ? "figure bad" : "figure" }, element("dt", {}, name), element("dd", {}, value))));
  }

  show_stages(found) {
    const known = stages.map(([name]) => name);
    const listed = [...stages, ...Object.keys(found).filter((name) => !known.includes(name)).map((name) => [name, name])];
    const time = (seconds) => cell(seconds === null ? "–" : seconds < 0.001 ? `${Math.round(seconds * 1e6)} µs` : duration(seconds * 1000), "number");
    this.stages.body.replaceChildren(...listed.filter(([name]) => found[name]).map(([name, words]) => {
      const { count: times, p50_s, p95_s, p99_s } = found[name];
      return row(words, cell(whole(times), "number"), time(p50_s), time(p95_s), time(p99_s),
        cell(spread_bar({ p50: p50_s, p95: p95_s, p99: p99_s }, stage_range_s), "bar"));
    }));
  }

  show_routes({ local, cloud, reasons }) {
    const all = local + cloud, share = (part) => (all > 0 ? part / all : 0), percent = (part) => `${Math.round(share(part) * 100)} %`;
    this.routes_words.textContent = all === 0 ? "None were written since the start."
      : `${whole(local)} (${percent(local)}) by the local models, ${whole(cloud)} (${percent(cloud)}) by the cloud.`;
    this.routes_bar.replaceChildren(parts_bar([local, cloud]));
    const made = Object.entries(reasons).filter(([, count]) => count > 0).sort(([, left], [, right]) => right - left);
    this.reasons.node.hidden = made.length === 0;
    this.reasons.body.replaceChildren(...made.map(([code, count]) => row([element("code", {}, code), element("small", {}, reason_sentence(code))],
      cell(whole(count), "number"), cell(element("span", { class: "share-cell" }, share_bar(share(count)), percent(count)), "number"))));
  }

  show_cloud(providers) {
    this.cloud_card.hidden = providers.length === 0;
    this.cloud.body.replaceChildren(...providers.map((provider) => row([provider.name, element("small", {}, provider.model)],
      cell(element("span", { class: `badge ${provider.breaker === "closed" ? "good" : provider.breaker === "open" ? "bad" : "warn"}` },
        provider.breaker === "open" ? `paused, asked again in ${Math.ceil(provider.opens_in_s)} s` : breakers[provider.breaker] ?? provider.breaker)),
      cell(whole(provider.in_flight), "number"), cell(whole(provider.requests_left), "number"), cell(provider.last_failure ?? "none"))));
  }

  store_facts(store) {
    const lines = [["Store", `${store.name}, ${store.is_up ? "answers" : "does not answer"}`], ["Pictures", whole(store.images)]];
    if (store.connections_max > 0)
      lines.push(["Connections", `${store.connections_in_use} in use, ${store.connections_idle} idle, at most ${store.connections_max}`]);
    if (store.index_bytes > 0) lines.push(["Index in memory", `${whole(store.index_vectors)} vectors, ${(store.index_bytes / 1e6).toFixed(1)} MB`]);
    return [...facts(lines), ...this.reindex_lines ?? []];
  }

  show_health(health) {
    const { models, reindex } = health;
    const model = ({ name, source, precision }) => [name, element("small", {}, source === "full" ? precision : `${precision}, ${source} model`)];
    const lines = [["Captions by", ...model(models.caption)], ["Vectors by", ...model(models.embedding)], ["Precision", health.precision],
      ["Kernels", health.kernel_tier, health.failed_kernel_tier && element("small", {}, `${health.failed_kernel_tier} failed its self-test and is not used`)],
      ["Threads", String(health.threads)]];
    this.models.replaceChildren(...facts(lines));
    this.reindex_lines = facts([["Vectors", ...this.vector_words(reindex)]]);
  }

  // Counts are of the start of the work, so they say nothing once it is done.
  vector_words({ state, done, total, failed }) {
    const lost = failed > 0 && element("small", {}, `${count(failed, "picture")} cannot get one: see the log.`);
    if (!reindex_words[state]) return ["all of the model that runs", lost];
    return [`${whole(done)} of ${whole(total)} are of the model that runs`, share_bar(total > 0 ? done / total : 0),
      element("small", {}, reindex_words[state]), lost];
  }

  show_costs({ today, days }) {
    const spent = today.spent_usd + today.reserved_usd;
    this.budget_words.textContent = `${dollars(spent)} of ${dollars(today.budget_usd)} spent today, ${dollars(today.remaining_usd)} left.`;
    this.budget.max = Math.max(today.budget_usd, 1e-9);
    this.budget.high = this.budget.max * 0.8;
    this.budget.optimum = 0;
    this.budget.value = spent;
    this.budget.textContent = this.budget_words.textContent;
    this.limits.textContent = `${whole(today.requests)} of ${whole(today.requests_limit)} requests to providers today, ${
      whole(today.requests_this_minute)} of ${whole(today.requests_per_minute_limit)} in the last minute.`;
    this.show_days(today.date, days);
  }

  show_days(today, lines) {
    const providers = [...new Set(lines.map(({ provider }) => provider))].sort();
    const dates = Array.from({ length: cost_days }, (_, index) =>
      new Date(Date.parse(today) - (cost_days - 1 - index) * 86_400_000).toISOString().slice(0, 10));
    const found = (date, provider) => lines.filter((line) => line.date === date && line.provider === provider);
    const cost = (date, provider) => found(date, provider).reduce((sum, line) => sum + line.cost_usd, 0);
    this.days_part.hidden = providers.length === 0;
    this.days.show(dates.map((date) => ({ label: date.slice(5), values: providers.map((provider) => cost(date, provider)) })));
    this.days_legend.replaceChildren(...providers.map((provider, index) => element("li", {}, element("span", { class: `swatch series-${index}` }), provider)));
    this.days_table.body.replaceChildren(...dates.toReversed().flatMap((date) => providers.filter((provider) => found(date, provider).length > 0)
      .map((provider) => row(date, cell(provider), cell(whole(found(date, provider).reduce((sum, line) => sum + line.requests, 0)), "number"),
        cell(dollars(cost(date, provider)), "number")))));
  }
}

export function mount(container, context) {
  const page = new MetricsPage(container, context);
  return () => page.stop();
}
