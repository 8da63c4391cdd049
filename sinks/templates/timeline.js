// The timeline: lanes on a canvas, the whole below it, a view on a part, and a cursor.
const timeline = (() => {
  const stage = byId("stage"), detail = byId("detail"), whole = byId("whole"), duration = Math.max(1, data.duration);
  const turns = data.turns.map((numbers) => intervals(numbers));
  const overlaps = intervals(data.overlaps), gaps = intervals(data.gaps), sounds = intervals(data.sounds, 1);
  const interruptions = intervals(data.interruptions, 3), nods = intervals(data.backchannels, 2);
  const peaks = Uint8Array.from(atob(data.envelope.peaks), (letter) => letter.charCodeAt(0));
  const WAVE = peaks.length ? 60 : 0, LANE = turns.length > 12 ? 30 : 38, SOUNDS = sounds.count ? 26 : 0, AXIS = 22;
  const height = WAVE + LANE * turns.length + SOUNDS + AXIS;
  const view = { from: 0, to: duration };
  let cursor = 0, dimmed = new Set(), colours = {}, due = false;

  function readColours() {
    const style = getComputedStyle(document.documentElement);
    for (const name of ["ink", "faint", "line", "wave", "mark", "accent", "overlap", "card", "ground"])
      colours[name] = style.getPropertyValue(`--${name}`).trim();
    colours.speakers = data.names.map((_, number) => style.getPropertyValue(`--s${number % 10}`).trim());
    colours.font = style.fontFamily || "sans-serif";
  }

  function sized(canvas, tall) {
    const ratio = devicePixelRatio || 1, wide = canvas.clientWidth;
    if (canvas.width !== Math.round(wide * ratio) || canvas.height !== Math.round(tall * ratio)) {
      canvas.width = Math.round(wide * ratio);
      canvas.height = Math.round(tall * ratio);
      canvas.style.height = `${tall}px`;
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    pen.clearRect(0, 0, wide, tall);
    return { pen, wide };
  }

  // those in view, with their edges in pixels; neighbours nearer than a pixel as one
  function bars(found, from, to, wide, draw) {
    const scale = wide / (to - from);
    let left = NaN, right = NaN, row = Math.max(0, lastBefore(found.start, from) - 3);
    for (; row < found.count && found.start[row] < to; row++) {
      if (found.end[row] <= from) continue;
      const x = (found.start[row] - from) * scale, end = Math.max(x + 1, (found.end[row] - from) * scale);
      if (x <= right + 0.5) right = Math.max(right, end);
      else {
        if (right > left) draw(left, right, row - 1);
        left = x;
        right = end;
      }
    }
    if (right > left) draw(left, right, row - 1);
  }

  // where turns are narrower than a pixel: how much of each three pixels they fill
  function density(found, from, to, wide, draw) {
    const bins = new Float64Array(Math.ceil(wide / 3)), each = (to - from) / bins.length;
    for (let row = Math.max(0, lastBefore(found.start, from) - 3); row < found.count && found.start[row] < to; row++) {
      const start = Math.max(from, found.start[row]), end = Math.min(to, found.end[row]);
      for (let bin = Math.floor((start - from) / each); bin < bins.length && from + bin * each < end; bin++)
        bins[bin] += Math.max(0, Math.min(end, from + (bin + 1) * each) - Math.max(start, from + bin * each));
    }
    bins.forEach((filled, bin) => { if (filled) draw(bin * wide / bins.length, Math.min(1, filled / each)); });
  }

  const coarse = (wide, from = view.from, to = view.to) => (to - from) / wide >= 4000;

  function speech(pen, found, from, to, wide, y, tall) {
    if (!coarse(wide, from, to)) bars(found, from, to, wide, (left, right) => pen.fillRect(left, y, right - left, tall));
    else density(found, from, to, wide, (x, share) => pen.fillRect(x, y + tall * (1 - share), 3, tall * share));
  }

  function wave(pen, wide, from, to, middle, half) {
    if (!peaks.length) return;
    pen.fillStyle = colours.wave;
    const each = (to - from) / wide / data.envelope.step;
    for (let x = 0; x < wide; x++) {
      const first = Math.floor(from / data.envelope.step + x * each);
      let most = 0;
      for (let k = first; k <= first + each && k < peaks.length; k++) most = Math.max(most, peaks[k]);
      const size = Math.max(0.5, most / 255 * half);
      pen.fillRect(x, middle - size, 1, 2 * size);
    }
  }

  const STEPS = [100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 9e5, 18e5, 36e5, 72e5, 144e5, 288e5];

  function axis(pen, wide) {
    const scale = wide / (view.to - view.from), step = STEPS.find((size) => size * scale >= 90) || STEPS.at(-1);
    pen.fillStyle = colours.faint;
    pen.font = `12px ${colours.font}`;
    pen.textBaseline = "alphabetic";
    for (let at = Math.ceil(view.from / step) * step; at <= view.to; at += step) {
      const x = (at - view.from) * scale, label = step < 1e3 ? clock(at) : clock(at).slice(0, -2);
      pen.globalAlpha = 0.3;
      pen.fillRect(x, 0, 1, height - AXIS + 4);
      pen.globalAlpha = 1;
      pen.textAlign = x < 20 ? "left" : x > wide - 25 ? "right" : "center";
      pen.fillText(label, x, height - 6);
    }
  }

  function lanes(pen, wide) {
    const { from, to } = view, scale = wide / (to - from);
    turns.forEach((found, number) => {
      const y = WAVE + LANE * number, tall = LANE - 20;
      pen.globalAlpha = dimmed.has(String(number)) ? 0.25 : 1;
      pen.fillStyle = colours.speakers[number];
      speech(pen, found, from, to, wide, y + 16, tall);
    });
    pen.globalAlpha = 1;
    const last = new Float64Array(turns.length).fill(-9);
    const marks = (found, draw) => {
      last.fill(-9);
      for (let row = lastBefore(found.start, from) + 1; row < found.count && found.start[row] <= to; row++) {
        const lane = found.beside[0][row], x = (found.start[row] - from) * scale;
        if (x - last[lane] < 7) continue;
        last[lane] = x;
        draw(x, WAVE + LANE * lane + 9, row);
      }
    };
    pen.strokeStyle = pen.fillStyle = colours.ink;
    pen.lineWidth = 1.4;
    if (!coarse(wide)) marks(interruptions, (x, y, row) => {
      pen.beginPath();
      pen.moveTo(x - 5, y - 4); pen.lineTo(x + 5, y - 4); pen.lineTo(x, y + 6); pen.closePath();
      if (interruptions.beside[2][row]) pen.fill(); else pen.stroke();
    });
    if (!coarse(wide)) marks(nods, (x, y) => { pen.beginPath(); pen.arc(x, y, 3.5, 0, 7); pen.stroke(); });
    pen.font = `600 12px ${colours.font}`;
    pen.textAlign = "left";
    data.names.forEach((name, number) => {
      pen.fillStyle = colours.ground;
      pen.globalAlpha = 0.8;
      pen.fillRect(0, WAVE + LANE * number, Math.min(wide / 2, pen.measureText(name).width) + 8, 16);
      pen.globalAlpha = dimmed.has(String(number)) ? 0.4 : 1;
      pen.fillStyle = colours.speakers[number];
      pen.fillText(name, 4, WAVE + LANE * number + 12, wide / 2);
    });
    pen.globalAlpha = 1;
  }

  function besides(pen, wide) {
    const { from, to } = view, bottom = height - AXIS, y = bottom - SOUNDS + 6;
    pen.fillStyle = colours.faint;
    pen.font = `11px ${colours.font}`;
    pen.textAlign = "left";
    bars(sounds, from, to, wide, (left, right, row) => {
      const label = data.labels[sounds.beside[0][row]], shown = Math.max(0, left);
      pen.fillStyle = colours.wave;
      pen.fillRect(left, y, right - left, 3);
      pen.fillStyle = colours.faint;
      if (right - shown > pen.measureText(label).width + 8) pen.fillText(label, shown + 2, y + 14);
    });
    pen.fillStyle = colours.faint;
    pen.globalAlpha = 0.35;
    bars(gaps, from, to, wide, (left, right) => pen.fillRect(left, 0, right - left, bottom));
    pen.globalAlpha = 1;
  }

  function drawWhole() {
    const tall = 44, { pen, wide } = sized(whole, tall), scale = wide / duration, each = (tall - 4) / Math.max(1, turns.length);
    turns.forEach((found, number) => {
      pen.fillStyle = colours.speakers[number];
      speech(pen, found, 0, duration, wide, 2 + number * each, Math.max(1, each - 1));
    });
    const left = view.from * scale, right = Math.max(left + 3, view.to * scale);
    pen.fillStyle = colours.card;
    pen.globalAlpha = 0.7;
    pen.fillRect(0, 0, left, tall);
    pen.fillRect(right, 0, wide - right, tall);
    pen.globalAlpha = 1;
    pen.strokeStyle = colours.accent;
    pen.lineWidth = 2;
    pen.strokeRect(left + 1, 1, Math.max(1, right - left - 2), tall - 2);
    pen.fillStyle = colours.overlap;
    pen.fillRect(cursor * scale - 1, 0, 2, tall);
  }

  function draw() {
    due = false;
    const { pen, wide } = sized(detail, height);
    if (!wide) return;
    pen.fillStyle = colours.mark;
    speech(pen, overlaps, view.from, view.to, wide, WAVE, LANE * turns.length);
    axis(pen, wide);
    wave(pen, wide, view.from, view.to, WAVE / 2, WAVE / 2 - 3);
    lanes(pen, wide);
    besides(pen, wide);
    const x = (cursor - view.from) * wide / (view.to - view.from);
    pen.fillStyle = colours.overlap;
    pen.fillRect(x - 1, 0, 2, height - AXIS + 4);
    drawWhole();
    byId("range").textContent = `${clock(view.from)} to ${clock(view.to)}${coarse(wide) ? " (the higher, the more speech; zoom in for single turns and marks)" : ""}`;
  }

  function soon() {
    if (!due) requestAnimationFrame(draw);
    due = true;
  }

  function look(from, span) {
    span = clamp(span, Math.min(1000, duration), duration);
    view.from = clamp(from, 0, duration - span);
    view.to = view.from + span;
    soon();
  }

  function zoom(factor, around = cursor) {
    const span = (view.to - view.from) * factor;
    if (around < view.from || around > view.to) around = (view.from + view.to) / 2;
    look(around - (around - view.from) * factor, span);
  }

  function moveTo(ms) {
    cursor = clamp(ms, 0, duration);
    const span = view.to - view.from;
    if (cursor < view.from || cursor > view.to) look(cursor - span / 4, span);
    stage.setAttribute("aria-valuenow", Math.round(cursor / 1000));
    const line = document.activeElement === stage ? transcript.at(cursor) : null;
    stage.setAttribute("aria-valuetext", line ? `${clock(cursor)}, ${speaking(cursor)} ${transcript.text(line)}` : clock(cursor));
    soon();
  }

  function speaking(ms) {
    const now = data.names.filter((_, number) => {
      const row = lastBefore(turns[number].start, ms);
      return row >= 0 && turns[number].end[row] > ms;
    });
    return now.length ? now.join(" and ") : "nobody speaks";
  }

  return {
    view, look, zoom, moveTo, soon, speaking, duration,
    cursor: () => cursor,
    dim: (numbers) => { dimmed = numbers; soon(); },
    repaint: () => { readColours(); soon(); },
  };
})();
