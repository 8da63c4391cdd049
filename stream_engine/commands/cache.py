"""The PCM store: where it is, what is in it, an end of it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

from stream_engine.clock import RATE
from stream_engine.pcm_cache import PcmCache
from stream_engine.results import Results
from stream_engine.session_folder import DONE


def run(given: dict[str, Any]) -> int:
    store = PcmCache(Path(given["cache"]) if "cache" in given else None)
    if given["action"] == "path":
        print(store.root)  # noqa: T201
    elif given["action"] == "clear":
        logs = Results(store.root).clear()
        print(f"removed {store.clear()} stores and {logs} results from {store.root}")  # noqa: T201
    else:
        for path, header in store.stores():
            size, used = path.stat().st_size / 2**20, path.with_suffix(".json").stat().st_mtime
            day = datetime.fromtimestamp(used).astimezone().isoformat(" ", "minutes")
            print(f"{header.frames / RATE:10.1f} s {size:9.1f} MB  used {day}  {path.name}")  # noqa: T201
    return DONE
