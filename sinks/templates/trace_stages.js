// The lanes with their names and figures, and the counters.
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

function drawName(pen, text, y, room, weight = 400) {
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
  drawName(pen, lane.name, y, left - bar - (narrow ? 54 : 68), lane === state.selected || busy === busiest && busy > 0 ? 700 : 400);
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
    lane.rows.forEach((row) => drawRow(pen, row, row.y, row.tall > 3 ? row.tall - 1 : row.tall, wide));
    if (lane.whole > view.from) unkept(pen, left, Math.min(wide, pixel(lane.whole)), lane);
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
    drawName(pen, counter.name, counter.y + 14, left - 20);
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
