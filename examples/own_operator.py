"""An operator of one's own: how long each speaker has talked so far.

It is a plain class with `feed` and `flush`; here it runs over a session that is being transcribed:
`python examples/own_operator.py call.wav out`
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import anyio
import msgspec

import stream_engine
from stream_engine.clock import seconds
from stream_engine.events import Event, Turn


class TalkTimeState(msgspec.Struct, frozen=True):
    spoken: dict[str, int]  # samples, by speaker


class TalkTime:
    """Final turns in, totals out: after each turn, its speaker's share of all speech."""

    def __init__(self, *, state: TalkTimeState | None = None) -> None:
        self._spoken = dict(state.spoken) if state else {}

    @property
    def state(self) -> TalkTimeState:
        return TalkTimeState(dict(self._spoken))

    def feed(self, item: Event, /) -> Iterator[str]:
        if isinstance(item, Turn) and item.final and item.speaker:
            self._spoken[item.speaker] = self._spoken.get(item.speaker, 0) + item.end - item.start
            share = self._spoken[item.speaker] / sum(self._spoken.values())
            yield f"{seconds(item.end):7.2f} s  {item.speaker} has {share:.0%} of the talk"

    def flush(self) -> Iterator[str]:
        return iter(())


async def main(path: str, out: str) -> None:
    talk_time = TalkTime()
    async with stream_engine.open_session(path, out=out, asr="none") as session:
        async for event in session.events():
            for line in talk_time.feed(event):
                print(line)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        print("usage: python examples/own_operator.py RECORDING OUT", file=sys.stderr)
        sys.exit(2)
    recording, folder = sys.argv[1:]
    anyio.run(main, recording, folder)
