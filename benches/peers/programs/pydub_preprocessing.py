"""All stages of `benches.pydub_way` over one file; the audio is there when the last has ended."""

import json
import sys
from pathlib import Path

from benches.pydub_way import stages

if __name__ == "__main__":
    kept = None
    for work in stages(Path(sys.argv[1])).values():
        kept = work(kept)
    print(json.dumps({"kind": "audio", "samples": int(kept.frame_count())}), flush=True)
