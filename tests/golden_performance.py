"""A pipeline on a clock that is told the time, and the golden files of the three formats.

python -m tests.golden_performance        # writes tests/golden/performance again: look at the difference
"""

from __future__ import annotations

import io
import json
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from stream_engine.performance import GPUMonitor, PerformanceLogger
from stream_engine.performance.instruments import Instruments
from stream_engine.tracer import Tracer

GOLDEN = Path(__file__).parent / "golden" / "performance"
START = datetime(2026, 11, 20, 9, 30, 0, tzinfo=UTC)


class Machine:
    """Time, memory and processor time that go as they are told."""

    def __init__(self, start: datetime = START + timedelta(days=1)) -> None:
        self.start = start
        self.now_ns = 0
        self.cpu_ns = 0
        self.memory = 100.0

    def spend(self, seconds: float, *, cpu: float = 0.0, memory: float = 0.0) -> None:
        self.now_ns += round(seconds * 1e9)
        self.cpu_ns += round(cpu * 1e9)
        self.memory += memory

    @property
    def instruments(self) -> Instruments:
        return Instruments(
            now=lambda: self.start.timestamp() + self.now_ns / 1e9,
            local=lambda at: datetime.fromtimestamp(round(at, 6), UTC),
            memory_mb=lambda: self.memory,
            thread_cpu=lambda: self.cpu_ns,
            process_cpu=lambda: self.cpu_ns,
        )

    def logger(
        self,
        folder: Path,
        *,
        name: str = "Transcription",
        gpu: GPUMonitor | None = None,
        verbose: bool = True,
    ) -> tuple[PerformanceLogger, io.StringIO]:
        """A logger that reads this machine, and what it says."""
        said = io.StringIO()
        logger = PerformanceLogger(
            name=name,
            output_dir=folder,
            enable_gpu_monitoring=gpu is not None,
            verbose=verbose,
            tracer=Tracer(clock=lambda: self.now_ns),
            gpu=gpu,
            instruments=self.instruments,
            stream=said,
        )
        return logger, said


def run(folder: Path) -> tuple[PerformanceLogger, str]:
    """The usage example, with 0.2 s of silence removal, and so on."""
    machine = Machine(START)
    logger, said = machine.logger(folder)
    logger.start_pipeline()
    machine.spend(0.05)
    logger.start_stage("Preprocessing")
    with logger.subprocess("silence removal", {"threshold_db": -40}):
        machine.spend(0.105, cpu=0.1, memory=2.0)
    with logger.subprocess("resampling", {"from_hz": 44100, "to_hz": 16000}):
        machine.spend(0.5, cpu=0.5, memory=10.0)
    machine.spend(0.02)
    logger.end_stage("Preprocessing")
    logger.start_stage("ASR")
    with logger.subprocess("upload"):
        machine.spend(0.3, memory=-1.0)
    for part in range(3):
        with logger.subprocess("processing", {"part": part}):
            machine.spend(0.7, cpu=0.1)
    logger.record_subprocess("decoding of the answer", 0.1, {"bytes": 812})
    logger.end_stage("ASR")
    logger.record_timing("first text", 1.234)
    logger.log("12 segments")
    machine.spend(0.025)
    logger.end_pipeline()
    return logger, said.getvalue()


def formats(folder: Path) -> dict[str, str]:
    """The three formats, without what is of this machine."""
    logger, said = run(folder)
    found = json.loads((folder / f"performance_{logger.session_id}.json").read_text())
    found["system_info"] = sorted(found["system_info"])
    return {
        "report.json": json.dumps(found, indent=2) + "\n",
        "report.txt": (folder / f"performance_{logger.session_id}.txt").read_text(),
        "console.txt": said,
    }


if __name__ == "__main__":
    shutil.rmtree(GOLDEN, ignore_errors=True)
    GOLDEN.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as place:
        for name, text in formats(Path(place)).items():
            (GOLDEN / name).write_text(text)
