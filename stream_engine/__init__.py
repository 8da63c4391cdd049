"""A streaming engine for speech sessions: who said what when, while it is being said.

    import stream_engine

    session = stream_engine.transcribe("call.wav", out="out")
    for segment in session.segments: ...

`open_session` is the same, event by event, for asynchronous code. What stands behind these two is
imported at first use, so that the core can be used without any model.
"""

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from stream_engine.assembly import open_session, transcribe
    from stream_engine.session_folder import Result

# Nothing leaves the machine: these packages report to their makers unless told before they are imported.
os.environ["PYANNOTE_METRICS_ENABLED"] = "0"
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"

__all__ = ["Result", "open_session", "transcribe"]


def __getattr__(name: str) -> Any:
    if name in __all__:
        return getattr(import_module("stream_engine.assembly"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
