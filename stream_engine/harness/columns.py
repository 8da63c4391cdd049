"""The figures of the table: what each is a figure of, and which way is better. Definitions stand here."""

from __future__ import annotations

from typing import Literal, NamedTuple

from stream_engine.harness.measured import Statistic

Unit = Literal["%", "s", "MB", "J/h", "×", "/min"]
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
    Column("wer", "wer", "ratio", "%", "WER, speakers ignored, in order of time", ACCURACY),
    Column("cpwer", "cpwer", "ratio", "%", "cpWER", ACCURACY),
    Column("tcpwer", "tcpwer", "ratio", "%", f"tcpWER, collar {TCP_COLLAR_S:.0f} s", ACCURACY),
    Column("der", "der", "ratio", "%", "DER, no collar, overlap counted", ACCURACY),
    Column("der_collar", "der_collar", "ratio", "%", f"DER, ± {NIST_COLLAR_S} s, overlap counted", ACCURACY),
    Column("der_wide", "der_wide", "ratio", "%", "DER against the wider reference, no collar", ACCURACY),
    Column("jer", "jer", "ratio", "%", "JER, no collar, overlap counted", ACCURACY),
    Column("interim_p50", "interim", "p50", "s", "interim latency p50", LATENCY, True),
    Column("interim_p95", "interim", "p95", "s", "interim latency p95", LATENCY, True),
    Column("interim_oldest_p95", "interim_oldest", "p95", "s", "interim, oldest word, p95", LATENCY, True),
    Column("confirmed_p50", "confirmed", "p50", "s", "confirmed latency p50", LATENCY, True),
    Column("confirmed_p95", "confirmed", "p95", "s", "confirmed latency p95", LATENCY, True),
    Column("confirmed_p99", "confirmed", "p99", "s", "confirmed latency p99", LATENCY, True),
    Column(
        "confirmed_oldest_p95", "confirmed_oldest", "p95", "s", "confirmed, oldest word, p95", LATENCY, True
    ),
    Column("word_shown_p90", "word_shown", "p90", "s", "word shown after its end, p90", LATENCY, True),
    Column(
        "word_committed_p95", "word_committed", "p95", "s", "word committed after its end, p95", LATENCY, True
    ),
    Column("first_turn", "first_turn", "p50", "s", "first turn after the first voice, median", LATENCY, True),
    Column("first_result", "first_result", "p50", "s", "first text after the start, median", LATENCY),
    Column("speaker_p50", "correct_speaker", "p50", "s", "time to the correct speaker p50", LATENCY, True),
    Column("speaker_p95", "correct_speaker", "p95", "s", "time to the correct speaker p95", LATENCY, True),
    Column("speaker_never", "speaker_never", "ratio", "%", "turns whose speaker is never right", ACCURACY),
    *(
        Column(
            f"word_{part}", f"word_{part}", "ratio", "s", f"of a word's latency: {part}, mean", LATENCY, True
        )
        for part in ("capture", "policy", "lookahead", "queueing", "batch", "compute", "emission", "total")
    ),
    Column("churn", "churn", "ratio", "%", "shown words taken back, of final words", STABILITY),
    Column("flicker", "flicker", "ratio", "/min", "changes of a label, a minute of speech", STABILITY),
    Column("relabelled", "relabelled", "ratio", "%", "final speech relabelled later", STABILITY),
    Column("rtf", "rtf", "ratio", "×", "RTF: time over audio", COST),
    Column("cpu", "cpu", "ratio", "×", "processor time over audio", COST),
    Column("rss", "rss", "largest", "MB", "memory of the process, largest", COST),
    Column("vram", "vram", "largest", "MB", "memory of the GPU, largest", COST),
    Column("joules", "joules", "ratio", "J/h", "energy of the GPU, an hour of audio", COST),
)


BY_NAME = {column.name: column for column in COLUMNS}


def shown(value: float | None, unit: Unit) -> str:
    """As a person reads it."""
    return "–" if value is None else f"{figure(value, unit)} {unit}"


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
