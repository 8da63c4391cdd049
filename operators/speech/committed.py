"""Final text that keeps its word: what a hypothesis has committed stands in the segments of its turns.

    committed        we came to the      harbour
    final decoding   We came to a large  harbour and stopped.
    segment          We came to the      harbour and stopped.

Where both say the same, save case and punctuation, the final decoding is written. The rest of it is taken
from where the committed words end (see `local_agreement`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import msgspec

from operators.speech.local_agreement import Pair, aligned, spelled
from stream_engine.clock import MILLISECOND, samples
from stream_engine.events import Hypothesis, Rejected, Segment, Watermark, Word
from stream_engine.operator import Operator

MEMORY = samples(120.0)  # no segment comes so long after others that end later


class Promise(msgspec.Struct, frozen=True):
    """Committed words that no segment has said yet, and the turns that share them."""

    turns: tuple[int, ...]
    end: int
    words: tuple[str, ...]


class CommittedState(msgspec.Struct, frozen=True):
    """What has been promised, and what waits to know."""

    promises: tuple[Promise, ...]
    waiting: tuple[Segment | Rejected | Watermark, ...]


Said = Segment | Rejected | Watermark


class Committed(Operator[Hypothesis | Said, Hypothesis | Said]):
    """Hypotheses and final segments, merged in any order, to the same with the segments' texts made to agree.

    Other events pass. A segment waits until a final hypothesis has named each of its turns; segments, and the
    watermarks between them, keep their order, and what they say does not depend on how the two were merged.
    State: the words that are promised since two minutes before the last segment.
    """

    def __init__(self, *, state: CommittedState | None = None) -> None:
        self._promises = list(state.promises) if state else []
        self._waiting = deque(state.waiting if state else ())

    @property
    def state(self) -> CommittedState:
        return CommittedState(tuple(self._promises), tuple(self._waiting))

    def feed(self, item: Hypothesis | Said, /) -> Iterator[Hypothesis | Said]:
        if isinstance(item, Segment | Rejected | Watermark):
            self._waiting.append(item)
        else:
            yield item
            if not (isinstance(item, Hypothesis) and item.final):
                return
            self._promises.append(Promise(item.turns, item.end, tuple(item.committed.split())))
        known = {turn for promise in self._promises for turn in promise.turns}
        while self._waiting and known.issuperset(_turns(self._waiting[0])):
            yield from self._released(self._waiting.popleft())

    def flush(self) -> Iterator[Said]:
        while self._waiting:
            yield from self._released(self._waiting.popleft())

    def _released(self, item: Said) -> Iterator[Said]:
        """A segment that agrees; where there is none, one of what was committed, if anything was."""
        if isinstance(item, Segment):
            yield self._kept(item)
            return
        yield item
        if isinstance(item, Watermark):
            return
        nothing = Segment(
            id=item.id,
            revision=0,
            final=True,
            start=item.start,
            end=item.end,
            speaker=item.speaker,
            text="",
            words=None,
            turns=item.turns,
        )
        if (kept := self._kept(nothing)).text:
            yield kept

    def _kept(self, segment: Segment) -> Segment:
        """The segment with the words that were promised for it; they are promised no more."""
        mine = [promise for promise in self._promises if set(promise.turns) & set(segment.turns)]
        mine.sort(key=lambda promise: (promise.end, promise.turns))
        promised = [word for promise in mine for word in promise.words]
        over = all(promise.end <= segment.end for promise in mine)
        said, used = kept_words(promised, segment.text.split(), over=over)
        for promise in mine:
            left = promise.words[used:] if used < len(promise.words) else ()
            used = max(0, used - len(promise.words))
            self._promises[self._promises.index(promise)] = msgspec.structs.replace(promise, words=left)
        self._promises = [one for one in self._promises if one.end >= segment.start - MEMORY]
        words = None if segment.words is None else _timed(said, segment.words, segment)
        return msgspec.structs.replace(segment, text=" ".join(word for word, _ in said), words=words)


def _turns(item: Said) -> tuple[int, ...]:
    return () if isinstance(item, Watermark) else item.turns


def kept_words(
    promised: Sequence[str], decoded: Sequence[str], *, over: bool
) -> tuple[list[tuple[str, int | None]], int]:
    """The words of a segment, each with its place in `decoded` if it has one; and how many were promised.

    It takes all of them if the turns that they were promised for are `over`; else those that it says.
    """
    if over:
        pairs = aligned(promised, decoded)
    else:
        pairs = [(row, column) for column, row in aligned(decoded, promised)]
    used = max((row + 1 for row, _ in pairs if row is not None), default=0)
    last = max((index for index, (row, _) in enumerate(pairs) if row is not None), default=-1)
    said = [_word(pair, promised, decoded) for pair in pairs[: last + 1] if pair[0] is not None]
    first = max((column + 1 for _, column in pairs[: last + 1] if column is not None), default=0)
    if over or used == len(promised):
        said += [(decoded[index], index) for index in range(first, len(decoded))]
    return said, used


def _word(pair: Pair, promised: Sequence[str], decoded: Sequence[str]) -> tuple[str, int | None]:
    row, column = pair
    assert row is not None
    if column is not None and spelled(promised[row]) == spelled(decoded[column]):
        return decoded[column], column
    return promised[row], column


def _timed(
    said: Sequence[tuple[str, int | None]], words: Sequence[Word], segment: Segment
) -> tuple[Word, ...]:
    """Words with the times of the final decoding; one that has none there lies between its neighbours."""
    if [word.text for word in words] != segment.text.split():  # times that are not of these words
        return tuple(words)
    speakers = () if segment.speaker is None else (segment.speaker,)
    found: list[Word] = []
    for text, place in said:
        if place is not None:
            found.append(msgspec.structs.replace(words[place], text=text))
        else:
            start = min(found[-1].end if found else segment.start, segment.end - MILLISECOND)
            found.append(Word(start=start, end=start + MILLISECOND, text=text, speakers=speakers))
    return tuple(found)
