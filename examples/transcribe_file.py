"""Who said what when, from Python: `python examples/transcribe_file.py call.wav out`."""

import sys

import stream_engine
from stream_engine.clock import seconds

if len(sys.argv) != 3:
    print("usage: python examples/transcribe_file.py RECORDING OUT", file=sys.stderr)
    sys.exit(2)
session = stream_engine.transcribe(sys.argv[1], out=sys.argv[2], fresh=True)
for segment in session.segments:
    print(f"{seconds(segment.start):7.2f}  {segment.speaker}  {segment.text}")
print(f"{session.performance_metrics['audio_seconds_per_second']} × real time, files in {session.folder}")
