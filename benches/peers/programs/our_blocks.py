"""Our diarizer with models that read the samples: `our_blocks.py SECONDS`, JSON lines on stdout."""

from __future__ import annotations

import json
import sys
from itertools import chain

import numpy as np

from benches.peers.programs.voices_in_samples import DIMENSION, DIRECTIONS, RATE, activity, read, told
from operators.speech.diarization.diarizer import Diarizer
from stream_engine.clock import seconds
from stream_engine.events import Chunk, Relabel, Turn


class Segmentation:
    window, step, width = 160_000, 270, 991
    _middles = np.arange(589) * 270 + 495

    def __call__(self, windows, /):
        return activity(windows, self._middles)


class Embedding:
    dimension, shortest = DIMENSION, RATE // 4

    def __call__(self, stretches, /):
        return np.stack([read(one[::16]).mean(0).astype(np.float32) @ DIRECTIONS for one in stretches])


def main(length: int) -> None:
    diarizer = Diarizer(segmentation=Segmentation(), embedding=Embedding())
    turns, labels, at = {}, {}, 0
    for samples in chain(told(length), [None]):
        for event in diarizer.flush() if samples is None else diarizer.feed(Chunk(at, samples)):
            if isinstance(event, Turn) and event.final and event.end > event.start:
                if not turns:
                    print(json.dumps({"kind": "first"}), flush=True)
                turns[event.id], labels[event.id] = event, str(event.speaker)
            elif isinstance(event, Relabel):
                moved = event.turns or [turn for turn, label in labels.items() if label == event.speaker]
                labels |= dict.fromkeys(moved, event.to)
        at += 0 if samples is None else len(samples)
    found = [(seconds(turn.start), seconds(turn.end), labels[id]) for id, turn in turns.items()]
    print(json.dumps({"kind": "turns", "turns": found}))


if __name__ == "__main__":
    main(int(sys.argv[1]))
