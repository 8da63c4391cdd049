"""Live text: how long after a word is spoken it is shown, and committed; and what keeping it costs in errors.

All clips of the shared data with word times (AMI meetings, read and spontaneous speech, in English), with
moonshine. `live`: three minutes of them through the command line at pace 1. Bars: a word is shown <= 2 s
after its end (p90), and committed <= 5 s (p95), the final text counted where no hypothesis had it before. A
word counts if it was recognised at all.

What that is made of: all clips at the pace of life in chunks of 0.1 s; diarization, hypotheses and
recognition are run one after the other, each call timed, and laid on one clock as three stages that work at
the same time. What is shown is later than its audio by lookahead (audio that the stages wait for), queueing
(for the item before) and compute; a committed word by policy as well (until two decodings agree).

What it costs: word errors of the final text with what was committed kept, and without, over the clips with
a transcript; and the share of committed words that the final decoding says otherwise.

    python -m benches.partials
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.io.wavfile import write as write_wav

from benches.paced_stages import Session, session
from benches.recognition import decoded, last_labels, speaker
from benches.word_lags import Shown, clips, lags, quantiles, spoken
from benches.words import Line, Rate, cpwer, reference, wer
from operators.speech.committed import Committed
from operators.speech.diarization.community_1 import Community1Embedding, Community1Segmentation
from operators.speech.local_agreement import aligned, spelled
from operators.speech.moonshine import Moonshine
from operators.speech.voice_activity import load_silero
from stream_engine.clock import RATE
from stream_engine.events import Hypothesis, Segment
from stream_engine.log import read
from stream_engine.testing import run

LIVE_S = 180


def contradicted(found: Session) -> tuple[int, int]:
    """Committed words, and how many of them the final decoding says otherwise."""
    words = otherwise = 0
    for partial in found.partials:
        if partial.final and partial.committed:
            mine = [one.text for one in found.segments if set(one.turns) & set(partial.turns)]
            kept, final = partial.committed.split(), " ".join(mine).split()
            words += len(kept)
            otherwise += sum(
                column is None or spelled(kept[row]) != spelled(final[column])
                for row, column in aligned(kept, final)
                if row is not None
            )
    return words, otherwise


def lines(segments: Sequence[Segment], found: Session) -> list[Line]:
    final = last_labels(found.turns)
    return [(one.start / RATE, speaker(one, final), one.text) for one in segments]


def live(folder: Path) -> dict[str, Any]:
    """The first clips of `LIVE_S` in all, one after the other through the command line at pace 1."""
    audio: list[NDArray[np.float32]] = []
    words: list[tuple[float, str]] = []
    for clip, path in sorted(clips(), key=lambda pair: pair[0].name):
        begun = sum(map(len, audio)) / RATE
        if begun < LIVE_S:
            words += [(begun + end, word) for end, word in spoken(path)]
            audio.append(decoded(clip))
    recording = folder / "clips.wav"
    write_wav(recording, RATE, np.concatenate(audio))
    command = [sys.executable, "-m", "stream_engine", "transcribe", str(recording), "--out", str(folder)]
    options = ["--partials", "--asr", "moonshine", "--pace", "1", "--fresh", "--no-cache", "--quiet"]
    subprocess.run([*command, *options], check=True)
    shown = [
        Shown(
            one.start / RATE,
            one.end / RATE,
            one.text,
            one.text if isinstance(one, Segment) else one.committed,
            0,
            0,
            at,
        )
        for one in read(folder / "clips" / "events.jsonl")
        if isinstance(one, Segment) or (isinstance(one, Hypothesis) and not one.final)
        if (at := one.emitted_at) is not None
    ]
    rows = lags(shown, words)
    return {
        "audio_s": round(sum(map(len, audio)) / RATE),
        "words": len(words),
        "recognised": len(rows),
        "shown_after_s": quantiles(rows, "shown"),
        "committed_after_s": quantiles(rows, "committed"),
    }


def measure() -> dict[str, Any]:
    models = Community1Segmentation(), Community1Embedding()
    silero, moonshine = load_silero(), Moonshine()
    moonshine.transcribe([np.zeros(RATE, np.float32)])
    rows: list[dict[str, float]] = []
    rates = {name: Rate() for name in ("wer", "wer_kept", "cpwer", "cpwer_kept")}
    seconds = spoken_words = committed = otherwise = 0
    busy = np.zeros(3)
    for clip, words in clips():
        audio, truth = decoded(clip), spoken(words)
        found = session(audio, models, silero, moonshine)
        rows += lags(found.shown, truth)
        seconds, spoken_words = seconds + len(audio) / RATE, spoken_words + len(truth)
        busy += found.busy
        kept, changed = contradicted(found)
        committed, otherwise = committed + kept, otherwise + changed
        if clip.with_suffix(".stm").exists():
            stm = reference(clip.with_suffix(".stm"))
            final = [
                one
                for one in run(Committed(), [*found.partials, *found.segments])
                if isinstance(one, Segment)
            ]
            for name, segments in (("", found.segments), ("_kept", final)):
                rates[f"wer{name}"] += wer(stm, lines(segments, found))
                rates[f"cpwer{name}"] += cpwer(stm, lines(segments, found))
    with tempfile.TemporaryDirectory() as folder:
        at_pace_1 = live(Path(folder))
    return {
        "live": at_pace_1,
        "audio_s": round(seconds),
        "words": spoken_words,
        "recognised": len(rows),
        "shown_after_s": quantiles(rows, "shown"),
        "committed_after_s": quantiles(rows, "committed"),
        "of_which": {name: quantiles(rows, name) for name in ("lookahead", "queueing", "compute", "policy")},
        "compute_s_per_s": dict(
            zip(("diarization", "hypotheses", "recognition"), (busy / seconds).round(3).tolist(), strict=True)
        ),
        "committed_words": committed,
        "final_decoding_says_otherwise": round(otherwise / max(committed, 1), 3),
        "final_text": {name: round(rate.value, 3) for name, rate in rates.items()},
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
