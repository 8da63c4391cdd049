"""A part of a pipeline that wants to end the program ends its pipeline, and never hangs it."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import anyio
from stream_engine.pipeline import Pipeline

def leave(*given):
    raise {error}

class Operator:
    def feed(self, item):
        if item == 3:
            leave()
        yield item
    def flush(self):
        return iter(())

class Sink:
    def write(self, item):
        if item == 3 and {part!r} == "sink":
            leave()
    def commit(self):
        print("committed")
    def discard(self):
        print("discarded")

async def numbers():
    for number in range(100_000):
        yield number
        await anyio.sleep(0.001)
    leave()

async def beside():
    await anyio.sleep(0.05)
    leave()

async def main():
    async with Pipeline.run() as pipeline:
        limiter = anyio.CapacityLimiter(2)
        items = pipeline.source("numbers", numbers())
        if {part!r} == "inline":
            items = pipeline.stage("inline", Operator(), items)
        if {part!r} == "device":
            items = pipeline.stage("device", Operator(), items, limiter=limiter)
        if {part!r} == "workers":
            items = pipeline.workers("workers", leave, items, count=2, limiter=limiter)
        if {part!r} == "beside":
            pipeline.background(beside)
        pipeline.sink("sink", Sink(), items)

try:
    anyio.run(main)
except BaseException as error:
    print(type(error).__name__, error)
"""


@pytest.mark.parametrize("part", ["inline", "device", "workers", "beside", "sink"])
@pytest.mark.parametrize("error", ["SystemExit(1)", "KeyboardInterrupt", "GeneratorExit"])
def test_a_part_that_leaves_ends_the_pipeline_and_its_threads(part: str, error: str) -> None:
    program = PROGRAM.format(part=part, error=error)
    command = [sys.executable, "-c", program]
    run = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False)
    assert run.returncode == 0, run.stderr
    discarded, raised = run.stdout.splitlines()
    assert discarded == "discarded"
    name = {"beside": "background"}.get(part, part)
    said = {
        "SystemExit(1)": f"RuntimeError stage {name!r} wanted to end the program: SystemExit(1)",
        "KeyboardInterrupt": "KeyboardInterrupt ",
        "GeneratorExit": "GeneratorExit ",
    }
    assert raised == said[error]
