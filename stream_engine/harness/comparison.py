"""What got worse since an earlier bench, in words.

Both benches are taken over the recordings that they share; the difference has an interval by drawing
recordings with their two figures together. Worse (or better) is what lies wholly on one side of nothing;
the rest has moved within what these recordings can tell.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sinks.inert_text import plain
from stream_engine.harness.columns import COLUMNS, LATENCY, Column, Unit, shown
from stream_engine.harness.load import PERCENTILES
from stream_engine.harness.measured import Absent, Measured, difference, pooled
from stream_engine.harness.results import Results

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
BUSY, BUSIER = (
    "others",
    0.25,
)  # cores that other programs took: with so many more or less times do not compare
UNKNOWN = Absent("not measured by that version")
WORSE, BETTER, UNSURE = "worse", "better", "moved, within what chance may do"


def compared(before: Results, now: Results) -> tuple[str, ...]:
    """Sentences: what does not compare, what got worse (the most first), better, and the rest."""
    lines = list(_unlike(before, now))
    found: list[tuple[int, float, str]] = []
    for mode in now.modes:
        old = {one.recording: one for one in before.outcomes if one.mode == mode and not one.failed}
        mine = {one.recording: one for one in now.outcomes if one.mode == mode and not one.failed}
        shared = [name for name in mine if name in old]
        if not shared:
            lines.append(f"{mode}: nothing in common with the earlier bench")
            continue
        for column in COLUMNS:
            if column.name == BUSY:
                continue
            sides = ([side[name].values for name in shared] for side in (old, mine))
            was, is_now = ([one.get(column.of, UNKNOWN) for one in side] for side in sides)
            told = _moved(column, was, is_now, shared)
            if told is not None:
                rank, size, sentence = told
                found.append((rank, -size, f"{mode}: {sentence}"))
    found += _load(before, now)
    lines += [sentence for _, _, sentence in sorted(found)]
    if not any(rank == 0 for rank, _, _ in found):
        lines.append("nothing got worse")
    return tuple(lines)


def _load(before: Results, now: Results) -> Iterator[tuple[int, float, str]]:
    """Several sessions at a time: one is what the figures tell."""
    old = {(row.mode, row.sessions): row for row in before.load}
    for row in now.load:
        was = old.get((row.mode, row.sessions))
        if row.sessions == 1 or was is None or len(was.samples) != len(row.samples):
            continue
        for name in PERCENTILES:
            title = f"lag of final text {name}"
            column = Column(f"lag_{name}", "lag", name, "s", title, LATENCY)
            places = [f"place {place}" for place in range(len(row.samples))]
            if (told := _moved(column, was.samples, row.samples, places)) is not None:
                yield told[0], -told[1], f"{row.mode}, {row.sessions} sessions at a time: {told[2]}"


def _moved(
    column: Column, old: Sequence[Measured], new: Sequence[Measured], names: Sequence[str]
) -> tuple[int, float, str] | None:
    """How bad it is, how much, and the sentence."""
    pairs = [
        (a, b) for a, b in zip(old, new, strict=True) if not (isinstance(a, Absent) or isinstance(b, Absent))
    ]
    lost = [
        name
        for name, a, b in zip(names, old, new, strict=True)
        if isinstance(b, Absent) and not isinstance(a, Absent)
    ]
    if lost:
        return 0, float("inf"), f"{column.title}: no figure any more for {', '.join(map(plain, lost))}"
    told = difference(old, new, column.statistic)
    if told is None:
        return None
    moved, bounds = told
    was, is_now = (pooled([pair[side] for pair in pairs], column.statistic) for side in (0, 1))
    if was is None or is_now is None or abs(moved) <= max(LEAST * abs(was), NO_NEWS[column.unit]):
        return None
    sure = bounds is None or bounds[0] > 0 or bounds[1] < 0
    verdict = UNSURE if not sure else WORSE if moved > 0 else BETTER
    return (
        (WORSE, BETTER, UNSURE).index(verdict),
        moved / (abs(was) or 1),
        _sentence(column, verdict, (was, is_now, moved), bounds, len(pairs)),
    )


def _sentence(
    column: Column,
    verdict: str,
    figures: tuple[float, float, float],
    bounds: tuple[float, float] | None,
    recordings: int,
) -> str:
    was, is_now, moved = figures
    by = _signed(moved, column)
    how = f"{verdict}: {shown(was, column.unit)} to {shown(is_now, column.unit)}, {by}"
    if bounds is None:
        return f"{column.title} {how} (one recording: no interval)"
    low, high = (_signed(bound, column) for bound in bounds)
    return f"{column.title} {how} (95 %: {low} to {high}, over {recordings} recordings)"


def _signed(value: float, column: Column) -> str:
    return f"{'+' if value > 0 else '−' if value < 0 else '±'}{shown(abs(value), column.unit)}"


def _others(results: Results, mode: str) -> float | None:
    found = (cell.value for cell in results.table if (cell.mode, cell.figure) == (mode, BUSY))
    return next(found, None)


def _unlike(before: Results, now: Results) -> Iterator[str]:
    """What makes the two hard to compare."""
    options = [name for name in now.options if now.options[name] != before.options.get(name)]
    if options:
        yield f"other options than then: {', '.join(sorted(options))}"
    definitions = [name for name in now.definitions if now.definitions[name] != before.definitions.get(name)]
    if definitions:
        yield f"other definitions than then: {'; '.join(definitions)}"
    for what in ("versions", "machine"):
        then, here = getattr(before, what), getattr(now, what)
        changed = [name for name in sorted({*then, *here}) if then.get(name) != here.get(name)]
        if changed:
            yield f"other {what} than then: " + ", ".join(
                f"{name} {plain(str(then.get(name)))} → {plain(str(here.get(name)))}" for name in changed
            )
    for mode in now.modes:
        then, here = (_others(side, mode) for side in (before, now))
        if then is not None and here is not None and abs(then - here) > BUSIER:
            yield (f"{mode}: other programs took {here:.1f} cores, {then:.1f} then: times hardly compare")
    if before.pace != now.pace:
        yield f"another pace than then: {before.pace:g} → {now.pace:g}"
    names = [dict.fromkeys(one.recording for one in side.outcomes) for side in (before, now)]
    for missing, where in (
        ([name for name in names[0] if name not in names[1]], "then only"),
        ([name for name in names[1] if name not in names[0]], "now only"),
    ):
        if missing:
            yield f"{where}: {', '.join(map(plain, missing[:5]))}{' …' if len(missing) > 5 else ''}"
