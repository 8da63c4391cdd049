// Times: the axis above the lanes, and the whole trace above it.
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
    const at = pixel(count * step), text = tick(count * step - base, step, base);
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

function exact(us) {
  const digits = clamp(Math.ceil(-Math.log10((view.to - view.from) / 1e6)) + 2, 1, 6);
  return us >= 6e8 ? hours(us / 1e6, digits) : `${(us / 1e6).toFixed(digits)} s`;
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
