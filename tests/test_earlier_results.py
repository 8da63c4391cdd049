"""An earlier result is taken only for the same audio, options, models and schema; options have one home."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

import msgspec
import pytest

from stream_engine import __main__ as command_line
from stream_engine import results
from stream_engine.options import Options
from stream_engine.results import Results
from stream_engine.store_header import SCHEMA, StoreHeader

AUDIO = StoreHeader(
    schema=SCHEMA, frames=16_000, channels=1, resample="ffmpeg", promised_s=1.0, damage=None, health={},
    sha256="a" * 64, seen=(),
)  # fmt: skip
OPTIONS = Options().identity()
MODELS = {"recogniser": "moonshine 1", "diarizer": "community-1"}


@pytest.fixture
def kept(tmp_path: Path) -> Results:
    log = tmp_path / "events.jsonl"
    log.write_text("said\n")
    known = Results(tmp_path)
    known.keep(log, AUDIO, OPTIONS, MODELS)
    return known


def test_the_same_is_found_whatever_it_is_called(kept: Results) -> None:
    renamed = msgspec.structs.replace(AUDIO, seen=("elsewhere",))
    found = kept.find(renamed, dict(reversed(OPTIONS.items())), dict(reversed(MODELS.items())))
    assert found is not None
    assert found.read_text() == "said\n"


@pytest.mark.parametrize("name", OPTIONS)
def test_another_value_of_any_option_that_changes_results_finds_nothing(kept: Results, name: str) -> None:
    assert kept.find(AUDIO, {**OPTIONS, name: "another"}, MODELS) is None


def test_other_audio_another_model_or_another_schema_finds_nothing(
    kept: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    for other in ({"sha256": "b" * 64}, {"resample": "device"}):
        assert kept.find(msgspec.structs.replace(AUDIO, **other), OPTIONS, MODELS) is None
    assert kept.find(AUDIO, OPTIONS, {**MODELS, "recogniser": "moonshine 2"}) is None
    assert kept.find(None, OPTIONS, MODELS) is None
    assert kept.find(AUDIO, OPTIONS, MODELS) is not None
    monkeypatch.setattr(results, "SCHEMA", results.SCHEMA + 1)
    assert kept.find(AUDIO, OPTIONS, MODELS) is None


def test_the_command_line_has_every_option_and_no_default_of_its_own() -> None:
    parser = argparse.ArgumentParser()
    command_line._session_options(parser)
    assert vars(parser.parse_args([])) == {}
    offered: set[Any] = {action.dest for action in parser._actions} - {"help"}
    of_profiles_only = {"check_dependencies"}
    assert offered == set(Options.__struct_fields__) - of_profiles_only
