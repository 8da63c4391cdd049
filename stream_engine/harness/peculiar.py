"""What is peculiar to each recording: where it is the slowest, the noisiest, the worst."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple

from sinks.inert_text import plain
from stream_engine.harness.columns import COLUMNS, Column, figure, shown
from stream_engine.harness.measured import pooled
from stream_engine.harness.results import Outcome

NOTED = 1.5  # times the median of the others
LEAST_SHARE = 0.02  # of audio: a stage that computes less than this is nobody's trouble
NOISY_DB = 15
NAMED = 3  # stages
WORST = ("wer", "cpwer", "der", "jer", "confirmed_p95", "speaker_p95", "churn", "relabelled", "rtf")


class Peculiar(NamedTuple):
    recording: str
    what: str


def peculiarities(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """Sentences, by recording in the order of the data set; fewer than two recordings have none."""
    by_mode: dict[str, list[Outcome]] = {}
    for one in outcomes:
        if not one.failed and one.audio_s:
            by_mode.setdefault(one.mode, []).append(one)
    several = [done for done in by_mode.values() if len(done) > 1]
    found: list[Peculiar] = []
    if several:
        found += [told for column in COLUMNS if column.name in WORST for told in _worst(several, column)]
        found += slowest([(one.recording, one.audio_s, one.stages) for one in several[-1]])
        found += noisiest([(one.recording, one.health) for one in several[-1]])
    unsent = dict.fromkeys((one.recording, one.unsent) for one in outcomes if one.unsent)
    found += [Peculiar(name, plain(str(why))) for name, why in unsent]
    failed = dict.fromkeys((one.recording, one.failed) for one in outcomes if one.failed)
    found += [Peculiar(name, f"failed: {plain(str(why))}") for name, why in failed]
    return sentences(list(dict.fromkeys(one.recording for one in outcomes)), found)


def sentences(names: Sequence[str], found: Sequence[Peculiar]) -> tuple[str, ...]:
    """One for each name that there is something to say of."""
    whole: dict[str, list[str]] = {name: [] for name in names}
    for one in found:
        whole[one.recording].append(one.what)
    return tuple(f"{plain(name)}: {'; '.join(what)}" for name, what in whole.items() if what)


def slowest(recordings: Sequence[tuple[str, float, dict[str, float]]]) -> Iterator[Peculiar]:
    """Of name, seconds of audio, and seconds of compute by stage: which took the longest in which stages."""
    costly: dict[str, list[tuple[float, str]]] = {}
    for stage in dict.fromkeys(name for _, _, stages in recordings for name in stages):
        values = [(stages.get(stage, 0.0) / audio_s, name) for name, audio_s, stages in recordings]
        most, others = _outlier(values) or (None, 0.0)
        if most is not None and most[0] >= LEAST_SHARE:
            told = f"{stage} ({shown(most[0], '×')} life, others {figure(others, '×')})"
            costly.setdefault(most[1], []).append((others - most[0], told))
    for name, stages in costly.items():
        yield Peculiar(name, "slowest in " + ", ".join(told for _, told in sorted(stages)[:NAMED]))


def noisiest(recordings: Sequence[tuple[str, dict[str, float | int | None]]]) -> Iterator[Peculiar]:
    """Of name and the health of the audio: the one with the least signal above its noise, if it is little."""
    values = [(float(snr), name) for name, health in recordings if (snr := health.get("snr_db")) is not None]
    if len(values) > 1 and min(values)[0] < NOISY_DB:
        least = min(values)
        yield Peculiar(least[1], f"noisiest, {least[0]:.0f} dB of signal to noise")


def _worst(modes: Sequence[Sequence[Outcome]], column: Column) -> Iterator[Peculiar]:
    """In the first mode that has the figure."""
    for done in modes:
        values = [(pooled([one.values[column.of]], column.statistic), one.recording) for one in done]
        known = [(value, name) for value, name in values if value is not None]
        if known:
            if (found := _outlier(known)) is not None:
                (worst, name), others = found
                title = column.title.split(",")[0]
                told = f"worst {title}, {shown(worst, column.unit)} (others {figure(others, column.unit)})"
                yield Peculiar(name, told)
            return


def _outlier(values: Sequence[tuple[float, str]]) -> tuple[tuple[float, str], float] | None:
    """The largest, and the median of the others, where it is far above that."""
    if len(values) < 2:
        return None
    most = max(values)
    others = median(value for value, name in values if name != most[1])
    return (most, others) if most[0] > NOTED * others else None
