// The line under the header: what /healthz has to say of models that are not the real ones, and of
// pictures that searches miss.
import { element, icon } from "/ui/dom.js";

const again_ms = 60000;

export function mount_banner(node, api) {
  let closed = "";  // the notice that was closed; another one is shown
  const look = async () => {
    let notice = "";
    try {
      notice = (await api.get("/healthz")).notice ?? "";
    } catch {
      // Whatever the page asks for next says it better.
    }
    if (notice === closed || notice === "") {
      node.hidden = true;
      return;
    }
    // Only what has changed: a screen reader would say it again.
    if (node.dataset.notice === notice && !node.hidden) return;
    node.dataset.notice = notice;
    node.replaceChildren(
      icon("M12 8v5M12 16.5v.01M12 3l9.5 17h-19z"), element("p", {}, ...prose(notice)),
      element("button", { type: "button", class: "quiet", "aria-label": "Hide this note",
        onclick: () => { closed = notice; node.hidden = true; } }, icon("M6 6l12 12M18 6L6 18")));
    node.hidden = false;
  };
  look();
  setInterval(look, again_ms);
}

// Words between backticks are code.
function prose(text) {
  return text.split("`").map((piece, index) => (index % 2 ? element("code", {}, piece) : piece));
}
