"""WhisperX's own `assign_word_speakers` on words and turns that are given.

    python whisperx_words.py TASK.json        {"words": [[start, end]], "turns": [[start, end, speaker]]}

Its file imports torch, pyannote.audio and a decoder for the models that stand beside the function, which
uses none of them, so empty modules stand in for them.
"""

import json
import sys
import time
import types


def assignment():
    for name in ("torch", "pyannote", "pyannote.audio", "whisperx.audio", "whisperx.schema"):
        sys.modules[name] = types.ModuleType(name)
    sys.modules["torch"].device = str
    sys.modules["pyannote.audio"].Pipeline = object
    vars(sys.modules["whisperx.audio"]).update(load_audio=None, SAMPLE_RATE=16_000)
    names = ("TranscriptionResult", "AlignedTranscriptionResult", "ProgressCallback")
    vars(sys.modules["whisperx.schema"]).update(dict.fromkeys(names, dict))
    from whisperx.diarize import assign_word_speakers

    return assign_word_speakers


def main(path: str) -> None:
    import pandas as pd

    assign = assignment()
    with open(path) as file:
        task = json.load(file)
    turns = pd.DataFrame(task["turns"], columns=["start", "end", "speaker"])
    words = [{"start": start, "end": end} for start, end in task["words"]]
    whole = [{"start": words[0]["start"], "end": words[-1]["end"], "words": words}]
    began = time.process_time()
    assign(turns, {"segments": whole})
    seconds = time.process_time() - began
    speakers = [[word["speaker"]] if "speaker" in word else [] for word in words]
    print(json.dumps({"kind": "speakers", "seconds": seconds, "speakers": speakers}))


if __name__ == "__main__":
    main(sys.argv[1])
