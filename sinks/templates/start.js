// Everything is in the page: begin.
transcript.start();
player.start();
listenToTimeline();
timeline.repaint();
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", timeline.repaint);
new ResizeObserver(timeline.soon).observe(byId("stage"));
document.addEventListener("click", (event) => {
  const link = event.target.closest?.("a[href^='#t=']");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  const seconds = link.dataset.t ?? link.hash.slice(3);
  history.replaceState(null, "", `#t=${seconds}`);
  go(1000 * seconds, { scroll: !link.closest("#lines") });
  if (link.closest("#lines")) transcript.mark(link.parentElement);
});
addEventListener("hashchange", goToHash);
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((one) => { one.open = true; }));
goToHash();
performance.mark("ready");
