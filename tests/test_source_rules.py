"""What holds for the sources as they stand, found by parsing them."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WAYS_TO_PARSE = {"json", "orjson", "ujson", "simplejson", "yaml", "msgspec.json", "msgspec.yaml", "ast"}
WAYS_TO_PARSE |= {"literal_eval", "eval"}


def sources(*folders: str) -> Iterator[tuple[Path, ast.Module]]:
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield path.relative_to(ROOT), ast.parse(path.read_text())


def imports(tree: ast.Module) -> set[str]:
    """First names of all modules that are imported, anywhere in the file."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {name.name.split(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.split(".")[0])
    return found


def test_no_operator_reads_or_writes_json() -> None:
    """What is structured stays so up to the sinks; files that describe models are another matter."""
    found: set[str] = set()
    for path, tree in sources("operators"):
        names = imports(tree)
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                names |= {f"{node.module}.{name.name}" for name in node.names}
            elif isinstance(node, ast.Attribute):
                names.add(ast.unparse(node))
            elif isinstance(node, ast.Name):
                names.add(node.id)
        if names & WAYS_TO_PARSE:
            found.add(str(path))
    assert found == {"operators/affect/onnx_files.py", "operators/speech/diarization/pyannote_checkpoint.py"}


def test_no_pickle_is_read_but_checkpoints_of_pyannote() -> None:
    found = {
        str(path)
        for path, tree in sources("stream_engine", "operators", "sinks")
        if imports(tree) & {"pickle", "joblib", "dill", "shelve"} or "allow_pickle=True" in ast.unparse(tree)
    }
    assert found == {"operators/speech/diarization/pyannote_checkpoint.py"}


def test_every_audio_operator_can_be_imported_by_itself() -> None:
    names = [path.with_suffix("") for path, _ in sources("operators/audio") if path.stem != "__init__"]
    program = """
import importlib, sys
for name in sys.argv[1:]:
    for known in [one for one in sys.modules if one.startswith(("operators", "sinks"))]:
        del sys.modules[known]
    importlib.import_module(name)
    assert not any(one.startswith("sinks") for one in sys.modules), name
"""
    modules = [".".join(name.parts) for name in names]
    run = subprocess.run([sys.executable, "-c", program, *modules], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert len(modules) > 15
