// The transcript: finding a line by its time, searching, and showing some speakers only.
const transcript = (() => {
  const box = byId("lines"), found = byId("found"), field = byId("find");
  const hidden = new Set();
  let lines = null, starts = null, texts = null;  // taken from the page when first wanted
  let current = null, matches = [], place = -1;

  function read() {
    if (lines) return;
    lines = Array.from(box.querySelectorAll("p[class]")).filter((line) => line.querySelector("bdi"));
    starts = Float64Array.from(lines, (line) => 1000 * line.firstElementChild.hash.slice(3));
  }

  function at(ms) {
    read();
    return lines[Math.max(0, lastBefore(starts, ms + 0.5))] || null;
  }

  function mark(line) {
    if (current === line) return;
    if (current) current.classList.remove("now");
    current = line;
    if (line) line.classList.add("now");
  }

  function bring(line) {
    line.scrollIntoView({ block: "center", behavior: "instant" });
    // blocks that come into view get their true height, which may move the line
    requestAnimationFrame(() => line.scrollIntoView({ block: "center", behavior: "instant" }));
  }

  function show(ms) {
    const line = at(ms);
    if (!line) return;
    mark(line);
    bring(line);
  }

  // --- search
  const canMark = typeof Highlight === "function" && CSS.highlights;

  function range(match) {
    const node = lines[match.line].querySelector("bdi").firstChild;
    const range = document.createRange();
    range.setStart(node, match.from);
    range.setEnd(node, match.to);
    return range;
  }

  function search() {
    read();
    texts ??= lines.map((line) => line.querySelector("bdi").textContent.toLowerCase());
    const wanted = field.value.trim().toLowerCase();
    for (const match of matches) lines[match.line].classList.remove("hit");
    matches = [];
    place = -1;
    if (wanted) {
      texts.forEach((text, line) => {
        if (hidden.has(lines[line].className.match(/s(\d+)/)[1])) return;
        for (let from = text.indexOf(wanted); from >= 0; from = text.indexOf(wanted, from + wanted.length))
          matches.push({ line, from, to: from + wanted.length });
      });
    }
    if (canMark) {
      CSS.highlights.set("found", new Highlight(...matches.slice(0, 20000).map(range)));
      CSS.highlights.delete("current");
    } else for (const match of matches) lines[match.line].classList.add("hit");
    tell(wanted);
    if (matches.length) step(1);
  }

  function tell(wanted) {
    const many = matches.length.toLocaleString("en");
    found.textContent = !wanted ? "" : !matches.length ? "no match" : `${(place + 1).toLocaleString("en")} of ${many}`;
    byId("find-next").disabled = byId("find-previous").disabled = !matches.length;
  }

  function step(by) {
    if (!matches.length) return;
    place = (place + by + matches.length) % matches.length;
    const match = matches[place];
    if (canMark) {
      const now = new Highlight(range(match));
      now.priority = 1;
      CSS.highlights.set("current", now);
    }
    tell(field.value);
    mark(lines[match.line]);
    timeline.moveTo(starts[match.line]);
    bring(lines[match.line]);
  }

  // --- which speakers
  function filter() {
    read();
    const sheet = document.styleSheets[0];
    if (filter.rule) sheet.deleteRule(sheet.cssRules.length - 1);
    filter.rule = hidden.size > 0;
    const all = [...hidden].map((number) => `.lines .s${number}`).join();
    if (hidden.size) sheet.insertRule(`@media screen{${all}{display:none}}`, sheet.cssRules.length);
    for (const block of box.querySelectorAll(".b")) {
      let shown = 0;
      for (const line of block.children) shown += line.localName === "p" && !hidden.has(line.className.match(/s(\d+)/)[1]);
      block.hidden = !shown;
      block.style.containIntrinsicSize = `auto ${30 * shown + 40}px`;
    }
    timeline.dim(hidden);
    if (field.value) search();
  }

  function start() {
    let waiting = 0;
    field.addEventListener("input", () => {
      clearTimeout(waiting);
      waiting = setTimeout(search, 150);
    });
    field.addEventListener("keydown", (event) => {
      if (event.key !== "Enter") return;
      event.preventDefault();
      step(event.shiftKey ? -1 : 1);
    });
    byId("find-next").addEventListener("click", () => step(1));
    byId("find-previous").addEventListener("click", () => step(-1));
    tell("");
    const boxes = [...document.querySelectorAll("#filter input")];
    const read = () => {
      hidden.clear();
      for (const one of boxes) if (!one.checked) hidden.add(one.value);
      filter();
    };
    const all = (checked) => () => {
      for (const one of boxes) one.checked = checked;
      read();
    };
    byId("filter")?.addEventListener("change", read);
    byId("filter-all")?.addEventListener("click", all(true));
    byId("filter-none")?.addEventListener("click", all(false));
  }

  return { start, show, mark, at, text: (line) => line.querySelector("bdi").textContent };
})();
