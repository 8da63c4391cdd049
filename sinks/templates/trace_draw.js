// Lanes, counters, arrows and the axis on one canvas, of which the part in sight is drawn.
const chart = (() => {
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
    const fixed = { wait: colours.wait, feed: colours.accent, send: colours.overlap, word: colours.wave };
    const parts = { capture: one("s9"), policy: one("s5"), lookahead: one("s3"), queueing: one("s4"), batch: one("s6"), compute: colours.accent, emission: one("s2") };
    colours.part = parts;
    paint = kinds.map((kind, number) => fixed[kind] ?? one(`s${number % 10}`));
    // a mix must be a plain colour for the canvas of older browsers
    const probe = document.createElement("i");
    probe.style.color = colours.wait;
    document.body.append(probe);
    colours.wait = getComputedStyle(probe).color;
    probe.remove();
    kinds.forEach((kind, number) => { if (kind === "wait") paint[number] = colours.wait; });
  }

  const gutter = () => stage.clientWidth < 640 ? 116 : 218;
  const scale = () => (stage.clientWidth - gutter()) / (view.to - view.from);
  const x = (time) => gutter() + (time - view.from) * scale();
  const time = (at) => view.from + (at - gutter()) / scale();

  function layout() {
    let y = AXIS + 4;
    for (const lane of lanes) {
      lane.shown = lane.name.toLowerCase().includes(state.filter);
      if (!lane.shown) continue;
      const rows = lane.rows.length, least = clamp(Math.floor(40 / rows), 3, rows === 1 ? 19 : 13);
      lane.each = lane === state.selected ? Math.max(least, Math.min(19, 260 / rows)) : least;
      lane.y = y;
      lane.tall = Math.max(19, lane.each * rows);
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
    if (high >= 12) for (const list of wider.values()) for (const k of list) label(pen, row, k, left, y, high, pixels);
  }

  function drawWord(pen, row, k, y, high) {
    const parts = textOf(row.text[k]), sum = PARTS.reduce((total, part) => total + (parts[part] || 0), 0), lasts = row.end[k] - row.start[k];
    let at = row.start[k];
    for (const part of PARTS) {
      const until = at + (sum ? (parts[part] || 0) / sum : part === "compute") * lasts;
      const from = Math.max(gutter(), x(at)), to = x(until);
      pen.fillStyle = colours.part[part];
      if (to > from) pen.fillRect(from, y, to - from, high);
      at = until;
    }
    pen.fillStyle = colours.card;
    pen.fillRect(x(row.end[k]) - 1, y, 1, high);
  }

  function label(pen, row, k, left, y, high, pixels) {
    const from = Math.max(left, x(row.start[k])), to = Math.min(left + pixels, x(row.end[k])), room = to - from - 8;
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

  function drawCounter(pen, counter, y, high, wide) {
    const each = scale(), left = gutter(), top = counter.most || 1;
    const first = Math.max(0, after(counter.time, view.from) - 1);
    pen.beginPath();
    let before = NaN, most = 0, open = false;
    for (let k = first; k < counter.time.length && counter.time[k] <= view.to; k++) {
      const from = Math.max(left, left + (counter.time[k] - view.from) * each);
      const until = Math.min(wide, left + ((counter.time[k + 1] ?? trace.to) - view.from) * each), size = Math.max(0, counter.value[k]) / top * (high - 1);
      most = from - before < 1 ? Math.max(most, size) : size;
      before = from;
      pen.rect(from, y + high - most, Math.max(0.5, until - from), most);
      open = true;
    }
    pen.fillStyle = colours.wave;
    if (open) pen.fill();
    pen.fillStyle = colours.line;
    pen.fillRect(left, y + high, wide - left, 0.5);
  }

  function name(pen, text, y, room, weight = 400) {
    pen.font = `${weight} 13px ${colours.font}`;
    pen.textAlign = "left";
    let shown = text;
    while (shown.length > 1 && pen.measureText(shown).width > room) shown = `${shown.slice(0, -2)}…`;
    pen.fillText(shown, 10, y);
  }

  function drawGutter(pen, lane, wide) {
    const left = gutter(), narrow = left < 200, sums = lane.sums, all = sums.reduce((total, one) => total + one, 0);
    const busy = lane.busy, y = lane.y + 14, bar = narrow ? 0 : 62;
    pen.fillStyle = colours.ink;
    name(pen, lane.name, y, left - bar - (narrow ? 54 : 68), lane === state.selected || busy === busiest && busy > 0 ? 700 : 400);
    if (lane.words) {
      pen.textAlign = "right";
      pen.font = `12px ${colours.font}`;
      pen.fillStyle = colours.faint;
      pen.fillText(`${lane.words}`, left - 10, y);
      return;
    }
    let at = left - bar - 8;
    for (const kind of bar && all ? ranked : []) {
      const size = sums[kind] / Math.max(all, lane.span) * bar;
      pen.fillStyle = paint[kind];
      pen.fillRect(at, y - 9, size, 10);
      at += size;
    }
    pen.fillStyle = busy === busiest && busy > 0 ? colours.accent : busy >= 0.005 ? colours.ink : colours.faint;
    pen.font = `${busy === busiest && busy > 0 ? 700 : 400} 12px ${colours.font}`;
    pen.textAlign = "right";
    pen.fillText(busy && busy < 0.01 ? "< 1 %" : percent(busy), left - bar - 14, y);
  }

  function drawLanes(pen, wide, top, high) {
    const left = gutter();
    busiest = 0;
    for (const lane of lanes) {
      if (!lane.shown) continue;
      lane.sums = totals(lane);
      lane.span = Math.max(1e-3, view.to - since(lane));
      lane.busy = work(lane) / lane.span;
      busiest = Math.max(busiest, lane.busy);
      lane.words = kinds[lane.rows[0].kind[0]] === "word" ? lane.rows.reduce((total, row) => { const [a, b] = within(row, view.from, view.to); return total + b - a; }, 0) : 0;
    }
    pen.textBaseline = "alphabetic";
    for (const lane of lanes) {
      if (!lane.shown || lane.y > top + high || lane.y + lane.tall + QUEUE + PAD < top) continue;
      if (lane === state.selected) {
        pen.fillStyle = colours.mark;
        pen.globalAlpha = 0.5;
        pen.fillRect(0, lane.y - 2, left, lane.tall + (lane.queue ? QUEUE : 0) + PAD);
        pen.globalAlpha = 1;
      }
      pen.save();
      pen.beginPath();
      pen.rect(left, lane.y, wide - left, lane.tall + QUEUE + PAD);
      pen.clip();
      lane.rows.forEach((row, number) => drawRow(pen, row, lane.y + number * lane.each, lane.each > 3 ? lane.each - 1 : lane.each, wide));
      if (lane.whole > view.from) unkept(pen, left, Math.min(wide, x(lane.whole)), lane);
      if (lane.queue) drawCounter(pen, lane.queue, lane.y + lane.tall, QUEUE - 1, wide);
      pen.restore();
      drawGutter(pen, lane, wide);
      pen.fillStyle = colours.line;
      pen.fillRect(0, lane.y + lane.tall + (lane.queue ? QUEUE : 0) + 3, wide, 0.5);
    }
    for (const counter of counters) {
      if (!counter.shown || counter.y > top + high || counter.y + COUNTER < top) continue;
      drawCounter(pen, counter, counter.y, COUNTER - 2, wide);
      pen.fillStyle = colours.faint;
      name(pen, counter.name, counter.y + 14, left - 20);
      pen.font = `12px ${colours.font}`;
      pen.fillText(`at most ${+counter.most.toFixed(1)}`, 10, counter.y + 28);
    }
  }

  // where the tracer kept the slowest only
  function unkept(pen, from, to, lane) {
    pen.fillStyle = colours.ground;
    pen.globalAlpha = 0.55;
    pen.fillRect(from, lane.y, to - from, lane.tall);
    pen.globalAlpha = 1;
    pen.font = `italic 12px ${colours.font}`;
    pen.textAlign = "left";
    pen.fillStyle = colours.faint;
    if (to - from > 150) pen.fillText("only the slowest were kept", from + 8, lane.y + 14);
  }

  const bend = (one) => {
    const from = lanes[one.lane], to = lanes[one.toLane];
    if (!from.shown || !to.shown) return null;
    const x0 = x(one.from), x1 = x(one.to);
    return { x0, y0: from.y + (one.row + 0.5) * from.each, x1, y1: to.y + (one.toRow + 0.5) * to.each, cx: clamp((x1 - x0) / 2, 8, 120) };
  };

  function drawArrow(pen, one, strong, head) {
    const at = bend(one);
    if (!at) return;
    pen.lineWidth = strong ? 2.5 : 1.2;
    pen.strokeStyle = pen.fillStyle = strong ? colours.ink : colours.part.emission;
    pen.beginPath();
    pen.moveTo(at.x0, at.y0);
    pen.bezierCurveTo(at.x0 + at.cx, at.y0, at.x1 - at.cx, at.y1, at.x1 - (head ? 5 : 0), at.y1);
    pen.stroke();
    if (!head) return;
    pen.beginPath();
    pen.moveTo(at.x1, at.y1);
    pen.lineTo(at.x1 - 8, at.y1 - 4.5);
    pen.lineTo(at.x1 - 8, at.y1 + 4.5);
    pen.fill();
    pen.beginPath();
    pen.arc(at.x0, at.y0, strong ? 4 : 2.5, 0, 7);
    pen.fill();
  }

  function drawArrows(pen, wide, top, high) {
    const seen = arrows.filter((one) => one.to >= view.from && one.from <= view.to), few = seen.length <= 120;
    pen.save();
    pen.beginPath();
    pen.rect(gutter(), top + AXIS, wide - gutter(), high);
    pen.clip();
    const strong = [state.picked?.arrow, state.hover].filter(Boolean);
    pen.globalAlpha = clamp(8 / seen.length, 0.12, strong.length ? 0.3 : 0.8);
    let x0 = -9, x1 = -9;
    for (const one of state.arrows ? seen : []) {
      if (strong.includes(one) || !few && Math.abs(x(one.from) - x0) < 5 && Math.abs(x(one.to) - x1) < 5) continue;
      [x0, x1] = [x(one.from), x(one.to)];
      drawArrow(pen, one, false, few);
    }
    pen.globalAlpha = 1;
    for (const one of strong) drawArrow(pen, one, true, true);
    pen.restore();
    return seen.length;
  }

  const LONG = [15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400]; // s

  function drawAxis(pen, wide, top, high) {
    const each = scale(), least = 84 / each, left = gutter();
    const power = 10 ** Math.floor(Math.log10(least)), sizes = least > 1e7 ? LONG.map((size) => 1e6 * size) : [1, 2, 5, 10].map((size) => size * power);
    const step = sizes.find((size) => size >= least) ?? 86400e6 * Math.ceil(least / 86400e6);
    const base = step >= 1e5 || view.to < 1e6 ? 0 : Math.floor(view.from / 1e6) * 1e6;
    pen.fillStyle = colours.card;
    pen.fillRect(0, top, wide, AXIS);
    pen.font = `12px ${colours.font}`;
    pen.textAlign = "left";
    let free = 0;
    for (let count = Math.ceil(view.from / step); count * step <= view.to; count++) {
      const at = x(count * step), text = tick(count * step - base, step, base);
      pen.fillStyle = colours.line;
      pen.fillRect(at, top + AXIS - 6, 1, high);
      pen.fillStyle = colours.faint;
      const size = pen.measureText(text).width, from = clamp(at - size / 2, left + 2, wide - size - 4);
      if (from < free) continue;
      pen.fillText(text, from, top + 15);
      free = from + size + 12;
    }
    pen.fillStyle = colours.faint;
    if (base) pen.fillText(`${(base / 1e6).toLocaleString("en")} s and`, 10, top + 15);
    else pen.fillText(left < 200 ? "busy" : "busy in view", 10, top + 15);
    pen.fillStyle = colours.line;
    pen.fillRect(0, top + AXIS - 0.5, wide, 1);
    return [base, step];
  }

  function tick(us, step, base) {
    const unit = base || view.to < 1e6 ? 1e3 : 1e6, digits = clamp(Math.ceil(-Math.log10(step / unit) - 1e-9), 0, 3);
    if (unit === 1e6 && us >= 6e8) return hours(us / 1e6).replace(/\.00$/, "");
    return `${(us / unit).toLocaleString("en", { minimumFractionDigits: digits, maximumFractionDigits: digits })} ${unit === 1e6 ? "s" : "ms"}`;
  }

  // the work of all stages together over the whole trace, once for each width
  const load = { wide: 0, bins: null, most: 0 };
  function measure(wide) {
    if (load.wide === wide) return;
    const bins = new Float32Array(wide), each = wide / (trace.to - trace.from);
    for (const lane of lanes) for (const row of lane.rows) for (let k = 0; k < row.count; k++) {
      if (!row.outer || !works[row.kind[k]]) continue;
      const from = (row.start[k] - trace.from) * each, to = (row.end[k] - trace.from) * each;
      for (let bin = Math.max(0, from | 0); bin < to && bin < wide; bin++) bins[bin] += Math.min(to, bin + 1) - Math.max(from, bin);
    }
    Object.assign(load, { wide, bins, most: Math.max(1, ...bins) });
  }

  function drawWhole() {
    const wide = whole.clientWidth, high = 36, pen = sized(whole, wide, high);
    measure(wide);
    pen.fillStyle = colours.accent;
    load.bins.forEach((value, bin) => { if (value) pen.fillRect(bin, high - 2 - value / load.most * (high - 6), 1, value / load.most * (high - 6)); });
    const each = wide / (trace.to - trace.from), from = (view.from - trace.from) * each, to = Math.max(from + 3, (view.to - trace.from) * each);
    pen.fillStyle = colours.card;
    pen.globalAlpha = 0.7;
    pen.fillRect(0, 0, from, high);
    pen.fillRect(to, 0, wide - to, high);
    pen.globalAlpha = 1;
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 1.5;
    pen.strokeRect(from + 1, 1, Math.max(1, to - from - 2), high - 2);
  }

  function draw() {
    due = false;
    const wide = stage.clientWidth, high = stage.clientHeight;
    if (!wide || !high) return;
    layout();
    const top = stage.scrollTop, pen = sized(canvas, wide, high);
    pen.translate(0, -top);
    const [base, step] = drawAxis(pen, wide, top, high);
    drawLanes(pen, wide, top, high);
    const seen = drawArrows(pen, wide, top, high);
    pen.save();
    pen.beginPath();
    pen.rect(0, top, wide, AXIS);
    pen.clip();
    drawAxis(pen, wide, top, AXIS);
    pen.restore();
    if (state.picked) mark(pen);
    drawWhole();
    byId("range").textContent = `${exact(view.from)} to ${exact(view.to)} (${lasting(view.to - view.from)})`;
    stage.dataset.drawn = JSON.stringify({ from: view.from, to: view.to, base, step, arrows: seen });
    listeners.forEach((listener) => listener());
  }

  function exact(us) {
    const digits = clamp(Math.ceil(-Math.log10((view.to - view.from) / 1e6)) + 2, 1, 6);
    return us >= 6e8 ? hours(us / 1e6) : `${(us / 1e6).toFixed(digits)} s`;
  }

  function mark(pen) {
    const { lane, row, k } = state.picked;
    if (!lane.shown || k < 0) return;
    const one = lane.rows[row], from = Math.max(gutter(), x(one.start[k])), to = Math.min(stage.clientWidth, x(one.end[k]));
    if (to < from) return;
    pen.strokeStyle = colours.ink;
    pen.lineWidth = 2;
    pen.strokeRect(from - 1, lane.y + row * lane.each - 1, Math.max(2, to - from + 2), lane.each + 1);
  }

  function soon() {
    if (!due) requestAnimationFrame(draw);
    due = true;
  }

  function look(from, span) {
    const all = trace.to - trace.from;
    span = clamp(span, Math.min(1, all), all);
    view.from = clamp(from, trace.from, trace.to - span);
    view.to = view.from + span;
    soon();
  }

  const zoom = (factor, around = (view.from + view.to) / 2) => look(around - (around - view.from) * factor, (view.to - view.from) * factor);

  // what lies under a point of the stage
  function under(px, py) {
    const y = py + stage.scrollTop;
    if (py < AXIS) return null;
    const near = px >= gutter() && state.arrows ? arrowAt(px, y) : null;
    const lane = lanes.find((one) => one.shown && y >= one.y - 3 && y < one.y + one.tall + (one.queue ? QUEUE : 0) + PAD - 3);
    if (px < gutter()) return lane ? { lane, row: 0, k: -1 } : null;
    if (near && !(lane && kinds[lane.rows[0].kind[0]] === "word")) return { arrow: near, lane: lanes[near.toLane], row: near.toRow, k: -1 };
    const at = time(px);
    if (!lane) {
      const counter = counters.find((one) => one.shown && y >= one.y && y < one.y + COUNTER);
      return counter ? { counter, at } : null;
    }
    if (lane.queue && y >= lane.y + lane.tall) return { lane, row: 0, k: -1, counter: lane.queue, at };
    const row = clamp(Math.floor((y - lane.y) / lane.each), 0, lane.rows.length - 1), slack = 1 / scale();
    let [first, last] = within(lane.rows[row], at - slack, at + slack), best = -1, more = 0;
    const { start, end } = lane.rows[row], inside = after(end, at);
    if (inside < start.length && start[inside] <= at && end[inside] - start[inside] > 2 * slack) [first, last] = [inside, inside + 1];
    for (let k = first; k < last; k++, more++) if (best < 0 || end[k] - start[k] > end[best] - start[best]) best = k;
    return { lane, row, k: best, more: more - 1, arrow: best < 0 ? null : arrowOf(lane, row, best) };
  }

  function arrowOf(lane, row, k) {
    const one = lane.rows[row], text = one.text[k];
    if (!text || kinds[one.kind[k]] !== "word") return null;
    return arrows.filter((arrow) => arrow.text === text).sort((a, b) => Math.abs(a.from - one.start[k]) - Math.abs(b.from - one.start[k]))[0] ?? null;
  }

  function arrowAt(px, y) {
    const seen = arrows.filter((one) => one.to >= view.from && one.from <= view.to);
    let best = null, least = 6;
    for (const one of seen) {
      const at = bend(one);
      if (!at || y < Math.min(at.y0, at.y1) - 6 || y > Math.max(at.y0, at.y1) + 6) continue;
      for (let part = 0; part <= 1; part += 1 / 64) {
        const rest = 1 - part, a = rest ** 3, b = 3 * rest * rest * part, c = 3 * rest * part * part, d = part ** 3;
        const far = Math.hypot(a * at.x0 + b * (at.x0 + at.cx) + c * (at.x1 - at.cx) + d * at.x1 - px, (a + b) * at.y0 + (c + d) * at.y1 - y);
        if (far < least) { least = far; best = one; }
      }
    }
    return best;
  }

  function reveal(lane) {
    layout();
    if (lane.y < stage.scrollTop + AXIS) stage.scrollTop = lane.y - AXIS - 4;
    else if (lane.y + lane.tall + QUEUE > stage.scrollTop + stage.clientHeight) stage.scrollTop = lane.y + lane.tall + QUEUE + 8 - stage.clientHeight;
  }

  return {
    view, state, look, zoom, soon, time, x, under, arrowOf, reveal, totals, colours,
    colour: (kind) => paint[kind], repaint: () => { readColours(); soon(); }, onDraw: (listener) => listeners.push(listener),
    gutter, stage,
  };
})();
