"""Weights: which are at hand; to check, to fetch, to remove."""

from __future__ import annotations

from typing import Any

from stream_engine import model_store
from stream_engine.commands.endings import Usage
from stream_engine.session_folder import DONE


def run(given: dict[str, Any]) -> int:
    action, name = given["action"], given["name"]
    if action == "list":
        print("\n".join(model_store.listed()))  # noqa: T201
        return DONE
    if name is None:
        raise Usage(f"models {action}: name the weights, as faster-whisper:tiny.en")
    print(getattr(model_store, action)(name))  # noqa: T201
    return DONE
