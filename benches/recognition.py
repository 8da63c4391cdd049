"""Who said what: word error rates of the whole path, and what it costs.

All clips of the shared data with an STM (eight meetings of AMI, 30 s each), and the telephone call that
pyannote.audio carries. Bars: WER of the call without diarizer at most 0.25; cpWER of the call at most 0.35,
and pooled at most 0.05 above that with the reference's own turns; not one word where nobody speaks. Beside
it, on the same clips in the same run: the labelled lines of moonshine-voice's own stream.
`benches.words` says how words are compared.
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from benches.labelled_lines import labelled_lines
from benches.words import Line, Rate, cpwer, reference, wer
from operators.speech.diarization.community_1 import Community1Embedding, Community1Segmentation
from operators.speech.diarization.diarizer import Diarizer
from operators.speech.moonshine import Moonshine
from operators.speech.recognition import Recognition
from operators.speech.speech_turns import SpeechTurns
from operators.speech.utterances import UtteranceCutter
from operators.speech.voice_activity import VoiceActivityDetector, load_silero
from stream_engine.clock import RATE, samples, seconds
from stream_engine.events import Relabel, Segment, Turn, Utterance, VoiceActivity, Watermark
from stream_engine.testing import chunked, run

DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
Samples = NDArray[np.float32]
Heard = list[VoiceActivity | Watermark]
Said = Sequence[Turn | Relabel | Watermark]


def call() -> Path:
    """The recording inside pyannote.audio, with sample.rttm and sample.stm beside it."""
    package = find_spec("pyannote.audio")
    assert package is not None
    assert package.origin is not None
    return Path(package.origin).parent / "sample" / "sample.wav"


def decoded(path: Path) -> Samples:
    command = ["ffmpeg", "-v", "error", "-i", str(path), "-f", "f32le", "-ac", "1", "-ar", "16000", "-"]
    return np.frombuffer(subprocess.run(command, capture_output=True, check=True).stdout, np.float32)


class Path16k:
    """Voice activity, cutting and recognition, as a session runs them, on one recording at a time."""

    def __init__(self) -> None:
        self._silero = load_silero()
        self._models = Community1Segmentation(), Community1Embedding()
        self._moonshine = Moonshine()
        self.cpu_s: list[tuple[float, float]] = []  # seconds of speech, seconds of the processor

    def voice(self, audio: Samples) -> Heard:
        return run(VoiceActivityDetector(session=self._silero), chunked(audio, [RATE] * (len(audio) // RATE)))

    def diarized(self, audio: Samples) -> Said:
        segmentation, embedding = self._models
        diarizer = Diarizer(segmentation=segmentation, embedding=embedding)
        return run(diarizer, chunked(audio, [RATE] * (len(audio) // RATE)))

    def lines(self, audio: Samples, voice: Heard, turns: Said) -> list[Line]:
        """What is said, with the last label of each turn."""
        final = last_labels(turns)
        recognise = Recognition(recogniser=self._moonshine, audio=lambda one: audio[one.start : one.end])
        found: list[Line] = []
        for utterance in run(UtteranceCutter(), [*voice, *turns]):
            if not isinstance(utterance, Utterance):
                continue
            began = time.thread_time()
            (segments,) = recognise([utterance])
            self.cpu_s.append(((utterance.end - utterance.start) / RATE, time.thread_time() - began))
            found += [
                (seconds(one.start), speaker(one, final), one.text)
                for one in segments
                if isinstance(one, Segment)
            ]
        return found

    def nobody(self, audio: Samples) -> int:
        """Words found where nobody speaks: without a diarizer, and with one that sees a turn everywhere."""
        voice = self.voice(audio)
        everywhere: Said = [
            Turn(id=0, revision=0, final=True, start=0, end=len(audio) // 16 * 16, speaker="A")
        ]
        both = (self.lines(audio, voice, turns) for turns in (run(SpeechTurns(), voice), everywhere))
        return sum(len(text.split()) for lines in both for _, _, text in lines)


def last_labels(turns: Said) -> dict[int, Turn]:
    """The final turns after all corrections."""
    final: dict[int, Turn] = {}
    for item in turns:
        if isinstance(item, Turn) and item.final:
            final[item.id] = item
        elif isinstance(item, Relabel):
            for turn in list(final.values()):
                if turn.id in item.turns or (item.speaker is not None and item.speaker == turn.speaker):
                    final[turn.id] = msgspec.structs.replace(turn, speaker=item.to)
    return final


def speaker(segment: Segment, final: dict[int, Turn]) -> str:
    """Who speaks most of a segment."""
    talk: dict[str, int] = {}
    for turn in (final[id] for id in segment.turns):
        inside = max(0, min(turn.end, segment.end) - max(turn.start, segment.start))
        talk[str(turn.speaker)] = talk.get(str(turn.speaker), 0) + inside
    return max(talk, key=talk.__getitem__)


def true_turns(rttm: Path, length: int) -> Said:
    """The reference's own turns, in the order in which they end."""
    rows = [line.split() for line in rttm.read_text().splitlines()]
    spans = [(samples(float(row[3])), samples(float(row[3]) + float(row[4])), row[7]) for row in rows]
    inside = sorted((min(end, length // 16 * 16), start, who) for start, end, who in spans)
    return [
        Turn(id=id, revision=0, final=True, start=start, end=end, speaker=who)
        for id, (end, start, who) in enumerate(inside)
        if end > start
    ]


def silent() -> dict[str, Samples]:
    """Sound without speech: made here, and the recordings of the shared data."""
    chance, time_s = np.random.default_rng(1), np.arange(12 * RATE) / RATE
    made = {
        "digital silence": np.zeros(12 * RATE),
        "white noise": 0.1 * chance.normal(size=12 * RATE),
        "tone of 440 Hz": 0.3 * np.sin(2 * np.pi * 440 * time_s),
    }
    found = {path.name: decoded(path) for path in sorted((DATA / "nospeech").glob("*.wav"))}
    return {name: audio.astype(np.float32) for name, audio in made.items()} | found


def voice_activity_cost(audio: Samples) -> dict[str, float]:
    """Microseconds a frame of 32 ms, ours in chunks of 1 s, and faster-whisper's wrapper on the whole."""
    from faster_whisper.vad import get_vad_model

    silero, theirs = load_silero(), get_vad_model()
    whole, times = audio[: len(audio) // 512 * 512], ([], [])
    for _ in range(7):
        for kept, work in zip(
            times,
            (
                lambda: run(VoiceActivityDetector(session=silero), chunked(whole, [RATE] * 60)),
                lambda: theirs(whole.copy()),
            ),
            strict=True,
        ):
            began = time.perf_counter()
            work()
            kept.append((time.perf_counter() - began) / (len(whole) / 512) * 1e6)
    ours, peer = median(times[0]), median(times[1])
    return {"us_per_frame": round(ours, 1), "faster_whisper_us_per_frame": round(peer, 1)}


def measure() -> dict[str, Any]:
    path16k = Path16k()
    rows: list[dict[str, Any]] = []
    sample: dict[str, float] = {}
    totals = {name: Rate() for name in ("wer", "reference", "machine", "peer")}
    clips = [
        call(),
        *(clip for clip in sorted((DATA / "diar").glob("*.wav")) if clip.with_suffix(".stm").exists()),
    ]
    for clip in clips:
        audio, truth = decoded(clip), reference(clip.with_suffix(".stm"))
        voice = path16k.voice(audio)
        turns = true_turns(clip.with_suffix(".rttm"), len(audio))
        rates = {
            "wer": wer(truth, path16k.lines(audio, voice, run(SpeechTurns(), voice))),
            "reference": cpwer(truth, path16k.lines(audio, voice, turns)),
            "machine": cpwer(truth, path16k.lines(audio, voice, path16k.diarized(audio))),
            "peer": cpwer(truth, labelled_lines(audio)),
        }
        totals = {name: totals[name] + rate for name, rate in rates.items()}
        errors = {name: rate.errors for name, rate in rates.items()}
        rows.append({"clip": clip.stem, "words": rates["wer"].words} | errors)
        if clip == call():
            sample = {name: round(rate.value, 3) for name, rate in rates.items()}
    speech, cpu = map(sum, zip(*path16k.cpu_s, strict=True))
    return {
        "call_wer_without_diarizer": sample["wer"],
        "call_cpwer": {name: sample[name] for name in ("reference", "machine", "peer")},
        "pooled_wer_without_diarizer": round(totals["wer"].value, 3),
        "pooled_cpwer": {name: round(totals[name].value, 3) for name in ("reference", "machine", "peer")},
        "machine_above_reference": round(totals["machine"].value - totals["reference"].value, 3),
        "words_where_nobody_speaks": {name: path16k.nobody(audio) for name, audio in silent().items()},
        "recognition_cpu_s_per_s_of_speech": round(cpu / speech, 3),
        "voice_activity": voice_activity_cost(decoded(call())),
        "errors_by_clip": rows,
    }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
