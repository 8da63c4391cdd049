// Mouse, touch and keyboard on the timeline.
function listenToTimeline() {
  const stage = byId("stage"), whole = byId("whole"), tip = byId("tip"), { view } = timeline;
  const fingers = new Map();
  let moved = false, gap = 0;

  const timeAt = (x) => {
    const box = stage.getBoundingClientRect();
    return view.from + (x - box.left) / box.width * (view.to - view.from);
  };

  stage.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event.clientX);
    if (fingers.size === 1) moved = false;
    gap = spread();
  });
  const spread = () => {
    const [one, other] = [...fingers.values()];
    return other === undefined ? 0 : Math.abs(one - other);
  };

  stage.addEventListener("pointermove", (event) => {
    if (!fingers.has(event.pointerId)) return hint(event);
    const before = fingers.get(event.pointerId), by = event.clientX - before;
    if (fingers.size === 1 && !moved && Math.abs(by) < 4) return;
    if (!moved) stage.setPointerCapture(event.pointerId);
    moved = true;
    tip.hidden = true;
    fingers.set(event.pointerId, event.clientX);
    if (fingers.size === 1) timeline.look(view.from - by / stage.clientWidth * (view.to - view.from), view.to - view.from);
    else if (gap) {
      const now = Math.max(8, spread()), [one, other] = [...fingers.values()];
      timeline.zoom(gap / now, timeAt((one + other) / 2));
      gap = now;
    }
  });

  const release = (event) => {
    const known = fingers.delete(event.pointerId);
    gap = spread();
    if (known && event.type === "pointerup" && !moved && !fingers.size) go(timeAt(event.clientX));
  };
  stage.addEventListener("pointerup", release);
  stage.addEventListener("pointercancel", release);
  stage.addEventListener("pointerleave", () => { tip.hidden = true; });

  stage.addEventListener("wheel", (event) => {
    if (event.ctrlKey || event.metaKey) timeline.zoom(Math.exp(event.deltaY / 300), timeAt(event.clientX));
    else if (Math.abs(event.deltaX) > Math.abs(event.deltaY)) timeline.look(view.from + event.deltaX / stage.clientWidth * (view.to - view.from), view.to - view.from);
    else return;
    event.preventDefault();
  }, { passive: false });

  function hint(event) {
    if (event.pointerType === "touch") return;
    const ms = timeAt(event.clientX), line = transcript.at(ms), said = line ? transcript.text(line) : "";
    const who = timeline.speaking(ms);
    tip.textContent = `${clock(ms)}  ${who}` + (said && who !== "nobody speaks" ? `: ${said.length > 120 ? said.slice(0, 119) + "…" : said}` : "");
    tip.hidden = false;
    const x = event.clientX - stage.getBoundingClientRect().left;
    tip.style.left = `${clamp(x + 14, 0, Math.max(0, stage.clientWidth - tip.offsetWidth))}px`;
  }

  stage.addEventListener("keydown", (event) => {
    const span = view.to - view.from, far = event.shiftKey ? 10 : 1, small = Math.max(100, span / 200);
    const moves = {
      ArrowLeft: () => timeline.moveTo(timeline.cursor() - small * far),
      ArrowRight: () => timeline.moveTo(timeline.cursor() + small * far),
      PageUp: () => timeline.moveTo(timeline.cursor() - span / 2),
      PageDown: () => timeline.moveTo(timeline.cursor() + span / 2),
      Home: () => timeline.moveTo(0),
      End: () => timeline.moveTo(timeline.duration),
      "+": () => timeline.zoom(0.5), "=": () => timeline.zoom(0.5), "-": () => timeline.zoom(2),
      0: () => timeline.look(0, timeline.duration),
      Enter: () => go(timeline.cursor()),
    };
    const move = moves[event.key];
    if (!move || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    move();
  });

  const drag = (event) => {
    if (event.type === "pointermove" && !event.buttons) return;
    if (event.type === "pointerdown") whole.setPointerCapture(event.pointerId);
    const box = whole.getBoundingClientRect(), span = view.to - view.from;
    timeline.look((event.clientX - box.left) / box.width * timeline.duration - span / 2, span);
  };
  whole.addEventListener("pointerdown", drag);
  whole.addEventListener("pointermove", drag);
  byId("zoom-in").addEventListener("click", () => timeline.zoom(0.5));
  byId("zoom-out").addEventListener("click", () => timeline.zoom(2));
  byId("zoom-all").addEventListener("click", () => timeline.look(0, timeline.duration));
}
