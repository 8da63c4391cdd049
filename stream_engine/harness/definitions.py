"""What the figures of a bench mean."""

from __future__ import annotations

from stream_engine.harness.columns import NIST_COLLAR_S, TCP_COLLAR_S
from stream_engine.harness.measured import CONFIDENCE, LEAST_RECORDINGS, LEVEL, RESAMPLES

DEFINITIONS = {
    "text": "lower case, without punctuation, brackets, broken words and fillers",
    "WER": "all errors over all words of the reference, in order of time, speakers ignored (meeteval); "
    "of the whole recording, whatever a UEM says, as are cpWER and tcpWER",
    "cpWER, tcpWER": "meeteval; tcpWER with a collar of "
    f"{TCP_COLLAR_S:.0f} s, times of words spread over a line by their letters",
    "DER, JER": "pyannote.metrics; overlap counted; inside the UEM, or over the whole recording; "
    f"with a collar, {NIST_COLLAR_S} s on either side of each boundary of the reference are left out",
    "interim, confirmed": "of each message: audio fed less the end of its last word (true times of words "
    "where there are some); confirmed: of final text only; oldest: less where the message before ended",
    "word shown, committed": "from the true end of a recognised word until it is shown, and there for good",
    "first turn": "from the first voice of the reference until a turn is shown where somebody speaks",
    "first text": "from the first audio fed",
    "correct speaker": "from the start of a turn of the reference until its right label is shown to stay; "
    "of turns that begin inside the UEM",
    "partial churn": "words that were shown and taken back, over final words (UPWR)",
    "label flicker": "times that a shown label changes, a minute of speech",
    "RTF, processor": "time, and processor time of this process and its children, over audio",
    "other programs": "processor time that others took meanwhile, in cores: it makes ours wait",
    "word latency": "of each final word, where the time from its end to its text went; of a recogniser that "
    "tells no times of words it is text latency: of each final text, from its end",
    "memory": "of the whole process, with all that it did before: another order of runs gives another figure",
    "interval": f"{CONFIDENCE} %, by the bootstrap over recordings (up to {RESAMPLES:,} resamples, "
    f"expanded percentiles), from {LEAST_RECORDINGS} recordings on",
    "worse, better": f"what is rarer than {100 * LEVEL:.0f} % if the two figures of each recording change "
    f"places at random (paired permutation test), from {LEAST_RECORDINGS} recordings on",
}
