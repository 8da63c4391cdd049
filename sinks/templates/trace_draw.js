// One picture of all that is in view, and what lies under a point of it.
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
  if (state.picked) drawChosen(pen);
  drawWhole();
  byId("range").textContent = `${exact(view.from)} to ${exact(view.to)} (${lasting(view.to - view.from)})`;
  stage.dataset.drawn = JSON.stringify({ from: view.from, to: view.to, base, step, arrows: seen });
  listeners.forEach((listener) => listener());
}

function drawChosen(pen) {
  const { lane, row, k } = state.picked;
  if (!lane.shown || k < 0) return;
  const one = lane.rows[row], from = Math.max(gutter(), pixel(one.start[k])), to = Math.min(stage.clientWidth, pixel(one.end[k]));
  if (to < from) return;
  pen.strokeStyle = colours.ink;
  pen.lineWidth = 2;
  pen.strokeRect(from - 1, one.y - 1, Math.max(2, to - from + 2), one.tall + 1);
}

// what lies under a point of the stage
function under(px, py) {
  const y = py + stage.scrollTop;
  if (py < AXIS) return null;
  const near = px >= gutter() && state.arrows ? arrowAt(px, y) : null;
  const lane = lanes.find((one) => one.shown && y >= one.y - 3 && y < one.y + one.tall + (one.queue ? QUEUE : 0) + PAD - 3);
  if (px < gutter()) return lane ? { lane, row: 0, k: -1 } : null;
  if (near && !(lane && kinds[lane.rows[0].kind[0]] === "word")) return { arrow: near, lane: lanes[near.toLane], row: near.toRow, k: -1 };
  const at = timeAt(px);
  if (!lane) {
    const counter = counters.find((one) => one.shown && y >= one.y && y < one.y + COUNTER);
    return counter ? { counter, at } : null;
  }
  if (lane.queue && y >= lane.y + lane.tall) return { lane, row: 0, k: -1, counter: lane.queue, at };
  const row = Math.max(0, lane.rows.findLastIndex((one) => one.y <= y)), slack = 1 / scale();
  let [first, last] = within(lane.rows[row], at - slack, at + slack), best = -1, more = 0;
  const { start, end } = lane.rows[row], inside = after(end, at);
  if (inside < start.length && start[inside] <= at && end[inside] - start[inside] > 2 * slack) [first, last] = [inside, inside + 1];
  for (let k = first; k < last; k++, more++) if (best < 0 || end[k] - start[k] > end[best] - start[best]) best = k;
  return { lane, row, k: best, more: more - 1, arrow: best < 0 ? null : arrowOf(lane, row, best) };
}
