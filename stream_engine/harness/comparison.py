"""What got worse since an earlier bench, in words.

Both benches are taken over the recordings that they share, with the same audio and references. Worse (or
better) is what chance alone, which exchanges the two figures of a recording as likely as not, would hardly
have moved as far; with too few recordings nothing can be told from chance. Whether a machine was busier it
cannot tell: see `unlike`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sinks.inert_text import plain
from stream_engine.harness.columns import COLUMNS, LATENCY, Column, Unit, shown
from stream_engine.harness.load import PERCENTILES
from stream_engine.harness.measured import (
    LEAST_RECORDINGS,
    LEVEL,
    Absent,
    Measured,
    chance,
    pooled,
)
from stream_engine.harness.results import Results
from stream_engine.harness.unlike import BUSY, OWN_FAULT, both, replaced, unlike

LEAST = 0.005  # of what was before: less is no news
NO_NEWS: dict[Unit, float] = {
    "%": 0.0005,
    "s": 0.005,
    "MB": 5,
    "J/h": 1,
    "×": 0.002,
    "/min": 0.05,
    "cores": 0.1,
}
UNKNOWN = Absent("not measured by that version")
WORSE, BETTER, UNSURE, FEW, HIGH_WATER = range(5)
UNDECIDED = {
    UNSURE: "moved, within what chance may do:",
    FEW: "moved (too few recordings to tell):",
    HIGH_WATER: "moved (it depends on all that ran before):",
}


class Asked(NamedTuple):
    """A figure of some recordings, then and now."""

    title: str
    column: Column
    before: Sequence[Measured]
    now: Sequence[Measured]
    names: Sequence[str]


class News(NamedTuple):
    """Sorts: the worst first."""

    rank: int
    less: float
    sentence: str


def compared(before: Results, now: Results) -> tuple[str, ...]:
    """Sentences: what does not compare, what got worse (the most first), better, and the rest; in the end how
    many figures were compared."""
    if (before.outcomes, before.load) == (now.outcomes, now.load):
        return ("this is the earlier bench itself: nothing was run again",)
    other = {name for names in replaced(before, now).values() for name in names}  # not to be judged
    asked = [*_figures(before, now, other), *_load(before, now, other)]
    news = sorted(
        [*_failed(before, now, other), *(told for one in asked if (told := _moved(one)) is not None)]
    )
    lines = [*unlike(before, now), *(one.sentence for one in news if one.rank not in UNDECIDED)]
    for rank, title in UNDECIDED.items():
        moved = [f"– {one.sentence}" for one in news if one.rank == rank]
        lines += [title, *moved] if moved else []
    decided = [one for one in asked if one.column.statistic != "largest" and _recordings(one)]
    able = sum(_recordings(one) >= LEAST_RECORDINGS for one in decided)
    if not decided:
        lines.append("no figure in common with the earlier bench that could be judged")
    elif not able:
        lines.append(f"worse or better: no verdict on fewer than {LEAST_RECORDINGS} recordings in common")
    else:
        if not any(one.rank == WORSE for one in news):
            lines.append("nothing got worse")
        lines.append(
            f"{able} figures were compared: if nothing changed, chance calls up to {LEVEL * able:.1f} "
            "of them worse or better"
        )
    return tuple(lines)


def _figures(before: Results, now: Results, other: set[str]) -> Iterator[Asked]:
    for mode in now.modes:
        shared = [pair for pair in both(before, now, mode) if pair[1].recording not in other]
        sides = [pair[0] for pair in shared], [pair[1] for pair in shared]
        names = [one.recording for one in sides[1]]
        for column in COLUMNS:
            if column.name != BUSY:
                title = f"{mode}: {now.title(column)}"
                was, is_now = ([one.values.get(column.of, UNKNOWN) for one in side] for side in sides)
                yield Asked(title, column, was, is_now, names)


def _load(before: Results, now: Results, other: set[str]) -> Iterator[Asked]:
    """Several sessions at a time: one is what the figures tell."""
    old = {(row.mode, row.sessions): row for row in before.load}
    for row in now.load:
        was = old.get((row.mode, row.sessions))
        if row.sessions == 1 or was is None:
            continue
        sides = [dict(zip(side.names, side.samples, strict=False)) for side in (was, row)]
        names = [name for name in sides[1] if name in sides[0] and name not in other]
        then, here = ([side[name] for name in names] for side in sides)
        for part in PERCENTILES:
            title = f"{row.mode}, {row.sessions} sessions at a time: lag of final text {part}"
            column = Column(f"lag_{part}", "lag", part, "s", title, LATENCY)
            yield Asked(title, column, then, here, names)


def _failed(before: Results, now: Results, other: set[str]) -> Iterator[News]:
    well = {
        (one.recording, one.mode) for one in before.outcomes if not one.failed and one.recording not in other
    }
    for one in now.outcomes:
        if one.failed and (one.recording, one.mode) in well:
            yield News(WORSE, float("-inf"), f"{one.mode}: {plain(one.recording)} fails, and did not then")


def _known(one: Asked) -> list[tuple[Measured, Measured]]:
    pairs = zip(one.before, one.now, strict=True)
    return [pair for pair in pairs if not any(isinstance(side, Absent) for side in pair)]


def _recordings(one: Asked) -> int:
    return len(_known(one))


def _moved(one: Asked) -> News | None:
    column = one.column
    lost = [
        name
        for name, was, value in zip(one.names, one.before, one.now, strict=True)
        if isinstance(value, Absent) and value.reason in OWN_FAULT and not isinstance(was, Absent)
    ]
    if lost:
        return News(
            WORSE, float("-inf"), f"{one.title}: no figure any more for {', '.join(map(plain, lost))}"
        )
    pairs = _known(one)
    sides = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    was, is_now = (pooled(side, column.statistic) for side in sides)
    if was is None or is_now is None:
        return None
    moved = is_now - was
    then, here = shown(was, column.unit), shown(is_now, column.unit)
    if then == here or abs(moved) <= max(LEAST * abs(was), NO_NEWS[column.unit]):
        return None
    rank, probable = _verdict(column, sides, moved)
    size, said = -moved / (abs(was) or 1), f"{then} to {here}"
    if rank in UNDECIDED:
        return News(rank, size, f"{one.title}: {said}")
    said += f", {'+' if moved > 0 else '−'}{shown(abs(moved), column.unit)}"
    sure = f"by chance in {100 * max(probable, 0.001):.1f} % of cases, over {len(pairs)} recordings"
    return News(rank, size, f"{one.title} {'worse' if rank == WORSE else 'better'}: {said} ({sure})")


def _verdict(
    column: Column, sides: tuple[Sequence[Measured], Sequence[Measured]], moved: float
) -> tuple[int, float]:
    """Its rank, and how probable the figures are by chance."""
    if column.statistic == "largest":
        return HIGH_WATER, 1.0
    if len(sides[0]) < LEAST_RECORDINGS:
        return FEW, 1.0
    probable = chance(*sides, column.statistic)
    return UNSURE if probable > LEVEL else WORSE if moved > 0 else BETTER, probable
