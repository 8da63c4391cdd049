"""Recordings to the PCM store, and no further."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio

from operators.audio.intake import Intake
from stream_engine.clock import RATE
from stream_engine.commands.endings import Usage, complain, overall
from stream_engine.errors import StreamEngineError
from stream_engine.ingest import ingest
from stream_engine.inputs import Input
from stream_engine.pcm_cache import PcmCache
from stream_engine.session_folder import DAMAGED, DONE


def run(given: dict[str, Any]) -> int:
    """Decodes each input into the store; one that fails does not stop the next."""
    try:
        sources = [Input.parse(text) for text in given["inputs"]]
    except ValueError as error:
        raise Usage(str(error)) from None
    cache = PcmCache(Path(given["cache"]) if "cache" in given else None)
    codes: list[int] = []
    for source in sources:
        try:
            done = anyio.run(ingest, source, cache, Intake)
        except StreamEngineError as error:
            codes.append(complain(str(error), error.exit_code))
            continue
        how = "found in" if done.hit else "decoded to"
        speed = f"{done.frames / RATE / done.wall_s:,.0f} × real time"
        print(f"{done.source}: {done.frames / RATE:.1f} s {how} {cache.root}, {speed}")  # noqa: T201
        damaged = f"{done.source}: damaged input: {done.damage}; what could be decoded is complete"
        codes.append(complain(damaged, DAMAGED) if done.damage else DONE)
    return overall(codes)
