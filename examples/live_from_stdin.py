"""Live captions: text a second or two behind the talker, from raw samples on stdin.

arecord -f S16_LE -r 16000 -c 1 | python examples/live_from_stdin.py out
ffmpeg -re -i call.wav -f s16le -ar 16000 -ac 1 - | python examples/live_from_stdin.py out
"""

import sys

import anyio

import stream_engine
from stream_engine.clock import RATE
from stream_engine.events import Relabel, Segment, Turn


async def main(out: str) -> None:
    async with stream_engine.open_session("-", pcm="s16le:16000:1", out=out) as session:
        session.on(
            Relabel, lambda relabel: print(f"         {relabel.speaker or relabel.turns} is {relabel.to}")
        )
        async for event in session.events():
            lag = (event.emitted_at or 0) - getattr(event, "end", 0) / RATE
            if isinstance(event, Segment):
                print(f"{lag:6.1f} s behind  {event.speaker}: {event.text}", flush=True)
            elif isinstance(event, Turn) and event.revision == 0:
                print(f"         {event.speaker} begins to speak", flush=True)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        print("usage: python examples/live_from_stdin.py OUT  (raw samples on stdin)", file=sys.stderr)
        sys.exit(2)
    anyio.run(main, sys.argv[1])
