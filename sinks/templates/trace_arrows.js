// Arrows from the chunk to the text of a word.
const middle = (row) => row.y + row.tall / 2;

const bend = (one) => {
  const from = lanes[one.lane], to = lanes[one.toLane];
  if (!from.shown || !to.shown) return null;
  const x0 = pixel(one.from), x1 = pixel(one.to);
  return { x0, y0: middle(from.rows[one.row]), x1, y1: middle(to.rows[one.toRow]), cx: clamp((x1 - x0) / 2, 8, 120) };
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
    if (strong.includes(one) || !few && Math.abs(pixel(one.from) - x0) < 5 && Math.abs(pixel(one.to) - x1) < 5) continue;
    [x0, x1] = [pixel(one.from), pixel(one.to)];
    drawArrow(pen, one, false, few);
  }
  pen.globalAlpha = 1;
  for (const one of strong) drawArrow(pen, one, true, true);
  pen.restore();
  return seen.length;
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
