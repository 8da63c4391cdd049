"""The columns of what is counted over a whole session: speakers, the conversation, who interrupts whom."""

from __future__ import annotations

from sinks.table_schemas import Column

SPEAKERS = (
    Column("speaker", "text", "the last label", nullable=False),
    Column("speech_s", "float", "time of own turns", "s", nullable=False),
    Column("share", "float", "of all talk time", "0..1"),
    Column("turns", "int", "merged over short pauses", nullable=False),
    Column("turn_mean_s", "float", "mean length of a turn", "s"),
    Column("turn_longest_s", "float", "the longest turn", "s"),
    Column("segments", "int", "stretches of text", nullable=False),
    Column("words", "int", "words said"),
    Column("wpm", "float", "words over minutes of segments", "words/min"),
    Column("wpm_median", "float", "median of the segments", "words/min"),
    Column("overlap_s", "float", "speech while somebody else speaks", "s", nullable=False),
    Column("overlap_ratio", "float", "of own speech", "0..1"),
    Column("interruptions_made", "int", "others cut off", nullable=False),
    Column("interruptions_won", "int", "of these, the other yielded", nullable=False),
    Column("interruptions_received", "int", "cut off by others", nullable=False),
    Column("backchannels", "int", "short words without a claim to the floor", nullable=False),
    Column("response_latency_median_s", "float", "pause before an answer", "s"),
    Column("pauses", "int", "within segments"),
    Column("pause_s", "float", "time in them", "s"),
    Column("pause_ratio", "float", "of the time of the segments", "0..1"),
    Column("fillers", "int", "filled pauses such as um"),
    Column("repetitions", "int", "words said twice"),
    Column("false_starts", "int", "begun anew"),
    Column("f0_median_hz", "float", "pitch: median of the segments' medians", "Hz"),
    Column("f0_iqr_hz", "float", "pitch: median of the segments' interquartile ranges", "Hz"),
    Column("loudness_dbfs", "float", "level: median of the segments' medians", "dBFS"),
    Column("loudness_range_db", "float", "level: median of the segments' ranges", "dB"),
    Column("jitter_pct", "float", "median", "%"),
    Column("shimmer_db", "float", "median", "dB"),
    Column("hnr_db", "float", "median", "dB"),
    Column("cpps_db", "float", "median", "dB"),
    Column("valence", "float", "mean, in the model's range"),
    Column("arousal", "float", "mean, in the model's range"),
    Column("dominance", "float", "mean, in the model's range"),
    Column("emotion", "text", "of the voice in most segments"),
    Column("text_emotions", "scores", "of the words: mean of the segments", "0..1"),
    Column("sentiment", "float", "of the words, by VADER", "-1..1"),
)

CONVERSATION = (
    Column("session", "text", "name of the folder", nullable=False),
    Column("duration_s", "float", "audio heard; null: the session was cut short", "s"),
    Column("counted_to_s", "float", "the figures are of all that began before", "s", nullable=False),
    Column("final", "bool", "whether these are the last figures", nullable=False),
    Column("speech_s", "float", "somebody speaks", "s", nullable=False),
    Column("overlap_s", "float", "two or more speak", "s"),
    Column("silence_ratio", "float", "nobody speaks", "0..1"),
    Column("overlap_ratio", "float", "of speech", "0..1"),
    Column("balance", "float", "entropy of talk time, 1: all alike", "0..1"),
    Column("turns", "int", "merged over short pauses"),
    Column("turns_per_min", "float", "pace of the talk", "1/min"),
    Column("turn_mean_s", "float", "mean length of a turn", "s"),
    Column("interruptions", "int", "attempted and successful"),
    Column("successful_interruptions", "int", "the other yielded"),
    Column("backchannels", "int", "short words without a claim to the floor"),
    Column("interruptions_per_min", "float", "of the session", "1/min"),
    Column("response_latencies", "int", "answers that were timed"),
    Column("response_latency_mean_s", "float", "pause before an answer", "s"),
    Column("response_latency_median_s", "float", "pause before an answer", "s"),
    Column("response_latency_p90_s", "float", "pause before an answer", "s"),
    Column("topic_coherence", "float", "words shared by neighbouring segments", "0..1"),
)

INTERRUPTIONS = (
    Column("interrupter", "text", "who begins", nullable=False),
    Column("interrupted", "text", "who was speaking", nullable=False),
    Column("attempted", "int", "the other went on", nullable=False),
    Column("successful", "int", "the other yielded", nullable=False),
)

WINDOWS = (
    Column("start_s", "float", "where the window begins", "s", nullable=False),
    Column("end_s", "float", "where it ends", "s", nullable=False),
    Column("speech_density", "float", "share of it in which somebody speaks", "0..1", nullable=False),
    Column("speakers", "texts", "who speaks in it", nullable=False),
    Column("words", "int", "words said in it", nullable=False),
    Column("loudness_dbfs", "float", "mean level of its segments, by time", "dBFS"),
    Column("arousal", "float", "mean of its segments, by time"),
    Column("energy", "float", "arousal by density"),
)
