"""What a trace tells: which stage is the bottleneck, and whether recognition began before diarization ended.

`python examples/read_trace.py out/call`
"""

import sys
from collections import defaultdict
from pathlib import Path

import msgspec

if len(sys.argv) != 2:
    print("usage: python examples/read_trace.py SESSION_FOLDER", file=sys.stderr)
    sys.exit(2)
events = msgspec.json.decode((Path(sys.argv[1]) / "trace.json").read_bytes())["traceEvents"]
names = {event["tid"]: event["args"]["name"] for event in events if event["name"] == "thread_name"}
slices = [event for event in events if event["ph"] == "X"]

spent: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
for slice in slices:
    spent[names[slice["tid"]]][slice["name"]] += slice["dur"] / 1e6
for stage, seconds in sorted(spent.items(), key=lambda row: -row[1]["feed"]):
    print(f"{stage:18} " + "  ".join(f"{kind} {seconds[kind]:7.3f} s" for kind in ("feed", "wait", "send")))

fed = [slice for slice in slices if slice["name"] == "feed"]
first_text = min((slice["ts"] for slice in fed if names[slice["tid"]] == "recognition"), default=None)
last_turn = max(
    (slice["ts"] + slice["dur"] for slice in fed if names[slice["tid"]] == "diarization"), default=0
)
if first_text is not None:
    print(f"recognition began {(last_turn - first_text) / 1e6:.2f} s before diarization ended")
