// Mouse, touch, keyboard and buttons.
(() => {
  const tip = byId("tip"), fingers = new Map();
  let moved = false, gap = 0, from = null;

  const local = (event) => { const box = stage.getBoundingClientRect(); return [event.clientX - box.left, event.clientY - box.top]; };
  const spread = () => { const [one, other] = [...fingers.values()]; return other ? Math.abs(one[0] - other[0]) : 0; };
  const pan = (pixels) => look(view.from + pixels / (stage.clientWidth - gutter()) * (view.to - view.from), view.to - view.from);

  stage.addEventListener("pointerdown", (event) => {
    if (event.button) return;
    fingers.set(event.pointerId, local(event));
    if (fingers.size === 1) { moved = false; from = local(event); }
    gap = spread();
  });

  stage.addEventListener("pointermove", (event) => {
    const [x, y] = local(event);
    if (!fingers.has(event.pointerId)) return event.pointerType === "touch" ? undefined : hint(x, y);
    const before = fingers.get(event.pointerId);
    if (!moved && fingers.size === 1 && Math.hypot(x - from[0], y - from[1]) < 4) return;
    if (!moved) stage.setPointerCapture(event.pointerId);
    moved = true;
    tip.hidden = true;
    fingers.set(event.pointerId, [x, y]);
    if (fingers.size === 1) {
      pan(before[0] - x);
      if (event.pointerType === "mouse") stage.scrollTop += before[1] - y;
    } else if (gap) {
      const now = Math.max(8, spread()), [one, other] = [...fingers.values()];
      zoom(gap / now, timeAt((one[0] + other[0]) / 2));
      gap = now;
    }
  });

  const release = (event) => {
    const known = fingers.delete(event.pointerId);
    gap = spread();
    if (known && event.type === "pointerup" && !moved && !fingers.size) pick(...local(event));
  };
  stage.addEventListener("pointerup", release);
  stage.addEventListener("pointercancel", release);
  stage.addEventListener("pointerleave", (event) => {
    if (event.pointerType === "touch") return;
    tip.hidden = true;
    state.hover = null;
    soon();
  });

  stage.addEventListener("wheel", (event) => {
    const [x] = local(event), lines = event.deltaMode ? 16 : 1;
    if (x < gutter() && !event.ctrlKey) return; // over the names it scrolls
    if (event.shiftKey) pan(lines * (event.deltaY || event.deltaX));
    else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) pan(lines * event.deltaX);
    else zoom(Math.exp(clamp(lines * event.deltaY, -240, 240) / (event.ctrlKey ? 120 : 400)), timeAt(Math.max(gutter(), x)));
    tip.hidden = true;
    event.preventDefault();
  }, { passive: false });

  function hint(x, y) {
    const found = under(x, y);
    stage.style.cursor = x < gutter() ? "pointer" : "";
    if (state.hover !== (found?.arrow ?? null)) { state.hover = found?.arrow ?? null; soon(); }
    if (!found || (found.k < 0 && !found.arrow && !found.counter && x >= gutter())) { tip.hidden = true; return; }
    show(found, x, y);
  }

  function show(found, x, y) {
    tip.replaceChildren(...panel.tell(found));
    tip.hidden = false;
    const top = stage.offsetTop, room = stage.clientWidth - tip.offsetWidth - 4;
    const beside = x + 16 <= room ? x + 16 : Math.max(4, x - tip.offsetWidth - 12);
    tip.style.left = `${clamp(beside, 4, Math.max(4, room))}px`;
    tip.style.top = `${clamp(top + y + 14, 0, Math.max(0, top + stage.clientHeight - tip.offsetHeight - 4))}px`;
  }

  // a click chooses the slice, and its stage
  function pick(x, y) {
    const found = under(x, y);
    if (!found || found.counter && !found.lane) return;
    if (x < gutter() || found.counter) return panel.select(found.lane);
    state.picked = found.k >= 0 || found.arrow ? found : null;
    if (state.selected !== found.lane && !found.arrow) panel.select(found.lane);
    if (state.picked) show(found, x, y); else tip.hidden = true;
    soon();
  }

  // the next slice of a lane in the order of starts, then of rows
  function beside(lane, here, by) {
    const at = here ? lane.rows[here.row].start[here.k] : view.from, own = here ? here.row : -1, half = 0.0005; // of a ns
    const places = lane.rows.map(({ start, count }, row) => {
      const k = by > 0 ? after(start, row > own ? at - half : at) : after(start, row < own ? at : at - half) - 1;
      return k >= 0 && k < count ? { row, k, start: start[k] } : null;
    }).filter(Boolean);
    places.sort((one, other) => by * (one.start - other.start || one.row - other.row));
    return places[0];
  }

  function step(by) {
    const lane = state.selected ?? lanes.find((one) => one.shown);
    if (!lane) return;
    if (!state.selected) panel.select(lane);
    const here = state.picked?.lane === lane && state.picked.k >= 0 ? state.picked : null, next = beside(lane, here, by);
    if (!next) return;
    const { row, k } = next, one = lane.rows[row];
    state.picked = { lane, row, k, arrow: arrowOf(lane, row, k) };
    const span = view.to - view.from;
    if (one.end[k] < view.from || one.start[k] > view.to) look((one.start[k] + one.end[k] - span) / 2, span);
    soon();
    requestAnimationFrame(() => {
      show(state.picked, clamp(pixel(one.start[k]), gutter(), stage.clientWidth), lane.y + lane.tall - stage.scrollTop);
      panel.say([...tip.querySelectorAll("b, dt, dd, .told > span")].map((part) => part.textContent).join(" "));
    });
  }

  function around() { // what was chosen, with room beside it
    const { picked } = state, lane = picked?.lane;
    if (!lane) return;
    const one = picked.k >= 0 ? lane.rows[picked.row] : null, [start, end] = picked.arrow ? [picked.arrow.from, picked.arrow.to] : [one.start[picked.k], one.end[picked.k]];
    const span = 1.3 * Math.max(1, end - start);
    tip.hidden = true;
    look((start + end - span) / 2, span);
  }

  function choose(by) {
    const shown = lanes.filter((lane) => lane.shown);
    if (!shown.length) return;
    const place = shown.indexOf(state.selected), next = shown[clamp(place < 0 ? (by > 0 ? 0 : shown.length - 1) : place + by, 0, shown.length - 1)];
    if (next === state.selected) return;
    state.picked = null;
    tip.hidden = true;
    panel.select(next);
    panel.say(`${next.name}, busy ${percent(next.busy ?? 0)}`);
  }

  const fit = () => { tip.hidden = true; look(trace.from, trace.to - trace.from); };
  const moves = {
    ArrowLeft: (far) => pan(-60 * far), ArrowRight: (far) => pan(60 * far), ArrowUp: () => choose(-1), ArrowDown: () => choose(1),
    "+": () => zoom(0.5), "=": () => zoom(0.5), "-": () => zoom(2), 0: fit, Home: () => look(trace.from, view.to - view.from),
    End: () => look(trace.to, view.to - view.from), n: () => step(1), p: () => step(-1), Enter: around,
    Escape: () => { state.selected = state.picked = null; tip.hidden = true; soon(); }, "/": () => byId("find").focus(),
  };
  addEventListener("keydown", (event) => {
    const held = document.activeElement, typing = held === byId("find"), move = moves[event.key];
    if (typing && event.key === "Escape") { byId("find").value = ""; filter(); stage.focus(); }
    if (!move || typing || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && held !== stage || held.closest?.("aside") && /^Arrow|Home|End/.test(event.key)) return;
    event.preventDefault();
    move(event.shiftKey ? 8 : 1);
  });
  stage.addEventListener("dblclick", around);

  function filter() {
    state.filter = byId("find").value.trim().toLowerCase();
    stage.scrollTop = 0;
    soon();
  }
  byId("find").addEventListener("input", filter);
  listeners.push(() => { byId("found").textContent = state.filter ? `${lanes.filter((lane) => lane.shown).length} of ${lanes.length}` : ""; });

  const drag = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    if (event.type === "pointerdown") whole.setPointerCapture(event.pointerId);
    const box = whole.getBoundingClientRect(), span = view.to - view.from;
    look(trace.from + (event.clientX - box.left) / box.width * (trace.to - trace.from) - span / 2, span);
  };
  whole.addEventListener("pointerdown", drag);
  whole.addEventListener("pointermove", drag);
  byId("zoom-in").addEventListener("click", () => zoom(0.5));
  byId("zoom-out").addEventListener("click", () => zoom(2));
  byId("fit").addEventListener("click", fit);
  for (const name of ["arrows", "flat"]) byId(name).addEventListener("change", (event) => { state[name] = event.target.checked; soon(); });

  stage.addEventListener("scroll", () => { tip.hidden = true; soon(); });
  const begin = () => { readColours(); soon(); panel.legend(); };
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", begin);
  new ResizeObserver(soon).observe(stage);
  listeners.push(panel.later);
  begin();
  listeners.push(() => { if (!performance.getEntriesByName("ready").length) performance.mark("ready"); });
})();
