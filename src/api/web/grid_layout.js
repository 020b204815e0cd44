// Where pictures lie: rows of one height each that fill the width, as on a contact sheet. Only sizes,
// no nodes.

const narrowest = 0.62, widest = 2.4;  // very long pictures are cut at their ends

function ratio_of(item) {
  return Math.min(Math.max(item.width / item.height || 1, narrowest), widest);
}

function make_row(items, first, count, top, height, gap, width, text_height) {
  const widths = [];
  let left = 0;
  for (let i = first; i < first + count; i++) {
    // Whole pixels; the last one takes what rounding left.
    const is_last = width !== null && i === first + count - 1;
    const own = is_last ? width - left : Math.round(ratio_of(items[i]) * height);
    widths.push(own);
    left += own + gap;
  }
  return { first, count, top, height: Math.round(height), widths, bottom: top + Math.round(height) + text_height };
}

// Adds rows to `rows` (changed) for all `items` that are not in a full row yet.
// shape: { width, height: the wanted one of a picture, text_height: below it, gap, line_gap }
export function lay_rows(rows, items, shape) {
  const { width, height, text_height, gap, line_gap } = shape;
  if (rows.length > 0 && !rows.at(-1).is_full) rows.pop();
  let first = rows.length > 0 ? rows.at(-1).first + rows.at(-1).count : 0;
  let top = rows.length > 0 ? rows.at(-1).bottom + line_gap : 0;
  while (first < items.length) {
    let sum = 0, count = 0, before = Infinity, own = Infinity;
    while (first + count < items.length && own > height) {
      sum += ratio_of(items[first + count]);
      count += 1;
      before = own;
      own = (width - gap * (count - 1)) / sum;
    }
    let is_full = own <= height;
    // One picture fewer may come nearer to the wanted height.
    if (is_full && count > 1 && before - height < height - own) {
      count -= 1;
      own = before;
    }
    if (!is_full) own = height;
    const row = make_row(items, first, count, top, own, gap, is_full ? width : null, text_height);
    row.is_full = is_full;
    rows.push(row);
    first += count;
    top = row.bottom + line_gap;
  }
}

// The last row that begins at or above `y`; 0 when there is none.
export function row_at(rows, y) {
  let low = 0, high = rows.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (rows[middle].top <= y) low = middle;
    else high = middle - 1;
  }
  return low;
}

export function row_of(rows, index) {
  let low = 0, high = rows.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if (rows[middle].first <= index) low = middle;
    else high = middle - 1;
  }
  return low;
}

function center(row, place) {
  let left = 0;
  for (let i = 0; i < place; i++) left += row.widths[i];
  return left + row.widths[place] / 2;
}

// The item that lies nearest above or below (`step` rows away).
export function neighbour(rows, index, step) {
  const from = row_of(rows, index);
  const to = Math.min(Math.max(from + step, 0), rows.length - 1);
  if (to === from) return index;
  const x = center(rows[from], index - rows[from].first);
  let best = 0;
  for (let place = 1; place < rows[to].count; place++)
    if (Math.abs(center(rows[to], place) - x) < Math.abs(center(rows[to], best) - x)) best = place;
  return rows[to].first + best;
}
