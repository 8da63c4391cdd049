"""Affect: labels of one text in one call or in one each, segments together or alone, and what VADER costs.

    python -m benches.affect

The networks have the true ONNX layouts and random weights, 6 layers of 256: real weights need a hub. So the
ratios are of calls, filling and tokens, not of a certain model. One thread, CPU time, medians of five runs.
Bars: all labels in one call at least 2 x faster than one pass per label; batches at most a fifth slower than
one by one (one thread of a CPU has little to gain from them), and within 1e-4 of it; VADER and the operator
together below 1 ms per segment.
"""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from operators.affect.affect import Affects
from operators.affect.choice import AffectFiles, affect_files, affect_models
from operators.affect.intent import OnnxIntent
from operators.affect.models import INTENTS
from operators.affect.sentiment import WordSentiment
from operators.affect.speech_emotion import OnnxSpeechEmotion
from operators.affect.text_emotion import OnnxTextEmotion
from stream_engine.clock import MILLISECOND, RATE
from stream_engine.events import Segment
from tests.tiny_affect import EMOTIONS, GO_EMOTIONS, MNLI, WORDS, save_speech, save_text

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "diar"
RUNS, BATCH, COUNT = 5, 8, 32


def texts(count: int) -> list[str]:
    """Of 1 to 24 words, half of them below 5, and no two alike."""
    chance = np.random.default_rng(1)
    found: dict[str, None] = {}
    while len(found) < count:
        size = 1 + int(chance.exponential(5)) % 24
        found[" ".join(chance.choice(WORDS[4:-3], size))] = None
    return list(found)


def clips(count: int) -> list[np.ndarray[Any, np.dtype[np.float32]]]:
    """Of 0.5 to 6 s."""
    chance = np.random.default_rng(2)
    sizes = chance.integers(RATE // 2, 6 * RATE, count)
    return [chance.normal(0, 0.1, size).astype(np.float32) for size in sizes]


def timed(run: Callable[[], Any]) -> float:
    """Median CPU seconds; the first run is thrown away."""
    times: list[float] = []
    for _ in range(RUNS + 1):
        began = time.process_time()
        run()
        times.append(time.process_time() - began)
    return median(times[1:])


def by_batch(model: Callable[..., list[Any]], items: list[Any], size: int, *more: Any) -> list[Any]:
    return [one for at in range(0, len(items), size) for one in model(items[at : at + size], *more)]


def difference(a: list[dict[str, float]], b: list[dict[str, float]]) -> float:
    return max(abs(x[name] - y[name]) for x, y in zip(a, b, strict=True) for name in x)


def together(model: Callable[..., list[Any]], items: list[Any], *more: Any) -> dict[str, float]:
    """One item at a time against `BATCH`."""
    alone_s = timed(lambda: by_batch(model, items, 1, *more))
    batched_s = timed(lambda: by_batch(model, items, BATCH, *more))
    alone, batched = (by_batch(model, items, size, *more) for size in (1, BATCH))
    return {
        "single_ms": alone_s / len(items) * 1e3,
        "batched_ms": batched_s / len(items) * 1e3,
        "single_over_batched": alone_s / batched_s,
        "largest_difference": difference(alone, batched),
    }


def zero_shot(found: AffectFiles) -> dict[str, float]:
    """15 labels for each of some texts; nothing is remembered."""
    assert found.intent is not None
    intent = OnnxIntent(found.intent, known=0)
    said = texts(COUNT)
    per_label_s = timed(lambda: [intent([text], (label,)) for text in said for label in INTENTS])
    rows = together(intent, said, INTENTS)
    per_label_ms = per_label_s / COUNT * 1e3
    return {
        "one_pass_per_label_ms": per_label_ms,
        "all_labels_of_a_text_ms": rows["single_ms"],
        f"all_labels_of_{BATCH}_texts_ms": rows["batched_ms"],
        "per_label_over_all_labels": per_label_ms / rows["single_ms"],
        f"per_label_over_{BATCH}_texts": per_label_ms / rows["batched_ms"],
        "largest_difference": rows["largest_difference"],
    }


def remembered(found: AffectFiles) -> dict[str, float | None]:
    """How often real talk says the same words again, and what an answer from memory costs."""
    assert found.intent is not None
    intent = OnnxIntent(found.intent)
    said = texts(COUNT)
    intent(said, INTENTS)
    hit_s = timed(lambda: intent(said, INTENTS))
    lines = [
        line.split(maxsplit=6)[-1]
        for path in sorted(DATA.glob("*.stm"))
        for line in path.read_text("utf-8").splitlines()
        if line and not line.startswith(";;")
    ]
    return {
        "hit_us": hit_s / COUNT * 1e6,
        "utterances": len(lines) or None,
        "said_before": 1 - len(set(lines)) / len(lines) if lines else None,
    }


def sentiment() -> dict[str, float]:
    """VADER, and the operator with nothing but VADER."""
    vader = WordSentiment()
    said = texts(200)
    segments = [
        Segment(
            id=number,
            revision=0,
            final=True,
            start=number * 2 * RATE,
            end=number * 2 * RATE + 1500 * MILLISECOND,
            speaker="A",
            text=text,
            words=None,
        )
        for number, text in enumerate(said)
    ]
    nothing = np.zeros(0, np.float32)

    def stream() -> None:
        operator = Affects(models=affect_models(), audio=lambda start, end: nothing, language="en")
        for segment in segments:
            list(operator.feed(segment))

    load_s = timed(WordSentiment)
    return {
        "load_ms": load_s * 1e3,
        "vader_us": timed(lambda: [vader(text) for text in said]) / len(said) * 1e6,
        "operator_and_vader_us": (timed(stream) - load_s) / len(said) * 1e6,
    }


def measure() -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        base = Path(folder)
        save_text(base / "text", GO_EMOTIONS, problem="multi_label_classification", width=256, layers=6)
        save_text(base / "intent", MNLI, width=256, layers=6)
        save_speech(base / "emotion", EMOTIONS, width=256, layers=6)
        found = affect_files(
            emotion=str(base / "emotion"), text=str(base / "text"), intent=str(base / "intent"), offline=True
        )
        assert found.text is not None
        assert found.emotion is not None
        return {
            "zero_shot_intents": zero_shot(found),
            "text_emotion": together(OnnxTextEmotion(found.text, known=0), texts(COUNT)),
            "speech_emotion": together(OnnxSpeechEmotion(found.emotion), clips(COUNT)),
            "known_texts": remembered(found),
            "sentiment": sentiment(),
        }


if __name__ == "__main__":
    print(json.dumps(measure(), indent=1))
