"""Raw or processed: which audio recognition and diarization do better on, with the embedded models.

`recognition`: word error rates of Moonshine, pooled, on the clips of ../shared/data and the call inside
pyannote.audio: `read`, one voice (asr/, English, WER); `wer`, conversations, without a diarizer; `machine`,
cpWER with our turns. Voice activity and turns are those of the raw audio in all rows, so that rows differ in
what is recognised only. A clip is processed with a lead-in of 5 s (`ProcessedView`).
`diarization`: DER (collar 0, overlap counted), pooled over all clips of diar/ and sim/ and the call, of the
diarizer on the stream; `speakers_right`: on how many clips their count is right.
`noisy` are the same recordings with pink-like noise 15 dB below their speech.

What is better is the default; there is no bar. It is the raw audio for both (Moonshine levels each clip by
itself anyway).

    python -m benches.processed_audio [--quick]      (--quick: as recorded only)
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benches.diarization import Clip, clips, diarize, errors, heard, pooled
from benches.recognition import DATA, Path16k, call, decoded
from benches.words import Line, Rate, cpwer, reference, wer
from operators.audio.processed_view import ProcessedView, processed
from operators.audio.signal_chain import ALL_LINKS, DENOISE, HIGH_PASS
from operators.speech.diarization.community_1 import Community1Embedding, Community1Segmentation
from operators.speech.speech_turns import SpeechTurns
from stream_engine.testing import run
from stream_engine.threads import one_blas_thread

Samples = NDArray[np.float32]
ROUTES: dict[str, tuple[str, ...] | None] = {
    "raw": None,
    "high-pass": (HIGH_PASS,),
    "high-pass, denoise": (HIGH_PASS, DENOISE),
    "the chain": tuple(link for link in ALL_LINKS if link != DENOISE),
    "the chain with denoise": ALL_LINKS,
}


class Clips:
    """What `audio[start:end]` gives where recognition asks for a clip."""

    def __init__(self, view: Callable[[int, int], Samples]) -> None:
        self._view = view

    def __getitem__(self, span: slice) -> Samples:
        return self._view(span.start, span.stop)


def routes(audio: Samples) -> dict[str, Any]:
    """`audio` by each way to a clip of it."""
    ways: dict[str, Any] = {}
    for name, links in ROUTES.items():
        ways[name] = audio
        if links:
            ways[name] = Clips(ProcessedView(audio=lambda start, end: audio[start:end], links=links))
    return ways


def as_recorded(audio: Samples) -> Samples:
    return audio


def noisy(audio: Samples) -> Samples:
    """With noise of -3 dB an octave, roughly, 15 dB below the louder half of the frames."""
    random = np.random.default_rng(0)
    spectrum = np.fft.rfft(random.standard_normal(len(audio)))
    pink = np.fft.irfft(spectrum / np.sqrt(np.arange(len(spectrum)) + 100.0), n=len(audio))
    frames = audio[: len(audio) // 320 * 320].reshape(-1, 320)
    speech = float(np.quantile(np.square(frames).mean(1), 0.75))
    return (audio + pink * np.sqrt(speech / 10**1.5 / np.square(pink).mean())).astype(np.float32)


CONDITIONS = {"as recorded": as_recorded, "noisy": noisy}


def read_clips() -> list[tuple[Samples, list[Line]]]:
    """One English voice and what it reads."""
    rows: list[tuple[Samples, list[Line]]] = []
    for text in sorted((DATA / "asr").glob("*.txt")):
        if text.stem.startswith("leopard"):
            continue  # other languages
        (path,) = (
            one for one in text.parent.glob(f"{text.stem}.*") if one.suffix in (".wav", ".flac", ".mp3")
        )
        rows.append((decoded(path), [(0.0, "A", text.read_text())]))
    return rows


def recognition(path16k: Path16k, worse: Callable[[Samples], Samples]) -> list[dict[str, Any]]:
    totals = {name: {kind: Rate() for kind in ("read", "wer", "machine")} for name in ROUTES}
    for clean, truth in read_clips():
        audio = worse(clean)
        voice = path16k.voice(audio)
        turns = run(SpeechTurns(), voice)
        for name, source in routes(audio).items():
            totals[name]["read"] += wer(truth, path16k.lines(source, voice, turns))
    talks: list[Path] = [p for p in sorted((DATA / "diar").glob("*.wav")) if p.with_suffix(".stm").exists()]
    for clip in (call(), *talks):
        audio, truth = worse(decoded(clip)), reference(clip.with_suffix(".stm"))
        voice = path16k.voice(audio)
        found = path16k.diarized(audio)
        everyone = run(SpeechTurns(), voice)
        for name, source in routes(audio).items():
            totals[name]["wer"] += wer(truth, path16k.lines(source, voice, everyone))
            totals[name]["machine"] += cpwer(truth, path16k.lines(source, voice, found))
    return [
        {"audio": name} | {kind: round(rate.value, 4) for kind, rate in rates.items()}
        for name, rates in totals.items()
    ]


def diarization(models: dict[str, Any], worse: Callable[[Samples], Samples]) -> list[dict[str, Any]]:
    found = clips()
    rows: list[dict[str, Any]] = []
    for name, links in ROUTES.items():
        parts: list[dict[str, float]] = []
        right = 0
        for clip in found:
            audio = worse(clip.audio)
            audio = processed(audio, links=links) if links else audio
            turns = diarize(Clip(clip.name, audio, clip.reference), models).turns
            parts.append(errors(clip, turns))
            right += heard(clip.reference) == heard(turns)
        kinds = {
            kind: round(sum(part[kind] for part in parts) / sum(part["total"] for part in parts), 4)
            for kind in ("missed detection", "false alarm", "confusion")
        }
        rows.append({"audio": name, "der": round(pooled(parts), 4), **kinds, "speakers_right": right})
    return rows


def measure(*, quick: bool = False) -> dict[str, Any]:
    path16k = Path16k()
    models: dict[str, Any] = {
        "segmentation": Community1Segmentation(),
        "embedding": Community1Embedding(),
    }
    result: dict[str, Any] = {}
    with one_blas_thread():
        for condition, worse in list(CONDITIONS.items())[: 1 if quick else None]:
            result[f"diarization, {condition}"] = diarization(models, worse)
            result[f"recognition, {condition}"] = recognition(path16k, worse)
    return result


if __name__ == "__main__":
    print(json.dumps(measure(quick="--quick" in sys.argv), indent=1))
