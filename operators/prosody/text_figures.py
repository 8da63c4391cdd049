"""What the text of a segment says of the way in which it was said: rate and disfluencies.

Words can be counted in every script that puts spaces between them; syllables, repetitions and false starts
are known of English only; fillers of each language that there is a list for. What is not known is None, and
`notes` say why. Differences from the analyser that came before (STAGES.md, 6):

- Words are those of which the rate is counted, not what stands between spaces: a dash is none.
- Syllables are per second; they were per minute under that name.
- "so", "right" and "okay" are no fillers; "like", "well" and "you know" where they are set apart.
- A word said again after a short one ("side by side") is no repetition; "the the" and "I I" are.
- "X um Y" is a filler, not a false start too; neither is each dash or ellipsis.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from operators.prosody.disfluency import disfluencies
from operators.prosody.filler_list import Fillers
from operators.prosody.spoken_words import spoken_words, written_apart
from operators.prosody.syllables import syllables

ENGLISH = "en"
SHORTEST_S = 0.5  # below it one word more or less is all there is to a rate
NO_FILLERS = Fillers(frozenset(), frozenset())


class TextFigures(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one text. Rates have two digits."""

    words: int
    wpm: float | None = None  # words per minute
    syllables: int | None = None
    syllables_per_s: float | None = None
    fillers: int | None = None
    repetitions: int | None = None
    false_starts: int | None = None
    notes: tuple[str, ...] = ()


def text_figures(
    text: str, duration_s: float, *, language: str | None, fillers: Mapping[str, Fillers]
) -> TextFigures:
    """The figures of what was said in `duration_s` seconds.

    Args:
        language: Its code; None: it is not known, and only words are counted.
        fillers: Lists by language code.
    """
    words = spoken_words(text, language=language)
    english, listed = language == ENGLISH, fillers.get(language or "")
    rate = duration_s >= SHORTEST_S
    notes = [] if rate else [f"rates: shorter than {SHORTEST_S} s"]
    if not written_apart(language):
        rate = False
        notes.append(f"words: {language} has no spaces between them")
    if not english:
        which = "syllables, repetitions, false starts" + ("" if listed else ", fillers")
        notes.append(f"{which}: not known of language {language or '(unknown)'}")
    spoken = sum(map(syllables, words)) if english else None
    found = disfluencies(text, listed or NO_FILLERS)
    return TextFigures(
        words=len(words),
        wpm=round(60 * len(words) / duration_s, 2) if rate else None,
        syllables=spoken,
        syllables_per_s=round(spoken / duration_s, 2) if rate and spoken is not None else None,
        fillers=found.fillers if listed else None,
        repetitions=found.repetitions if english else None,
        false_starts=found.false_starts if english else None,
        notes=tuple(notes),
    )
