"""Runs every bench in a process of its own and rewrites RESULTS.md: `python -m benches [NAME...]`."""

from __future__ import annotations

import inspect
import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benches.plots import draw

BENCHES = (
    "channel",
    "tracing",
    "costs",
    "overlap",
    "resample",
    "ingest",
    "diarization",
    "clustering",
    "torch_models",
    "recognition",
    "asr_workers",
    "partials",
    "alignment",
    "attribution",
    "tensor_steps",
    "signal_chain",
    "processed_audio",
    "sound_events",
    "prosody",
    "paralinguistics",
    "affect",
    "conversation",
    "analytics",
    "outputs",
    "report",
    "performance_logger",
    "session",
    "live_intake",
    "live",
    "simultaneous",
    "long",
    "endless",
    "resume",
    "peers",
)
# Each is stored as it comes, the shortest first; `python -m benches peers.diart` is one of them.
PARTS = {"peers": ("whisperx", "diart", "pydub", "moonshine", "sequential")}
FOLDER = Path(__file__).parent
STORED = FOLDER / "results.json"
PACKAGES = ("anyio", "numpy", "torch", "onnxruntime", "moonshine-voice", "pyannote.metrics", "pyarrow")


def main(names: list[str]) -> int:
    known = {*BENCHES, *(f"{name}.{part}" for name, parts in PARTS.items() for part in parts)}
    if unknown := set(names) - known:
        print(f"unknown bench: {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}", file=sys.stderr)
        return 2
    for name, part in parted(names or BENCHES):
        print(f"{name} {part} ...", flush=True)
        command = [sys.executable, "-m", f"benches.{name}", *(["run", part] if part else [])]
        run = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        if run.returncode:
            print(f"{name} failed with exit code {run.returncode}", file=sys.stderr)
            return 1
        store(name, json.loads(run.stdout), merged=bool(part))
    (FOLDER / "RESULTS.md").write_text("\n".join(page(stored())) + "\n")
    return 0


def parted(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        bench, _, part = name.partition(".")
        yield from ((bench, one) for one in ([part] if part else PARTS.get(bench, ("",))))


def stored() -> dict[str, Any]:
    return json.loads(STORED.read_text()) if STORED.exists() else {}


def store(name: str, figures: dict[str, Any], *, merged: bool) -> None:
    """`merged`: beside the other parts' figures; a part that is missing here leaves what there was."""
    results = stored()
    if merged:
        kept = results.get(name, {}).get("figures", {})
        new = {part: found for part, found in figures.items() if "missing" not in found or part not in kept}
        for part in figures.keys() - new.keys():
            print(f"{name} {part}: {figures[part]['missing']}; the earlier figures stay", file=sys.stderr)
        if not new:
            return
        figures = kept | new
    results[name] = {"machine": machine(), "figures": figures}
    STORED.write_text(json.dumps(results, indent=1) + "\n")


def machine() -> dict[str, str]:
    """What the figures depend on."""
    model = next(
        (
            line.split(":")[1].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.processor(),
    )
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False
    )
    return {
        "cpu": f"{model}, {os.cpu_count()} cores",
        "gpu": _gpu(),
        "python": platform.python_version(),
        "commit": commit.stdout.strip(),
        **{name: version(name) for name in PACKAGES},
    }


def _gpu() -> str:
    if shutil.which("nvidia-smi") is None:
        return "none"
    query = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    return subprocess.run(query, capture_output=True, text=True, check=False).stdout.strip() or "none"


def page(results: dict[str, Any]) -> list[str]:
    lines = [
        "# Measured",
        "",
        "Written by `make bench` (`python -m benches NAME` for one). Figures are medians; read the ratios,",
        "not the seconds: these machines are noisy.",
        "",
    ]
    done = {
        name: inspect.getdoc(import_module(f"benches.{name}")) or "" for name in BENCHES if name in results
    }
    lines += [f"- [{name}](#{name}): {said.splitlines()[0]}" for name, said in done.items()]
    lines.append("")
    lines += [f"![{title}]({file})" for file, title in draw(results, FOLDER / "plots")]
    lines.append("")
    for name, said in done.items():
        facts = ", ".join(f"{key} {value}" for key, value in results[name]["machine"].items())
        lines += [f"## {name}", "", said, "", f"Command: `python -m benches.{name}`. Machine: {facts}.", ""]
        lines += table(results[name]["figures"])
        lines.append("")
    return lines


def table(figures: Any) -> list[str]:
    """Nested figures as Markdown: a list of rows becomes a table, what is nested gets a dotted name."""
    flat: list[tuple[str, Any]] = []
    tables: list[str] = []
    flatten("", figures, flat, tables)
    rows = [f"| {name} | {shown(value)} |" for name, value in flat]
    return (["| what | figure |", "| --- | ---: |", *rows] if rows else []) + tables


def flatten(prefix: str, value: Any, flat: list[tuple[str, Any]], tables: list[str]) -> None:
    if isinstance(value, dict):
        for key, inner in value.items():
            flatten(f"{prefix}.{key}" if prefix else str(key), inner, flat, tables)
    elif isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        names = list(dict.fromkeys(key for row in value for key in row))
        tables += [
            "",
            f"{prefix}:",
            "",
            f"| {' | '.join(names)} |",
            f"| {' | '.join('---' for _ in names)} |",
        ]
        tables += [f"| {' | '.join(shown(row.get(name)) for name in names)} |" for row in value]
    else:
        flat.append((prefix, value))


def shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:,.3f}".rstrip("0").rstrip(".")
    return ", ".join(map(shown, value)) if isinstance(value, list) else "" if value is None else str(value)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
