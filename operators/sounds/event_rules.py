"""What makes an event of scores, and how a user writes the shortest events of single labels."""

from __future__ import annotations

import msgspec


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
        if self.median < 1 or self.median % 2 == 0:
            raise ValueError(f"the median is of an odd number of rows, not {self.median}")
        if min(self.min_dur, self.merge_gap, *self.min_dur_of.values()) < 0:
            raise ValueError("durations and gaps are not negative")
        if self.longest < 5:
            raise ValueError(f"the longest event is 5 s at least, not {self.longest}")


def read_min_dur(text: str) -> tuple[float | None, dict[str, float]]:
    """`0.5`, `Music=1.0,Typing=0.2`, both, or a JSON object: seconds for all labels, and for single ones.

    A label with a comma in its name wants JSON.

    Raises:
        ValueError: it is none of these.
    """
    try:
        if text.lstrip().startswith("{"):
            return None, msgspec.json.decode(text, type=dict[str, float])
        general: float | None = None
        single: dict[str, float] = {}
        for part in filter(None, (part.strip() for part in text.split(","))):
            label, named, value = part.rpartition("=")
            if named:
                single[label.strip()] = float(value)
            else:
                general = float(part)
        return general, single
    except ValueError as error:  # msgspec's, too
        raise ValueError(f"min_dur wants seconds, LABEL=seconds,... or JSON; got {text!r}: {error}") from None
