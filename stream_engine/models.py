"""Weights as a resource: loaded at first use, once per process, shared by its sessions and files."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar, cast

import numpy as np

from operators.speech.diarization.models import Embedding, Segmentation
from operators.speech.recognition import Recogniser
from stream_engine.clock import RATE
from stream_engine.device import Device
from stream_engine.options import Options
from stream_engine.store_header import identity_of
from stream_engine.threads import import_torch_beside

T = TypeVar("T")
Counts = dict[str, dict[str, int]]  # of what, by model


class DiarizerModels(NamedTuple):
    """The two models of a diarizer."""

    segmentation: Segmentation
    embedding: Embedding
    batch: int  # windows that are worth one call
    notes: tuple[str, ...] = ()


@dataclass
class Models:
    """What was loaded so far, and how long that took."""

    load_s: dict[str, float] = field(default_factory=dict[str, float])
    warm_s: dict[str, float] = field(default_factory=dict[str, float])  # first calls, which are slower
    _loaded: dict[tuple[object, ...], Any] = field(default_factory=dict[tuple[object, ...], Any])
    _locks: dict[tuple[object, ...], threading.Lock] = field(
        default_factory=dict[tuple[object, ...], threading.Lock]
    )  # one waits while another loads the same

    def silero(self) -> Any:  # an onnxruntime session
        from operators.speech.voice_activity import load_silero

        return self.once(("voice activity",), load_silero)

    def community_1(self, device: Device) -> DiarizerModels:
        """The embedded weights: in onnxruntime on a CPU, in pyannote's torch classes on a GPU.

        Raises:
            BackendError: the package that carries them is missing.
        """

        def load() -> DiarizerModels:
            if device.name == "cpu":
                from operators.speech.diarization.community_1 import (
                    Community1Embedding,
                    Community1Segmentation,
                )

                return DiarizerModels(Community1Segmentation(), Community1Embedding(), 1)
            from operators.speech.diarization.torch_community_1 import torch_community_1

            segmentation, embedding = torch_community_1(device=device.name)
            return DiarizerModels(segmentation, embedding, segmentation.batch)

        return self.once(("community-1", device.name), load, _hear if device.name != "cpu" else None)

    def pyannote_files(self, model: str, options: Options) -> list[str]:
        """What tells the files of a pyannote checkpoint from others; fetched from the hub where need be.

        Raises:
            BackendError: it is absent or gated.
        """
        from operators.speech.diarization.pyannote_checkpoint import find
        from operators.speech.diarization.pyannote_hub import Hub

        return [identity_of(found.path) for found in find(model, Hub(offline=options.offline))]

    def pyannote(
        self, model: str, files: tuple[str, ...], device: Device, options: Options
    ) -> DiarizerModels:
        """A pyannote checkpoint: a hub id, a file or a folder; loaded anew where its `files` are others.

        Raises:
            BackendError: it is absent, gated, no such model, or not safe to open.
        """

        def load() -> DiarizerModels:
            from operators.speech.diarization.pyannote_checkpoint import load_pyannote
            from operators.speech.diarization.pyannote_hub import Hub

            _one_thread(device)
            found = load_pyannote(model, device=device.name, hub=Hub(offline=options.offline))
            notes = (
                f"diarizer pyannote:{model} ({device.name}, weights {found.digest[:8]})",
                *found.notes,
            )
            return DiarizerModels(found.segmentation, found.embedding, found.segmentation.batch, notes)

        return self.once((f"pyannote:{model}", files, device.name), load, _hear)

    def moonshine(self, options: Options) -> Recogniser:
        """The embedded recogniser.

        Raises:
            BackendError: its package is missing, or the language is not English.
        """

        def load() -> Recogniser:
            from operators.speech.moonshine import Moonshine

            return Moonshine(language=options.language)

        key = "moonshine", options.language
        return self.once(key, load, lambda found: found.transcribe([np.zeros(RATE, np.float32)]))

    def whisper_files(self, model: str, options: Options) -> list[str]:
        """What tells the files of a Whisper checkpoint from others; fetched from the hub where need be.

        Raises:
            BackendError: it is absent or gated.
        """
        from operators.speech.whisper_checkpoint import find_checkpoint

        return [identity_of(find_checkpoint(model, offline=options.offline) / "model.bin")]

    def whisper(self, model: str, files: tuple[str, ...], device: Device, options: Options) -> Recogniser:
        """A faster-whisper model: a name, a hub id or a folder; loaded anew where its `files` are others.

        Raises:
            BackendError: model, device, precision or language is missing.
        """

        def load() -> Recogniser:
            from operators.speech.whisper import Whisper

            workers = device.recognisers(options.asr_workers)
            return Whisper(
                model=model,
                device=device.recognition,
                compute_type=device.precision,
                language=options.language,
                offline=options.offline,
                prompt=options.prompt,
                threads=max(1, (os.cpu_count() or 1) // workers),
                workers=workers,
                batch=8 if device.recognition == "cpu" else 16,
            )

        given = options.language, options.prompt, options.asr_workers
        key = f"faster-whisper:{model}", files, device, *given
        return self.once(key, load, lambda found: found.transcribe([np.zeros(RATE, np.float32)]))

    def torch_beside(self) -> Callable[[], None]:
        """Begins to import torch for operators that are no models; gives what waits until it is there."""
        return import_torch_beside(lambda seconds: self.load_s.update(torch=round(seconds, 3)))

    def times(self, *, but: Collection[str]) -> dict[str, dict[str, float]]:
        """Seconds that loading and warming up took, of all models but some."""
        return {
            name: {key: value for key, value in dict(seconds).items() if key not in but}
            for name, seconds in (("load_s", self.load_s), ("warm_s", self.warm_s))
        }

    def counts(self) -> Counts:
        """How often models halved their batch, and moves between host and device, so far."""
        found: Counts = {"batches_halved": {}, "device_transfers": {}}
        for (name, *_), model in list(self._loaded.items()):
            for part in model[:2] if isinstance(model, DiarizerModels) else (model,):
                halved = getattr(getattr(part, "batches", part), "halved", 0)
                moved = getattr(part, "transfers", None)
                both = moved.to_device + moved.to_host if moved else 0
                for kind, count in (("batches_halved", halved), ("device_transfers", both)):
                    found[kind][str(name)] = found[kind].get(str(name), 0) + count
        return found

    def once(
        self, key: tuple[object, ...], load: Callable[[], T], warm: Callable[[T], object] | None = None
    ) -> T:
        """What `load` gives, at the first call; after a first use of it, `warm`, that is timed apart."""
        with self._locks.setdefault(key, threading.Lock()):
            if key not in self._loaded:
                began = time.perf_counter()
                found = load()
                loaded = time.perf_counter()
                self.load_s[str(key[0])] = round(loaded - began, 3)
                if warm is not None:
                    warm(found)
                    self.warm_s[str(key[0])] = round(time.perf_counter() - loaded, 3)
                self._loaded[key] = found
            return cast("T", self._loaded[key])


def since(before: Counts, now: Counts) -> Counts:
    """What was counted between two looks at `Models.counts`, without zeros."""
    return {
        kind: {name: more for name, count in names.items() if (more := count - before[kind].get(name, 0))}
        for kind, names in now.items()
    }


def _hear(models: DiarizerModels) -> None:
    """One window and one stretch of silence."""
    models.segmentation(np.zeros((1, models.segmentation.window), np.float32))
    models.embedding([np.zeros(2 * RATE, np.float32)])


def _one_thread(device: Device) -> None:
    """On busy cores a second thread made a window of torch 14 x slower (764 ms for 55)."""
    if device.name == "cpu":
        import torch

        torch.set_num_threads(1)
