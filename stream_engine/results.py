"""Logs of finished sessions, by what they were made of: audio, options, models. Another run of the same
recording, under any name and into any folder, reads its events here and computes nothing."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec

from stream_engine.events import SCHEMA
from stream_engine.store_header import StoreHeader


class Results:
    """The logs under `root`; mode 0600 in a folder of mode 0700, since they hold what was said."""

    def __init__(self, root: Path) -> None:
        self._folder = root / "results"

    def find(
        self, audio: StoreHeader | None, options: dict[str, Any], versions: dict[str, str]
    ) -> Path | None:
        """The log of a session that was made of the same; None where there is none."""
        path = self._path(audio, options, versions) if audio else None
        return path if path and path.exists() else None

    def keep(self, log: Path, audio: StoreHeader, options: dict[str, Any], versions: dict[str, str]) -> None:
        """Copies a finished log here, complete or not at all; where it cannot be written, it is not kept."""
        path = self._path(audio, options, versions)
        temporary = path.with_suffix(f".{os.getpid()}.part")
        try:
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            shutil.copyfile(log, temporary)
            temporary.chmod(0o600)
            temporary.replace(path)
        except OSError:
            with suppress(OSError):
                temporary.unlink(missing_ok=True)

    def _path(self, audio: StoreHeader, options: dict[str, Any], versions: dict[str, str]) -> Path:
        made_of = (SCHEMA, audio.sha256, audio.resample, options, versions)
        digest = hashlib.blake2b(msgspec.msgpack.encode(made_of, order="deterministic"), digest_size=16)
        return self._folder / f"{digest.hexdigest()}.jsonl"

    def clear(self) -> int:
        """Removes all logs; gives their number."""
        found = list(self._folder.glob("*.jsonl"))
        for path in found:
            path.unlink(missing_ok=True)
        return len(found)
