"""Real speech that is always there: it comes inside the packages."""

from __future__ import annotations

import importlib.util
from pathlib import Path


def _folder(package: str) -> Path:
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.submodule_search_locations is not None
    return Path(found.submodule_search_locations[0])


CALL = _folder("pyannote.audio") / "sample" / "sample.wav"  # 30 s, two speakers on the telephone
CALL_RTTM = CALL.with_suffix(".rttm")
READING = _folder("moonshine_voice") / "assets" / "two_cities.wav"
