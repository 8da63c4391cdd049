"""Our operator on words and turns that are given: `our_words.py TASK.json`."""

from __future__ import annotations

import json
import sys
import time

from benches.attribution import fed
from operators.timeline.word_speakers import WordSpeakers


def main(path: str) -> None:
    with open(path) as file:
        task = json.load(file)
    items = fed([(*word, "") for word in task["words"]], task["turns"])
    operator, said = WordSpeakers(), []
    began = time.process_time()
    for item in items:
        for out in operator.feed(item):
            if not said:
                print(json.dumps({"kind": "first"}), flush=True)
            said.append(out)
    said += operator.flush()
    seconds = time.process_time() - began
    speakers = [word.speakers for segment in said for word in segment.words]
    print(json.dumps({"kind": "speakers", "seconds": seconds, "speakers": speakers}))


if __name__ == "__main__":
    main(sys.argv[1])
