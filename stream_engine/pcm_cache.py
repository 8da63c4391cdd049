"""Where PCM stores live between runs: an ordered list of folders, by default one in the user's own cache.

Looking for a store stops at the first hit; a new one goes to the first folder that can be written. So a
shared folder that may only be read can stand behind, or before, one's own:

    --cache /home/me/.cache/stream-engine:/net/shared/stores

How a recording is found again is said in `store_header`.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

from stream_engine.cache_root import CacheRoot
from stream_engine.clock import RATE
from stream_engine.errors import StorageError
from stream_engine.inputs import Input
from stream_engine.new_store import NewStore
from stream_engine.store import SAMPLE_BYTES, PcmStore, storage_error
from stream_engine.store_header import StoreHeader, identity_of, key_of

CAP_BYTES = 50 << 30
LEAST_BYTES_PER_S = 50  # 400 bit/s: below any speech codec


def default_root() -> Path:
    """The per-user cache folder, by the XDG rules."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "stream-engine"


class PcmCache:
    """The stores in one folder, or in several.

    Args:
        root: a folder, or several joined by `os.pathsep`, as in PATH.
        cap_bytes: above this, the stores of a folder that were not used for longest are removed.
        keep: False: nothing stays; files are unlinked as soon as they are open.
    """

    def __init__(self, root: Path | None = None, *, cap_bytes: int = CAP_BYTES, keep: bool = True) -> None:
        named = [Path(name) for name in str(root or "").split(os.pathsep) if name]
        self.roots = [CacheRoot(path, cap_bytes) for path in named or [default_root()]]
        self.root = self.roots[0].path
        self._keep = keep

    def find(self, source: Input, *, resample: str) -> PcmStore | None:
        """The complete store of this input, read-only; None where there is none. Decodes nothing."""
        path = source.path
        if not self._keep or source.live or path is None:
            return None
        key = ""
        for root in self.roots:
            if root.answers():
                try:
                    key = key or key_of(path, resample)
                    if (store := root.open(key, path)) is not None:
                        return store
                except OSError:
                    continue
        return None

    def create(
        self,
        source: Input,
        *,
        expected_s: float | None = None,
        channels: int = 1,
        ahead: int | None = None,
        resample: str | None = None,
    ) -> NewStore:
        """A store to be filled for this input, in the first folder that takes it.

        With `resample` given, it may hold what a run that was cut short has left: see `Decoder.go_on_from`.

        A duration that a file is too small to hold is not believed.

        Raises:
            StorageError: no folder can be made or written, or has room for `expected_s`; of the first.
        """
        need = int(_believed(source, expected_s) * RATE) * SAMPLE_BYTES * channels
        kept = self._keep and not source.live and source.path is not None
        name: tuple[str, str] = ("", "")
        if kept and resample and source.path:
            with suppress(OSError):
                name = key_of(source.path, resample), identity_of(source.path)
        refused: StorageError | None = None
        for root in self.roots:
            try:
                descriptor, temporary, there = root.begin(need, *name)
            except StorageError as error:
                refused = refused or error
            except OSError as error:
                refused = refused or storage_error(str(root.path), error)
            else:
                if not kept:
                    temporary.unlink()
                return NewStore(
                    root,
                    descriptor,
                    source,
                    temporary if kept else None,
                    channels,
                    ahead,
                    there // SAMPLE_BYTES // channels,
                )
        assert refused is not None
        raise refused

    def stores(self) -> list[tuple[Path, StoreHeader]]:
        """All complete stores, folder by folder, those used last first."""
        return [row for root in self.roots if root.answers() for row in root.stores()]

    def clear(self) -> int:
        """Removes all complete stores, and what dead runs have left; gives the number of stores."""
        return sum(root.clear() for root in self.roots if root.answers())


def _believed(source: Input, expected_s: float | None) -> float:
    """`expected_s`, where the file could hold so much; else 0."""
    if expected_s is None or source.path is None or source.live:
        return 0
    return expected_s if source.path.stat().st_size >= expected_s * LEAST_BYTES_PER_S else 0
