// The page's frame: which part is shown for which address (#/…), and what stays around it.
import { api } from "/ui/api.js";
import { mount_banner } from "/ui/banner.js";
import { announce, element } from "/ui/dom.js";
import { mount_drop_zone } from "/ui/drop_zone.js";
import { start_live } from "/ui/live.js";
import { keep_picture } from "/ui/picture_search.js";
import { UploadPanel } from "/ui/upload_panel.js";
import { Uploads } from "/ui/uploads.js";

// Each module exports mount(container, { api, navigate, parameters }) -> unmount(). `parameters` has
// what the pattern names and what follows "?" in the address.
const pages = [
  { pattern: /^\/$/, names: [], page: "gallery", title: "Pictures", load: () => import("/ui/gallery.js") },
  { pattern: /^\/image\/([0-9a-f]{16})$/, names: ["id"], page: "picture", title: "Picture",
    load: () => import("/ui/picture_page.js") },
  { pattern: /^\/metrics$/, names: [], page: "metrics", title: "Metrics", load: () => import("/ui/metrics_page.js") },
];

const main = document.getElementById("main");
let shown = { page: "", key: "", unmount: null };
let turn = 0;  // of the newest address; what was loaded for an older one comes too late

function read_address() {
  const [path, query = ""] = location.hash.replace(/^#/, "").split(/\?(.*)/s);
  const parameters = Object.fromEntries(new URLSearchParams(query));
  for (const page of pages) {
    const match = (path || "/").match(page.pattern);
    if (!match) continue;
    page.names.forEach((name, index) => { parameters[name] = match[index + 1]; });
    return { ...page, key: page.names.map((name) => parameters[name]).join(), parameters };
  }
  return null;
}

// navigate("#/image/ID"); with `replace` the address before is not gone back to.
export function navigate(address, { replace = false } = {}) {
  if (replace) history.replaceState(history.state, "", address);
  else history.pushState(null, "", address);
  show();
}

function show_message(text) {
  main.replaceChildren(element("p", { class: "empty" }, text, " ", element("a", { href: "#/" }, "To the pictures")));
}

async function show() {
  const wanted = read_address();
  const own_turn = ++turn;
  if (wanted !== null && wanted.page === shown.page && wanted.key === shown.key && shown.update) {
    shown.update(wanted.parameters);
    return;
  }
  let module = null, failure = wanted === null ? "There is no such page." : "";
  if (wanted !== null) {
    try {
      module = await wanted.load();
    } catch {
      failure = "This part of the page could not be loaded. Is the server running? Reload to try again.";
    }
    if (own_turn !== turn) return;
  }
  const is_first = shown.page === "";
  shown.unmount?.();
  shown = { page: wanted?.page ?? "none", key: wanted?.key ?? "", unmount: null };
  main.replaceChildren();
  window.scrollTo(0, 0);
  for (const link of document.querySelectorAll(".top nav [data-page]")) {
    if (link.dataset.page === shown.page) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  document.title = wanted ? `${wanted.title} · imgrouter` : "imgrouter";
  if (module === null) {
    show_message(failure);
    return;
  }
  const mounted = module.mount(main, { api, navigate, parameters: wanted.parameters });
  // A page that follows its own address gives { unmount, update(parameters) }.
  if (typeof mounted === "function") shown.unmount = mounted;
  else Object.assign(shown, mounted);
  if (!is_first) {
    announce(wanted.title);
    if (!main.contains(document.activeElement)) main.focus({ preventScroll: true });
  }
}

// The links of this page change the hash only; so do back and forward.
addEventListener("popstate", show);
document.querySelector(".skip").addEventListener("click", (event) => {
  event.preventDefault();  // the hash is the page's address
  main.focus();
});
mount_banner(document.getElementById("banner"), api);
start_live(api);
const uploads = new Uploads(api);
new UploadPanel(document.body, document.getElementById("add"), { api, uploads });
mount_drop_zone({ on_add: (sources) => uploads.add(sources),
  on_search: (file) => navigate(`#/?picture=${keep_picture(file)}`) });
addEventListener("beforeunload", (event) => {
  if (uploads.count("waiting", "sending", "retrying") > 0) event.preventDefault();
});
show();
