"""The same steps by our operators, as the file is decoded: silence, level, the chain; chunks of 10 s."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

from benches.signal_chain import RATE, delivered
from operators.audio.normalise import Normalise
from operators.audio.signal_chain import SignalChain
from operators.audio.silence import SilenceDetector
from operators.audio.stft import Stft
from operators.audio.tensor_chunks import TensorChunk
from stream_engine.events import Chunk
from stream_engine.operator import chain


def main(path: Path) -> None:
    torch.set_num_threads(1)
    silence, level, even = SilenceDetector(), Normalise(), chain(Stft(), SignalChain())
    silences = at = 0
    for samples in delivered(path, RATE, 1):
        chunk = TensorChunk(at, torch.from_numpy(samples[:, 0]))
        silences += sum(1 for _ in silence.feed(chunk))
        for item in level.feed(chunk):
            for out in even.feed(Chunk(item.start, np.asarray(item.samples))):
                say(out)
        at += len(samples)
    silences += sum(1 for _ in silence.flush())
    for item in level.flush():
        for out in even.feed(Chunk(item.start, np.asarray(item.samples))):
            say(out)
    for out in even.flush():
        say(out)


def say(chunk: Chunk) -> None:
    print(json.dumps({"kind": "audio", "samples": len(chunk.samples)}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
