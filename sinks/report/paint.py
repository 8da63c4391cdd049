"""Colours of the report, by name, for light and dark; speakers' are read as text, so all have a contrast
of 4.5 or more on `card` and `ground` (WCAG 2.2, AA).
"""

from __future__ import annotations

SPEAKERS_LIGHT = (
    "#1f5fbf", "#ab4d12", "#1a7446", "#97298a", "#806000",
    "#5b4bc4", "#0d6f7c", "#b5263f", "#56651a", "#6b5344",
)  # fmt: skip
SPEAKERS_DARK = (
    "#82b4ff", "#ffa36b", "#62cf95", "#f08be0", "#e3bf4a",
    "#ada1ff", "#56c8d8", "#ff8f9c", "#b9cc5c", "#cbb09c",
)  # fmt: skip
LIGHT = {
    "ground": "#f4f5f7",
    "card": "#ffffff",
    "ink": "#1b1f24",
    "faint": "#57606b",
    "line": "#d5d9df",
    "wave": "#9aa5b1",
    "accent": "#0b57c2",
    "warn": "#8a4b00",
    "warn-ground": "#fff4e0",
    "mark": "#ffe28a",
    "now": "#ffb627",
    "overlap": "#c2410c",
}
DARK = {
    "ground": "#14171b",
    "card": "#1d2126",
    "ink": "#e7eaee",
    "faint": "#a4adb8",
    "line": "#363c44",
    "wave": "#66717e",
    "accent": "#86b7ff",
    "warn": "#ffc876",
    "warn-ground": "#33280f",
    "mark": "#6b5400",
    "now": "#f0a91e",
    "overlap": "#ff8a4c",
}


def palette(*, dark: bool = False) -> dict[str, str]:
    """Each name with its colour; speakers are `s0`, `s1` ... and begin anew after the last."""
    speakers = SPEAKERS_DARK if dark else SPEAKERS_LIGHT
    return {**(DARK if dark else LIGHT), **{f"s{place}": colour for place, colour in enumerate(speakers)}}
