"""Our own incremental diarizer against moonshine-voice's streaming one: the same weights, the same clips.

Error rates are pyannote.metrics' (collar 0, overlap counted), of the last labels, on all clips of
../shared/data/diar and sim and on `pyannote.audio.sample`; `ours` and `peer` pooled over the clips. Bars:
sample <= 0.08; ours <= 0.85 x peer; speaker count (of those with 1 s of speech) right on 8 of 10 clips;
<= 0.12 CPU s per second of speech, flat with length and speakers; shown <= 3 s after a voice starts (p90);
<= 10 % of speech relabelled; final <= 2.3 s after the turn's end (p95). `latency` is the error rate for
each `--latency`; `sensitivity` what happens to it where a threshold is moved.

    python -m benches.diarization [--quick]      (--quick: without the peer, without the long runs)
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import patch

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.speech.diarization import clustering, grouping, stretches, voices
from operators.speech.diarization.community_1 import Community1Embedding, Community1Segmentation
from operators.speech.diarization.diarizer import Diarizer
from stream_engine.clock import RATE
from stream_engine.events import Relabel, Turn
from stream_engine.ffmpeg_command import binary
from stream_engine.harness.references import Talk, read_rttm
from stream_engine.harness.speaker_errors import annotation, timeline
from stream_engine.testing import chunked
from stream_engine.threads import one_blas_thread

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
CHUNK = RATE // 10
LATENCIES = (0.5, 1.0, 1.25, 1.5, 2.0, 3.0, 5.0)
THRESHOLDS = (  # and the modules that read them
    ("MIDDLE", (clustering,)),
    ("NOISE_SECONDS", (clustering,)),
    ("SPLIT", (stretches,)),
    ("BIRTH", (grouping, voices)),
    ("SHARE", (grouping,)),
)

Samples = NDArray[np.float32]
Intervals = list[tuple[float, float, str]]


class Clip(msgspec.Struct):
    name: str
    audio: Samples
    reference: Intervals

    @property
    def seconds(self) -> float:
        return len(self.audio) / RATE


class Outcome(msgspec.Struct):
    """What a run over a clip gave: last labels, and how it came about."""

    turns: Intervals
    relabelled: float  # seconds
    shown: list[float]  # seconds from a voice's start to its first label
    final: list[float]  # seconds from a turn's end to its finality


class Remembering:
    """A model that runs once for each input, for runs that differ only in what is made of it."""

    def __init__(self, model: Any) -> None:
        self.model = model
        self.known: dict[bytes, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self.model, name)

    def __call__(self, items: Any, /) -> Any:
        return np.stack([self._one(item) for item in items])

    def _one(self, item: Samples) -> Any:
        key = hashlib.blake2b(item.tobytes(), digest_size=16).digest()
        if key not in self.known:
            self.known[key] = self.model([item] if hasattr(self.model, "shortest") else item[None])[0]
        return self.known[key]


def clips() -> list[Clip]:
    from importlib.util import find_spec

    package = find_spec("pyannote.audio")
    sample = Path(str(package and package.origin)).parent / "sample" / "sample.wav"
    paths = [*sorted((DATA / "diar").glob("*.wav")), *sorted((DATA / "sim").glob("*.flac")), sample]
    return [Clip(path.stem, pcm(path), rttm(path.with_suffix(".rttm"))) for path in paths]


def pcm(path: Path) -> Samples:
    import subprocess

    command = [binary(), "-v", "error", "-i", str(path), "-ac", "1", "-ar", str(RATE), "-f", "f32le", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32)


def rttm(path: Path) -> Intervals:
    return [(talk.start, talk.end, talk.speaker) for talk in read_rttm(path)]


def diarize(clip: Clip, models: dict[str, Any], **settings: Any) -> Outcome:
    """Runs the diarizer in chunks of 0.1 s; times are of the audio, compute is not counted."""
    operator = Diarizer(**models, **settings)
    events = [(c.end, e) for c in chunked(clip.audio, [CHUNK] * 10**5) for e in operator.feed(c)]
    events += [(len(clip.audio), event) for event in operator.flush()]
    turns: dict[int, Turn] = {}
    labels: dict[int, str] = {}
    seen: list[tuple[int, Turn]] = []
    lags: list[float] = []
    for at, event in events:
        if isinstance(event, Turn) and event.end > event.start:
            seen.append((at, event))
            if event.final:
                turns[event.id], labels[event.id] = event, str(event.speaker)
                lags.append((at - event.end) / RATE)
        elif isinstance(event, Relabel):
            moved = event.turns or [turn for turn, label in labels.items() if label == event.speaker]
            labels |= dict.fromkeys(moved, event.to)
    near = RATE // 4
    shown = [
        min(at for at, e in seen if e.start <= turn.start + near and e.end > turn.start) - turn.start
        for turn in turns.values()
    ]
    changed = sum(t.end - t.start for t in turns.values() if labels[t.id] != t.speaker)
    last = [(turn.start / RATE, turn.end / RATE, labels[turn.id]) for turn in turns.values()]
    return Outcome(last, changed / RATE, [samples / RATE for samples in shown], lags)


def moonshine(clip: Clip) -> Intervals:
    """The peer: moonshine-voice's own streaming diarization, fed half a second at a time."""
    import moonshine_voice
    from moonshine_voice.transcriber import Transcriber

    options = {"identify_speakers": "true", "return_audio_data": "false"}
    model = moonshine_voice.get_model_path("tiny-en")
    transcriber = Transcriber(model, moonshine_voice.ModelArch.TINY, options=options)
    stream = transcriber.create_stream(0.5)
    stream.start()
    for chunk in chunked(clip.audio, [RATE // 2] * 10**5):
        stream.add_audio(chunk.samples.tolist())
    transcript: Any = stream.stop()
    spans = [span for line in transcript.lines for span in line.speaker_spans or ()]
    stream.close()
    transcriber.close()
    return [(s.start_time, s.start_time + s.duration, str(s.speaker_index)) for s in spans]


def errors(clip: Clip, turns: Intervals) -> dict[str, Any]:
    from pyannote.metrics.diarization import DiarizationErrorRate

    sides = [annotation([Talk(*one) for one in side]) for side in (clip.reference, turns)]
    metric: Any = DiarizationErrorRate(collar=0, skip_overlap=False)
    return metric(*sides, uem=timeline([(0, clip.seconds)]), detailed=True)


def pooled(parts: list[dict[str, float]]) -> float:
    wrong = ("missed detection", "false alarm", "confusion")
    return float(sum(part[kind] for part in parts for kind in wrong) / sum(part["total"] for part in parts))


def heard(intervals: Intervals) -> int:
    """Speakers with at least 1 s of speech."""
    seconds: dict[str, float] = {}
    for start, end, speaker in intervals:
        seconds[speaker] = seconds.get(speaker, 0.0) + end - start
    return sum(total >= 1 for total in seconds.values())


def quality(found: list[Clip], models: dict[str, Any], *, peer: bool) -> dict[str, Any]:
    rows, ours, theirs, counted = [], [], [], []
    outcomes = [diarize(clip, models) for clip in found]
    for clip, outcome in zip(found, outcomes, strict=True):
        ours.append(errors(clip, outcome.turns))
        expected, got = heard(clip.reference), heard(outcome.turns)
        counted += [expected == got] if expected else []
        row = {"clip": clip.name, "ours": pooled(ours[-1:]), "speakers": expected, "found": got}
        if peer:
            theirs.append(errors(clip, moonshine(clip)))
            row["peer"] = pooled(theirs[-1:])
        rows.append(row)
    speech = sum(end - start for outcome in outcomes for start, end, _ in outcome.turns)
    shown = sorted(lag for outcome in outcomes for lag in outcome.shown)
    final = sorted(lag for outcome in outcomes for lag in outcome.final)
    result: dict[str, Any] = {
        "sample": pooled(ours[-1:]),
        "ours": pooled(ours),
        "speaker_count_right": f"{sum(counted)} of {len(counted)}",
        "relabelled_share_of_speech": sum(outcome.relabelled for outcome in outcomes) / speech,
        "shown_after_voice_start_s": {"p50": quantile(shown, 0.5), "p90": quantile(shown, 0.9)},
        "final_after_turn_end_s": {"p50": quantile(final, 0.5), "p95": quantile(final, 0.95)},
    }
    if peer:
        result |= {"peer": pooled(theirs), "ours_over_peer": pooled(ours) / pooled(theirs)}
    return result | {"clips": rows}


def quantile(ordered: list[float], share: float) -> float:
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def cost(found: list[Clip], minutes: float, names: tuple[str, ...]) -> dict[str, Any]:
    """CPU seconds per second of speech over the named clips on a loop, models and all, one thread."""
    loop = [clip for clip in found if clip.name in names]
    operator = Diarizer(segmentation=Community1Segmentation(), embedding=Community1Embedding())
    at, sizes, spoken = 0, [], 0.0
    began = time.process_time()
    while at < minutes * 60 * RATE:
        for clip in loop:
            for chunk in chunked(clip.audio, [RATE // 2] * 10**4):
                list(operator.feed(msgspec.structs.replace(chunk, start=at + chunk.start)))
            at += len(clip.audio)
            spoken += union(clip.reference)
            sizes.append(len(msgspec.msgpack.encode(operator.state)))
    list(operator.flush())
    used = time.process_time() - began
    return {
        "clips": "+".join(names),
        "minutes": round(at / RATE / 60, 1),
        "cpu_s_per_s_of_speech": used / spoken,
        "cpu_s_per_s_of_audio": used / (at / RATE),
        "state_kb_median": statistics.median(sizes) / 1e3,
        "state_kb_last": sizes[-1] / 1e3,
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3,
    }


def union(intervals: Intervals) -> float:
    from pyannote.core import Segment, Timeline

    return float(Timeline([Segment(start, end) for start, end, _ in intervals]).support().duration())


@contextmanager
def moved(name: str, modules: tuple[ModuleType, ...], factor: float) -> Iterator[None]:
    with ExitStack() as until:
        for module in modules:
            until.enter_context(patch.object(module, name, getattr(module, name) * factor))
        yield


def measure(*, quick: bool = False) -> dict[str, Any]:
    found = clips()
    loops = [(3.0, ("sim_2spk_90s",)), (3.0, ("sim_4spk_150s",)), (3.0, ("ami_EN2001e_0-30s",))]
    if not quick:
        loops.append((30.0, ("sim_2spk_90s",)))
    with one_blas_thread():  # as in a session
        costs = [cost(found, *loop) for loop in loops]
    models = {
        "segmentation": Remembering(Community1Segmentation()),
        "embedding": Remembering(Community1Embedding()),
    }
    result = quality(found, models, peer=not quick)

    def ours(**settings: Any) -> float:
        return pooled([errors(clip, diarize(clip, models, **settings).turns) for clip in found])

    result["latency"] = [{"latency_s": latency, "ours": ours(latency=latency)} for latency in LATENCIES]
    sensitivity = []
    for name, modules in THRESHOLDS:
        row: dict[str, Any] = {"threshold": f"{name} = {getattr(modules[0], name)}"}
        for factor in (0.8, 1.2):
            with moved(name, modules, factor):
                row[f"x {factor}"] = ours()
        sensitivity.append(row)
    return result | {"sensitivity": sensitivity, "cost": costs}


if __name__ == "__main__":
    print(json.dumps(measure(quick="--quick" in sys.argv), indent=1, default=float))
