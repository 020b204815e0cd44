// Pictures that are dropped anywhere on the page or pasted into it: to add them, or to search with.
import { element, icon, toast } from "/ui/dom.js";
import { is_picture } from "/ui/upload_panel.js";

const address_pattern = /^https?:\/\/\S+$/i;

function addresses_of(text) {
  const words = text.split(/\s+/).filter((word) => word !== "" && !word.startsWith("#"));
  return words.length > 0 && words.every((word) => address_pattern.test(word)) ? words : [];
}

function read_file(entry) {
  return new Promise((resolve, reject) => { entry.file(resolve, reject); });
}

async function read_folder(entry) {
  const reader = entry.createReader(), files = [];
  for (;;) {
    const entries = await new Promise((resolve, reject) => { reader.readEntries(resolve, reject); });
    if (entries.length === 0) return files;
    for (const inner of entries) files.push(...await read_entry(inner, false));
  }
}

// What a person dropped themselves is sent whatever it is; of folders only the pictures.
async function read_entry(entry, is_own_choice) {
  if (entry.isDirectory) return read_folder(entry);
  const file = await read_file(entry);
  return is_own_choice || is_picture(file) ? [file] : [];
}

async function files_of(transfer) {
  const entries = [...transfer.items].map((item) => item.webkitGetAsEntry?.() ?? null);
  if (entries.length === 0 || entries.some((entry) => entry === null)) return [...transfer.files];
  const files = [];
  for (const entry of entries) files.push(...await read_entry(entry, true));
  return files;
}

// on_add(files and addresses), on_search(file)
export function mount_drop_zone({ on_add, on_search }) {
  const add = element("div", { class: "drop-target", "data-drop": "add" }, icon("M12 16V5M7 10l5-5 5 5M5 19h14"), "Add to your pictures");
  const search = element("div", { class: "drop-target", "data-drop": "search" },
    icon("M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM15.5 15.5L20 20"), "Search with this picture");
  const overlay = element("div", { class: "drop-overlay", hidden: true, "aria-hidden": "true" }, add, search);
  document.body.append(overlay);
  const takes = (event) => ["Files", "text/uri-list"].some((type) => event.dataTransfer?.types.includes(type)) &&
    !event.dataTransfer.types.includes("text/x-imgrouter");
  const mark = (target) => { for (const node of [add, search]) node.classList.toggle("over", node.contains(target)); };

  addEventListener("dragstart", (event) => {
    // A link of this page that is dragged about is none of what is meant here.
    event.dataTransfer?.setData("text/x-imgrouter", "own");
  });
  addEventListener("dragover", (event) => {
    if (!takes(event)) return;
    event.preventDefault();
    overlay.hidden = false;
    mark(event.target);
  });
  addEventListener("dragleave", (event) => { if (event.relatedTarget === null) overlay.hidden = true; });
  addEventListener("drop", async (event) => {
    overlay.hidden = true;
    if (!takes(event)) return;
    event.preventDefault();
    const is_search = search.contains(event.target);
    const addresses = addresses_of(event.dataTransfer.getData("text/uri-list"));
    try {
      const files = await files_of(event.dataTransfer);
      if (is_search && files.length > 0) on_search(files[0]);
      else if (files.length > 0) on_add(files);
      else if (addresses.length > 0) on_add(addresses);
      else toast("There is no picture in what was dropped.", { is_bad: true });
    } catch {
      toast("What was dropped could not be read; pick the pictures instead.", { is_bad: true });
    }
  });

  addEventListener("paste", (event) => {
    const files = [...event.clipboardData.files].filter(is_picture);
    const field = event.target.closest?.("input, textarea") ?? null;
    if (files.length > 0) {
      event.preventDefault();
      if (field?.id === "search") on_search(files[0]);
      else on_add(files);
      return;
    }
    const addresses = field ? [] : addresses_of(event.clipboardData.getData("text/plain"));
    if (addresses.length === 0) return;
    event.preventDefault();
    on_add(addresses);
  });
}
