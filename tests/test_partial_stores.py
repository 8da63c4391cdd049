"""A decode that was cut short is gone on with, and its store is that of an uninterrupted one, to the bit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import anyio
import msgspec
import pytest

from operators.audio.intake import Intake
from stream_engine import cache_root
from stream_engine.ffmpeg import Decoder
from stream_engine.ingest import ingest
from stream_engine.inputs import Input
from stream_engine.pcm_cache import PcmCache
from stream_engine.store_blocks import BLOCK_BYTES
from stream_engine.store_header import StoreHeader
from tests.hostile import ffmpeg

pytestmark = pytest.mark.usefixtures("nothing_left_behind")

SECONDS = 90  # a block is 66 s
BLOCK_FRAMES = BLOCK_BYTES // 4


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("recordings")


def recording(folder: Path, name: str, rate: int = 44_100) -> Path:
    path = folder / f"{rate} {name}"
    if not path.exists():
        ffmpeg("-f", "lavfi", "-i", f"anoisesrc=d={SECONDS}:r={rate}:a=0.1:seed=5", "-b:a", "64k", path)
    return path


async def cut_short(path: Path, cache: PcmCache, frames: int) -> None:
    """Decodes until so much is stored, and is gone."""
    source, intake = Input.parse(str(path)), Intake()
    async with Decoder(source) as decoder:
        with cache.create(source, resample="ffmpeg") as store:
            await decoder.go_on_from(store)
            async for chunk in decoder:
                for out in intake.feed(chunk):
                    store.append(out.samples)
                if store.frames >= frames:
                    return


def stored(cache: Path) -> tuple[bytes, StoreHeader]:
    header = msgspec.json.decode(next(cache.glob("*.json")).read_bytes(), type=StoreHeader)
    return next(cache.glob("*.f32")).read_bytes(), msgspec.structs.replace(header, seen=())


@pytest.mark.parametrize("rate", [44_100, 16_000])
@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "ogg", "m4a"])
def test_a_store_that_was_cut_short_becomes_the_one_of_an_uninterrupted_run(
    recordings: Path, tmp_path: Path, ending: str, rate: int
) -> None:
    path = recording(recordings, f"a.{ending}", rate)
    cache = PcmCache(tmp_path / "cut")
    anyio.run(cut_short, path, cache, BLOCK_FRAMES + 5 * 16_000)
    assert len(list(cache.root.glob("*.partial"))) == 1
    source = Input.parse(str(path))
    anyio.run(ingest, source, cache, Intake)
    anyio.run(ingest, source, PcmCache(tmp_path / "whole"), Intake)
    assert stored(tmp_path / "cut") == stored(tmp_path / "whole")
    assert not [*cache.root.glob("*.part"), *cache.root.glob("*.partial")]


async def went_on(path: Path, cache: PcmCache) -> int:
    """How many frames the next run need not decode."""
    source = Input.parse(str(path))
    async with Decoder(source) as decoder:
        with cache.create(source, resample="ffmpeg") as store:
            await decoder.go_on_from(store)
            return store.frames


@pytest.mark.parametrize("ending", ["wav", "flac", "mp3", "ogg"])
def test_what_is_there_is_not_decoded_again(recordings: Path, tmp_path: Path, ending: str) -> None:
    path, cache = recording(recordings, f"a.{ending}"), PcmCache(tmp_path)
    anyio.run(cut_short, path, cache, BLOCK_FRAMES)
    assert anyio.run(went_on, path, cache) == BLOCK_FRAMES
    assert anyio.run(went_on, path, cache) == BLOCK_FRAMES, "a stop before the next block loses nothing"


def test_a_killed_run_leaves_what_the_next_goes_on_with(recordings: Path, tmp_path: Path) -> None:
    path = recording(recordings, "a.mp3")
    code = f"""
import anyio, os, signal
from pathlib import Path
from stream_engine.new_store import NewStore
from stream_engine.pcm_cache import PcmCache
from tests.test_partial_stores import cut_short
NewStore.close = lambda self: os.kill(os.getpid(), signal.SIGKILL)
anyio.run(cut_short, Path({str(path)!r}), PcmCache(Path({str(tmp_path)!r})), {BLOCK_FRAMES + 160_000})
"""
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert anyio.run(went_on, path, PcmCache(tmp_path)) == BLOCK_FRAMES


def test_what_is_left_is_given_up_where_it_cannot_be_trusted(recordings: Path, tmp_path: Path) -> None:
    path, cache = recording(recordings, "a.wav", 16_000), PcmCache(tmp_path)

    def run() -> None:
        anyio.run(cut_short, path, cache, BLOCK_FRAMES)

    def next_run_has() -> int:
        return anyio.run(went_on, path, cache)

    run()
    with next(tmp_path.glob("*.part")).open("r+b") as file:
        file.seek(12_345)
        file.write(b"x")
    assert next_run_has() == 0, "the disk has changed it"
    run()
    path.touch()
    assert next_run_has() == 0, "the recording was written to"
    assert cache.clear() == 0
    assert not list(tmp_path.iterdir())


def test_what_nobody_goes_on_with_goes_after_a_week(
    recordings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, cache = recording(recordings, "a.wav", 16_000), PcmCache(tmp_path)
    anyio.run(cut_short, path, cache, BLOCK_FRAMES)
    monkeypatch.setattr(cache_root, "WEEK_S", -1)
    cache.roots[0].sweep()
    assert not list(tmp_path.iterdir())


def test_a_decode_with_gaps_or_losses_is_not_gone_on_with(tmp_path: Path) -> None:
    path = recording(tmp_path, "a.flac", 16_000)
    broken = bytearray(path.read_bytes())
    broken[len(broken) // 5 : len(broken) // 5 + 9000] = bytes(9000)
    path.write_bytes(broken)
    cache = PcmCache(tmp_path / "cache")
    anyio.run(cut_short, path, cache, BLOCK_FRAMES)
    assert not list(cache.root.iterdir())
