// Figures beside the picture: a stage, the words, all stages; and what is told of one slice.
const panel = (() => {
  const MEANT = { wait: "wait: nothing to do", feed: "feed: at work", send: "send: held by what follows" }, WORD = "word: from its chunk to its text";

  function made(tag, text = "", ...classes) {
    const found = document.createElement(tag);
    found.textContent = text;
    found.classList.add(...classes);
    return found;
  }

  function dot(colour) {
    const found = made("span", "", "dot");
    found.style.background = colour;
    return found;
  }

  function tabled(head, rows) {
    const found = made("table"), line = found.createTHead().insertRow(), body = found.createTBody();
    for (const text of head) {
      const cell = made("th", text);
      cell.scope = "col";
      line.append(cell);
    }
    for (const cells of rows) {
      const row = body.insertRow();
      for (const cell of cells) row.insertCell().append(cell);
    }
    return found;
  }

  const named = (text, colour) => {
    const found = made("span", "", "one");
    found.append(dot(colour), text);
    return found;
  };

  function percentile(sorted, share) {
    return sorted.length ? sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(share * sorted.length) - 1))] : 0;
  }

  const quantiles = (sorted) => [0.5, 0.95, 0.99].map((share) => lasting(percentile(sorted, share)));

  // durations of each kind of a lane in view, sorted
  function durations(lane) {
    const found = new Map();
    for (const row of lane.rows) {
      const [first, last] = within(row, view.to - lane.span, view.to);
      for (let k = first; k < last; k++) {
        if (!found.has(row.kind[k])) found.set(row.kind[k], []);
        found.get(row.kind[k]).push(row.end[k] - row.start[k]);
      }
    }
    return [...found].map(([kind, list]) => [kind, Float64Array.from(list).sort()]);
  }

  function drawOne() {
    const place = byId("one"), lane = state.selected;
    place.hidden = !lane || lane.words > 0;
    if (place.hidden) return;
    const { sums, span } = lane, found = durations(lane);
    found.sort(([one], [other]) => sums[other] - sums[one]);
    const rows = found.slice(0, 40).map(([kind, list]) => [named(kinds[kind], paint[kind]), list.length.toLocaleString("en"), percent(sums[kind] / span), ...quantiles(list)]);
    place.replaceChildren(made("h2", lane.name), made("p", `In ${lasting(span)} of the view`, "faint"), tabled(["", "count", "of time", "p50", "p95", "p99"], rows));
    if (lane.run) {
      const { busy, starved, held, items, feed } = lane.run;
      place.append(made("p", `The whole run: ${items.toLocaleString("en")} items, busy ${percent(busy)}, waiting ${percent(starved)}, held ${percent(held)}; an item takes ${lasting(1e3 * feed.p50_ms)} (p95 ${lasting(1e3 * feed.p95_ms)}, p99 ${lasting(1e3 * feed.p99_ms)}).`, "faint"));
    }
    if (lane.whole) place.append(made("p", `Before ${lasting(lane.whole)} only the slowest items were kept.`, "faint"));
    if (lane.queue) place.append(made("p", `The queue behind it held ${lane.queue.most} at most.`, "faint"));
  }

  function drawWords() {
    const place = byId("words"), found = new Map(PARTS.map((part) => [part, []])), totals = [];
    for (const lane of lanes) for (const row of lane.rows) {
      if (kinds[row.kind[0]] !== "word") continue;
      const [first, last] = within(row, view.from, view.to);
      for (let k = first; k < last; k++) {
        const args = textOf(row.text[k]);
        if (args.total === undefined) continue;
        for (const part of PARTS) found.get(part).push(1e3 * (args[part] || 0));
        totals.push(1e3 * args.total);
      }
    }
    place.hidden = !totals.length;
    if (!totals.length) return;
    const sum = (list) => list.reduce((total, one) => total + one, 0), all = Math.max(1, sum(totals)), bar = made("div", "", "parts");
    for (const part of PARTS) bar.append(filled(sum(found.get(part)) / all, colours.part[part]));
    const row = (name, list) => [name, percent(sum(list) / all), ...quantiles(Float64Array.from(list).sort())];
    const rows = PARTS.filter((part) => sum(found.get(part))).map((part) => row(named(part, colours.part[part]), found.get(part)));
    const text = `${totals.length.toLocaleString("en")} ${data.timed}${totals.length === 1 ? "" : "s"}: from the end to the telling`;
    place.replaceChildren(made("h2", text), bar, tabled(["part", "share", "p50", "p95", "p99"], [...rows, row(made("b", "total"), totals)]));
  }

  function filled(share, colour) {
    const found = made("span");
    found.style.width = `${100 * share}%`;
    found.style.background = colour;
    return found;
  }

  function drawAll() {
    const kind = (name) => kinds.indexOf(name);
    const shown = lanes.filter((lane) => lane.shown && lane.sums && !lane.words).sort((one, other) => other.busy - one.busy);
    const share = (lane, name) => percent((lane.sums[kind(name)] || 0) / lane.span), ours = kind("feed") >= 0;
    const rows = shown.map((lane, place) => {
      const button = made("button", lane.name);
      button.type = "button";
      button.addEventListener("click", () => select(lane));
      const busy = made("span", percent(lane.busy), ...(place ? [] : ["most"]));
      return ours ? [button, busy, share(lane, "send"), share(lane, "wait")] : [button, busy];
    });
    const focus = document.activeElement?.closest?.("#all button")?.textContent;
    byId("all").replaceChildren(made("h2", "Stages in view, the busiest first"), tabled(ours ? ["stage", "busy", "held", "waiting"] : ["lane", "busy"], rows));
    if (focus) [...byId("all").querySelectorAll("button")].find((button) => button.textContent === focus)?.focus();
  }

  let waits = 0, drawnAt = "";
  function later() {
    const now = [view.from, view.to, state.selected?.number, state.filter].join();
    if (now === drawnAt) return;
    clearTimeout(waits);
    waits = setTimeout(() => { drawnAt = now; draw(); }, drawnAt ? 120 : 0);
  }

  function draw() {
    drawOne();
    drawWords();
    drawAll();
  }

  function select(lane) {
    state.selected = state.selected === lane ? null : lane;
    if (state.selected) reveal(lane);
    soon();
  }

  // name and what is known of what is under the pointer
  function tell(found) {
    const list = made("dl", "", "told"), parts = [];
    const line = (term, text) => list.append(made("dt", term), made("dd", text));
    let title = found.lane?.name ?? found.counter.name, args = {};
    if (found.counter) {
      const { counter, at } = found, k = after(counter.time, at) - 1;
      title = counter.name;
      line("at", lasting(at));
      line("holds", k < 0 ? "–" : String(+counter.value[k].toFixed(3)));
      line("at most", String(+counter.most.toFixed(3)));
    } else if (found.k >= 0) {
      const row = found.lane.rows[found.row], k = found.k, kind = kinds[row.kind[k]];
      title = kind === "word" ? WORD : `${found.lane.name}: ${MEANT[kind] ?? kind}`;
      line("start", `${(row.start[k] / 1e6).toFixed(6)} s`);
      line("duration", lasting(row.end[k] - row.start[k]));
      if (!Number.isNaN(row.audio[k])) line("audio", hours(row.audio[k]));
      args = textOf(row.text[k]);
    } else if (found.arrow) {
      title = WORD;
      line("chunk came", `${(found.arrow.from / 1e6).toFixed(6)} s`);
      line("text told", `${(found.arrow.to / 1e6).toFixed(6)} s`);
      args = textOf(found.arrow.text);
    } else {
      line("busy in view", percent(found.lane.busy ?? 0));
      for (const name of ["send", "wait"]) if (kinds.includes(name)) line(name === "send" ? "held" : "waiting", percent((found.lane.sums?.[kinds.indexOf(name)] || 0) / found.lane.span));
    }
    if (args.total !== undefined && args.compute !== undefined) {
      const bar = made("div", "", "parts");
      for (const part of ["capture", ...PARTS]) {
        bar.append(filled((args[part] || 0) / Math.max(1e-9, args.total), colours.part[part]));
        list.append(named(part, colours.part[part]), made("dd", lasting(1e3 * (args[part] || 0))));
      }
      line("in all", lasting(1e3 * args.total));
      parts.push(bar);
    } else for (const [name, value] of Object.entries(args).slice(0, 12)) {
      const text = typeof value === "string" ? value : JSON.stringify(value);
      line(name, text.length > 200 ? `${text.slice(0, 199)}…` : text);
    }
    if (found.more > 0) parts.push(made("p", `and ${found.more.toLocaleString("en")} more within this pixel`));
    return [made("b", title), ...parts, list];
  }

  function legend() {
    const place = byId("legend"), item = (text, colour) => { const one = made("li"); one.append(dot(colour), text); place.append(one); };
    place.replaceChildren();
    for (const [kind, text] of Object.entries(MEANT)) if (kinds.includes(kind)) item(text, paint[kinds.indexOf(kind)]);
    if (counters.length || lanes.some((lane) => lane.queue)) item("queue behind a stage", colours.wave);
    if (kinds.includes("word")) {
      place.append(made("li", "a word:"));
      for (const part of PARTS) item(part, colours.part[part]);
    }
    byId("flat-label").hidden = !counters.some((counter) => counter.flat);
  }

  return { later, select, tell, legend, say: (text) => { byId("say").textContent = text; } };
})();
