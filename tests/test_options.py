"""Options: one source of defaults, the command line over a profile, nothing unknown."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream_engine.options import RESULT_CHANGING, Options, merged


def test_a_value_on_the_command_line_overrides_the_profile_even_when_it_is_the_default(
    tmp_path: Path,
) -> None:
    profile = tmp_path / "p.toml"
    profile.write_text('asr = "none"\nlatency = 3.0\n')
    assert merged(profile, {}).asr == "none"
    given = merged(profile, {"asr": Options().asr})
    assert (given.asr, given.latency) == (Options().asr, 3.0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('aser = "none"', "aser"),
        ('latency = "long"', "latency"),
        ("latency = -1", "latency must be above 0"),
        ("speakers = 0", "speakers must be at least 1"),
        ("speakers = 2\nmax_speakers = 3", "leave min_speakers"),
        ("min_speakers = 4\nmax_speakers = 3", "above max_speakers"),
        ("pace = nan", "pace"),
        ("not toml at all", "profile"),
    ],
)
def test_a_wrong_profile_is_refused_with_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    profile = tmp_path / "p.toml"
    profile.write_text(text)
    with pytest.raises(ValueError, match=message):
        merged(profile, {})


def test_a_profile_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere\.toml"):
        merged(tmp_path / "nowhere.toml", {})


def test_every_option_is_either_result_changing_or_not_and_none_is_forgotten() -> None:
    cosmetic = {
        "device",
        "asr_workers",
        "formats",
        "pace",
        "cache",
        "no_cache",
        "fresh",
        "offline",
        "stall_timeout",
        "reconnect",
        "checkpoint_every",
        "check_dependencies",
        "enable_performance_logging",
        "output_dir",
        "otlp",
    }
    assert set(RESULT_CHANGING) | cosmetic == set(Options.__struct_fields__)
    assert not set(RESULT_CHANGING) & cosmetic
