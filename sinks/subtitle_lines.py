"""Where subtitles are cut: which words make a cue, and where it is broken into two lines.

Netflix (Timed Text Style Guide, General Requirements, 4) and the BBC (Subtitle Guidelines, 3.4) agree: one
line if it fits, two at most, broken after punctuation or before a conjunction or preposition, and an article
is not parted from its noun. The word lists are English; in other languages punctuation and length decide.
"""

from __future__ import annotations

from collections.abc import Sequence

from sinks.timed_words import TimedWord
from stream_engine.clock import samples

LINE = 42  # columns
LEAST = 20  # that are left for text beside a long name
LONGEST = samples(7.0)
PAUSE = samples(0.4)  # a good place to cut
SILENCE = samples(1.5)  # what follows is not shown before it
FULL = 0.4  # share of a cue that is worth one
CRUMB = 14  # columns: too few to be left over

_CLOSING = "\"'”’»)]}"
_OPENERS = frozenset(
    "and but or nor so yet because that which who when where while if although though as than unless until"
    " after before since with without from into onto of in on at by for to about over under through between"
    " against during".split()
)
_BINDING = frozenset(
    "a an the my your his her its our their this these no not very i you he she it we they is are was were"
    " be been have has had will would can could should must may do does did don't mr mrs ms dr".split()
)


def cut(words: Sequence[TimedWord], begin: int, *, first: int) -> int:
    """Where the cue that starts with word `begin` ends, its first line `first` columns long.

    Its words fit on two lines and are said in 7 s; among the ends that leave it well filled, the best.
    """
    most = _most(words, begin, first)
    if most == len(words) or most == begin + 1:
        return most
    full = first + LINE
    few = len(words) - most < CRUMB  # else what is left is no crumb
    left = sum(word.width + 1 for word in words[begin:]) if few else 2 * full
    width, best = 0, (0.0, most)
    for end in range(begin + 1, most + 1):
        taken = words[end - 1].width + (not words[end - 1].glued)
        width, left = width + taken, left - taken
        pause = words[end].start - words[end - 1].end
        if width >= FULL * full or pause >= SILENCE:
            worth = _worth(words, end) + (3.0 if pause >= SILENCE else 2.0 if pause >= PAUSE else 0.0)
            best = max(best, (worth + 1.5 * width / full - (2.0 if left < CRUMB else 0.0), end))
    return best[1]


def broken(words: Sequence[TimedWord], *, first: int) -> tuple[tuple[TimedWord, ...], ...]:
    """The words of a cue on one line or two."""
    widths = [word.width + (not word.glued) for word in words]
    total = sum(widths) - (not words[0].glued)
    if total <= first or len(words) == 1:
        return (tuple(words),)
    before, best = -int(not words[0].glued), (float("-inf"), 1)
    for place in range(1, len(words)):
        before += widths[place - 1]
        after = total - before - (not words[place].glued)
        if before > first:
            break
        if after <= LINE:
            best = max(best, (8.0 * _worth(words, place) - abs(before - after), place))
    return tuple(words[: best[1]]), tuple(words[best[1] :])


def shown(line: Sequence[TimedWord]) -> str:
    """The text of a line."""
    return "".join(("" if word.glued else " ") + word.text for word in line).strip()


def _most(words: Sequence[TimedWord], begin: int, first: int) -> int:
    """The end of the longest run that fits on two lines, into 7 s, and has no silence in it."""
    room, lines, width = first, 1, 0
    for place in range(begin, len(words)):
        word = words[place]
        if place > begin:
            if word.end - words[begin].start > LONGEST or word.start - words[place - 1].end >= SILENCE:
                return place
        added = word.width + (width > 0 and not word.glued)
        if width + added > room:
            if lines == 2 or width == 0:
                return max(place, begin + 1)
            room, lines, width, added = LINE, 2, 0, word.width
        width += added
    return len(words)


def _worth(words: Sequence[TimedWord], place: int) -> float:
    """How good it is to break before word `place`."""
    before = words[place - 1].text.rstrip(_CLOSING)
    if before.endswith((".", "!", "?", "…", "。", "！", "？", "؟", "।")):
        return 3.0
    if before.endswith((",", ";", ":", "—", "–", "、", "，", "；", "：", "،")):
        return 2.0
    if before.lower() in _BINDING:
        return -1.0
    return 1.0 if words[place].text.lower() in _OPENERS else 0.0
