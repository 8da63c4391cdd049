"""What this machine has, and what is missing."""

from __future__ import annotations

from typing import Any

import msgspec

from stream_engine.doctor import as_json, report
from stream_engine.errors import BackendError
from stream_engine.session_folder import DONE


def run(given: dict[str, Any]) -> int:
    if given["json"]:
        healthy, found = as_json(strict=given["strict"])
        print(msgspec.json.format(msgspec.json.encode(found), indent=2).decode())  # noqa: T201
    else:
        healthy, lines = report(strict=given["strict"])
        print("\n".join(lines))  # noqa: T201
    return DONE if healthy else BackendError.exit_code
