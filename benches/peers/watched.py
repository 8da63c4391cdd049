"""A program in a process of its own: what it prints and when, its memory, its time of the processors."""

from __future__ import annotations

import json
import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parents[2]
EVERY_S = 0.1
Line = tuple[float, dict[str, Any]]  # seconds from the start of the process, what it said


class Watched:
    """Runs `command` to its end, for `limit_s`, or to the line that is `enough`; it prints JSON lines.

    `anon_mb` and `rss_mb` are the highest sums over the process and its children; `cpu_s` counts all.

    Raises:
        RuntimeError: it failed; the message ends with the last of what it said.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        limit_s: float | None = None,
        enough: Callable[[dict[str, Any]], bool] | None = None,
    ) -> None:
        self.lines: list[Line] = []
        self.anon_mb = self.rss_mb = self.cpu_s = 0.0
        self.stopped = False
        began = time.perf_counter()
        with subprocess.Popen(
            [str(part) for part in command],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=REPOSITORY,
            env=os.environ | {"PYANNOTE_METRICS_ENABLED": "0", "PYTHONPATH": str(REPOSITORY)},
        ) as process:
            over = threading.Event()
            sampler = threading.Thread(target=self._sample, args=(process, over, limit_s))
            sampler.start()
            errors: list[bytes] = []
            reader = threading.Thread(target=lambda: errors.extend(process.stderr or ()))
            reader.start()
            for line in process.stdout or ():
                if line.startswith(b"{"):
                    self.lines.append((time.perf_counter() - began, json.loads(line)))
                    if enough and enough(self.lines[-1][1]):
                        self.stopped = True
                        process.kill()
                        break
            process.wait()
            self.wall_s = time.perf_counter() - began
            over.set()
            sampler.join()
            reader.join()
        if process.returncode and not self.stopped:
            last = b"".join(errors[-3:]).decode(errors="replace").strip()
            raise RuntimeError(
                f"{Path(str(command[0])).name} {command[1]} ended with {process.returncode}: {last}"
            )

    def first(self, **what: Any) -> float | None:
        """When the first line came that has these values."""
        return next((at for at, line in self.lines if what.items() <= line.items()), None)

    def all(self, **what: Any) -> list[dict[str, Any]]:
        return [line for _, line in self.lines if what.items() <= line.items()]

    def _sample(self, process: subprocess.Popen[bytes], over: threading.Event, limit_s: float | None) -> None:
        import psutil

        began = time.perf_counter()
        seen: dict[int, float] = {}
        while not over.wait(EVERY_S):
            try:
                own = psutil.Process(process.pid)
                tree = [own, *own.children(recursive=True)]
            except psutil.NoSuchProcess:
                break
            sums = [0.0, 0.0]
            for one in tree:
                try:
                    times = one.cpu_times()
                    seen[one.pid] = times.user + times.system
                    status = Path(f"/proc/{one.pid}/status").read_text().splitlines()
                except (psutil.Error, OSError):
                    continue
                for place, name in enumerate(("RssAnon", "VmRSS")):
                    sums[place] += sum(int(row.split()[1]) for row in status if row.startswith(name)) / 1024
            self.anon_mb, self.rss_mb = max(self.anon_mb, sums[0]), max(self.rss_mb, sums[1])
            self.cpu_s = sum(seen.values())
            if limit_s and time.perf_counter() - began > limit_s:
                self.stopped = True
                process.kill()
                break
