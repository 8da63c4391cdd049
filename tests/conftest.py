"""What every test may rely on: the data folder, and that nothing is left behind."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import hypothesis
import psutil
import pytest

os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
os.environ["HF_HOME"] = "/nowhere"  # what somebody has fetched from the hub is no part of a test

hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def data() -> Path:
    """The folder of real speech with references; the test is skipped where it is absent."""
    if not DATA.is_dir():
        pytest.skip(f"no speech data at {DATA}")
    return DATA


@pytest.fixture(autouse=True)
def _gpu(request: pytest.FixtureRequest) -> None:
    """Skips what is marked `needs_gpu` where there is none, unless FAIL_WITHOUT_GPU is set."""
    if request.node.get_closest_marker("needs_gpu") and not os.environ.get("FAIL_WITHOUT_GPU"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("no CUDA device")


@pytest.fixture
def nothing_left_behind() -> Iterator[None]:
    """Fails the test that leaves a process, a file handle or a thread that is not idle."""
    process = psutil.Process()
    files = {entry.path for entry in process.open_files()}
    handles = process.num_fds()
    threads = _busy_threads()
    yield
    for thread in threading.enumerate():
        if thread.name == "AnyIO worker thread" or thread.name.startswith("asyncio-waitpid"):
            thread.join(5)  # the end of an event loop asks its workers to end, and does not wait
    assert not process.children(), "a process was left behind"
    assert {entry.path for entry in process.open_files()} <= files, "a file was left open"
    assert process.num_fds() <= handles, "a file handle was left open"
    assert _busy_threads() <= threads, "a thread was left behind"


def _busy_threads() -> set[str]:
    """Names of threads, save those that trio keeps for ten seconds in case it needs one again."""
    return {thread.name for thread in threading.enumerate() if not thread.name.startswith("Trio thread")}
