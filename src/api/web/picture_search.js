// The picture that is searched with and not stored. It lives as long as the page; the address only
// names it.

const kept = new Map();  // name -> File; few, as a person goes back only so far
const kept_max = 8;
let number = 0;

// The name for the address.
export function keep_picture(file) {
  // Not one of a page that was reloaded.
  const name = `${Date.now().toString(36)}-${++number}`;
  kept.set(name, file);
  if (kept.size > kept_max) kept.delete(kept.keys().next().value);
  return name;
}

export function kept_picture(name) {
  return kept.get(name) ?? null;
}
