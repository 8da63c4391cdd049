"""What a session is called inside exchange formats."""

from __future__ import annotations

from sinks.inert_text import field
from sinks.labelled import LabelledLog

UNATTRIBUTED = "SPEECH"  # the speaker of speech that nobody was asked to attribute


def session_name(log: LabelledLog) -> str:
    """The session's folder, its spaces underscores; a line that begins with `;` would be a comment."""
    return field(log.path.resolve().parent.name).lstrip(";") or "session"


def speaker_name(speaker: str | None) -> str:
    """A speaker as one field."""
    return field(speaker or "") or UNATTRIBUTED
