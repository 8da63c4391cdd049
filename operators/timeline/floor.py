"""Who holds the floor: stretches of speech that are going on, who yielded to whom, and what a sweep keeps."""

from __future__ import annotations

from collections.abc import Collection, Iterator

import msgspec

from stream_engine.events import Relabel


class Yielded(msgspec.Struct):
    """A speaker who had been speaking for longer, and stopped while another went on."""

    speaker: str
    start: int
    end: int
    turn: int  # the last one, by which a relabel may name the speaker


class Stretch(msgspec.Struct):
    """Speech of one speaker without a pause: turns that touch or overlap."""

    start: int
    turns: int  # that are going on
    yielded: list[Yielded] = []


Floor = dict[str, Stretch]


class OverlapState(msgspec.Struct):
    """The turns in view, and what is not given out yet. Times are samples."""

    position: int = 0  # the watermark: every boundary before it is swept
    released: int = 0  # the watermark given out
    late: int = 0  # turns that began before the watermark when they came: left out
    overlaps: int = 0  # given out so far
    interruptions: int = 0
    backchannels: int = 0
    turns: dict[int, tuple[int, int, str]] = {}  # id -> start, end, speaker; to come or going on
    boundaries: list[tuple[int, bool, int]] = []  # heap of (time, whether it is a start, id), to come
    floor: dict[str, Stretch] = {}
    since: int = 0  # when the set of speakers last changed
    together: int = 0  # since when two or more speak, where they do
    held: list[tuple[int, int, tuple[str, ...]]] = []  # pieces of an overlap too short so far


def yield_to_others(floor: Floor, ended: dict[str, int], at: int, gap: int) -> None:
    """Notes for each stretch that goes on who of the `ended` (speaker -> last turn) gave way to it."""
    for speaker, stretch in floor.items():
        if speaker not in ended:
            for former, turn in ended.items():
                if floor[former].start + gap < stretch.start:
                    stretch.yielded.append(Yielded(former, floor[former].start, at, turn))


def interrupted_by(speaker: str, floor: Floor, at: int, gap: int) -> Iterator[tuple[int, str, bool]]:
    """Whom the stretch of `speaker`, ending `at`, interrupted: until when, whom, and whether they yielded."""
    own = floor[speaker]
    for yielded in own.yielded:
        yield yielded.end, yielded.speaker, True
    for other, stretch in floor.items():
        if stretch.start + gap < own.start:
            yield at, other, False


def floor_kept_by(speaker: str, floor: Floor, gap: int) -> str | None:
    """Of those who spoke before the stretch of `speaker` and go on, who began first."""
    start = floor[speaker].start
    keeps = [(s.start, other) for other, s in floor.items() if s.start + gap < start]
    return min(keeps)[1] if keeps else None


def settled(floor: Floor, position: int, gap: int) -> int:
    """No interruption or back-channel that begins earlier can still come of the stretches on the floor."""
    if len(floor) == 0:
        return position
    oldest = min([stretch.start for stretch in floor.values()])
    return min([s.start for s in floor.values() if s.yielded or oldest + gap < s.start], default=position)


def relabel_turn(floor: Floor, start: int, old: str, new: str) -> None:
    """One turn that is going on, begun at `start`, passes from `old` to `new`."""
    source = floor[old]
    source.turns -= 1
    if source.turns == 0:
        del floor[old]
    else:
        source = Stretch(start, 0)
    target = floor.setdefault(new, Stretch(source.start, 0))
    target.start = min(target.start, source.start)
    target.turns += 1
    target.yielded = target.yielded + source.yielded


def relabel_yielded(floor: Floor, relabel: Relabel, turns: Collection[int], gap: int) -> None:
    """Those who yielded are relabelled too; nobody yields to himself."""
    for speaker, stretch in floor.items():
        for yielded in stretch.yielded:
            if yielded.turn in turns or yielded.speaker == relabel.speaker:
                yielded.speaker = relabel.to
        stretch.yielded = [
            y for y in stretch.yielded if y.speaker != speaker and y.start + gap < stretch.start
        ]
