"""How often what was shown is taken back: words of partial texts, and labels of turns.

Churn is the ratio of unstable words to final ones (UPWR; Shangguan et al. 2020): a word that was shown and is
not there any more, in this order, in what followed. Flicker counts each time that the label of a shown turn
becomes another, over minutes of final speech; relabelled is the share of final speech whose label changed
after it was final.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher

from stream_engine.clock import RATE
from stream_engine.events import Event, Hypothesis, Relabel, Segment, Turn
from stream_engine.harness.measured import Absent, Measured, ratio_of
from stream_engine.harness.word_errors import normalised

NO_FINAL_WORDS = "no final words"
NO_SPEECH = "no speech was found"
NO_LABELS = "no diarizer: nobody was asked who speaks"


class LabelChange:
    """What became of one turn's label: (when it was shown, label, end of the turn in samples)."""

    def __init__(self) -> None:
        self.shown: list[tuple[float, str, int]] = []
        self.start = self.end = 0  # samples, as last shown
        self.final: str | None = None  # the label with which it became final

    @property
    def label(self) -> str | None:
        return self.shown[-1][1] if self.shown else None


def label_changes(events: Iterable[Event]) -> dict[int, LabelChange]:
    """By turn, without those that were withdrawn."""
    turns: dict[int, LabelChange] = {}
    for one in events:
        at = one.emitted_at or 0.0
        if isinstance(one, Turn) and one.speaker is not None:
            turn = turns.setdefault(one.id, LabelChange())
            turn.shown.append((at, one.speaker, one.end))
            turn.start, turn.end = one.start, one.end
            turn.final = one.speaker if one.final else None
        elif isinstance(one, Relabel):
            moved = one.turns or [id for id, turn in turns.items() if turn.label == one.speaker]
            for turn in (turns[id] for id in moved if id in turns):
                turn.shown.append((at, one.to, turn.end))
    return {id: turn for id, turn in turns.items() if turn.end > turn.start}


def label_stability(turns: dict[int, LabelChange]) -> dict[str, Measured]:
    if not turns:
        return dict.fromkeys(("flicker", "relabelled"), Absent(NO_LABELS))
    final = [turn for turn in turns.values() if turn.final is not None]
    speech_s = sum(turn.end - turn.start for turn in final) / RATE
    moved_s = sum(turn.end - turn.start for turn in final if turn.label != turn.final) / RATE
    changes = sum(
        before[1] != after[1]
        for turn in turns.values()
        for before, after in zip(turn.shown, turn.shown[1:], strict=False)
    )
    return {
        "flicker": ratio_of(changes, speech_s / 60, NO_SPEECH),
        "relabelled": ratio_of(moved_s, speech_s, NO_SPEECH),
    }


def churn(events: Sequence[Event]) -> Measured:
    """Over all partial texts; absent where none was shown."""
    shown: dict[int, list[str]] = {}  # the last text of each open turn
    final: dict[int, list[str]] = {}  # final texts by turn
    words = taken_back = 0
    for one in events:
        if isinstance(one, Segment) and one.final:
            words += len(text := normalised(one.text).split())
            for turn in one.turns:
                final.setdefault(turn, []).extend(text)
    for one in events:
        if isinstance(one, Hypothesis):
            follows = normalised(one.text).split()
            if one.final:
                follows = [word for turn in one.turns for word in final.get(turn, ())]
            before = shown.pop(one.id, [])
            matcher = SequenceMatcher(None, before, follows, autojunk=False)
            taken_back += len(before) - sum(block.size for block in matcher.get_matching_blocks())
            if not one.final:
                shown[one.id] = follows
    if not any(isinstance(one, Hypothesis) for one in events):
        return Absent("no partial texts: --partials shows them")
    return ratio_of(taken_back, words, NO_FINAL_WORDS)
