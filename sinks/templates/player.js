// The recording: looked for beside this page when asked for, or chosen by the reader.
const player = (() => {
  const audio = byId("audio"), status = byId("play-status"), beside = byId("play-beside");
  let ready = false, wanted = 0;

  function open(url, name) {
    ready = false;
    status.textContent = `opening ${name} …`;
    audio.src = url;
    audio.load();
  }

  function start() {
    if (data.file) {
      beside.hidden = false;
      beside.textContent = `▶ Play ${data.file}`;
      beside.addEventListener("click", () => open(encodeURIComponent(data.file), data.file));
    }
    byId("play-file").addEventListener("change", (event) => {
      const [file] = event.target.files;
      if (file) open(URL.createObjectURL(file), file.name);
    });
    audio.addEventListener("loadedmetadata", () => {
      ready = true;
      audio.hidden = false;
      beside.hidden = true;
      status.textContent = "";
      from(wanted || timeline.cursor());
    });
    audio.addEventListener("error", () => {
      ready = false;
      audio.hidden = true;
      status.textContent = "This recording is not beside the report, or the browser cannot play it: choose it here.";
    });
    audio.addEventListener("timeupdate", () => {
      if (audio.paused) return;
      timeline.moveTo(1000 * audio.currentTime);
      transcript.mark(transcript.at(1000 * audio.currentTime));
    });
  }

  function from(ms) {
    wanted = ms;
    if (!ready) return;
    audio.currentTime = ms / 1000;
    audio.play().catch(() => {});  // a browser may want a click first; the controls are there
  }

  return { start, from };
})();
