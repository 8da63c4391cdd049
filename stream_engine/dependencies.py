"""The health of the packages that the engine stands on, from their metadata; nothing of them is imported.

What is required is read from this package's own metadata: what `pyproject.toml` said when it was installed.
Each process looks once, in a bounded pool of threads; whoever asks again gets the same answer.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from importlib import metadata
from threading import Lock
from typing import TYPE_CHECKING, Literal, NamedTuple

import msgspec

if TYPE_CHECKING:
    from packaging.specifiers import SpecifierSet

DISTRIBUTION = "stream-engine"
OPTIONAL = ("embedded",)  # extras that a session can use
WORKERS = 8
IMPORT_TIMEOUT_S = 120.0

Status = Literal["ok", "warn", "error"]


class Dependency(msgspec.Struct, frozen=True):
    """A package: warn where its version does not fit or an optional one is missing, error if it is no use."""

    name: str
    required: str  # the version asked for, as ">=1.2"; "" for any
    version: str | None  # None: not installed, or its metadata cannot be read
    status: Status
    issue: str | None = None  # what is wrong and what to do


_lock = Lock()
_known: dict[tuple[object, ...], tuple[Dependency, ...]] = {}


def dependency_health(
    *,
    check: bool = True,
    strict: bool = False,
    distribution: str = DISTRIBUTION,
    extras: tuple[str, ...] = OPTIONAL,
    workers: int = WORKERS,
) -> tuple[Dependency, ...]:
    """How each requirement of `distribution` stands, in the order of its metadata, the optional ones last.

    Args:
        check: False: nothing is looked at, and there is nothing to tell.
        strict: Each is imported too, in a process of its own: seconds.
        extras: Those whose requirements are optional; those of others are not looked at.
        workers: How many are looked at at a time; imported, at most one for each core.
    """
    if not check:
        return ()
    asked = (distribution, strict, extras)
    with _lock:
        if asked not in _known:
            _known[asked] = _computed(distribution, extras, strict=strict, workers=workers)
        return _known[asked]


def as_header(dependencies: Iterable[Dependency]) -> dict[str, str]:
    """Name to "ok 2.4.6", or to what is wrong with it."""
    return {one.name: one.issue or f"ok {one.version}" for one in dependencies}


def _computed(
    distribution: str, extras: tuple[str, ...], *, strict: bool, workers: int
) -> tuple[Dependency, ...]:
    try:
        lines = metadata.requires(distribution) or []
    except metadata.PackageNotFoundError:
        issue = f"missing: {distribution} is not installed, so what it requires is not known; pip install it"
        return (Dependency(distribution, "", None, "error", issue),)
    required = _requirements(lines, extras)
    workers = min(workers, os.cpu_count() or 1) if strict else workers
    with ThreadPoolExecutor(max_workers=max(1, min(workers, len(required)))) as pool:
        return tuple(pool.map(partial(_probe, strict=strict), required))  # in the order of `required`


class _Required(NamedTuple):
    name: str
    specifier: SpecifierSet
    extra: str | None  # that asks for it


def _requirements(lines: list[str], extras: tuple[str, ...]) -> list[_Required]:
    """Those that apply here, each once."""
    from packaging.requirements import Requirement

    found: dict[str, _Required] = {}
    parsed = [Requirement(line) for line in lines]
    for extra in (None, *extras):
        for one in parsed:
            applies = one.marker is None or one.marker.evaluate({"extra": extra or ""})
            if applies and one.name not in found:
                found[one.name] = _Required(one.name, one.specifier, extra)
    return list(found.values())


def _probe(required: _Required, *, strict: bool) -> Dependency:
    name, wanted, extra = required.name, str(required.specifier), required.extra
    install = f"pip install '{DISTRIBUTION}[{extra}]'" if extra else f"pip install '{name}{wanted}'"
    unusable: Status = "warn" if extra else "error"
    try:
        found = metadata.distribution(name)
        version = _version(found)
        fits = required.specifier.contains(version, prereleases=True)
        modules = _modules(found)
        absent = [one for one in modules if importlib.util.find_spec(one.partition(".")[0]) is None]
    except metadata.PackageNotFoundError:
        return Dependency(name, wanted, None, unusable, f"missing: {install}")
    except (OSError, ValueError, KeyError) as error:
        return Dependency(name, wanted, None, "warn", f"its metadata cannot be read ({error}): {install}")
    if absent:
        return Dependency(name, wanted, version, unusable, f"its module {absent[0]} is not there: {install}")
    if strict and (wrong := _import_error(modules)):
        return Dependency(name, wanted, version, "error", f"cannot be imported: {wrong}")
    if not fits:
        return Dependency(name, wanted, version, "warn", f"{version}, but {wanted} is wanted: {install}")
    return Dependency(name, wanted, version, "ok")


def _version(found: metadata.Distribution) -> str:
    if "Version" not in found.metadata:
        raise ValueError("no version in it")
    return found.metadata["Version"]


def _modules(found: metadata.Distribution) -> list[str]:
    """What it is imported as: the packages that lie highest in it ("pyannote.audio"), else single modules."""
    paths = [line.partition(",")[0] for line in (found.read_text("RECORD") or "").splitlines()]
    packages = {path.removesuffix("/__init__.py") for path in paths if path.endswith("/__init__.py")}
    highest = {one for one in packages if not any(above in packages for above in _folders(one))}
    single = {
        path.partition(".")[0] for path in paths if path.endswith((".py", ".so", ".pyd")) and "/" not in path
    }
    names = sorted(one.replace("/", ".") for one in highest or single if not one.startswith("_"))
    return [one for one in names if one.replace(".", "").isidentifier()] or (
        found.read_text("top_level.txt") or ""
    ).split()


def _folders(path: str) -> Iterator[str]:
    """Those above it."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _import_error(modules: list[str]) -> str | None:
    """Why one of them cannot be imported, in a process that sees the same packages."""
    command = [sys.executable, "-P", "-c", "\n".join(f"import {module}" for module in modules)]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, env=environment, timeout=IMPORT_TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired:
        return f"no end after {IMPORT_TIMEOUT_S:.0f} s"
    if done.returncode == 0:
        return None
    lines = done.stderr.strip().splitlines()
    return lines[-1] if lines else f"exit code {done.returncode}"
