// Small charts as SVG. Each stands beside its figures as text, so the drawings themselves are hidden
// from screen readers or are named by them.
import { element } from "/ui/dom.js";

const svg_space = "http://www.w3.org/2000/svg";

function shape(name, attributes, ...children) {
  const node = document.createElementNS(svg_space, name);
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  node.append(...children);
  return node;
}

// The next of 1, 2, 5, 10, 20, … times a power of ten, for the end of an axis; 1 for nothing.
function round_up(value) {
  if (!(value > 0)) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].find((step) => step * power >= value * 0.999) * power;
}

// 0.25 -> "0.25", 1234.5 -> "1,235"
function short_number(value) {
  const digits = value === 0 || value >= 100 ? 0 : value >= 10 ? 1 : 2;
  return value.toLocaleString("en", { maximumFractionDigits: digits });
}

// Draws again with every new width of the page: text keeps its size then.
class Drawing {
  constructor(height, draw) {
    this.height = height;
    this.draw = draw;
    this.svg = shape("svg", { class: "chart", height, "aria-hidden": "true" });
    this.observer = new ResizeObserver(() => this.refresh());
    this.observer.observe(this.svg);
  }

  refresh() {
    const width = this.svg.clientWidth;
    if (width === 0) return;
    this.svg.setAttribute("viewBox", `0 0 ${width} ${this.height}`);
    this.svg.replaceChildren(...this.draw(width, this.height));
  }

  stop() {
    this.observer.disconnect();
  }
}

function grid_lines(most, width, { left, top, bottom }, words) {
  return [0, 0.5, 1].flatMap((part) => {
    const y = bottom - part * (bottom - top);
    const label = shape("text", { x: left - 8, y: y + 4, "text-anchor": "end" });
    label.textContent = words(part * most);
    return [shape("line", { class: "grid", x1: left, x2: width, y1: y, y2: y }), label];
  });
}

// Lines over time. series: [["uploads", (sample) => number or null], …]; a null is a gap in the line.
// In place of a legend there is a table: what each is now, and was at the most.
export class LineChart {
  constructor(title, series, { seconds, is_whole = false }) {
    Object.assign(this, { series, seconds, is_whole, samples: [], span: seconds });
    this.drawing = new Drawing(150, (width, tall) => this.draw(width, tall));
    this.body = element("tbody", {});
    this.node = element("div", { class: "line-chart" }, this.drawing.svg, element("table", { class: "legend" },
      element("caption", { class: "visually-hidden" }, title),
      element("thead", {}, element("tr", {}, ...["what", "now", "at most"].map((name) => element("th", { scope: "col" }, name)))), this.body));
  }

  // samples: oldest first, each with `time` in milliseconds, as `now`.
  show(samples, now) {
    this.samples = samples.filter(({ time }) => time > now - this.seconds * 1000);
    this.now = now;
    // No wider than what there is, in whole minutes.
    const oldest = this.samples[0]?.time ?? now;
    this.span = Math.min(Math.max(Math.ceil((now - oldest) / 60_000) * 60, 60), this.seconds);
    this.drawing.refresh();
    this.body.replaceChildren(...this.series.map(([name, read], index) => {
      const values = this.samples.map(read).filter((value) => value !== null);
      const most = values.length > 0 ? short_number(Math.max(...values)) : "–";
      const newest = this.samples.length > 0 ? read(this.samples.at(-1)) : null;
      return element("tr", {}, element("th", { scope: "row" }, element("span", { class: `swatch series-${index}` }), name),
        element("td", {}, newest === null ? "–" : short_number(newest)), element("td", {}, most));
    }));
  }

  draw(width, height) {
    const place = { left: 44, top: 8, bottom: height - 22 };
    const all = this.samples.flatMap((sample) => this.series.map(([, read]) => read(sample) ?? 0));
    const most = Math.max(round_up(Math.max(0, ...all)), this.is_whole ? 2 : 0);
    const x = (time) => width - (this.now - time) / 1000 / this.span * (width - place.left);
    const y = (value) => place.bottom - value / most * (place.bottom - place.top);
    const drawn = grid_lines(most, width, place, short_number);
    for (const [text, at, anchor] of [[`${this.span / 60} min ago`, place.left, "start"], ["now", width, "end"]]) {
      const label = shape("text", { x: at, y: height - 4, "text-anchor": anchor });
      label.textContent = text;
      drawn.push(label);
    }
    this.series.forEach(([, read], index) => {
      let path = "", is_on = false;
      for (const sample of this.samples) {
        const value = read(sample);
        if (value !== null) path += `${is_on ? "L" : "M"}${x(sample.time).toFixed(1)} ${y(value).toFixed(1)}`;
        is_on = value !== null;
      }
      drawn.push(shape("path", { class: `line series-${index}`, d: path }));
    });
    return drawn;
  }

  stop() {
    this.drawing.stop();
  }
}

// From p50 to p99 on a scale where each step is ten times the one before; `range` is [least, most].
export function spread_bar({ p50, p95, p99 }, [least, most]) {
  const svg = shape("svg", { class: "spread", viewBox: "0 0 100 16", preserveAspectRatio: "none", "aria-hidden": "true" });
  const at = (value) => Math.log10(Math.max(value, least) / least) / Math.log10(most / least) * 100;
  for (let step = least; step < most * 1.001; step *= 10)
    svg.append(shape("line", { class: "grid", x1: at(step), x2: at(step), y1: 0, y2: 16 }));
  const bar = (name, from, to) => shape("rect", { class: name, x: from, y: 4, height: 8, width: Math.max(to - from, 0.6) });
  if (p50 !== null) svg.append(bar("p50", 0, at(p50)), bar("p95", at(p50), at(p95)), bar("p99", at(p95), at(p99)));
  return svg;
}

// How much of a whole; `part` from 0 to 1, more is drawn as 1.
export function share_bar(part, name = "series-0") {
  const width = Math.min(Math.max(part, 0), 1) * 100;
  return shape("svg", { class: `share ${name}`, viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
    shape("rect", { class: "whole", width: 100, height: 8 }), shape("rect", { class: "part-of", width, height: 8 }));
}

// parts: [number, …], side by side.
export function parts_bar(parts) {
  const whole = parts.reduce((sum, part) => sum + part, 0);
  const svg = shape("svg", { class: "share thick", viewBox: "0 0 100 8", preserveAspectRatio: "none", "aria-hidden": "true" },
    shape("rect", { class: "whole", width: 100, height: 8 }));
  let x = 0;
  parts.forEach((part, index) => {
    const width = whole > 0 ? part / whole * 100 : 0;
    svg.append(shape("rect", { class: `fill series-${index}`, x, width, height: 8 }));
    x += width;
  });
  return svg;
}

// Columns of a day each, what is of each name upon the other. Beside it belongs a table.
export class ColumnChart {
  constructor({ words }) {
    this.words = words;
    this.columns = [];
    this.drawing = new Drawing(170, (width, tall) => this.draw(width, tall));
    this.node = this.drawing.svg;
  }

  // columns: [{ label, values: [number, …] }, …]
  show(columns) {
    this.columns = columns;
    this.drawing.refresh();
  }

  draw(width, height) {
    const place = { left: 60, top: 8, bottom: height - 22 };
    const most = round_up(Math.max(0, ...this.columns.map(({ values }) => values.reduce((sum, value) => sum + value, 0))));
    const step = (width - place.left) / this.columns.length, each = Math.ceil(42 / step);
    const drawn = grid_lines(most, width, place, this.words);
    this.columns.forEach(({ label, values }, index) => {
      let y = place.bottom;
      const x = place.left + step * (index + 0.15);
      values.forEach((value, at) => {
        const tall = value / most * (place.bottom - place.top);
        y -= tall;
        drawn.push(shape("rect", { class: `fill series-${at}`, x, y, width: step * 0.7, height: tall }));
      });
      // Counted from the newest, which is always named.
      if ((this.columns.length - 1 - index) % each !== 0) return;
      const text = shape("text", { x: x + step * 0.35, y: height - 4, "text-anchor": "middle" });
      text.textContent = label;
      drawn.push(text);
    });
    return drawn;
  }

  stop() {
    this.drawing.stop();
  }
}
