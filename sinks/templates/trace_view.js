// What of the trace is looked at: the view, what is chosen, places in pixels and colours.
const stage = byId("stage"), canvas = byId("lanes"), whole = byId("whole");
const AXIS = 24, QUEUE = 10, PAD = 5, COUNTER = 34;
const view = { from: trace.from, to: trace.to };
const state = { selected: null, picked: null, hover: null, arrows: true, flat: false, filter: "" };
const listeners = [];
const rank = kinds.map((kind) => ({ feed: 0, send: 1, wait: 3 })[kind] ?? 0.5); // from the bottom of a lane
const ranked = kinds.map((_, kind) => kind).sort((one, other) => rank[one] - rank[other]);
const works = kinds.map((kind) => !["wait", "send", "word"].includes(kind));
let colours = {}, paint = [], due = false, tall = 0, busiest = 0;

function readColours() {
  const style = getComputedStyle(document.documentElement), one = (name) => style.getPropertyValue(`--${name}`).trim();
  for (const name of ["ink", "faint", "line", "wave", "accent", "overlap", "card", "ground", "mark"]) colours[name] = one(name);
  colours.font = getComputedStyle(document.body).fontFamily;
  colours.wait = `color-mix(in srgb, ${colours.wave} 34%, ${colours.card})`;
  colours.part = { capture: one("s9"), policy: one("s5"), lookahead: one("s3"), queueing: one("s4"), batch: one("s6"), compute: colours.accent, emission: one("s2") };
  const fixed = { wait: colours.wait, feed: colours.accent, send: colours.overlap, word: colours.wave };
  paint = kinds.map((kind, number) => fixed[kind] ?? one(`s${number % 10}`));
}

const gutter = () => stage.clientWidth < 640 ? 124 : 218;
const scale = () => (stage.clientWidth - gutter()) / (view.to - view.from);
const pixel = (time) => gutter() + (time - view.from) * scale();
const timeAt = (at) => view.from + (at - gutter()) / scale();

function layout() {
  let y = AXIS + 4;
  for (const lane of lanes) {
    lane.shown = lane.name.toLowerCase().includes(state.filter);
    if (!lane.shown) continue;
    const full = lane.rows.filter((row) => !row.slight).length, nested = lane.rows.some((row) => !row.outer);
    const each = nested ? 16 : clamp(Math.floor(40 / full), 3, full === 1 ? 17 : 13);
    let below = 0;
    for (const row of lane.rows) {
      row.y = y + below;
      row.tall = lane === state.selected ? clamp(Math.floor(260 / lane.rows.length), each, 19) : row.slight && !nested ? 3 : each;
      below += row.tall;
    }
    lane.y = y;
    lane.tall = Math.max(19, below);
    y += lane.tall + (lane.queue ? QUEUE : 0) + PAD;
  }
  for (const counter of counters) {
    counter.shown = counter.name.toLowerCase().includes(state.filter) && (state.flat || !counter.flat);
    if (!counter.shown) continue;
    counter.y = y;
    y += COUNTER + PAD;
  }
  tall = y;
  byId("spacer").style.height = `${Math.max(0, tall - stage.clientHeight)}px`;
}

function sized(target, wide, high) {
  const ratio = devicePixelRatio || 1;
  if (target.width !== Math.round(wide * ratio) || target.height !== Math.round(high * ratio)) {
    target.width = Math.round(wide * ratio);
    target.height = Math.round(high * ratio);
    target.style.height = `${high}px`;
  }
  const pen = target.getContext("2d");
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  pen.clearRect(0, 0, wide, high);
  return pen;
}

function soon() {
  if (!due) requestAnimationFrame(draw);
  due = true;
}

function look(from, span) {
  const all = trace.to - trace.from;
  span = clamp(span, Math.min(1, all), all);
  view.from = span < all ? clamp(from, trace.from, trace.to - span) : trace.from;
  view.to = span < all ? view.from + span : trace.to;
  soon();
}

const zoom = (factor, around = (view.from + view.to) / 2) => look(around - (around - view.from) * factor, (view.to - view.from) * factor);

function reveal(lane) {
  layout();
  if (lane.y < stage.scrollTop + AXIS) stage.scrollTop = lane.y - AXIS - 4;
  else if (lane.y + lane.tall + QUEUE > stage.scrollTop + stage.clientHeight) stage.scrollTop = lane.y + lane.tall + QUEUE + 8 - stage.clientHeight;
}
