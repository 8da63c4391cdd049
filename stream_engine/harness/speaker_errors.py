"""Diarization and Jaccard error rates by pyannote.metrics, over the scored parts, overlap counted."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from stream_engine.harness.columns import NIST_COLLAR_S
from stream_engine.harness.measured import Absent, Measured, Ratio
from stream_engine.harness.references import Talk

NO_PYANNOTE = "pyannote.metrics is not installed: pip install 'stream-engine[scoring]'"
NOBODY = "nobody speaks in the reference"
Parts = Sequence[tuple[float, float]]


def der(reference: Sequence[Talk], found: Sequence[Talk], scored: Parts, *, collar_s: float = 0) -> Measured:
    """`collar_s` on either side of each boundary of the reference is left out."""
    try:
        from pyannote.metrics.diarization import DiarizationErrorRate
    except ImportError:
        return Absent(NO_PYANNOTE)
    metric: Any = DiarizationErrorRate(collar=2 * collar_s, skip_overlap=False)  # theirs is both sides
    told = metric(annotation(reference), annotation(found), uem=timeline(scored), detailed=True)
    wrong = sum(told[kind] for kind in ("missed detection", "false alarm", "confusion"))
    return Ratio(round(wrong, 6), round(told["total"], 6)) if told["total"] or wrong else Absent(NOBODY)


def nist_der(reference: Sequence[Talk], found: Sequence[Talk], scored: Parts) -> Measured:
    return der(reference, found, scored, collar_s=NIST_COLLAR_S)


def jer(reference: Sequence[Talk], found: Sequence[Talk], scored: Parts) -> Measured:
    """The mean over reference speakers of what each misses and is given too much (Ryant et al. 2019)."""
    try:
        from pyannote.metrics.diarization import JaccardErrorRate
    except ImportError:
        return Absent(NO_PYANNOTE)
    metric: Any = JaccardErrorRate(collar=0, skip_overlap=False)
    told = metric(annotation(reference), annotation(found), uem=timeline(scored), detailed=True)
    return Ratio(told["speaker error"], told["speaker count"]) if told["speaker count"] else Absent(NOBODY)


def mapping(reference: Sequence[Talk], found: Sequence[Talk], scored: Parts) -> dict[str, str] | None:
    """Which speaker of the reference each found one is, at best; None without pyannote.metrics."""
    try:
        from pyannote.metrics.diarization import DiarizationErrorRate
    except ImportError:
        return None
    metric: Any = DiarizationErrorRate()
    return metric.optimal_mapping(annotation(reference), annotation(found), uem=timeline(scored))


def annotation(talk: Sequence[Talk]) -> Any:
    from pyannote.core import Annotation, Segment

    side: Any = Annotation()
    for number, (start, end, speaker) in enumerate(talk):
        side[Segment(start, end), number] = speaker
    return side


def timeline(parts: Parts) -> Any:
    from pyannote.core import Segment, Timeline

    return Timeline([Segment(start, end) for start, end in parts])
