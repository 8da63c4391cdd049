"""The health of packages: real ones, and made-up ones in a folder of their own that are slow to be found."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from importlib.metadata import Distribution, DistributionFinder, requires, version
from itertools import count
from pathlib import Path

import msgspec
import pytest
from packaging.requirements import Requirement

from stream_engine.dependencies import Dependency, as_header, dependency_health
from stream_engine.doctor import as_json, report

_unused = count()
ANY_NAME = DistributionFinder.Context()


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """Installs packages that do nothing: `installed("a", "1.0", code="", requires=[...])`."""
    monkeypatch.syspath_prepend(tmp_path)

    def install(name: str, version: str | None, *, code: str | None = "", needs: tuple[str, ...] = ()) -> str:
        module = name.replace("-", "_")
        info = tmp_path / f"{module}-{version}.dist-info"
        info.mkdir()
        lines = ["Metadata-Version: 2.1", f"Name: {name}"]
        lines += [f"Version: {version}"] if version else []
        (info / "METADATA").write_text("\n".join(lines + [f"Requires-Dist: {one}" for one in needs]) + "\n")
        (info / "RECORD").write_text(f"{module}/__init__.py,,\n{module}/inner/__init__.py,,\n")
        if code is not None:
            (tmp_path / module / "inner").mkdir(parents=True)
            (tmp_path / module / "__init__.py").write_text(code)
            (tmp_path / module / "inner" / "__init__.py").write_text("")
        return name

    return install


@pytest.fixture
def wanting(installed):
    """A package, new for each call, that wants others: its name."""

    def want(*needs: str) -> str:
        name = f"wanting-{next(_unused)}"
        return installed(name, "1", needs=needs)

    return want


class Slow(DistributionFinder):
    """Takes its time over each name that begins as told, and leaves the finding to others."""

    def __init__(self, prefix: str, *seconds: float) -> None:
        self.prefix, self.seconds = prefix, seconds
        self.asked: list[str] = []
        self.at_once = self.most_at_once = 0
        self._lock = threading.Lock()

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:
        return None

    def find_distributions(self, context: DistributionFinder.Context = ANY_NAME) -> Iterator[Distribution]:
        name = context.name or ""
        if name.startswith(self.prefix):
            with self._lock:
                self.asked.append(name)
                self.at_once += 1
                self.most_at_once = max(self.most_at_once, self.at_once)
            time.sleep(self.seconds[int(name.rpartition("-")[2]) % len(self.seconds)])
            with self._lock:
                self.at_once -= 1
        return iter(())


@pytest.fixture
def slow(monkeypatch):
    def add(prefix: str, *seconds: float) -> Slow:
        finder = Slow(prefix, *seconds)
        monkeypatch.setattr(sys, "meta_path", [finder, *sys.meta_path])
        return finder

    return add


def health(name: str, **options: object) -> tuple[Dependency, ...]:
    return dependency_health(distribution=name, **options)  # type: ignore[arg-type]


# --- what is told --------------------------------------------------------------------------------


def test_each_requirement_of_this_package_is_told_in_the_order_of_its_metadata():
    lines = [Requirement(line) for line in requires("stream-engine") or []]
    base = [one.name for one in lines if one.marker is None]
    optional = [one.name for one in lines if one.marker and one.marker.evaluate({"extra": "embedded"})]
    found = dependency_health()
    assert [one.name for one in found] == base + optional
    assert "torch" in base
    assert {one.status for one in found} == {"ok"}
    assert as_header(found)["numpy"] == f"ok {version('numpy')}"
    assert next(one.required for one in found if one.name == "msgspec").startswith(">=")


def test_what_is_wrong_is_told_and_what_to_do(installed, wanting):
    old, bare, empty = (
        installed("too-old", "1.9"),
        installed("bare", None),
        installed("empty", "1", code=None),
    )
    name = wanting(f"{old}>=2", "is-missing>=3", bare, empty, 'elsewhere; sys_platform == "none"')
    found = {one.name: one for one in health(name)}
    assert list(found) == [old, "is-missing", bare, empty]
    assert [one.status for one in found.values()] == ["warn", "error", "warn", "error"]
    header = as_header(found.values())
    assert header[old] == "1.9, but >=2 is wanted: pip install 'too-old>=2'"
    assert header["is-missing"] == "missing: pip install 'is-missing>=3'"
    assert "no version" in header[bare]
    assert "module empty is not there" in header[empty]


def test_an_optional_package_that_is_missing_is_no_error(wanting):
    name = wanting('is-missing; extra == "more"', 'not-asked-for; extra == "dev"')
    (found,) = health(name, extras=("more",))
    assert (found.status, found.issue) == ("warn", "missing: pip install 'stream-engine[more]'")


def test_a_package_that_is_not_installed_itself_is_told():
    (found,) = health("no-such-engine")
    assert (found.name, found.status) == ("no-such-engine", "error")


def test_strict_imports_in_a_process_of_its_own(installed, wanting):
    good = installed("loads-well", "1")
    bad = installed("loads-badly", "1", code="raise ImportError('libwhatever.so is missing')")
    name = wanting(good, bad)
    assert {one.status for one in health(name)} == {"ok"}
    strictly = health(name, strict=True)
    assert [one.status for one in strictly] == ["ok", "error"]
    assert "libwhatever.so is missing" in (strictly[1].issue or "")
    assert not {"loads_well", "loads_badly"} & set(sys.modules)


# --- when, and how often -------------------------------------------------------------------------


def test_it_is_computed_once_however_many_sessions_ask(installed, wanting, slow):
    name = wanting(*(installed(f"asked-{i}", "1") for i in range(3)))
    finder = slow("asked-", 0.05)
    answers: list[tuple[Dependency, ...]] = []
    threads = [threading.Thread(target=lambda: answers.append(health(name))) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    answers += [health(name) for _ in range(3)]
    assert sorted(finder.asked) == ["asked-0", "asked-1", "asked-2"]
    assert all(answer is answers[0] for answer in answers)


def test_slow_probes_overlap_and_their_order_is_that_of_the_metadata(installed, wanting, slow):
    names = [installed(f"slow-{i}", "1") for i in range(6)]
    finder = slow("slow-", 0.6, 0.1, 0.4, 0.05, 0.3, 0.2)  # the first ends last
    began = time.perf_counter()
    found = health(wanting(*names), workers=6)
    took = time.perf_counter() - began
    assert [one.name for one in found] == names
    assert finder.most_at_once == 6
    assert 0.6 <= took < 1.2  # in a row: 1.65


def test_the_pool_is_bounded(installed, wanting, slow):
    finder = slow("bound-", 0.05)
    health(wanting(*(installed(f"bound-{i}", "1") for i in range(9))), workers=3)
    assert finder.most_at_once == 3


@pytest.mark.parametrize("check", [True, False])
def test_nothing_is_imported_and_nothing_at_all_when_skipped(check):
    script = f"""
import sys
from stream_engine.dependencies import dependency_health
before = set(sys.modules)
found = dependency_health(check={check})
new = set(sys.modules) - before
assert bool(found) is {check}
assert not new & {{"torch", "numpy", "onnxruntime", "scipy", "pyannote", "rich", "julius"}}, new
assert {check} or not new, new
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# --- doctor --------------------------------------------------------------------------------------


def test_doctor_tells_the_same_in_words_and_as_json():
    healthy, lines = report()
    same, values = as_json()
    assert healthy is same is values["healthy"]
    assert f"{'numpy':20} {version('numpy')}" in lines
    assert [one["name"] for one in values["dependencies"]] == [one.name for one in dependency_health()]
    assert msgspec.json.decode(msgspec.json.encode(values)) == values
    assert Path(values["ffmpeg"]).name.startswith("ffmpeg")
