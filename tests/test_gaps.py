"""The clock stays true: what cannot be decoded is silence of the same length, told as a gap."""

from __future__ import annotations

import functools
import subprocess
from pathlib import Path

import anyio
import numpy as np
import pytest

import stream_engine
from operators.audio.intake import Intake
from stream_engine.events import Gap
from stream_engine.ffmpeg import Decoder
from stream_engine.ffmpeg_command import binary
from stream_engine.ingest import ingest
from stream_engine.inputs import Input
from stream_engine.pcm_cache import PcmCache
from stream_engine.topology import Gaps
from tests.hostile import encoded, ffmpeg, hurt, late_sound, lost

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


async def decoded(path: Path, *, resample: bool = True) -> tuple[np.ndarray, list[Gap], str | None]:
    async with Decoder(Input.parse(str(path)), resample=resample) as decoder:
        samples = np.concatenate([chunk.samples[:, 0] async for chunk in decoder])
    assert decoder.report is not None
    return samples, decoder.gaps, decoder.report.damage


@pytest.mark.parametrize("damage", [hurt, lost], ids=["hurt", "lost"])
@pytest.mark.parametrize("ending", ["flac", "ogg", "opus", "ts"])
def test_audio_after_damage_is_where_it_belongs(tmp_path: Path, ending: str, damage: object) -> None:
    encoded(ending)(tmp_path / f"whole.{ending}")
    damage(ending)(tmp_path / f"broken.{ending}")  # type: ignore[operator]
    whole, none, _ = anyio.run(decoded, tmp_path / f"whole.{ending}")
    broken, gaps, said = anyio.run(decoded, tmp_path / f"broken.{ending}")
    assert none == []
    assert said is not None
    assert len(broken) == pytest.approx(len(whole), abs=16)
    assert len(gaps) == 1
    assert gaps[0].start % 16 == gaps[0].end % 16 == 0
    assert not np.any(broken[gaps[0].start + 800 : gaps[0].end - 800])
    after = slice(gaps[0].end + 4000, len(whole) - 2000)
    shift = delay(whole[after], broken[after])
    assert abs(shift) <= 16, "later audio has moved by more than a millisecond"


def delay(one: np.ndarray, other: np.ndarray) -> int:
    """How many samples `other` comes later, where they are most alike."""
    correlation = np.fft.irfft(np.fft.rfft(other, 2 * len(one)) * np.fft.rfft(one, 2 * len(one)).conj())
    peak = int(correlation.argmax())
    return peak if peak < len(one) else peak - 2 * len(one)


@pytest.mark.parametrize("resample", [True, False])
@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "m4a", "ogg", "opus", "mka", "webm", "ts", "aac"])
def test_a_whole_recording_is_decoded_as_if_nobody_looked_for_gaps(
    tmp_path: Path, ending: str, resample: bool
) -> None:
    path = tmp_path / f"a.{ending}"
    encoded(ending, "-ac", "2")(path)
    samples, gaps, damage = anyio.run(functools.partial(decoded, path, resample=resample))
    to_16_khz = ["-ar", "16000", "-ac", "1", "-rematrix_maxval", "1"] if resample else []
    plain = [binary(), "-v", "quiet", "-i", path, "-map", "0:a:0", *to_16_khz, "-f", "f32le", "-"]
    expected = np.frombuffer(subprocess.run(plain, capture_output=True, check=True).stdout, np.float32)
    expected = expected if resample else expected[::2]
    assert (gaps, damage) == ([], None)
    np.testing.assert_array_equal(samples, expected)


def test_sound_that_begins_after_the_picture_keeps_the_time_of_the_video(tmp_path: Path) -> None:
    late_sound(tmp_path / "a.mkv")
    samples, gaps, damage = anyio.run(decoded, tmp_path / "a.mkv")
    assert damage is None
    assert [gap.reason for gap in gaps] == ["the sound begins later"]
    assert (gaps[0].start, gaps[0].end) == (0, pytest.approx(32_000, abs=800))
    assert not np.any(samples[: gaps[0].end - 16])
    assert np.abs(samples[gaps[0].end + 100 :]).mean() > 0.01


def test_time_stamps_that_jump_become_a_gap_and_those_that_go_back_do_not(tmp_path: Path) -> None:
    shift = "asetpts='PTS+if(gt(T,2),1.5/TB,0)-if(gt(T,3),0.7/TB,0)'"
    tone = ("-f", "lavfi", "-i", "sine=r=16000:d=5", "-af", shift, "-c:a", "pcm_s16le")
    ffmpeg(*tone, tmp_path / "a.mka")
    samples, gaps, damage = anyio.run(decoded, tmp_path / "a.mka")
    assert [gap.end - gap.start for gap in gaps] == [pytest.approx(24_000, abs=800)]
    assert gaps[0].start == pytest.approx(32_000, abs=3200)
    assert len(samples) == pytest.approx(6.5 * 16_000, abs=1600)
    assert damage is None or "lost" in damage or "could be decoded" in damage


async def test_gaps_stay_with_the_store_and_come_before_the_audio_in_which_they_are(tmp_path: Path) -> None:
    hurt("flac")(tmp_path / "a.flac")
    source, cache = Input.parse(str(tmp_path / "a.flac")), PcmCache(tmp_path / "cache")
    done = await ingest(source, cache, Intake)
    assert done.damage is not None
    store = cache.find(source, resample="ffmpeg")
    assert store is not None
    with store:
        assert store.header is not None
        gap = store.gaps[0]
        tell = Gaps(store)
        told = [(gap, chunk) async for chunk in store.follow(1600) for gap in tell.feed(chunk)]
        assert [row[0] for row in told] == store.gaps == [gap]
        assert told[0][1].start <= gap.start < told[0][1].end
        assert [gap async for chunk in store.follow(1600, start=gap.end) for gap in tell.feed(chunk)] == []


def test_a_gap_is_in_the_log_and_the_words_behind_it_keep_their_time(tmp_path: Path) -> None:
    hurt("flac")(tmp_path / "a.flac")
    result = stream_engine.transcribe(
        tmp_path / "a.flac", out=tmp_path, no_cache=True, asr="none", diarizer="none"
    )
    assert result.exit_code == 6
    gaps = [event for event in result.events if isinstance(event, Gap)]
    assert len(gaps) == 1
    assert 0 <= gaps[0].start < gaps[0].end
