"""benches/REQUIREMENTS.md names something for every requirement, and nothing that is not there."""

from __future__ import annotations

import ast
import json
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "benches" / "REQUIREMENTS.md"
MEASURED = ROOT / "benches" / "results.json"
SOURCE = ROOT.parent / "shared" / "REQUIREMENTS.md"
NUMBERS = [f"S{number}" for number in range(1, 104)] + [f"X{number}" for number in range(1, 13)]


def rows() -> dict[str, list[str]]:
    """What is named for each number."""
    lines = [line.split("|")[1:-1] for line in TABLE.read_text().splitlines() if re.match(r"\| [SX]\d", line)]
    assert all(len(cells) == 4 for cells in lines), "a row has another number of cells"
    numbers = [cells[0].strip() for cells in lines]
    assert len(numbers) == len(set(numbers)), "a number is there twice"
    return {cells[0].strip(): re.findall(r"`([^`]+)`", cells[2]) for cells in lines}


@cache
def named_in(path: Path) -> frozenset[str]:
    nodes = ast.walk(ast.parse(path.read_text()))
    return frozenset(node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def wrong_with(named: str) -> str | None:
    """Why what is named does not exist."""
    words = named.split()
    if words[0] == "make":
        return (
            None if re.search(rf"^{words[1]}:", (ROOT / "Makefile").read_text(), re.M) else "no such target"
        )
    if words[0] == "stream-engine":
        known = (ROOT / "stream_engine" / "__main__.py").read_text()
        return None if all(f'"{word}"' in known for word in words[1:]) else "no such command"
    if words[:2] == ["python", "-m"]:
        module = ROOT.joinpath(*words[2].split("."))
        there = module.with_suffix(".py").exists() or (module / "__main__.py").exists()
        return None if there else "no such module"
    file, _, test = named.partition("::")
    if not (ROOT / file).is_file() or not file.startswith(("tests/", "benches/", "examples/")):
        return "no such file"
    return None if not test or test in named_in(ROOT / file) else "no such test"


def test_every_number_is_there_and_has_something_that_shows_it() -> None:
    found = rows()
    assert list(found) == NUMBERS
    assert [number for number, named in found.items() if not named] == []


def test_everything_that_is_named_exists() -> None:
    wrong = [
        (number, named, why)
        for number, all_ in rows().items()
        for named in all_
        if (why := wrong_with(named))
    ]
    assert wrong == []


def test_what_does_not_exist_is_found_out() -> None:
    named = ("tests/test_store.py::test_nothing_of_the_kind", "tests/test_nothing.py", "benches/nothing.py")
    commands = ("make nothing", "stream-engine nothing", "python -m benches.nothing")
    assert all(wrong_with(one) for one in (*named, *commands))


def test_the_numbers_are_those_of_the_requirements() -> None:
    if not SOURCE.exists():
        pytest.skip(f"no requirements at {SOURCE}")
    found = re.findall(r"^\| ([SX]\d+) \|", SOURCE.read_text(), re.M)
    assert found == NUMBERS


def test_the_commands_of_the_docs_are_in_the_readme() -> None:
    readme = (ROOT / "README.md").read_text()
    named = [one for one in rows()["S102"] if not one.startswith("tests/")]
    run = "stream-engine transcribe call.wav --out out --enable-performance-logging"
    wanted = (*named, "pytest tests/test_performance_*.py", run)
    assert [one for one in wanted if one not in readme] == []


def test_the_roadmap_is_in_the_order_of_the_measured_shares() -> None:
    found = json.loads(MEASURED.read_text())["session"]["figures"]["share_of_compute_30_min"]
    lines = re.findall(r"^\| \d+ \| ([^|]+) \| (\d+) % \| ([\d.]+) × \|", TABLE.read_text(), re.M)
    assert len(lines) >= 3
    assert [stage for stage, *_ in lines] == sorted(found, key=lambda stage: -found[stage])[: len(lines)]
    for stage, share, gain in lines:
        assert abs(int(share) - 100 * found[stage]) < 5, "other figures: bring the roadmap up to date"
        assert float(gain) == round(1 / (1 - int(share) / 100), 1)
