// What all parts share: the data, times, and going to a moment.
const byId = (id) => document.getElementById(id);
const data = JSON.parse(byId("data").textContent);
document.documentElement.classList.add("js");

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));

function clock(ms) {
  const tenths = Math.floor(ms / 100), minutes = Math.floor(tenths / 600), hours = Math.floor(minutes / 60);
  const two = (value) => String(value).padStart(2, "0");
  const short = `${two(minutes % 60)}:${two(Math.floor(tenths / 10) % 60)}.${tenths % 10}`;
  return hours ? `${hours}:${short}` : short;
}

// numbers as the page has them, each start less the one before -> objects of typed arrays
function intervals(numbers, beside = 0) {
  const width = 2 + beside, count = numbers.length / width;
  const found = { count, start: new Float64Array(count), end: new Float64Array(count), beside: [] };
  for (let k = 0; k < beside; k++) found.beside.push(new Int32Array(count));
  let last = 0;
  for (let row = 0; row < count; row++) {
    last += numbers[row * width];
    found.start[row] = last;
    found.end[row] = last + numbers[row * width + 1];
    for (let k = 0; k < beside; k++) found.beside[k][row] = numbers[row * width + 2 + k];
  }
  return found;
}

// the last place whose start is at `time` or before, or -1
function lastBefore(starts, time) {
  let low = 0, high = starts.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (starts[middle] <= time) low = middle + 1; else high = middle;
  }
  return low - 1;
}

// everything that leads to a time comes here
function go(ms, { scroll = true, play = true } = {}) {
  timeline.moveTo(ms);
  if (scroll) transcript.show(ms);
  if (play) player.from(ms);
}

function goToHash() {
  const found = /^#t=(\d+(?:\.\d+)?)$/.exec(location.hash);
  if (found) go(1000 * found[1], { play: false });
}
