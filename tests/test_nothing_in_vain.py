"""What is not needed is not read, asked, imported or done twice."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

import stream_engine
from operators.audio.intake import Intake
from operators.timeline import conversation
from sinks import formats
from sinks.event_log import EventLog
from stream_engine import cache_root
from stream_engine.barrier import Barrier
from stream_engine.checkpoint import CHECKPOINT, Checkpoint
from stream_engine.events import SCHEMA, Segment, SessionEnd, SessionStart
from stream_engine.ingest import ingest
from stream_engine.inputs import Input
from stream_engine.pcm_cache import PcmCache
from stream_engine.testing import run
from tests.decoding import sine
from tests.speech import CALL

_hooked: list[bool] = []  # a hook stays as long as the process
_watched: list[set[Path]] = []


@contextmanager
def opened() -> Generator[set[Path]]:
    """Collects the files that the block opens."""
    if not _hooked:
        sys.addaudithook(lambda event, given: event == "open" and _opened(given[0]))
        _hooked.append(True)
    files: set[Path] = set()
    _watched.append(files)
    try:
        yield files
    finally:
        _watched.clear()


def _opened(path: object) -> None:
    for files in _watched:
        if isinstance(path, str | Path):
            files.add(Path(path))


def test_a_finished_session_and_its_counts_are_known_without_a_look_at_any_event(tmp_path: Path) -> None:
    options: dict[str, Any] = {"asr": "none", "diarizer": "none", "analytics": "sounds", "no_cache": True}
    first = stream_engine.transcribe(CALL, out=tmp_path, **options)
    (first.folder / "events.jsonl").write_bytes(b"this is no event\n")
    with opened() as files:
        again = stream_engine.transcribe(CALL, out=tmp_path, **options)
    assert first.folder / "manifest.json" in files
    assert first.folder / "events.jsonl" not in files
    assert (again.exit_code, again.outputs) == (first.exit_code, first.outputs)
    counts = first.performance_metrics["sounds"]["events"]
    assert counts == again.performance_metrics["sounds"]["events"] != {}
    with pytest.raises(ValueError, match="line 1"):
        list(again.events)


def test_where_to_go_on_from_is_known_without_a_look_at_any_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkpoint = Checkpoint(tmp_path / CHECKPOINT, {"input": "a"})
    checkpoint.commit(Barrier(3, 960_000), {"event log": 456, "diarization": [1, 2, 3]})
    checkpoint.close()
    with sqlite3.connect(tmp_path / CHECKPOINT) as database:
        database.execute("UPDATE states SET state = x'c1'")  # no value of msgpack begins with it
    database.close()
    tables: set[str | None] = set()
    connect = sqlite3.connect

    def watched(*given: Any, **named: Any) -> sqlite3.Connection:
        connection = connect(*given, **named)
        connection.set_authorizer(
            lambda what, table, *_: (what == sqlite3.SQLITE_READ and tables.add(table)) or 0
        )
        return connection

    monkeypatch.setattr(sqlite3, "connect", watched)
    again = Checkpoint(tmp_path / CHECKPOINT, {"input": "a"})
    assert (again.number, again.position, again.log_bytes) == (3, 960_000, 456)
    assert tables & {"header", "cut", "states", "segments"} == {"header", "cut"}
    with pytest.raises(msgspec.DecodeError):
        again.state("diarization", list)
    again.close()


async def test_after_a_hit_no_further_folder_is_asked(tmp_path: Path) -> None:
    source = Input.parse(str(sine(tmp_path / "a.wav")))
    mine, other = tmp_path / "mine", tmp_path / "other"
    await ingest(source, PcmCache(mine), Intake)
    other.mkdir()
    cache = PcmCache(Path(os.pathsep.join(map(str, (mine, other)))))
    found = cache.find(source, resample="ffmpeg")
    assert found is not None
    found.close()
    assert mine in cache_root._answered
    assert other not in cache_root._answered | cache_root._silent
    assert cache.find(Input.parse(str(sine(tmp_path / "b.wav", seconds=3))), resample="ffmpeg") is None
    assert other in cache_root._answered


def test_a_checkpoint_is_one_database_of_one_size_however_often_it_is_written(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / CHECKPOINT, {"input": "a"})
    seen: list[tuple[list[str], int]] = []
    for number in range(1, 901):
        checkpoint.commit(Barrier(number, number * 16), {"event log": number, "a": bytes(20_000)})
        if number in (300, 900):
            files = sorted(tmp_path.iterdir())
            seen.append(([path.name for path in files], sum(path.stat().st_size for path in files)))
    checkpoint.close()
    (names, size), (later_names, later) = seen
    assert names == later_names
    assert later <= 1.1 * size


def test_renderers_that_are_off_bring_in_none_of_their_libraries(tmp_path: Path) -> None:
    log = EventLog(path=tmp_path / "events.jsonl")
    log.write(SessionStart(schema=SCHEMA, source="a", recogniser="none", diarizer="none"))
    log.write(SessionEnd(duration=0))
    log.commit()
    heavy = {"weasyprint", "matplotlib", "jinja2", "pyarrow", "torch"}
    code = (
        "import sys; from pathlib import Path; from sinks.documents import write_documents\n"
        f"write_documents(Path({str(tmp_path)!r}), formats=('srt',))\n"
        f"there = {{name for name in sys.modules if name.split('.')[0] in {heavy!r}}}\n"
        "there |= {name for name in sys.modules if name.startswith('sinks.report')}\n"
        "assert not there, there"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(formats.__file__).parents[1])
    assert (tmp_path / "transcript.srt").exists()


def test_the_plots_of_a_report_leave_no_list_of_fonts_behind(tmp_path: Path) -> None:
    code = (
        "import os, sys; from sinks.report.plots import latency_parts; from sinks.word_latency import Part\n"
        "assert 'matplotlib' not in sys.modules\n"
        "assert latency_parts([Part('compute', 'computing', 1, 1.0, 1.0, 1.0, 1.0)], lambda name: '#000')\n"
        "assert 'matplotlib' in sys.modules and 'MPLCONFIGDIR' not in os.environ\n"
    )
    (home := tmp_path / "home").mkdir()
    (temporary := tmp_path / "temporary").mkdir()
    unlike = {"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "MPLCONFIGDIR"}
    env = {name: value for name, value in os.environ.items() if name not in unlike}
    env |= {"HOME": str(home), "TMPDIR": str(temporary)}
    repository = Path(formats.__file__).parents[1]
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, cwd=repository, env=env)
    assert [*home.rglob("*"), *temporary.rglob("*")] == []


def test_each_text_is_split_into_words_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    split = conversation.spoken_words

    def counted(text: str, **options: Any) -> list[str]:
        asked.append(text)
        return split(text, **options)

    monkeypatch.setattr(conversation, "spoken_words", counted)
    texts = [f"the garden wants water number {number}" for number in range(60)]
    said = [
        Segment(id=id, revision=0, final=True, start=id * 160_000, end=id * 160_000 + 32_000, speaker="A",
                text=text, words=None)
        for id, text in enumerate(texts)
    ]  # fmt: skip
    figures = run(conversation.Conversation(every_s=5), said)
    assert len(figures) > 60
    assert figures[-1].conversation.topic_coherence is not None
    assert asked == texts
