"""Where the models compute, and how precisely: one policy for all operators.

    --device    precision auto     what runs there
    cuda        float16            recognition, diarization (float32), resampling
    mps         int8               diarization, resampling; CTranslate2 has no MPS: recognition on the CPU
    cpu         int8               recognition; the embedded models are as they were shipped

`auto` is the first of them that is there. Precision is that of recognition, which bears it; the
diarizer's tensors stay float32, since thresholds of its clustering were measured so.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from stream_engine.errors import BackendError

Name = Literal["cpu", "cuda", "mps"]
PRECISION = {"cuda": "float16", "mps": "int8", "cpu": "int8"}


@dataclass(frozen=True)
class Device:
    """A device that is there."""

    name: Name
    precision: str  # of recognition, as CTranslate2 calls it

    @property
    def recognition(self) -> Name:
        """Where recognition runs."""
        return "cpu" if self.name == "mps" else self.name

    def recognisers(self, asked: int | None) -> int:
        """Recognition workers: on a CPU they share the cores with diarization."""
        return asked or (1 if self.recognition != "cpu" else max(1, (os.cpu_count() or 1) // 2))


def choose(asked: str, precision: str = "auto") -> Device:
    """The device for `auto` or for a name.

    Raises:
        BackendError: the named one is not there.
    """
    name: Name = "cpu"
    if asked in ("auto", "cuda") and _cuda(asked == "cuda"):
        name = "cuda"
    elif asked in ("auto", "mps") and _mps(asked == "mps"):
        name = "mps"
    return Device(name, PRECISION[name] if precision == "auto" else precision)


def _cuda(wanted: bool) -> bool:
    there = False
    if wanted or Path("/dev/nvidiactl").exists():  # torch is not loaded only to be told no
        import torch

        there = torch.cuda.is_available()
    if wanted and not there:
        raise BackendError("--device cuda: no CUDA device is available; choose --device cpu")
    return there


def _mps(wanted: bool) -> bool:
    there = False
    if wanted or os.uname().sysname == "Darwin":
        import torch

        there = torch.backends.mps.is_available()
    if wanted and not there:
        raise BackendError("--device mps: no Apple GPU is available; choose --device cpu")
    return there
