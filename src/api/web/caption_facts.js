// What is known of a caption and of its picture, as lines for people: [name, what, explanation or ""].
import { cost, duration } from "/ui/receipt.js";

// The codes of docs/routing.md. A code that is not here is shown as it is.
const reasons = {
  local_sure: "The local caption is good enough.",
  quality_fast: "A fast caption was asked for, so the local model wrote it.",
  no_provider: "No cloud provider is set up, so the local model wrote it.",
  quality_high: "The best caption was asked for, so the cloud wrote it.",
  latency_budget: "The local caption would have come too late, so the cloud wrote it.",
  repetition: "The local caption repeated itself, so the cloud wrote it.",
  low_confidence: "The local model was not sure of its words, so the cloud wrote it.",
  low_clip_score: "The local caption did not fit the picture, so the cloud wrote it.",
  over_budget: "The cloud was wanted, but the day's budget did not allow it.",
  rate_limited: "The cloud was wanted, but as many requests were made as the limits allow.",
  cloud_away: "The cloud was wanted, but no provider could be asked.",
  cloud_failed: "The cloud was asked, and gave no caption.",
};

export function reason_sentence(code) {
  return reasons[code] ?? code.replaceAll("_", " ");
}

function author(image) {
  if (image.origin === "user") return ["Written by", "a person", "No model replaces it."];
  if (image.origin === "mock") return ["Written by", "a mock model", "It is made up."];
  if (image.origin === "local") return ["Written by", image.model, "A local model: the picture stayed on this server."];
  return ["Written by", image.model, `A cloud model, asked at ${image.receipt?.provider ?? "a provider"}.`];
}

function spent({ cost_usd, cache_hit }) {
  if (cache_hit) return "The same picture had been paid for before.";
  return cost_usd === 0 ? "No provider was paid." : "";
}

// As far as they took any time that one can read.
function times({ local_ms, cloud_ms, route_ms }) {
  const parts = [["local models", local_ms], ["cloud", cloud_ms], ["deciding", route_ms]];
  return parts.filter(([, ms]) => ms >= 0.05).map(([name, ms]) => `${name} ${duration(ms)}`).join(", ");
}

export function caption_lines(image) {
  const { receipt } = image, lines = [author(image)];
  if (receipt) lines.push(["Why", reason_sentence(receipt.reason), receipt.detail]);
  if (image.confidence !== null)
    lines.push(["Confidence", `${Math.round(image.confidence * 100)} %`, "How sure the model was of its own words; it may be sure and wrong."]);
  if (image.clip_score !== null)
    lines.push(["Fit", image.clip_score.toFixed(3), "How near the search model finds caption and picture, from -1 to 1. About 0.3 fits well."]);
  if (!receipt) return lines;
  lines.push(["Cost", cost(receipt), spent(receipt)]);
  const spans = times(receipt.timings);
  if (spans) lines.push(["Time", spans, ""]);
  if (receipt.variant) lines.push(["Experiment", receipt.variant, ""]);
  return lines;
}

const formats = { "image/jpeg": "JPEG", "image/png": "PNG", "image/webp": "WebP", "image/gif": "GIF", "image/heic": "HEIC",
  "image/heif": "HEIF", "image/avif": "AVIF" };

// 204118 -> "204 kB"
export function file_size(bytes) {
  if (bytes < 1000) return `${bytes} bytes`;
  const [unit, name] = bytes < 999_500 ? [1e3, "kB"] : bytes < 999_500_000 ? [1e6, "MB"] : [1e9, "GB"];
  const amount = bytes / unit;
  return `${amount.toFixed(amount < 10 ? 1 : 0)} ${name}`;
}

export function format_name(mime) {
  return formats[mime] ?? mime;
}

// What browsers show themselves; of other formats they get a JPEG.
export function is_displayable(mime) {
  return ["image/jpeg", "image/png", "image/webp", "image/gif"].includes(mime);
}

// An address that can be followed safely; else null.
export function safe_link(text) {
  try {
    const url = new URL(text);
    return ["http:", "https:"].includes(url.protocol) ? url.href : null;
  } catch {
    return null;
  }
}
