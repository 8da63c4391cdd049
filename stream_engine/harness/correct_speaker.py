"""How soon it is known who speaks.

For each turn of the reference: from its start until the found turn that covers most of it, of those whose
last label is the right speaker, was shown with this label to stay, and reached into it. Who is who is the
best mapping of the last labels over the whole recording (the one of DER). A turn of which no part is under
the right label in the end is never right.
"""

from __future__ import annotations

from collections.abc import Sequence

from stream_engine.clock import RATE
from stream_engine.harness.measured import Absent, Measured, ratio_of, samples_of
from stream_engine.harness.references import Talk
from stream_engine.harness.stability import LabelChange

NEVER_RIGHT = "no turn was ever right"
SHORTEST_S = 0.5  # of a turn of the reference that is asked for


def correct_speaker(
    reference: Sequence[Talk], turns: dict[int, LabelChange], who: dict[str, str], pace: float
) -> dict[str, Measured]:
    """`correct_speaker`, samples, and `speaker_never`, a share. `who`: the mapping to the reference."""
    asked = [talk for talk in reference if talk.end - talk.start >= SHORTEST_S]
    lags: list[float] = []
    for talk in asked:
        right = [turn for turn in turns.values() if turn.label and who.get(turn.label) == talk.speaker]
        best = max(right, key=lambda turn: _shared(turn, talk), default=None)
        if best is not None and _shared(best, talk) > 0:
            lags.append(max(0.0, _settled(best, talk) - talk.start / pace))
    why = f"no turn of {SHORTEST_S} s in the reference"
    return {
        "correct_speaker": samples_of(lags, why if not asked else NEVER_RIGHT),
        "speaker_never": ratio_of(len(asked) - len(lags), len(asked), why),
    }


def unknown(reason: str) -> dict[str, Measured]:
    return dict.fromkeys(("correct_speaker", "speaker_never"), Absent(reason))


def _shared(turn: LabelChange, talk: Talk) -> float:
    return min(turn.end / RATE, talk.end) - max(turn.start / RATE, talk.start)


def _settled(turn: LabelChange, talk: Talk) -> float:
    """When it was shown with its last label, never to change, and reached into `talk`."""
    settled = turn.shown[-1][0]
    for at, label, _ in reversed(turn.shown):
        if label != turn.label:
            break
        settled = at
    reached = next((at for at, _, end in turn.shown if end / RATE > talk.start), settled)
    return max(settled, reached)
