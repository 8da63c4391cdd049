"""What makes an event of scores."""

from __future__ import annotations

import math

import msgspec

LONGEST_MEDIAN = 101  # rows: half of them are waited for


class EventRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What makes an event of scores.

    Raises:
        ValueError: a value out of range.
    """

    enter: float = 0.50
    exit: float = 0.35
    median: int = 5  # rows, odd; 1: no filter
    min_dur: float = 0.30  # s; shorter ones are dropped
    min_dur_of: dict[str, float] = {}  # s, of single labels
    merge_gap: float = 0.20  # s between two events of one label that are one
    longest: float = 300.0  # s; a longer event is given in pieces, so that nobody waits longer

    def __post_init__(self) -> None:
        if not 0 < self.exit <= self.enter <= 1:
            raise ValueError(f"0 < exit <= enter <= 1, got enter {self.enter} and exit {self.exit}")
        if not 1 <= self.median <= LONGEST_MEDIAN or self.median % 2 == 0:
            raise ValueError(
                f"the median is of an odd number of rows up to {LONGEST_MEDIAN}, not {self.median}"
            )
        if not all(
            map(math.isfinite, (self.min_dur, self.merge_gap, self.longest, *self.min_dur_of.values()))
        ):
            raise ValueError("durations and gaps are finite")
        if min(self.min_dur, self.merge_gap, *self.min_dur_of.values()) < 0:
            raise ValueError("durations and gaps are not negative")
        if not 5 <= self.longest < float("inf"):
            raise ValueError(f"the longest event is 5 s at least, and finite; not {self.longest}")

    def check(self, labels: tuple[str, ...]) -> None:
        """Raises ValueError where a label is named that there is not."""
        if unknown := set(self.min_dur_of) - set(labels):
            some = ", ".join(labels[:8]) + (" ..." if len(labels) > 8 else "")
            raise ValueError(f"min_dur_of: no label {', '.join(sorted(unknown))}; there are {some}")
