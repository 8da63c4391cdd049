// Slices of a row, and how much of the time they fill.
// the part of the view of which all is there
const since = (lane) => clamp(lane.whole, view.from, view.to);

// time of each kind since then, clipped to the view
function totals(lane) {
  const sums = new Float64Array(kinds.length), from = since(lane), { to } = view;
  for (const row of lane.rows) {
    const [first, last] = within(row, from, to);
    for (let k = first; k < last; k++) sums[row.kind[k]] += Math.min(to, row.end[k]) - Math.max(from, row.start[k]);
  }
  return sums;
}

// of slices that lie in no other
function work(lane) {
  const outer = lane.rows.every((row) => row.outer) ? lane.sums : totals({ whole: lane.whole, rows: lane.rows.filter((row) => row.outer) });
  return outer.reduce((total, sum, kind) => total + (works[kind] ? sum : 0), 0);
}

// slices of a pixel and more one by one, smaller ones as the share that each kind has of their pixel
function drawRow(pen, row, y, high, wide) {
  const left = gutter(), pixels = wide - left, each = scale(), share = new Map(), wider = new Map();
  const of = (map, kind, make) => map.get(kind) ?? map.set(kind, make()).get(kind);
  const [first, last] = within(row, view.from, view.to);
  for (let k = first; k < last; k++) {
    const from = (row.start[k] - view.from) * each, to = (row.end[k] - view.from) * each, kind = row.kind[k];
    if (to - from >= 1) of(wider, kind, () => []).push(k);
    else {
      const bins = of(share, kind, () => new Float32Array(pixels + 1)), bin = clamp(from | 0, 0, pixels - 1), over = Math.max(0, to - bin - 1);
      bins[bin] += Math.max(0.001, to - from - over);
      bins[bin + 1] += over;
    }
  }
  for (const kind of [...wider.keys()].sort((one, other) => rank[other] - rank[one])) {
    pen.fillStyle = paint[kind];
    for (const k of wider.get(kind)) {
      const from = Math.max(-2, (row.start[k] - view.from) * each), to = Math.min(pixels + 2, (row.end[k] - view.from) * each);
      if (kinds[kind] === "word" && row.text[k]) drawWord(pen, row, k, y, high);
      else pen.fillRect(left + from, y, Math.max(1, to - from - (to - from > 4 ? 0.75 : 0)), high);
    }
  }
  const filled = new Float32Array(pixels + 1);
  for (const kind of [...share.keys()].sort((one, other) => rank[one] - rank[other])) {
    pen.fillStyle = paint[kind];
    share.get(kind).forEach((part, bin) => {
      const size = part && Math.min(high - filled[bin], Math.max(rank[kind] < 2 ? 1 : 0, part * high));
      if (size) pen.fillRect(left + bin, y + high - filled[bin] - size, 1, size);
      filled[bin] += size;
    });
  }
  if (high >= 12) for (const list of wider.values()) for (const k of list) drawLabel(pen, row, k, left, y, high, pixels);
}

function drawWord(pen, row, k, y, high) {
  const parts = textOf(row.text[k]), sum = PARTS.reduce((total, part) => total + (parts[part] || 0), 0), lasts = row.end[k] - row.start[k];
  let at = row.start[k];
  for (const part of PARTS) {
    const until = at + (sum ? (parts[part] || 0) / sum : part === "compute") * lasts;
    const from = Math.max(gutter(), pixel(at)), to = pixel(until);
    pen.fillStyle = colours.part[part];
    if (to > from) pen.fillRect(from, y, to - from, high);
    at = until;
  }
  pen.fillStyle = colours.card;
  pen.fillRect(pixel(row.end[k]) - 1, y, 1, high);
}

function drawLabel(pen, row, k, left, y, high, pixels) {
  const from = Math.max(left, pixel(row.start[k])), to = Math.min(left + pixels, pixel(row.end[k])), room = to - from - 8;
  if (room < 22) return;
  const kind = kinds[row.kind[k]], size = lasting(row.end[k] - row.start[k]);
  pen.font = `11px ${colours.font}`;
  pen.textAlign = "left";
  const text = [`${kind} ${size}`, size].find((one) => pen.measureText(one).width <= room);
  if (!text) return;
  pen.fillStyle = kind === "wait" ? colours.faint : colours.card;
  if (kind === "word") return;
  pen.fillText(text, from + 4, y + high / 2 + 4);
}
