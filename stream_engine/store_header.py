"""What is known of a complete store, and how its recording is found again.

The name of a store is a digest of the input's size, head and tail, the way it was resampled, and the
schema. Whether it is the same recording is decided by more: a file in a state that was seen before (device,
inode, size, time of change) is known; any other must have the same digest over all its bytes.
"""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import msgspec

from stream_engine.events import Gap

SCHEMA = 3
EDGE_BYTES = 1 << 20  # of the head and of the tail, in the name


class StoreHeader(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a complete store, beside it as JSON."""

    schema: int
    frames: int
    channels: int
    resample: str
    promised_s: float | None
    damage: str | None
    health: dict[str, float | int | None]
    sha256: str  # of the input
    blocks: tuple[str, ...] = ()  # digests of the samples, see `store_blocks`
    gaps: tuple[Gap, ...] = ()  # where silence stands for what could not be decoded
    seen: tuple[str, ...]  # identities under which the input was met, newest last


def read_header(path: Path) -> StoreHeader | None:
    """The header in this file; None where there is none, or it is of another schema."""
    try:
        header = msgspec.json.decode(path.read_bytes(), type=StoreHeader)
    except (FileNotFoundError, msgspec.MsgspecError):
        return None
    return header if header.schema == SCHEMA else None


def key_of(path: Path, resample: str) -> str:
    """The name of the store of this input: it finds, and does not yet prove."""
    digest = hashlib.blake2b(f"{SCHEMA} {resample} ".encode(), digest_size=16)
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        digest.update(f"{size} ".encode())
        digest.update(file.read(EDGE_BYTES))
        file.seek(max(0, size - EDGE_BYTES))
        digest.update(file.read(EDGE_BYTES))
    return digest.hexdigest()


def identity_of(path: Path) -> str:
    """One state of one file."""
    found = path.stat()
    assert stat.S_ISREG(found.st_mode)
    return f"{found.st_dev}:{found.st_ino}:{found.st_size}:{found.st_mtime_ns}"


def digest_of(path: Path) -> str:
    """SHA-256 over the whole file, about 2 GB/s."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
