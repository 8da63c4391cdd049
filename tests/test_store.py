"""The PCM store and its cache: zero copy, back pressure, complete or absent, private, and bounded."""

from __future__ import annotations

import gc
import os
import shutil
import signal
import stat
import subprocess
import sys
import textwrap
import wave
from collections.abc import Iterator
from pathlib import Path

import anyio
import anyio.lowlevel
import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from operators.audio.intake import Intake
from stream_engine import ingest as ingest_module
from stream_engine.errors import InputError, StorageError
from stream_engine.ffmpeg import Decoder
from stream_engine.ingest import ingest
from stream_engine.inputs import Input
from stream_engine.pcm_cache import PcmCache, default_root
from stream_engine.store import PcmStore

BACKENDS = ("asyncio", "trio")


def ramp(frames: int, start: int = 0) -> NDArray[np.float32]:
    return np.arange(start, start + frames, dtype=np.float32)


def recording(path: Path, seconds: float = 2.0, seed: int = 0) -> Path:
    values = np.random.default_rng(seed).integers(-9000, 9000, int(16_000 * seconds)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16_000, 0, "NONE", ""))
        file.writeframes(values.tobytes())
    return path


@pytest.fixture
def cache(tmp_path: Path) -> PcmCache:
    return PcmCache(tmp_path / "cache")


@pytest.fixture
def store(cache: PcmCache) -> Iterator[PcmStore]:
    with cache.create(Input.parse("-")) as store:
        yield store


# --- the store -----------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(
    sizes=st.lists(st.integers(0, 3000), max_size=10),
    views=st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 1 << 20)), max_size=10),
    channels=st.integers(1, 3),
)
def test_what_was_appended_is_viewed(
    tmp_path_factory: pytest.TempPathFactory,
    sizes: list[int],
    views: list[tuple[int, int]],
    channels: int,
) -> None:
    cache = PcmCache(tmp_path_factory.getbasetemp() / "views")
    with cache.create(Input.parse("-"), channels=channels) as store:
        everything = ramp(sum(sizes) * channels).reshape(-1, channels)
        expected = everything[:, 0] if channels == 1 else everything
        for size in sizes:
            before = store.frames
            store.append(expected[before : before + size])
        for first, second in views:
            start, end = sorted((first % (store.frames + 1), second % (store.frames + 1)))
            assert np.array_equal(store.view(start, end), expected[start:end])


def test_a_view_is_read_only_and_outlives_the_store(store: PcmStore) -> None:
    store.append(ramp(5000))
    view = store.view(1000, 2000)
    assert not view.flags.writeable
    store.append(ramp(5000, 5000))
    across = store.view(4000, 6000)
    store.finish()
    store.close()
    assert np.array_equal(view, ramp(1000, 1000))
    assert np.array_equal(across, ramp(2000, 4000))
    with pytest.raises(ValueError, match="closed"):
        store.view(0, 1)


def test_a_view_of_what_is_not_written_is_refused(store: PcmStore) -> None:
    store.append(ramp(100))
    for start, end in [(0, 101), (-1, 5), (60, 50)]:
        with pytest.raises(ValueError, match="not within"):
            store.view(start, end)


def test_views_share_a_mapping_and_give_it_back(store: PcmStore) -> None:
    process = psutil.Process()
    store.append(ramp(100_000))
    before = process.num_fds()
    views = [store.view(start, start + 320) for start in range(0, 96_000, 320)]
    assert process.num_fds() <= before + 2
    views.clear()
    store.finish()
    store.close()
    gc.collect()
    assert process.num_fds() < before


def test_writing_and_reading_an_hour_costs_no_memory(store: PcmStore) -> None:
    def anonymous() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("RssAnon"))

    minute = np.random.default_rng(0).standard_normal(16_000 * 60).astype(np.float32)
    store.append(minute)
    before = anonymous()
    for _ in range(60):
        store.append(minute)
    for start in range(0, store.frames - 16_000, 16_000):
        store.view(start, start + 16_000).max()
    assert anonymous() - before < 8 * 1024


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("size", [1, 320, 1000, 7000])
def test_a_follower_gives_whole_chunks_as_the_store_grows(cache: PcmCache, backend: str, size: int) -> None:
    async def session() -> None:
        with cache.create(Input.parse("-")) as store:
            chunks: list[tuple[int, int]] = []

            async def follow() -> None:
                async for chunk in store.follow(size):
                    assert np.array_equal(chunk.samples, ramp(len(chunk.samples), chunk.start))
                    chunks.append((chunk.start, chunk.end))

            async with anyio.create_task_group() as group:
                group.start_soon(follow)
                for start in range(0, 2600, 200):
                    await anyio.lowlevel.checkpoint()
                    store.append(ramp(200, start))
                store.finish()
            expected = [(start, min(start + size, 2600)) for start in range(0, 2600, size)]
            assert chunks == expected

    anyio.run(session, backend=backend)


async def test_the_writer_may_not_run_further_ahead_than_allowed(cache: PcmCache) -> None:
    with cache.create(Input.parse("-"), ahead=1000) as store:
        follower = store.follow(100)

        async def write() -> None:
            for start in range(0, 5000, 100):
                await store.room()
                store.append(ramp(100, start))
            store.finish()

        async with anyio.create_task_group() as group:
            group.start_soon(write)
            read = 0
            async for chunk in follower:
                await anyio.wait_all_tasks_blocked()
                assert store.frames - chunk.end <= 1000
                read = chunk.end
        assert read == 5000


async def test_a_chunk_longer_than_the_allowance_does_not_lock_up(cache: PcmCache) -> None:
    with cache.create(Input.parse("-"), ahead=10) as store:

        async def write() -> None:
            for start in range(0, 500, 10):
                await store.room()
                store.append(ramp(10, start))
            store.finish()

        with anyio.fail_after(5):
            async with anyio.create_task_group() as group:
                follower = store.follow(100)
                group.start_soon(write)
                assert [chunk.end async for chunk in follower] == [100, 200, 300, 400, 500]


async def test_a_store_that_is_closed_unfinished_breaks_its_followers(cache: PcmCache) -> None:
    async def follow(store: PcmStore) -> None:
        with pytest.raises(anyio.BrokenResourceError):
            async for _ in store.follow(100):
                pass

    async with anyio.create_task_group() as group:
        with cache.create(Input.parse("-")) as store:
            group.start_soon(follow, store)
            await anyio.wait_all_tasks_blocked()


# --- the cache -----------------------------------------------------------------------------------


async def test_a_second_run_decodes_nothing(
    tmp_path: Path, cache: PcmCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = Input.parse(str(recording(tmp_path / "a.wav")))
    first = await ingest(source, cache, Intake)

    def refuse(*_: object, **__: object) -> Decoder:
        raise AssertionError("decoded again")

    monkeypatch.setattr(ingest_module, "Decoder", refuse)
    found = cache.find(source, resample="ffmpeg")
    assert found is not None
    with found:
        assert [chunk.end async for chunk in found.follow(20_000)] == [20_000, 32_000]
    second = await ingest(source, cache, Intake)
    assert (first.hit, second.hit) == (False, True)
    assert (second.frames, second.health, second.damage) == (32_000, first.health, None)
    shutil.copy(tmp_path / "a.wav", tmp_path / "elsewhere.wav")
    assert (await ingest(Input.parse(str(tmp_path / "elsewhere.wav")), cache, Intake)).hit


async def test_the_store_holds_what_ffmpeg_gives(tmp_path: Path, cache: PcmCache) -> None:
    source = Input.parse(str(recording(tmp_path / "a.wav")))
    await ingest(source, cache, Intake)
    with wave.open(str(tmp_path / "a.wav")) as file:
        values = np.frombuffer(file.readframes(1 << 20), "<i2").astype(np.float32) / 32_768
    found = cache.find(source, resample="ffmpeg")
    assert found is not None
    with found:
        assert np.array_equal(found.view(0, found.frames), values)


async def test_another_recording_or_another_way_to_resample_is_no_hit(
    tmp_path: Path, cache: PcmCache
) -> None:
    path = recording(tmp_path / "a.wav", seconds=120)
    source = Input.parse(str(path))
    await ingest(source, cache, Intake)
    assert cache.find(source, resample="device") is None
    # Same size, same head, same tail, same time: only the middle differs.
    times = path.stat().st_atime_ns, path.stat().st_mtime_ns
    with path.open("r+b") as file:
        file.seek(path.stat().st_size // 2)
        file.write(b"\1" * 1000)
    os.utime(path, ns=(times[0], times[1] + 1))
    assert cache.find(source, resample="ffmpeg") is None


async def test_damage_and_promise_are_kept_with_the_store(data: Path, cache: PcmCache) -> None:
    source = Input.parse(str(data / "broken" / "trunc_header_11s_data_4s.wav"))
    first = await ingest(source, cache, Intake)
    second = await ingest(source, cache, Intake)
    assert first.damage == second.damage == "4.0 s could be decoded of the 11.0 s that it promises"


async def test_nan_never_reaches_the_store(data: Path, cache: PcmCache) -> None:
    source = Input.parse(str(data / "broken" / "nan_inf_f32.wav"))
    done = await ingest(source, cache, Intake)
    assert done.health["nan_or_inf"] == 1610
    found = cache.find(source, resample="ffmpeg")
    assert found is not None
    with found:
        assert np.isfinite(found.view(0, found.frames)).all()


async def test_what_failed_or_was_stopped_is_not_found_later(tmp_path: Path, cache: PcmCache) -> None:
    (tmp_path / "text.wav").write_text("no audio")
    with pytest.raises(InputError):
        await ingest(Input.parse(str(tmp_path / "text.wav")), cache, Intake)
    source = Input.parse(str(recording(tmp_path / "a.wav")))
    with cache.create(source) as store:
        store.append(ramp(100))
    with cache.create(source) as store:
        store.append(ramp(100))
        store.finish()
    assert cache.find(source, resample="ffmpeg") is None
    assert list(cache.root.iterdir()) == []


async def test_an_input_that_changes_while_it_is_read_is_not_kept(tmp_path: Path, cache: PcmCache) -> None:
    source = Input.parse(str(recording(tmp_path / "a.wav")))
    with cache.create(source) as store:
        store.append(ramp(100))
        recording(tmp_path / "a.wav", seconds=3, seed=1)
        store.finish()
        assert store.keep(resample="ffmpeg", promised_s=None, damage=None, health={}) is None
    assert list(cache.root.iterdir()) == []


async def test_a_store_of_the_wrong_size_or_with_a_strange_header_is_no_hit(
    tmp_path: Path, cache: PcmCache
) -> None:
    source = Input.parse(str(recording(tmp_path / "a.wav")))
    await ingest(source, cache, Intake)
    samples = next(cache.root.glob("*.f32"))
    os.truncate(samples, 1000)
    assert cache.find(source, resample="ffmpeg") is None
    await ingest(source, cache, Intake)
    next(cache.root.glob("*.json")).write_text("{}")
    assert cache.find(source, resample="ffmpeg") is None


def test_folder_and_files_are_private(tmp_path: Path, cache: PcmCache) -> None:
    os.umask(os.umask(0))
    source = Input.parse(str(recording(tmp_path / "a.wav")))
    anyio.run(ingest, source, cache, Intake)
    assert stat.S_IMODE(cache.root.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in cache.root.iterdir()} == {0o600}


def test_live_audio_and_no_cache_leave_no_name(tmp_path: Path) -> None:
    private = PcmCache(tmp_path / "cache", keep=False)
    source = Input.parse(str(recording(tmp_path / "a.wav")))
    for cache, item in [(private, source), (PcmCache(tmp_path / "cache"), Input.parse("-"))]:
        with cache.create(item) as store:
            store.append(ramp(100))
            assert list(cache.root.iterdir()) == []
            assert np.array_equal(store.view(0, 100), ramp(100))
    anyio.run(ingest, source, private, Intake)
    assert list(private.root.iterdir()) == []


def test_the_cache_is_in_the_users_own_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_root() == Path("/somewhere/stream-engine")
    monkeypatch.setenv("XDG_CACHE_HOME", "not/absolute")
    assert default_root() == Path.home() / ".cache" / "stream-engine"


def test_above_the_cap_the_store_that_was_not_used_for_longest_goes(tmp_path: Path) -> None:
    cache = PcmCache(tmp_path / "cache", cap_bytes=300_000)  # two of three
    sources = [Input.parse(str(recording(tmp_path / f"{seed}.wav", seed=seed))) for seed in range(3)]
    for age, source in [(300, sources[0]), (200, sources[1])]:
        anyio.run(ingest, source, cache, Intake)
        newest = max(cache.root.glob("*.json"), key=lambda path: path.stat().st_mtime)
        then = newest.stat().st_mtime - age
        os.utime(newest, (then, then))
    found = cache.find(sources[0], resample="ffmpeg")  # used now
    assert found is not None
    found.close()
    anyio.run(ingest, sources[2], cache, Intake)
    kept: list[bool] = []
    for source in sources:
        found = cache.find(source, resample="ffmpeg")
        kept.append(found is not None)
        if found is not None:
            found.close()
    assert kept == [True, False, True]


def test_what_a_killed_run_left_is_swept_and_what_a_running_one_writes_is_not(
    tmp_path: Path, cache: PcmCache
) -> None:
    source = Input.parse(str(recording(tmp_path / "a.wav")))
    script = f"""
        import sys
        from stream_engine.inputs import Input
        from stream_engine.pcm_cache import PcmCache
        from pathlib import Path
        store = PcmCache(Path({str(cache.root)!r})).create(Input.parse({source.text!r}))
        print("ready", flush=True)
        sys.stdin.read()
    """
    arguments = [sys.executable, "-c", textwrap.dedent(script)]
    with subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"ready\n"
        with cache.create(source):
            assert len(list(cache.root.glob("*.part"))) == 2
        other.send_signal(signal.SIGKILL)
    assert len(list(cache.root.glob("*.part"))) == 1
    with cache.create(source):
        assert len(list(cache.root.glob("*.part"))) == 1


# --- the disk ------------------------------------------------------------------------------------


def test_a_full_disk_is_a_storage_error_and_earlier_audio_stays(tmp_path: Path) -> None:
    """A real limit: the file may not grow beyond 1 MB in a process of its own."""
    script = f"""
        import numpy as np, resource, signal
        from pathlib import Path
        from stream_engine.errors import StorageError
        from stream_engine.inputs import Input
        from stream_engine.pcm_cache import PcmCache
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, 1 << 20))
        with PcmCache(Path({str(tmp_path)!r})).create(Input.parse("-")) as store:
            try:
                while True:
                    store.append(np.full(100_000, store.frames, np.float32))
            except StorageError as error:
                assert error.exit_code == 7 and "free some space" in str(error)
            assert store.frames == 200_000, store.frames
            assert store.view(0, 200_000)[199_999] == 100_000
            print("told")
    """
    arguments = [sys.executable, "-c", textwrap.dedent(script)]
    assert subprocess.run(arguments, check=True, capture_output=True).stdout == b"told\n"


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 300 MB, of which a session may use 44."""
    folder = tmp_path / "tiny"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=300m", "tmpfs", str(folder)],
            capture_output=True,
            check=False,
        ).returncode
    )
    if not mounted:
        pytest.skip("a file system can only be mounted by root")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_session_begins_only_where_its_audio_will_fit(tmp_path: Path, tiny_disk: Path) -> None:
    source = Input.parse(str(recording(tmp_path / "a.wav", seconds=60)))
    cache = PcmCache(tiny_disk / "cache")
    with pytest.raises(StorageError, match="MB are needed"):
        cache.create(source, expected_s=3600)
    assert (await ingest(source, cache, Intake)).frames == 960_000


async def test_a_disk_that_fills_up_on_the_way_stops_ingest_and_leaves_nothing(
    tmp_path: Path, tiny_disk: Path
) -> None:
    source = Input.parse(str(recording(tmp_path / "a.wav", seconds=600)))
    (tiny_disk / "cache").mkdir()
    with cache_without_check(tiny_disk / "cache"):
        (tiny_disk / "ballast").write_bytes(bytes(280 << 20))
        with pytest.raises(StorageError, match="No space left"):
            await ingest(source, PcmCache(tiny_disk / "cache"), Intake)
    assert list((tiny_disk / "cache").iterdir()) == []


class cache_without_check:
    """Lets a session begin on a disk that is nearly full, as if another process filled it afterwards."""

    def __init__(self, _: Path) -> None:
        self.patch = pytest.MonkeyPatch()

    def __enter__(self) -> None:
        self.patch.setattr("stream_engine.cache_root.SPARE_BYTES", -(1 << 40))

    def __exit__(self, *_: object) -> None:
        self.patch.undo()


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StorageError, match="Not a directory"):
        PcmCache(tmp_path / "file" / "cache").create(Input.parse("-"))


def test_a_claim_that_the_file_is_too_small_to_keep_reserves_no_disk(tmp_path: Path, cache: PcmCache) -> None:
    source = Input.parse(str(recording(tmp_path / "a.wav")))
    with cache.create(source, expected_s=1e9) as store:
        assert store.frames == 0
