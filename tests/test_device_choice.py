"""One policy says where models compute: what is there and what was asked for decide, and nothing else."""

from __future__ import annotations

import os
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from stream_engine.device import choose
from stream_engine.errors import BackendError


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    """A machine with these accelerators, as torch and the system would tell of them."""
    there: set[str] = request.param
    exists = Path.exists
    monkeypatch.setattr(torch.cuda, "is_available", lambda: "cuda" in there)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: "mps" in there)
    monkeypatch.setattr(
        Path,
        "exists",
        lambda path: bool(there & {"cuda", "a driver"}) if path.name == "nvidiactl" else exists(path),
    )
    monkeypatch.setattr(os, "uname", lambda: SimpleNamespace(sysname="Darwin" if "mps" in there else "Linux"))


@pytest.mark.parametrize(
    ("machine", "asked", "name", "recognition", "precision"),
    [
        ({"cuda"}, "auto", "cuda", "cuda", "float16"),
        ({"mps"}, "auto", "mps", "cpu", "int8"),
        (set[str](), "auto", "cpu", "cpu", "int8"),
        ({"cuda"}, "cpu", "cpu", "cpu", "int8"),
        ({"cuda"}, "cuda", "cuda", "cuda", "float16"),
        ({"mps"}, "mps", "mps", "cpu", "int8"),
        ({"a driver"}, "auto", "cpu", "cpu", "int8"),  # and no GPU that torch could use
    ],
    indirect=["machine"],
)
@pytest.mark.usefixtures("machine")
def test_what_is_there_and_what_was_asked_for_decide(
    asked: str, name: str, recognition: str, precision: str
) -> None:
    found = choose(asked)
    assert (found.name, found.recognition, found.precision) == (name, recognition, precision)
    assert choose(asked, "float32").precision == "float32"
    assert found.recognisers(3) == 3
    assert found.recognisers(None) == (1 if recognition == "cuda" else max(1, (os.cpu_count() or 1) // 2))


@pytest.mark.parametrize("machine", [set[str]()], indirect=True)
@pytest.mark.parametrize("asked", ["cuda", "mps"])
@pytest.mark.usefixtures("machine")
def test_what_was_asked_for_and_is_not_there_is_refused_with_what_to_do(asked: str) -> None:
    with pytest.raises(BackendError, match=f"--device {asked}: .* choose --device cpu"):
        choose(asked)
