"""Where PCM stores live between runs: a per-user folder, each store complete or invisible.

    KEY.f32         the samples, from the first byte on
    KEY.json        what is known of them; its arrival by rename makes the store visible
    *.part          being written; its writer holds a lock on it, so one without is left over and swept away

How a recording is found again is said in `store_header`.
"""

from __future__ import annotations

import fcntl
import os
import secrets
import shutil
from contextlib import suppress
from pathlib import Path

import msgspec

from stream_engine.clock import RATE
from stream_engine.errors import StorageError
from stream_engine.inputs import Input
from stream_engine.store import SAMPLE_BYTES, PcmStore, storage_error
from stream_engine.store_header import SCHEMA, StoreHeader, digest_of, identity_of, key_of, read_header

CAP_BYTES = 50 << 30
LEAST_BYTES_PER_S = 50  # 400 bit/s: below any speech codec
SPARE_BYTES = 256 << 20  # must be left free on the disk when a session begins


def default_root() -> Path:
    """The per-user cache folder, by the XDG rules."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if base.startswith("/") else Path.home() / ".cache") / "stream-engine"


class PcmCache:
    """The stores under one folder.

    Args:
        root: the folder; made with mode 0700 where it is missing.
        cap_bytes: above this, the stores that were not used for longest are removed.
        keep: False: nothing stays; files are unlinked as soon as they are open.
    """

    def __init__(self, root: Path | None = None, *, cap_bytes: int = CAP_BYTES, keep: bool = True) -> None:
        self.root = root or default_root()
        self._cap_bytes = cap_bytes
        self._keep = keep

    def find(self, source: Input, *, resample: str) -> PcmStore | None:
        """The complete store of this input, read-only; None where there is none. Decodes nothing."""
        path = source.path
        if not self._keep or source.live or path is None or not self.root.is_dir():
            return None
        try:
            key = key_of(path, resample)
            header = read_header(self.root / f"{key}.json")
            if header is None:
                return None
            identity = identity_of(path)
            if identity not in header.seen:
                if digest_of(path) != header.sha256:
                    return None
                header = msgspec.structs.replace(header, seen=(*header.seen, identity)[-8:])
                self._write_header(key, header)
            descriptor = os.open(self.root / f"{key}.f32", os.O_RDONLY | os.O_CLOEXEC)
        except OSError:
            return None
        if os.fstat(descriptor).st_size != header.frames * header.channels * SAMPLE_BYTES:
            os.close(descriptor)
            return None
        with suppress(OSError):
            os.utime(self.root / f"{key}.json")
        return PcmStore(
            descriptor, frames=header.frames, channels=header.channels, complete=True, header=header
        )

    def create(
        self, source: Input, *, expected_s: float | None = None, channels: int = 1, ahead: int | None = None
    ) -> NewStore:
        """An empty store for this input.

        A duration that a file is too small to hold is not believed.

        Raises:
            StorageError: the folder cannot be made or written, or the disk has no room for `expected_s`.
        """
        need = int(_believed(source, expected_s) * RATE) * SAMPLE_BYTES * channels
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()
            self._evict(need)
            free = shutil.disk_usage(self.root).free
            if free < need + SPARE_BYTES:
                raise StorageError(
                    f"{self.root}: {(need + SPARE_BYTES) >> 20} MB are needed and {free >> 20} MB are free; "
                    "free some space, or choose another folder with --cache"
                )
            descriptor, temporary = self._begin()
        except OSError as error:
            raise storage_error(str(self.root), error) from None
        kept = self._keep and not source.live and source.path is not None
        if not kept:
            temporary.unlink()
        return NewStore(self, descriptor, source, temporary if kept else None, channels, ahead)

    def stores(self) -> list[tuple[Path, StoreHeader]]:
        """All complete stores, those used last first."""
        found = [(path, read_header(path)) for path in self.root.glob("*.json")]
        known = [(path.with_suffix(".f32"), header) for path, header in found if header is not None]
        return sorted(known, key=lambda row: -row[0].with_suffix(".json").stat().st_mtime)

    def clear(self) -> int:
        """Removes all complete stores, and what dead runs have left; gives the number of stores."""
        self._sweep()
        removed = self.stores()
        for path, _ in removed:
            path.with_suffix(".json").unlink(missing_ok=True)
            path.unlink(missing_ok=True)
        return len(removed)

    def _publish(self, key: str, temporary: Path, header: StoreHeader) -> None:
        temporary.rename(self.root / f"{key}.f32")
        self._write_header(key, header)
        self._evict(0, spare=key)

    def _write_header(self, key: str, header: StoreHeader) -> None:
        descriptor, temporary = self._begin()
        with open(descriptor, "wb") as file:
            file.write(msgspec.json.encode(header))
            file.flush()
            temporary.rename(self.root / f"{key}.json")

    def _begin(self) -> tuple[int, Path]:
        """A new file under a temporary name, locked by us for as long as it is open."""
        while True:
            temporary = self.root / f"{secrets.token_hex(8)}.part"
            descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return descriptor, temporary
            os.close(descriptor)  # another run swept it away before it was locked

    def _sweep(self) -> None:
        """Removes what a run that died has left: unfinished files that nobody has locked."""
        for path in self.root.glob("*.part"):
            with suppress(OSError), path.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                path.unlink()

    def _evict(self, need: int, spare: str = "") -> None:
        """Removes stores, those not used for longest first, until `need` more bytes fit under the cap."""
        stores: list[tuple[float, int, Path]] = []
        for path in self.root.glob("*.f32"):
            with suppress(OSError):
                header = path.with_suffix(".json")
                used = (header if header.exists() else path).stat().st_mtime
                stores.append((used, path.stat().st_size, path))
        total = sum(size for _, size, _ in stores) + need
        for _, size, path in sorted(stores):
            if total <= self._cap_bytes or path.stem == spare:
                continue
            path.with_suffix(".json").unlink(missing_ok=True)
            path.unlink(missing_ok=True)
            total -= size


class NewStore(PcmStore):
    """A store that is being written. `keep` makes it visible to later runs; closing it without does not."""

    def __init__(
        self,
        cache: PcmCache,
        descriptor: int,
        source: Input,
        temporary: Path | None,
        channels: int,
        ahead: int | None,
    ) -> None:
        super().__init__(descriptor, channels=channels, ahead=ahead)
        self._cache = cache
        self._source = source
        self._temporary = temporary
        path = source.path
        self._identity = identity_of(path) if temporary and path else ""

    def keep(
        self,
        *,
        resample: str,
        promised_s: float | None,
        damage: str | None,
        health: dict[str, float | int | None],
    ) -> StoreHeader | None:
        """Finishes, and publishes the store; reads the whole input once more for its digest.

        Blocking: call it on a worker thread. Gives None where the store is not to be kept, or the input
        has changed meanwhile. Raises StorageError where the disk refuses.
        """
        path = self._source.path
        if self._temporary is None or path is None:
            return None
        try:
            header = StoreHeader(
                schema=SCHEMA,
                frames=self.frames,
                channels=self.channels,
                resample=resample,
                promised_s=promised_s,
                damage=damage,
                health=health,
                sha256=digest_of(path),
                seen=(self._identity,),
                gaps=tuple(self.gaps),
            )
            key = key_of(path, resample)
            if identity_of(path) != self._identity:
                return None
            self._cache._publish(key, self._temporary, header)  # pyright: ignore[reportPrivateUsage]
        except FileNotFoundError:
            return None
        except OSError as error:
            raise storage_error(str(self._cache.root), error) from None
        self._temporary = None
        return header

    def close(self) -> None:
        if self._temporary is not None:
            self._temporary.unlink(missing_ok=True)
            self._temporary = None
        super().close()


def _believed(source: Input, expected_s: float | None) -> float:
    """`expected_s`, where the file could hold so much; else 0."""
    if expected_s is None or source.path is None or source.live:
        return 0
    return expected_s if source.path.stat().st_size >= expected_s * LEAST_BYTES_PER_S else 0
