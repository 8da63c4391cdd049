"""One speaker per channel: turns out of each channel's own voice activity, overlaps kept."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.speech.speech_turns import EVERY, SpeechTurns, SpeechTurnsState
from operators.speech.voice_activity import FRAME, VoiceActivityDetector, VoiceActivityState
from stream_engine.events import Chunk, Turn, Watermark
from stream_engine.state import Array

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

BLOCK = EVERY * FRAME  # samples; a watermark of each channel falls on each block
PREFIX = "CHANNEL_"


class ChannelState(msgspec.Struct, frozen=True):
    """What one channel remembers."""

    activity: VoiceActivityState
    turns: SpeechTurnsState
    settled: int


class ChannelTurnsState(msgspec.Struct, frozen=True):
    """What goes from one chunk to the next."""

    start: int  # of what is held
    held: Array  # [n < BLOCK, channels], float32
    channels: tuple[ChannelState, ...]


class _Channel:
    def __init__(self, session: InferenceSession, state: ChannelState | None) -> None:
        self.activity = VoiceActivityDetector(session=session, state=state.activity if state else None)
        self.turns = SpeechTurns(state=state.turns if state else None)
        self.settled = state.settled if state else 0

    @property
    def state(self) -> ChannelState:
        return ChannelState(self.activity.state, self.turns.state, self.settled)


class ChannelTurns:
    """Multi-channel audio to final turns of `CHANNEL_1`, `CHANNEL_2`, ...; nobody is ever relabelled.

    The channels are looked at block by block, so the order of turns does not depend on the chunks. A voice
    that leaks into another's channel is a turn there, too: microphones are taken to be apart.
    Lookahead: the pause that ends a turn (0.8 s), and a block (0.26 s).
    """

    def __init__(
        self, *, session: InferenceSession, channels: int, state: ChannelTurnsState | None = None
    ) -> None:
        of_each = state.channels if state else (None,) * channels
        if len(of_each) != channels:
            raise ValueError(f"a state of {len(of_each)} channels for audio of {channels}")
        self._channels = [_Channel(session, one) for one in of_each]
        self._start = state.start if state else 0
        self._held: NDArray[np.float32] = state.held.numpy() if state else np.zeros((0, channels), np.float32)

    @property
    def state(self) -> ChannelTurnsState:
        of_each = tuple(channel.state for channel in self._channels)
        return ChannelTurnsState(self._start, Array.of(self._held), of_each)

    def feed(self, item: Chunk, /) -> Iterator[Turn | Watermark]:
        samples = item.samples.reshape(len(item.samples), -1)
        self._held = np.concatenate((self._held, samples))
        whole = len(self._held) // BLOCK * BLOCK
        for begin, end in pairwise(range(0, whole + 1, BLOCK)):
            yield from self._block(self._held[begin:end])
        self._held = self._held[whole:].copy()

    def flush(self) -> Iterator[Turn | Watermark]:
        yield from self._block(self._held)
        for number, channel in enumerate(self._channels):
            for voice in channel.activity.flush():
                yield from self._turns(number, channel, channel.turns.feed(voice))
            yield from self._turns(number, channel, channel.turns.flush())
        end = self._start // 16 * 16
        yield Watermark(source="diarizer", at=end)

    def _block(self, block: NDArray[np.float32]) -> Iterator[Turn | Watermark]:
        before = min(channel.settled for channel in self._channels)
        for number, channel in enumerate(self._channels):
            chunk = Chunk(start=self._start, samples=block[:, number])
            for voice in channel.activity.feed(chunk):
                yield from self._turns(number, channel, channel.turns.feed(voice))
        self._start += len(block)
        settled = min(channel.settled for channel in self._channels)
        if settled > before:
            yield Watermark(source="diarizer", at=settled)

    def _turns(self, number: int, channel: _Channel, found: Iterator[Turn | Watermark]) -> Iterator[Turn]:
        for item in found:
            if isinstance(item, Watermark):
                channel.settled = item.at
            else:
                identity = item.id * len(self._channels) + number
                yield msgspec.structs.replace(item, id=identity, speaker=f"{PREFIX}{number + 1}")


def channel_of(speaker: str | None) -> int:
    """The index of the channel that a speaker is named after."""
    return int((speaker or f"{PREFIX}1").removeprefix(PREFIX)) - 1
