"""What makes two benches hard to compare: other options, machines, references; or that it is the same one."""

from __future__ import annotations

from collections.abc import Iterator

from sinks.inert_text import plain
from stream_engine.harness.columns import COLUMNS, brief
from stream_engine.harness.correct_speaker import NEVER_RIGHT
from stream_engine.harness.known import AUDIO
from stream_engine.harness.latency import NO_TEXT, NO_TURN, NONE_FOUND
from stream_engine.harness.measured import Absent
from stream_engine.harness.results import Outcome, Results
from stream_engine.harness.scoring import NO_WORD_TIMED
from stream_engine.harness.stability import NO_FINAL_WORDS, NO_SPEECH

BUSY, BUSIER = "others", 0.25  # cores that other programs took: with so many more, times do not compare
OWN_FAULT = (NO_TEXT, NO_TURN, NONE_FOUND, NEVER_RIGHT, NO_WORD_TIMED, NO_FINAL_WORDS, NO_SPEECH)
NAMED = 5  # recordings


def unlike(before: Results, now: Results) -> Iterator[str]:
    """What of the two hardly compares, or not at all."""
    yield from _same(before, now)
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
            yield f"{where}: {_few(missing)}"
    for what, other in replaced(before, now).items():
        yield f"other {what} for {_few(other)}: not compared"
    yield from _not_told(before, now)


def replaced(before: Results, now: Results) -> dict[str, list[str]]:
    """Recordings of which a bench had other audio or other references under the same name, by what."""
    found: dict[str, list[str]] = {}
    old = {one.recording: one.digests for one in before.outcomes}
    for name, here in {one.recording: one.digests for one in now.outcomes}.items():
        if (then := old.get(name)) and here and then != here:  # an old version kept none
            what = "references" if then.get(AUDIO) == here.get(AUDIO) else "audio"
            found.setdefault(what, []).append(name)
    return found


def both(before: Results, now: Results, mode: str) -> list[tuple[Outcome, Outcome]]:
    """The recordings that both have done in this mode."""
    old = {one.recording: one for one in before.outcomes if one.mode == mode and not one.failed}
    mine = [one for one in now.outcomes if one.mode == mode and not one.failed]
    return [(old[one.recording], one) for one in mine if one.recording in old]


def _same(before: Results, now: Results) -> Iterator[str]:
    """To the last digit of their times: no other runs, but what an earlier bench has kept."""
    pairs = [pair for mode in now.modes for pair in both(before, now, mode)]
    same = sum(old == mine for old, mine in pairs)
    if same:
        yield f"{same} of {len(pairs)} sessions are those of the earlier bench itself: nothing moved there"


def _not_told(before: Results, now: Results) -> Iterator[str]:
    """Figures that are gone, and not because a session has found less: a reference or a scorer is missing."""
    gone: dict[tuple[str, str], tuple[dict[str, None], dict[str, None]]] = {}
    for mode in now.modes:
        for old, mine in both(before, now, mode):
            for column in COLUMNS:
                was, value = old.values.get(column.of), mine.values.get(column.of)
                if isinstance(value, Absent) and value.reason not in OWN_FAULT and is_told(was):
                    titles, names = gone.setdefault((mode, value.reason), ({}, {}))
                    titles[now.title(column)] = names[mine.recording] = None
    for (mode, reason), (titles, names) in gone.items():
        yield f"{mode}, {_few(list(names))}: {plain(reason)}, so no more {'; '.join(brief(titles))}"


def is_told(value: object) -> bool:
    return value is not None and not isinstance(value, Absent)


def _few(names: list[str]) -> str:
    return f"{', '.join(map(plain, names[:NAMED]))}{' …' if len(names) > NAMED else ''}"


def _others(results: Results, mode: str) -> float | None:
    found = (cell.value for cell in results.table if (cell.mode, cell.figure) == (mode, BUSY))
    return next(found, None)
