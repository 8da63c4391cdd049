"""The figures of the table: what each is a figure of, and which way is better. Definitions stand here."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from stream_engine.harness.measured import Measured, Ratio, Statistic

Unit = Literal["%", "s", "MB", "J/h", "×", "/min", "cores"]
TCP_COLLAR_S = 5.0
NIST_COLLAR_S = 0.25


class Column(NamedTuple):
    """A figure. `of`: the measured value; `title` says it in a line."""

    name: str
    of: str
    statistic: Statistic
    unit: Unit
    title: str
    group: str
    paced_only: bool = False


ACCURACY, LATENCY, STABILITY, COST = "accuracy", "latency", "stability", "cost"
UNSEEN = "fed as fast as possible: how late something is has no meaning there"

COLUMNS = (
    Column("wer", "wer", "ratio", "%", "WER, speakers ignored", ACCURACY),
    Column("cpwer", "cpwer", "ratio", "%", "cpWER", ACCURACY),
    Column("tcpwer", "tcpwer", "ratio", "%", f"tcpWER, collar {TCP_COLLAR_S:.0f} s", ACCURACY),
    Column("der", "der", "ratio", "%", "DER, no collar", ACCURACY),
    Column("der_collar", "der_collar", "ratio", "%", f"DER, collar ± {NIST_COLLAR_S} s", ACCURACY),
    Column("der_wide", "der_wide", "ratio", "%", "DER, wider reference", ACCURACY),
    Column("jer", "jer", "ratio", "%", "JER, no collar", ACCURACY),
    Column("interim_p50", "interim", "p50", "s", "interim latency, p50", LATENCY, True),
    Column("interim_p95", "interim", "p95", "s", "interim latency, p95", LATENCY, True),
    Column("interim_oldest_p95", "interim_oldest", "p95", "s", "interim, oldest, p95", LATENCY, True),
    Column("confirmed_p50", "confirmed", "p50", "s", "confirmed latency, p50", LATENCY, True),
    Column("confirmed_p95", "confirmed", "p95", "s", "confirmed latency, p95", LATENCY, True),
    Column("confirmed_p99", "confirmed", "p99", "s", "confirmed latency, p99", LATENCY, True),
    Column("confirmed_oldest_p95", "confirmed_oldest", "p95", "s", "confirmed, oldest, p95", LATENCY, True),
    Column("word_shown_p90", "word_shown", "p90", "s", "word shown, p90", LATENCY, True),
    Column("word_committed_p95", "word_committed", "p95", "s", "word committed, p95", LATENCY, True),
    Column("first_turn", "first_turn", "p50", "s", "first turn, median", LATENCY, True),
    Column("first_result", "first_result", "p50", "s", "first text, median", LATENCY),
    Column("speaker_p50", "correct_speaker", "p50", "s", "correct speaker, p50", LATENCY, True),
    Column("speaker_p95", "correct_speaker", "p95", "s", "correct speaker, p95", LATENCY, True),
    Column("speaker_never", "speaker_never", "ratio", "%", "speaker never right", ACCURACY),
    *(
        Column(f"word_{part}", f"word_{part}", "ratio", "s", f"word latency: {part}, mean", LATENCY, True)
        for part in ("capture", "policy", "lookahead", "queueing", "batch", "compute", "emission", "total")
    ),
    Column("churn", "churn", "ratio", "%", "partial churn", STABILITY),
    Column("flicker", "flicker", "ratio", "/min", "label flicker", STABILITY),
    Column("relabelled", "relabelled", "ratio", "%", "relabelled speech", STABILITY),
    Column("rtf", "rtf", "ratio", "×", "RTF", COST),
    Column("cpu", "cpu", "ratio", "×", "processor time", COST),
    Column("others", "others", "ratio", "cores", "other programs", COST),
    Column("rss", "rss", "largest", "MB", "largest memory", COST),
    Column("vram", "vram", "largest", "MB", "largest GPU memory", COST),
    Column("joules", "joules", "ratio", "J/h", "GPU energy an hour", COST),
)


BY_NAME = {column.name: column for column in COLUMNS}


def brief(titles: Iterable[str]) -> list[str]:
    """Without percentiles and parts: each but once."""
    return list(dict.fromkeys(re.sub(r"(: \w+)?(, (p\d\d|mean|median))?$", "", title) for title in titles))


def shown(value: float | None, unit: Unit) -> str:
    """As a person reads it."""
    return "–" if value is None else f"{figure(value, unit)} {unit}"


def bare_errors(found: Sequence[Measured], column: Column) -> str | None:
    """Errors over references in which there is nothing, of which no rate can be had: `3.1 s`, `5 words`."""
    wrong = sum(one.part for one in found if isinstance(one, Ratio) and not one.whole)
    if not wrong:
        return None
    return f"{wrong:.0f} words" if column.of.endswith("wer") else f"{wrong:.1f} s"


def figure(value: float | None, unit: Unit) -> str:
    """The same without its unit."""
    if value is None:
        return "–"
    if unit == "%":
        return f"{100 * value:.1f}"
    if unit in ("MB", "J/h"):
        return f"{value:,.0f}"
    if unit == "/min":
        return f"{value:.1f}"
    return f"{value:.{2 if abs(value) >= 0.1 or not value else 3}f}"
