"""Voice activity: the Silero v6 network on the session's audio, one probability per 32 ms.

The weights are Silero VAD v6 (MIT), in the form that the package faster-whisper ships. The session is run
here rather than through that package: its wrapper knows no carried state, and writes into its input.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from operators.audio.downmix import mixed
from operators.speech.vad_flips import VadFlips
from stream_engine.clock import MILLISECOND
from stream_engine.errors import BackendError
from stream_engine.events import Chunk, VoiceActivity, Watermark
from stream_engine.operator import Operator
from stream_engine.state import Array

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

SOURCE = "voice_activity"
FRAME = 512  # samples that one probability stands for
CONTEXT = 64  # samples before a frame that the network sees too
UNITS = 128
BATCH = 1024  # frames in one call: bounds the memory for a chunk of any size

_Outputs = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]


class VoiceActivityState(msgspec.Struct, frozen=True):
    """What goes from one chunk to the next."""

    hidden: Array  # [1, 1, 128], float32
    cell: Array  # [1, 1, 128], float32
    held: Array  # [64 + n], float32: context, then the n < 512 samples of an unfinished frame
    start: int | None = None  # where the unfinished frame begins
    flips: VadFlips = msgspec.field(default_factory=VadFlips)


class VoiceActivityDetector(Operator[Chunk, VoiceActivity | Watermark]):
    """Speech probabilities of all whole frames of a chunk, and a watermark behind them.

    The values are the same, bit for bit, however the audio is chunked. The last, partial frame is filled
    up with zeros; the last watermark is where the audio ends. Lookahead: none beyond the frame itself.
    """

    def __init__(self, *, session: InferenceSession, state: VoiceActivityState | None = None) -> None:
        self._session = session
        if state is None:
            zeros = Array.of(np.zeros((1, 1, UNITS), np.float32))
            state = VoiceActivityState(zeros, zeros, Array.of(np.zeros(CONTEXT, np.float32)))
        self._hidden, self._cell = state.hidden.numpy(), state.cell.numpy()
        self._held = state.held.numpy()
        self._start = state.start
        self.flips = msgspec.structs.replace(state.flips)  # between speech and silence, so far

    @property
    def state(self) -> VoiceActivityState:
        return VoiceActivityState(
            Array.of(self._hidden),
            Array.of(self._cell),
            Array.of(self._held),
            self._start,
            msgspec.structs.replace(self.flips),
        )

    def feed(self, item: Chunk, /) -> Iterator[VoiceActivity | Watermark]:
        if self._start is None:
            self._start = item.start
        samples = item.samples if item.samples.ndim == 1 else mixed(item.samples)
        self._held = np.concatenate((self._held, samples))
        yield from self._frames()

    def flush(self) -> Iterator[VoiceActivity | Watermark]:
        partial = len(self._held) - CONTEXT
        if partial and self._start is not None:
            end = self._start + partial
            self._held = np.pad(self._held, (0, FRAME - partial))
            frame, _ = self._frames()
            yield frame
            yield Watermark(source=SOURCE, at=end // MILLISECOND * MILLISECOND)

    def _frames(self) -> Iterator[VoiceActivity | Watermark]:
        count = (len(self._held) - CONTEXT) // FRAME
        if not count or self._start is None:
            return
        windows = np.lib.stride_tricks.sliding_window_view(self._held, CONTEXT + FRAME)[::FRAME]
        probabilities: list[float] = []
        for first in range(0, count, BATCH):
            batch = np.ascontiguousarray(windows[first : first + BATCH])  # [frames, 576], float32
            inputs = {"input": batch, "h": self._hidden, "c": self._cell}
            found, self._hidden, self._cell = cast("_Outputs", self._session.run(None, inputs))
            probabilities.extend(found.reshape(-1).tolist())
        self.flips.add(probabilities, FRAME)
        yield VoiceActivity(start=self._start, hop=FRAME, probabilities=tuple(probabilities))
        self._start += count * FRAME
        self._held = self._held[count * FRAME :].copy()
        yield Watermark(source=SOURCE, at=self._start)


def load_silero() -> InferenceSession:
    """The network, ready to run on one thread of the CPU.

    Raises:
        BackendError: the package that carries the weights is not installed, or is another version.
    """
    import onnxruntime

    package = find_spec("faster_whisper")  # finds it, and runs none of it
    folder = Path(package.origin).parent if package and package.origin else None
    weights = folder / "assets" / "silero_vad_v6.onnx" if folder else None
    if weights is None or not weights.is_file():
        message = "voice activity: silero_vad_v6.onnx is missing; install faster-whisper>=1.2.1"
        raise BackendError(message)
    options = onnxruntime.SessionOptions()
    options.inter_op_num_threads = 1
    options.intra_op_num_threads = 1
    options.enable_cpu_mem_arena = False
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(str(weights), options, providers=["CPUExecutionProvider"])
