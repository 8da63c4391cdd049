"""Decoding an input into the PCM store: the intake of a session, and all of `ingest`.

ffmpeg ─► (pace) ─► intake operator: health, down-mix, resample ─► store
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Protocol

import msgspec
from anyio import to_thread

from stream_engine.events import Chunk, SourceChunk
from stream_engine.ffmpeg import Decoder, DecodeReport
from stream_engine.inputs import Input
from stream_engine.operator import Operator
from stream_engine.pace import paced
from stream_engine.pcm_cache import NewStore, PcmCache

Health = dict[str, float | int | None]

INGEST_BLOCK_S = 16.0  # nobody waits for the first of it: fewer, longer calls cost a quarter less


class Intake(Operator[SourceChunk, Chunk], Protocol):
    """From what ffmpeg delivers to the session's audio; `health` is what was measured on the way."""

    @property
    def health(self) -> Health: ...


class Ingested(msgspec.Struct, frozen=True):
    """What `ingest` did for one input."""

    source: str
    frames: int  # at 16 kHz
    hit: bool  # found in the store: nothing was decoded
    damage: str | None
    health: Health
    wall_s: float


async def fill(
    decoder: Decoder, intake: Intake, store: NewStore, *, resample: str, pace: float | None = None
) -> DecodeReport:
    """Decodes all of `decoder` into `store`, and leaves it complete and, where the cache keeps, published.

    Cancelled, it leaves the store as far as it came, and its owner finishes it (a stop) or closes it.

    Raises:
        InputError: no audio came.
        StorageError: the disk is full.
    """
    store.gaps = decoder.gaps
    async for chunk in paced(decoder, pace):
        await store.room()
        for out in intake.feed(chunk):
            store.append(out.samples)
    for out in intake.flush():
        store.append(out.samples)
    report = decoder.report
    assert report is not None
    store.finish()

    def publish() -> None:
        store.keep(
            resample=resample, promised_s=report.promised_s, damage=report.damage, health=intake.health
        )

    await to_thread.run_sync(publish)
    return report


async def ingest(
    source: Input, cache: PcmCache, make_intake: Callable[[], Intake], *, resample: str = "ffmpeg"
) -> Ingested:
    """Decodes `source` into the cache as fast as it goes; a hit decodes nothing.

    Raises:
        InputError, BackendError, StorageError: as `Decoder`, `PcmCache.create` and `fill` say.
    """
    began = time.perf_counter()
    source.check()
    found = await to_thread.run_sync(partial(cache.find, source, resample=resample))
    if found is not None:
        with found:
            header = found.header
            assert header is not None
            wall_s = time.perf_counter() - began
            return Ingested(source.shown, found.frames, True, header.damage, header.health, wall_s)
    intake = make_intake()
    async with Decoder(source, resample=resample == "ffmpeg", block_s=INGEST_BLOCK_S) as decoder:
        with cache.create(source, expected_s=decoder.promised_s, resample=resample) as store:
            await decoder.go_on_from(store)
            report = await fill(decoder, intake, store, resample=resample)
            wall_s = time.perf_counter() - began
            return Ingested(source.shown, store.frames, False, report.damage, intake.health, wall_s)
