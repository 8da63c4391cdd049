"""What a turn was, step by step of the diarizer, so that it can be asked as it was."""

from __future__ import annotations

import msgspec


class Version(msgspec.Struct, frozen=True):
    """What a turn was from a step of the diarizer on; without length if it was withdrawn."""

    step: int
    start: int
    end: int
    speaker: str | None
    final: bool


class KnownTurn(msgspec.Struct):
    id: int
    versions: list[Version]  # oldest first

    def at(self, step: int) -> Version | None:
        last = self.versions[-1]
        if last.step <= step:
            return last
        return next((version for version in reversed(self.versions) if version.step <= step), None)
