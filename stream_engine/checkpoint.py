"""What survives a kill: one SQLite file per session, from which the same command goes on.

    header     which session this is; read alone to decide whether to resume
    cut        the last complete barrier: position in the audio, length of the event log
    states     each operator's state at that barrier
    segments   recognised texts by digest of audio, model and language: none is recognised twice

A cut is committed in one transaction (WAL), so what is read after a kill is the last whole one. Segments
are written one by one as they come, ahead of the next cut.
"""

from __future__ import annotations

import hashlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream_engine.barrier import Barrier
from stream_engine.errors import StorageError
from stream_engine.events import Rejected, Segment, Spoken, Utterance

T = TypeVar("T")
Said = tuple[Segment | Rejected, ...]  # of an utterance
CHECKPOINT = "checkpoint.sqlite"
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS header (identity BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS cut (number INTEGER, position INTEGER, log_bytes INTEGER);
    CREATE TABLE IF NOT EXISTS states (name TEXT PRIMARY KEY, state BLOB);
    CREATE TABLE IF NOT EXISTS segments (digest BLOB PRIMARY KEY, segments BLOB) WITHOUT ROWID;
"""


class Checkpoint:
    """The checkpoint of one session; usable from several threads, one at a time.

    Args:
        path: of the file; made where it is missing, with mode 0600.
        identity: what makes this session the same one, as plain values.

    Raises:
        StorageError: the disk is full, or the file is no checkpoint.
    """

    def __init__(self, path: Path, identity: dict[str, Any]) -> None:
        self.path = path
        self._identity = msgspec.msgpack.encode(identity, order="deterministic")
        self._lock = threading.Lock()
        self.position = 0  # samples; 0: nothing to go on from
        self.number = 0
        self.log_bytes = 0
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        try:
            self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = NORMAL")
            self._database.executescript(_SCHEMA)
            self._open()
        except sqlite3.Error as error:
            message = f"{path}: {error}; free some space there, or start the session over with --fresh"
            raise StorageError(message) from error

    def _open(self) -> None:
        found = self._database.execute("SELECT identity FROM header").fetchone()
        if found is not None and found[0] != self._identity:
            self._database.executescript("DELETE FROM header; DELETE FROM cut; DELETE FROM states;")
            found = None
        if found is None:
            self._database.execute("INSERT INTO header VALUES (?)", (self._identity,))
        elif cut := self._database.execute("SELECT number, position, log_bytes FROM cut").fetchone():
            self.number, self.position, self.log_bytes = cut

    def state(self, name: str, kind: type[T]) -> T | None:
        """What `name` saved at the last cut; None where there was none."""
        if not self.position:
            return None
        with self._lock:
            found = self._database.execute("SELECT state FROM states WHERE name = ?", (name,)).fetchone()
        return None if found is None else msgspec.msgpack.decode(found[0], type=kind)

    def commit(self, barrier: Barrier, states: dict[str, Any]) -> None:
        """Makes a complete cut the one to resume from; that of the sink `event log` is its length."""
        log_bytes = states["event log"]
        rows = [(name, msgspec.msgpack.encode(state)) for name, state in states.items()]
        try:
            with self._lock, self._transaction():
                self._database.execute("DELETE FROM cut")
                self._database.execute(
                    "INSERT INTO cut VALUES (?, ?, ?)", (barrier.number, barrier.position, log_bytes)
                )
                self._database.executemany("INSERT OR REPLACE INTO states VALUES (?, ?)", rows)
        except sqlite3.Error as error:
            raise StorageError(f"{self.path}: {error}; free some space there") from error

    def remembered(
        self,
        recognise: Callable[[Sequence[Utterance]], Sequence[Iterable[Segment | Rejected]]],
        audio: Callable[[Spoken], NDArray[np.float32]],
        model: str,
    ) -> Callable[[Sequence[Utterance]], list[Said]]:
        """`recognise`, which an utterance that was recognised before does not reach again."""
        decoder = msgspec.msgpack.Decoder(Said)

        def key_of(utterance: Utterance) -> bytes:
            digest = hashlib.blake2b(msgspec.msgpack.encode((model, utterance)), digest_size=16)
            digest.update(audio(utterance).data)
            return digest.digest()

        def recall(utterances: Sequence[Utterance]) -> list[Said]:
            keys = [key_of(utterance) for utterance in utterances]
            known: dict[bytes, Said] = {}
            query = "SELECT segments FROM segments WHERE digest = ?"
            with self._lock:
                for key in keys:
                    if found := self._database.execute(query, (key,)).fetchone():
                        known[key] = decoder.decode(found[0])
            new = {key: one for key, one in zip(keys, utterances, strict=True) if key not in known}
            said = [tuple(segments) for segments in recognise(list(new.values()))] if new else []
            known |= zip(new, said, strict=True)
            rows = [(key, msgspec.msgpack.encode(segments)) for key, segments in zip(new, said, strict=True)]
            with self._lock:
                self._database.executemany("INSERT OR REPLACE INTO segments VALUES (?, ?)", rows)
            return [known[key] for key in keys]

        return recall

    def _transaction(self) -> sqlite3.Connection:
        self._database.execute("BEGIN IMMEDIATE")
        return self._database  # commits at the end of a `with`, or rolls back

    def forget(self) -> None:
        """Nothing to go on from any more, but for the texts of what was recognised."""
        self.position = self.number = self.log_bytes = 0
        with self._lock:
            self._database.executescript("DELETE FROM cut; DELETE FROM states;")

    def close(self) -> None:
        with self._lock:
            self._database.close()
