"""Tables are what their golden files say, and other people's readers open them."""

from __future__ import annotations

import csv
import json
import os
import re
import stat
import subprocess
import sys

import duckdb
import msgspec
import pandas
import polars
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sinks.arrow import batches
from sinks.formats import Unwritten
from sinks.inert_text import plain
from sinks.labelled import LabelledLog
from sinks.legacy_csv import NAMES
from sinks.segment_table import PARTS, segment_table, write_segments_csv, write_segments_parquet
from sinks.statistics_schemas import CONVERSATION, INTERRUPTIONS, SPEAKERS, WINDOWS
from sinks.table_schemas import NESTED, TABLES, Column, markdown
from stream_engine.clock import samples
from stream_engine.events import (
    ConversationFigures,
    EnergyWindow,
    InterruptionCount,
    Relabel,
    SpeakerFigures,
)
from tests.golden_tables import (
    HOSTILE,
    WRITERS,
    golden,
    segment,
    session,
    told,
    turn,
    word,
    written,
)

LEGACY = "diarized_transcript_with_emotion.csv"


@pytest.fixture(scope="module")
def talk(tmp_path_factory):
    folder = written(tmp_path_factory.mktemp("tables") / "a talk", session())
    log = LabelledLog(folder / "events.jsonl")
    for name, write in WRITERS.items():
        write(log, folder / name)
    return folder


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file, strict=True))


# --- golden files --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", WRITERS)
def test_a_table_is_what_its_golden_file_says(talk, name):
    assert told(talk / name) == golden(name).read_bytes()


@pytest.mark.parametrize("name", WRITERS)
def test_a_second_rendering_from_a_new_reading_of_the_log_is_the_same_to_the_byte(talk, name, tmp_path):
    WRITERS[name](LabelledLog(talk / "events.jsonl"), tmp_path / name)
    if name not in (
        LEGACY,
        "conversation.csv",
    ):  # these hold the folder's name
        assert (tmp_path / name).read_bytes() == (talk / name).read_bytes()
    assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
    assert os.listdir(tmp_path) == [name]


def test_tables_of_the_same_audio_are_the_same_whenever_it_was_heard(talk, tmp_path):
    later = [msgspec.structs.replace(event, emitted_at=99.0) for event in session()]
    log = LabelledLog(written(tmp_path / "a talk", later) / "events.jsonl")
    for name, write in WRITERS.items():
        write(log, tmp_path / name)
        assert (tmp_path / name).read_bytes() == (talk / name).read_bytes()


def test_every_column_is_documented_with_its_unit(talk):
    for name in TABLES:
        found = pq.read_schema(talk / f"{name}.parquet")
        assert [field.name for field in found] == [column.name for column in TABLES[name]]
        for field, column in zip(found, TABLES[name], strict=True):
            assert field.metadata[b"meaning"].decode() == column.meaning
            assert field.nullable is column.nullable
            assert column.name.endswith(("_s", "_hz", "_db")) <= (column.unit is not None)
            assert f"| {column.name} | {column.kind} |" in markdown(TABLES[name])


def test_statistics_have_a_column_for_every_figure():
    for columns, figures in (
        (SPEAKERS, SpeakerFigures),
        (CONVERSATION[4:], ConversationFigures),
        (INTERRUPTIONS, InterruptionCount),
        (WINDOWS, EnergyWindow),
    ):
        assert [column.name for column in columns] == list(figures.__struct_fields__)


_names = st.text(st.characters(exclude_categories=["Cs"]), max_size=3)
_cells = {
    "texts": st.lists(_names),
    "scores": st.dictionaries(_names, st.floats(0, 1)),
    "flags": st.dictionaries(_names, st.booleans()),
}


@pytest.mark.parametrize("kind", _cells)
@given(data=st.data())
def test_nested_cells_come_back_as_they_went_in(kind, data):
    assert kind in NESTED
    cells = data.draw(st.lists(st.none() | _cells[kind], min_size=1, max_size=5))
    (batch,) = batches([Column("cell", kind, "")], [(cell,) for cell in cells])
    batch.validate(full=True)
    assert batch.column(0).to_pylist(maps_as_pydicts="strict") == cells


# --- other people's readers ----------------------------------------------------------------------


def test_duckdb_reads_and_joins_the_parquet_files(talk):
    def ask(query: str):
        return duckdb.sql(query.replace("DIR", str(talk))).fetchall()

    assert ask("select speaker, text, wpm from 'DIR/segments.parquet' order by start_s limit 2") == [
        ("Ann", "Hello there.", 24.0),
        ("Bo", "No, wait!", None),
    ]
    joined = "from 'DIR/segments.parquet' s join 'DIR/words.parquet' w using (segment)"
    assert ask(f"select w.text, s.speaker {joined} order by word") == [("Hello", "Ann"), ("there.", "Ann")]
    assert ask("select emotions['happy'], sounds[1].label from 'DIR/segments.parquet' limit 1") == [
        (0.75, "Typing")
    ]
    assert ask("select kind, \"to\" from 'DIR/events.parquet' where successful") == [("interruption", "Ann")]
    assert ask("select speaker from 'DIR/turns.parquet' where turn = 2") == [("Bo",)]
    texts = [text for (text,) in ask("select text from 'DIR/segments.parquet' order by start_s")]
    assert texts[2:10] == HOSTILE
    assert ask("select distinct compression from parquet_metadata('DIR/*.parquet')") == [("ZSTD",)]


def test_polars_and_pandas_read_the_parquet_files(talk):
    frame = polars.read_parquet(talk / "segments.parquet")
    assert frame["text"].to_list()[2:10] == HOSTILE
    assert frame.schema["start_s"] == polars.Float64
    assert frame["overlap_s"].sum() == 2.0
    other = pandas.read_parquet(talk / "segments.parquet")
    assert other["f0_median_hz"].iloc[0] == 210.5
    assert other["f0_median_hz"].isna().sum() == len(other) - 1


@pytest.mark.parametrize("name", [name for name in WRITERS if name.endswith(".csv")])
def test_four_readers_see_the_same_rows_and_columns_in_a_csv_file(talk, name):
    rows = rows_of(talk / name)
    relation = duckdb.sql(f"from read_csv('{talk / name}', header=true, all_varchar=true)")
    assert relation.columns == list(rows[0])
    assert [tuple(cell or "" for cell in row) for row in relation.fetchall()] == [
        tuple(row.values()) for row in rows
    ]
    frame = polars.read_csv(talk / name, infer_schema=False)
    assert [tuple(cell or "" for cell in row) for row in frame.rows()] == [
        tuple(row.values()) for row in rows
    ]
    other = pandas.read_csv(talk / name, dtype=str, keep_default_na=False)
    assert other.to_dict("records") == rows


def test_csv_cells_have_types_that_readers_infer(talk):
    frame = pandas.read_csv(talk / "segments.csv")
    assert frame["start_s"].dtype == "float64"
    assert frame["loudness_dbfs_med"].iloc[0] == -23.5
    assert frame["voice_reliable"].iloc[0] in (True, "true")
    assert json.loads(frame["emotions"].iloc[0]) == {"calm": 0.25, "happy": 0.75}
    relation = duckdb.sql(f"from '{talk / 'segments.csv'}'")
    types = dict(zip(relation.columns, relation.types, strict=True))
    assert (str(types["wpm"]), str(types["segment"]), str(types["text"])) == ("DOUBLE", "BIGINT", "VARCHAR")


def test_the_lines_of_segments_jsonl_hold_the_rows_of_the_table(talk):
    lines = [json.loads(line) for line in (talk / "segments.jsonl").read_bytes().splitlines()]
    table = pq.read_table(talk / "segments.parquet")
    assert lines == table.to_pylist(maps_as_pydicts="strict")


# --- hostile text --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", [name for name in WRITERS if name.endswith(".csv")])
def test_no_cell_is_a_formula_or_holds_a_control_character(talk, name):
    written = (talk / name).read_bytes().decode()
    assert not re.search("[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ufeff]", written)
    assert written.count("\r\n") == written.count("\n") == len(rows_of(talk / name)) + 1
    for row in rows_of(talk / name):
        for cell in row.values():
            assert not re.match(r"\s*[=+@＝＋－＠]", cell)
            assert not cell.startswith("-") or float(cell) < 0


def test_hostile_text_is_all_there_and_on_its_own_row(talk):
    texts = [row["text"].removeprefix("'") for row in rows_of(talk / "segments.csv")]
    assert texts[2:10] == [plain(text) for text in HOSTILE]
    legacy = [row["text"].removeprefix("'") for row in rows_of(talk / LEGACY)]
    assert legacy == [text for text in texts if text]


# --- what is in them -----------------------------------------------------------------------------


def test_the_legacy_table_has_the_39_columns_and_invents_nothing(talk):
    first, second, third, *_ = rows_of(talk / LEGACY)
    assert list(first) == list(NAMES)
    assert len(first) == 39
    assert [*first][:6] == ["file_id", "start", "end", "speaker_id", "speaker_name", "text"]
    assert [*first][-5:-1] == ["vq_jitter_pct", "vq_shimmer_db", "vq_hnr_db", "vq_cpps_db"]
    assert (first["f0_mean_hz"], first["f0_std_hz"], first["loudness_rms"]) == ("210.5", "20.25", "-23.5")
    assert first["disfluency_count"] == "3"
    assert first["snr_db_sed"] == "23.1"  # 35 - 35 * (0.5 * 2/5 + 0.5 * 2 * 0.7 / 5)
    assert second["error_flags"] == "too short; no voice"
    known = "file_id start end speaker_id speaker_name text duration_s words snr_db noise_tag".split()
    assert {name for name, cell in third.items() if cell} == set(known)


def test_overlap_and_interruptions_stand_with_the_segments(talk):
    first, second, third, *_ = pq.read_table(talk / "segments.parquet").to_pylist()
    assert (first["overlap_s"], first["overlap_with"], first["interrupted_by"]) == (1.0, ["Bo"], ["Bo"])
    assert (second["overlap_s"], second["interrupts"], second["interrupted_by"]) == (1.0, ["Ann"], [])
    assert (third["overlap_s"], third["overlap_with"]) == (0.0, [])


def test_a_relabel_reaches_every_table(tmp_path):
    said = segment(1, 0, 2, "A", "hi", 1, words=(word(0, 2, "hi", 0.5, ("A", 1)),))
    folder = written(tmp_path / "s", [turn(1, 0, 2, "A"), said, Relabel(to="B", as_of=0, turns=(1,))])
    log = LabelledLog(folder / "events.jsonl")
    for name in ("segments.parquet", "turns.parquet", "words.parquet"):
        WRITERS[name](log, folder / name)
        assert pq.read_table(folder / name)["speaker"].to_pylist() == ["B"]


def test_only_the_last_revision_is_in_the_table_and_order_is_by_time(tmp_path):
    late = segment(1, 5, 6, "A", "draft")
    better = msgspec.structs.replace(late, revision=1, text="good")
    unfinished = msgspec.structs.replace(late, id=9, final=False)
    folder = written(tmp_path / "s", [late, segment(2, 1, 2, "A", "first"), better, unfinished])
    write_segments_parquet(LabelledLog(folder / "events.jsonl"), folder / "t.parquet")
    assert pq.read_table(folder / "t.parquet")["text"].to_pylist() == ["first", "good"]


def test_a_session_without_segments_gives_an_empty_table_with_its_columns(tmp_path):
    folder = written(tmp_path / "s", [])
    log = LabelledLog(folder / "events.jsonl")
    for name in ("segments.parquet", "segments.csv", "words.parquet", "events.parquet", "turns.parquet"):
        WRITERS[name](log, folder / name)
    assert duckdb.sql(f"select count(*), max(start_s) from '{folder}/segments.parquet'").fetchall() == [
        (0, None)
    ]
    assert (folder / "segments.csv").read_text().startswith("segment,start_s,")
    for name in ("speakers.csv", "conversation.csv", "interruptions.csv", "windows.csv"):
        with pytest.raises(Unwritten, match="no statistics"):
            WRITERS[name](log, folder / name)


def test_no_words_table_where_the_recogniser_has_no_word_times(tmp_path):
    folder = written(tmp_path / "s", [segment(1, 0, 2, "A", "hi")])
    with pytest.raises(Unwritten, match="no word times"):
        WRITERS["words.parquet"](LabelledLog(folder / "events.jsonl"), folder / "words.parquet")
    assert os.listdir(folder) == ["events.jsonl"]


def test_windows_of_all_statistics_are_one_table(tmp_path):
    last = next(event for event in session() if type(event).__name__ == "Statistics")
    early = msgspec.structs.replace(last, final=False, at=samples(12))
    folder = written(tmp_path / "s", [early, last])
    WRITERS["windows.csv"](LabelledLog(folder / "events.jsonl"), folder / "windows.csv")
    assert len(rows_of(folder / "windows.csv")) == 2


def test_the_log_is_gone_over_once_for_all_formats(talk, monkeypatch):
    import sinks.segment_table

    calls = []
    rows = sinks.segment_table.segment_rows
    monkeypatch.setattr(sinks.segment_table, "segment_rows", lambda log: calls.append(log) or rows(log))
    log = LabelledLog(talk / "events.jsonl")
    for name in (
        "segments.csv",
        "segments.jsonl",
        "segments.parquet",
        LEGACY,
    ):
        WRITERS[name](log, talk / name)
    assert calls == [log]
    assert segment_table(log) is segment_table(log)


def test_the_spilled_table_leaves_no_file_and_the_parts_of_the_session_go(tmp_path):
    folder = written(tmp_path / "s", session())
    (folder / PARTS).mkdir()
    (folder / PARTS / "part-00001.parquet").touch()
    log = LabelledLog(folder / "events.jsonl")
    write_segments_csv(log, folder / "segments.csv")
    assert sorted(os.listdir(folder)) == ["events.jsonl", "segments.csv", PARTS]
    write_segments_parquet(log, folder / "segments.parquet")
    assert sorted(os.listdir(folder)) == ["events.jsonl", "segments.csv", "segments.parquet"]


def test_tables_are_made_without_pandas_which_still_works_afterwards():
    program = (
        "import sys; from sinks.arrow import batches, pa; from sinks.table_schemas import Column;"
        "found, = batches([Column('a', 'text', '')], [('x',), (None,)]); assert 'pandas' not in sys.modules;"
        "import pandas; print(pa.array(pandas.Series([1.0, float('nan')])).null_count);"
        "print(pa.Table.from_batches([found]).to_pandas()['a'].tolist()[0])"
    )
    told = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout
    assert told.split() == ["1", "x"]
