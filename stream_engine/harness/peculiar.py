"""What is peculiar to each recording: where it is the slowest, the noisiest, the worst."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import NamedTuple

from sinks.inert_text import plain
from stream_engine.harness.columns import COLUMNS, Column, Unit, shown
from stream_engine.harness.measured import pooled
from stream_engine.harness.results import Outcome

NOTED = 1.5  # times the median of the others
LEAST_SHARE = 0.02  # of audio: a stage that computes less than this is nobody's trouble
NOISY_DB, LOUD = 15, "snr_db"
WORST = ("wer", "cpwer", "der", "jer", "confirmed_p95", "speaker_p95", "churn", "relabelled", "rtf")


class Peculiar(NamedTuple):
    recording: str
    what: str


def peculiarities(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """Sentences, by recording in the order of the data set; fewer than two recordings have none."""
    found: list[Peculiar] = []
    for mode in dict.fromkeys(outcome.mode for outcome in outcomes):
        done = [one for one in outcomes if one.mode == mode and not one.failed and one.audio_s]
        if len(done) > 1:
            found += [*_worst(done), *_slowest(done)]
            found += _noisiest(done)
    failed = dict.fromkeys((one.recording, one.failed) for one in outcomes if one.failed)
    found += [Peculiar(name, f"failed: {plain(str(why))}") for name, why in failed]
    order = dict.fromkeys(one.recording for one in outcomes)
    whole: dict[str, list[str]] = {name: [] for name in order}
    for one in dict.fromkeys(found):
        whole[one.recording].append(one.what)
    return tuple(f"{plain(name)}: {'; '.join(what)}" for name, what in whole.items() if what)


def _worst(done: Sequence[Outcome]) -> Iterator[Peculiar]:
    for column in (one for one in COLUMNS if one.name in WORST):
        values = [(pooled([one.values[column.of]], column.statistic), one.recording) for one in done]
        yield from _outlier(
            [(value, name) for value, name in values if value is not None],
            f"worst {_short(column)} ({done[0].mode})",
            column.unit,
        )


def _slowest(done: Sequence[Outcome]) -> Iterator[Peculiar]:
    for stage in dict.fromkeys(name for one in done for name in one.stages):
        values = [(one.stages.get(stage, 0.0) / one.audio_s, one.recording) for one in done]
        if max(values)[0] >= LEAST_SHARE:
            what = f"slowest in {stage} ({done[0].mode}), seconds a second of audio"
            yield from _outlier(values, what, "×")


def _noisiest(done: Sequence[Outcome]) -> Iterator[Peculiar]:
    values = [(float(snr), one.recording) for one in done if (snr := one.health.get(LOUD)) is not None]
    if len(values) > 1 and min(values)[0] < NOISY_DB:
        least = min(values)
        yield Peculiar(least[1], f"noisiest, {least[0]:.0f} dB of signal to noise")


def _outlier(values: list[tuple[float, str]], what: str, unit: Unit) -> Iterator[Peculiar]:
    if len(values) < 2:
        return
    most = max(values)
    others = median(value for value, name in values if name != most[1])
    if most[0] > NOTED * others and most[0] > 0:
        text = f"{what}: {shown(most[0], unit)}, others {shown(others, unit)} (median)"
        yield Peculiar(most[1], text)


def _short(column: Column) -> str:
    return column.title.split(",")[0]
