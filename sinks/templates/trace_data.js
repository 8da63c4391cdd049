// What the page holds, as typed arrays; times in microseconds.
const byId = (id) => document.getElementById(id);
const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const data = JSON.parse(byId("data").textContent);

async function inflated(text) {
  const letters = atob(text), bytes = new Uint8Array(letters.length);
  for (let k = 0; k < letters.length; k++) bytes[k] = letters.charCodeAt(k);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("deflate"))).arrayBuffer();
}

const column = await (async () => {
  const TYPES = { f8: Float64Array, f4: Float32Array, u4: Uint32Array };
  const raw = await inflated(byId("columns").textContent), found = {};
  let at = 0;
  for (const [name, type, count] of data.columns) {
    found[name] = new TYPES[type](raw, at, count);
    at += found[name].byteLength;
  }
  byId("columns").remove();
  return found;
})();

const kinds = data.kinds, textOf = (number) => data.texts[number] ? JSON.parse(data.texts[number]) : {};
const PARTS = ["policy", "lookahead", "queueing", "batch", "compute", "emission"]; // of a word, after its chunk came

const lanes = (() => {
  let at = 0;
  const { gap, lasts } = column, start = new Float64Array(gap.length), end = new Float64Array(gap.length);
  return data.lanes.map((lane, number) => ({
    ...lane, number, shown: true, queue: null,
    rows: lane.rows.map(([count, outer]) => {
      let time = 0;
      const first = at;
      for (; at < first + count; at++) {
        time += gap[at];
        start[at] = time / 1000;
        time += lasts[at];
        end[at] = time / 1000;
      }
      return {
        count, outer, start: start.subarray(first, at), end: end.subarray(first, at), kind: column.kind.subarray(first, at),
        audio: column.audio.subarray(first, at), text: column.text.subarray(first, at),
      };
    }),
  }));
})();

// rows in which little happens are drawn thin
for (const { rows } of lanes) {
  const filled = rows.map((row) => row.end.reduce((sum, end, k) => sum + end - row.start[k], 0)), most = Math.max(...filled);
  rows.forEach((row, number) => { row.slight = filled[number] < 0.05 * most; });
}

const arrows = Array.from({ length: column.arrow.length / 5 }, (_, k) => ({
  from: column.arrow_at[2 * k] / 1000, to: column.arrow_at[2 * k + 1] / 1000, lane: column.arrow[5 * k],
  row: column.arrow[5 * k + 1], toLane: column.arrow[5 * k + 2], toRow: column.arrow[5 * k + 3], text: column.arrow[5 * k + 4],
}));

// a queue belongs to the stage before it; what never changes is hidden at first
const counters = (() => {
  let at = 0;
  return data.counters.map(([name, count]) => {
    const time = column.counted_at.slice(at, at + count).map((ns) => ns / 1000), value = column.counted.subarray(at, at + count);
    at += count;
    let most = 0, least = Infinity;
    for (const one of value) { most = Math.max(most, one); least = Math.min(least, one); }
    const found = { name, time, value, most, least, flat: most === least };
    const owner = !found.flat && name.startsWith("queue ") && lanes.find((lane) => lane.name === name.slice(6));
    if (owner) owner.queue = found;
    return { ...found, owned: Boolean(owner) };
  }).filter((one) => !one.owned);
})();

const trace = (() => {
  let from = Infinity, to = -Infinity;
  for (const lane of lanes) for (const row of lane.rows) {
    from = Math.min(from, row.start[0]);
    to = Math.max(to, row.end[row.count - 1]);
  }
  return { from: Math.min(0, from) === from ? from : from < (to - from) / 4 ? 0 : from, to: Math.max(to, from + 1) };
})();

// the first place at which `sorted` is greater than `value`
function after(sorted, value) {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle] <= value) low = middle + 1; else high = middle;
  }
  return low;
}

// the slices of a row that touch a stretch of time: [first, one past the last]
const within = (row, from, to) => [after(row.end, from), after(row.start, to)];

function lasting(us) {
  if (us >= 6e8) return hours(us / 1e6).replace(/\.\d+$/, "");
  const size = Math.abs(us), digits = (value) => value >= 100 ? 0 : value >= 10 ? 1 : 2;
  if (size >= 1e6) return `${(us / 1e6).toFixed(size >= 1e8 ? 0 : digits(size / 1e6))} s`;
  if (size >= 1e3) return `${(us / 1e3).toFixed(digits(size / 1e3))} ms`;
  return `${us.toFixed(size >= 10 || !size ? 0 : 1)} µs`;
}

const percent = (share) => !share ? "0 %" : share < 0.0005 ? "< 0.1 %" : `${(100 * share).toFixed(share < 0.00995 ? 1 : 0)} %`;

function hours(seconds, places = 2) {
  const minutes = Math.floor(seconds / 60), two = (value, digits) => value.toFixed(digits).padStart(digits ? digits + 3 : 2, "0");
  const rest = two(seconds - 60 * minutes, places);
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${two(minutes % 60, 0)}:${rest}`;
}
