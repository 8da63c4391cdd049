"""diart's blocks and its streaming inference with models that read the samples: `diart_blocks.py SECONDS`."""

# ruff: noqa: E402  (what diart imports must be prepared)
from __future__ import annotations

import json
import sys
import types
import warnings

warnings.simplefilter("ignore")
try:
    import sounddevice  # noqa: F401
except OSError:  # no PortAudio on this machine: it is for microphones only
    sys.modules["sounddevice"] = types.ModuleType("sounddevice")

import numpy as np
import torch
from diart import SpeakerDiarization, SpeakerDiarizationConfig
from diart.inference import StreamingInference
from diart.models import EmbeddingModel, SegmentationModel
from diart.sources import AudioSource

from benches.peers.programs.voices_in_samples import DIRECTIONS, RATE, activity, read, told

STEP, LATENCY = 0.5, 2.0  # seconds; ours looks 1.5 s ahead, and moves by 0.5 s


class Segmentation(torch.nn.Module):
    def forward(self, audio):  # [batch, 1, samples] -> [batch, frames, voices]
        middles = np.arange(293) * 270 + 495
        return torch.from_numpy(activity(audio[:, 0].numpy(), middles))


class Embedding(torch.nn.Module):
    def forward(self, audio, weights):  # [batch, 1, samples], [batch, frames] -> [batch, dimension]
        said = read(audio[:, 0, ::16].numpy())
        frames = np.linspace(0, weights.shape[1] - 1, said.shape[1]).astype(int)
        share = np.einsum("bs,bsv->bv", weights.numpy()[:, frames], said)
        return torch.from_numpy((share @ DIRECTIONS).astype(np.float32))


class Told(AudioSource):
    def __init__(self, length: int) -> None:
        super().__init__("told", RATE)
        self.length = length

    @property
    def duration(self) -> float:
        return float(self.length)

    def read(self) -> None:
        for samples in told(self.length):
            self.stream.on_next(samples[None])
        self.stream.on_completed()

    def close(self) -> None:
        pass


def main(length: int) -> None:
    config = SpeakerDiarizationConfig(
        segmentation=SegmentationModel(Segmentation),
        embedding=EmbeddingModel(Embedding),
        step=STEP,
        latency=LATENCY,
        delta_new=0.5,  # two voices here have nothing in common, one everything
    )
    pipeline = SpeakerDiarization(config)
    inference = StreamingInference(pipeline, Told(length), do_profile=False, show_progress=False)
    seen = []

    def first(result) -> None:
        if not seen and len(result[0]):
            seen.append(True)
            print(json.dumps({"kind": "first"}), flush=True)

    inference.attach_hooks(first)
    found = inference()
    turns = [(turn.start, turn.end, who) for turn, _, who in found.itertracks(yield_label=True)]
    print(json.dumps({"kind": "turns", "turns": turns}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
