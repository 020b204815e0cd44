// Deleting that can be undone: pictures vanish from the page at once, and from the server some
// seconds later, or when the page is left.
import { announce, count, toast } from "/ui/dom.js";

const waiting = new Map();  // id -> its deletion

// Tells "hidden", "restored" and "deleted", each with `detail`: an array of ids.
export const deletions = new EventTarget();

function tell(name, ids) {
  deletions.dispatchEvent(new CustomEvent(name, { detail: ids }));
}

// Deleted as far as the person is concerned.
export function is_deleted(id) {
  return waiting.has(id);
}

// Already gone is as good as deleted.
async function remove(api, id) {
  try {
    await api.send("DELETE", `/images/${id}`);
  } catch (problem) {
    if (problem.status !== 404) throw problem;
  }
}

async function carry_out(deletion) {
  deletion.is_begun = true;
  const done = [], failed = [];
  let reason = "";
  for (const id of deletion.ids) {
    try {
      await remove(deletion.api, id);
      done.push(id);
    } catch (problem) {
      failed.push(id);
      reason = problem.detail;
    }
  }
  for (const id of deletion.ids) waiting.delete(id);
  if (done.length > 0) tell("deleted", done);
  if (failed.length > 0) {
    tell("restored", failed);
    toast(`${count(failed.length, "picture")} could not be deleted. ${reason}`, { is_bad: true });
  }
}

// Deletes these pictures unless the person takes it back.
export function delete_with_undo(ids, api) {
  const deletion = { ids: ids.filter((id) => !waiting.has(id)), api };
  if (deletion.ids.length === 0) return;
  for (const id of deletion.ids) waiting.set(id, deletion);
  tell("hidden", deletion.ids);
  deletion.undo = () => {
    for (const id of deletion.ids) waiting.delete(id);
    tell("restored", deletion.ids);
    announce(`${count(deletion.ids.length, "picture")} back again`);
  };
  deletion.notice = toast(`${count(deletion.ids.length, "picture")} deleted`, {
    actions: [["Undo", deletion.undo]],
    on_end: () => carry_out(deletion),
  });
}

// Ctrl+Z takes back the newest deletion, where it is not about text.
addEventListener("keydown", (event) => {
  if (event.key !== "z" || !(event.ctrlKey || event.metaKey) || event.target.matches("input:not([type=checkbox]), textarea")) return;
  const newest = [...waiting.values()].findLast((deletion) => !deletion.is_begun);
  if (!newest) return;
  event.preventDefault();
  newest.notice.close();
  newest.undo();
});

// A page that is left does not come back to ask.
addEventListener("pagehide", () => {
  for (const [id, deletion] of waiting) {
    deletion.notice.close();
    deletion.api.send("DELETE", `/images/${id}`, { keepalive: true }).catch(() => {});
  }
});
