// How a caption came about, as people read it: who wrote it, why, what it cost, how long it took.
import { element } from "/ui/dom.js";

// 516.3 -> "516 ms", 2100 -> "2.1 s"
export function duration(ms) {
  if (ms >= 1000) return `${(ms / 1000).toFixed(1)} s`;
  return `${ms < 10 ? ms.toFixed(1) : ms.toFixed(0)} ms`;
}

export function cost(receipt) {
  if (receipt.cost_usd === 0) return "nothing";
  const sum = `$${receipt.cost_usd.toFixed(receipt.cost_usd < 0.01 ? 6 : 4)}`;
  return receipt.cost_is_estimated ? `${sum}, estimated from the price table` : sum;
}

function author({ origin, provider, model }) {
  if (origin === "mock") return "a mock model: it is made up";
  return origin === "local" ? `the local model ${model}` : `${model} of ${provider}`;
}

function times(receipt, total_ms) {
  const parts = [["local models", receipt.timings.local_ms], ["cloud", receipt.timings.cloud_ms], ["all together", total_ms]];
  return parts.filter(([, ms]) => ms > 0).map(([name, ms]) => `${name} ${duration(ms)}`).join(", ");
}

// [["Written by", "…"], …] of an image; `total_ms` is how long its upload took, where that is known.
export function receipt_lines(image, total_ms = 0) {
  const { receipt } = image;
  if (receipt === null || receipt === undefined)
    return [["Written by", image.origin === "user" ? "a person" : `${image.model}; an older version kept no receipt`]];
  const lines = [["Written by", author(receipt)], ["Because", receipt.detail], ["Cost", cost(receipt)]];
  if (receipt.confidence !== null) lines.push(["Sure of its words", `${Math.round(receipt.confidence * 100)} %`]);
  if (receipt.cache_hit) lines.push(["Paid", "before; the answer was kept"]);
  if (receipt.variant) lines.push(["Experiment", receipt.variant]);
  const spent = times(receipt, total_ms);
  if (spent) lines.push(["Time", spent]);
  return lines;
}

export function receipt_list(image, total_ms) {
  return element("dl", { class: "receipt" },
    ...receipt_lines(image, total_ms).flatMap(([name, text]) => [element("dt", {}, name), element("dd", {}, text)]));
}
