"""Labels of sounds as people read them."""

from __future__ import annotations

from sinks.inert_text import plain


def sound_name(label: str) -> str:
    """`broadband_noise` as "broadband noise"."""
    return plain(label.replace("_", " "))
