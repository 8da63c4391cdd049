"""Stores in several folders, and stores that the disk has changed."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from operators.audio.intake import Intake
from stream_engine import cache_root
from stream_engine.cache_root import CacheRoot
from stream_engine.errors import StorageError
from stream_engine.ingest import ingest
from stream_engine.inputs import Input
from stream_engine.pcm_cache import PcmCache
from stream_engine.store_blocks import BLOCK_BYTES, BlockDigests
from tests.decoding import sine

pytestmark = pytest.mark.usefixtures("nothing_left_behind")


@pytest.fixture
def source(tmp_path: Path) -> Input:
    return Input.parse(str(sine(tmp_path / "a.wav")))


def joined(*folders: Path) -> Path:
    return Path(os.pathsep.join(map(str, folders)))


async def test_a_store_is_found_in_any_folder_and_written_to_the_first(tmp_path: Path, source: Input) -> None:
    mine, shared = tmp_path / "mine", tmp_path / "shared"
    await ingest(source, PcmCache(shared), Intake)
    assert (await ingest(source, PcmCache(joined(mine, shared)), Intake)).hit
    assert not mine.exists()
    await ingest(
        Input.parse(str(sine(tmp_path / "b.wav", seconds=3))), PcmCache(joined(mine, shared)), Intake
    )
    assert [len(list(folder.glob("*.f32"))) for folder in (mine, shared)] == [1, 1]
    assert len(PcmCache(joined(mine, shared)).stores()) == 2


async def test_a_folder_that_cannot_be_written_is_passed_over(tmp_path: Path, source: Input) -> None:
    (tmp_path / "file").touch()
    await ingest(source, PcmCache(joined(tmp_path / "file", tmp_path / "mine")), Intake)
    assert len(list((tmp_path / "mine").glob("*.f32"))) == 1
    with pytest.raises(StorageError, match="file"):
        PcmCache(joined(tmp_path / "file", tmp_path / "file" / "below")).create(source)


def test_a_folder_that_hangs_is_waited_for_once(
    tmp_path: Path, source: Input, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.is_dir
    monkeypatch.setattr(Path, "is_dir", lambda path: time.sleep(1) or real(path))
    monkeypatch.setattr(cache_root, "PATIENCE_S", 0.1)
    cache = PcmCache(joined(tmp_path / "away", tmp_path / "also away"))
    began = time.monotonic()
    assert cache.find(source, resample="ffmpeg") is None
    asked = time.monotonic()
    assert PcmCache(joined(tmp_path / "away")).find(source, resample="ffmpeg") is None
    assert 0.2 <= asked - began < 0.8
    assert time.monotonic() - asked < 0.05
    time.sleep(1)  # the two that asked end


async def test_a_store_whose_beginning_the_disk_has_changed_is_decoded_again(
    tmp_path: Path, source: Input
) -> None:
    cache = PcmCache(tmp_path / "cache")
    await ingest(source, cache, Intake)
    hurt(next((tmp_path / "cache").glob("*.f32")), 1000)
    assert not (await ingest(source, cache, Intake)).hit
    assert (await ingest(source, cache, Intake)).hit


def hurt(path: Path, offset: int) -> None:
    with path.open("r+b") as file:
        file.seek(offset)
        byte = file.read(1)
        file.seek(offset)
        file.write(bytes([byte[0] ^ 1]))


async def test_a_store_whose_later_part_the_disk_has_changed_is_never_used_in_silence(
    tmp_path: Path, source: Input
) -> None:
    root, frames = CacheRoot(tmp_path / "cache", 1 << 40), BLOCK_BYTES // 4
    cache = PcmCache(root.path)
    with cache.create(source) as store:
        for _ in range(6):  # a block and a half
            store.append(np.random.default_rng(0).random(frames // 4, np.float32))
        store.finish()
        header = store.keep(resample="ffmpeg", promised_s=None, damage=None, health={})
    assert header is not None
    assert len(header.blocks) == 2
    hurt(next(root.path.glob("*.f32")), BLOCK_BYTES + 5000)
    found = cache.find(source, resample="ffmpeg")
    assert found is not None
    with found:
        assert len(found.view(0, frames // 4)) == frames // 4
        with pytest.raises(StorageError, match="run the same command again"):
            found.view(frames, frames + 100)
    assert cache.find(source, resample="ffmpeg") is None
    assert not list(root.path.iterdir())


def test_digests_do_not_depend_on_the_pieces_in_which_it_was_written() -> None:
    data = memoryview(np.random.default_rng(0).bytes(2 * BLOCK_BYTES + 12345))
    once, pieces = BlockDigests(), BlockDigests()
    once.update(data)
    for start in range(0, len(data), 999_999):
        pieces.update(data[start : start + 999_999])
    assert once.all() == pieces.all()
    assert len(once.all()) == 3
