"""manifest.json: each output of a session with its state, and the reason where there is none."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Literal

import msgspec

from sinks.whole_file import replacing

MANIFEST = "manifest.json"


class Output(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one file."""

    state: Literal["written", "skipped", "failed"]
    reason: str | None = None
    size: int | None = None  # bytes
    sha256: str | None = None

    @classmethod
    def written(cls, path: Path) -> Output:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        return cls(state="written", size=path.stat().st_size, sha256=digest)


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """`exit_status` is the exit code of the run, or None while it is not known."""

    schema: int = 1
    source: str
    exit_status: int | None
    options: dict[str, Any]
    outputs: dict[str, Output]  # by file name
    notes: tuple[str, ...] = ()
    models: dict[str, str] = {}  # what it ran on


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes `folder`/manifest.json, complete or not at all.

    Raises:
        TypeError: an option that JSON cannot hold.
    """
    text = msgspec.json.format(msgspec.json.encode(manifest), indent=2)
    with replacing(folder / MANIFEST) as file:
        file.write(text.decode() + "\n")


def read_manifest(folder: Path) -> Manifest:
    """The manifest in `folder`.

    Raises:
        FileNotFoundError: there is none.
        msgspec.DecodeError: it is damaged.
    """
    return msgspec.json.decode((folder / MANIFEST).read_bytes(), type=Manifest)
