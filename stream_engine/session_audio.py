"""Where a session's audio comes from: a store that is there already, or ffmpeg and a store that it fills."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from anyio import to_thread
from numpy.typing import NDArray

from operators.audio.intake import Intake
from operators.audio.separate import Separate
from operators.speech.channels import channel_of
from stream_engine.clock import RATE
from stream_engine.device import choose
from stream_engine.events import Spoken
from stream_engine.ffmpeg import Decoder
from stream_engine.inputs import Input
from stream_engine.options import Options
from stream_engine.pcm_cache import NewStore, PcmCache
from stream_engine.store import PcmStore
from stream_engine.store_header import StoreHeader

AHEAD = 60 * RATE  # how far a file is decoded ahead of the graph


@dataclass
class SessionAudio:
    """A store that is complete, or one with the decoder and the operator that fill it."""

    store: PcmStore
    live: bool  # comes at life speed: intake never waits
    decoder: Decoder | None = None
    intake: Intake | Separate | None = None
    resample: str = ""
    pace: float | None = None

    @property
    def header(self) -> StoreHeader | None:
        """What is known of a store that is complete and kept."""
        return self.store.header

    @property
    def damage(self) -> str | None:
        if self.decoder is not None:
            return self.decoder.report.damage if self.decoder.report else None
        return self.header.damage if self.header else None

    @property
    def health(self) -> dict[str, float | int | None]:
        if self.intake is not None:
            return self.intake.health
        return self.header.health if self.header else {}

    @property
    def promised_s(self) -> float | None:
        return self.decoder.promised_s if self.decoder else self.store.frames / RATE

    def samples(self, spoken: Spoken) -> NDArray[np.float32]:
        """What was spoken, [frames], as far as there is any: an event may end within the last millisecond.

        Where the channels are apart, the channel of its speaker.
        """
        samples = self.store.view(spoken.start, min(spoken.end, self.store.frames))
        if samples.ndim == 1:
            return samples
        return np.ascontiguousarray(samples[:, channel_of(spoken.speaker)])

    def interval(self, start: int, end: int) -> NDArray[np.float32]:
        """Any stretch, as far as there is any: [frames] or, where channels are apart, [frames, channels]."""
        return self.store.view(start, min(end, self.store.frames))

    async def keep(self) -> StoreHeader | None:
        """Makes a store that was decoded to its end visible to later runs."""
        if not isinstance(self.store, NewStore) or self.decoder is None or self.decoder.report is None:
            return self.header
        keep = partial(
            self.store.keep,
            resample=self.resample,
            promised_s=self.decoder.report.promised_s,
            damage=self.damage,
            health=self.health,
        )
        return await to_thread.run_sync(keep)


def cache_of(options: Options) -> PcmCache:
    """The PCM stores that the options speak of."""
    return PcmCache(Path(options.cache) if options.cache else None, keep=not options.no_cache)


@asynccontextmanager
async def session_audio(source: Input, options: Options) -> AsyncGenerator[SessionAudio]:
    """Finds the decoded audio of this input, or starts to decode it.

    Raises:
        InputError: it cannot be read, or holds no audio.
        BackendError: there is no ffmpeg, or not the device that was asked for.
        StorageError: there is no room for the store.
    """
    cache = cache_of(options)
    resample, device = resampler(options)
    apart = options.diarizer == "channels"
    kind = f"{resample}, channels apart" if apart else resample
    live = source.live or options.pace is not None
    if options.pace is None:
        found = await to_thread.run_sync(partial(cache.find, source, resample=kind))
        if found is not None:
            with found:
                yield SessionAudio(found, live)
            return
    decoding = Decoder(
        source,
        resample=resample == "ffmpeg",
        mix=not apart,
        stall_timeout_s=options.stall_timeout,
        reconnect=options.reconnect,
    )
    async with decoding as decoder:
        ahead = None if live else AHEAD
        create = partial(
            cache.create,
            source,
            expected_s=decoder.promised_s,
            channels=decoder.channels if apart else 1,
            ahead=ahead,
            resample=None if live else kind,
        )
        with create() as store:
            await decoder.go_on_from(store)
            store.gaps = decoder.gaps
            intake = Separate(device=device) if apart else Intake(device=device)
            yield SessionAudio(store, live, decoder, intake, kind, options.pace)


def resampler(options: Options) -> tuple[str, str]:
    """Who resamples, `ffmpeg` or `device`, and on which device.

    Raises:
        BackendError: the named device is not there.
    """
    device = choose(options.device).name
    who = options.resample
    if who == "auto":
        who = "ffmpeg" if device == "cpu" else "device"
    if (who, device) == ("device", "cpu"):
        import torch

        torch.set_num_threads(1)  # beside busy cores a second thread made convolutions 3 to 110 x slower
    return who, device
