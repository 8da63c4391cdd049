"""What in a session asks for attention, in words, each with what to do."""

from __future__ import annotations

from typing import Any

from sinks.labelled import LabelledLog
from stream_engine.clock import timestamp

NOISY_DB = 10.0  # below this, recognition and voice quality suffer
QUIET_DB = -40.0
OFFSET = 0.01  # of full scale: what a sound recorder has is a hundred times less


def warnings_of(log: LabelledLog, performance: dict[str, Any]) -> list[str]:
    """One line each, the gravest first; `performance` may be empty."""
    start, end = log.session_start, log.session_end
    if end is None:
        return ["the session was cut short: run the same command again, and it goes on from there"]
    found: list[str] = []
    health = end.health
    if end.damage:
        found.append(f"damaged input: {end.damage}; what could be decoded is complete")
    if end.stopped:
        found.append("stopped on request, before the recording ended")
    gaps = list(log.gaps())
    if gaps:
        places = ", ".join(timestamp(gap.start) for gap in gaps[:3])
        found.append(f"{len(gaps)} gaps in the audio (at {places}{' ...' if len(gaps) > 3 else ''})")
    if health.get("clipped_runs"):
        found.append(
            f"clipped in {health['clipped_runs']} places: recorded too loud; lower the recorder's gain"
        )
    if health.get("nan_or_inf"):
        found.append(f"{health['nan_or_inf']} samples were no numbers and were set to 0: check the recorder")
    offset, dead = health.get("dc_offset") or 0.0, health.get("peak") == 0
    if dead:
        found.append("nothing but digital silence: check the microphone or the channel")
    elif _speechless(log):
        found.append("no speech was found: check that it is the right recording, and the right channel")
    if abs(offset) > OFFSET:
        found.append(
            f"a constant offset of {abs(offset):.0%} of full scale hides speech: mend the recording chain, or"
            " take it away with `ffmpeg -i IN -af highpass=f=20 OUT.wav`"
        )
    snr, level = health.get("snr_db"), health.get("rms_db")
    if snr is not None and snr < NOISY_DB:
        found.append(
            f"noisy: {snr:.0f} dB between speech and floor; expect more errors, or move the microphone"
        )
    if level is not None and level < QUIET_DB:
        found.append(f"very quiet: {level:.0f} dBFS on average; raise the recorder's gain")
    if performance.get("vad_unstable"):
        per_minute = performance.get("vad_flips_per_minute")
        found.append(
            f"speech and silence alternate {per_minute} times a minute: noise may be taken for speech"
        )
    wrong = sorted(name for name, state in (start.dependencies if start else {}).items() if state[:2] != "ok")
    if wrong:
        found.append(f"packages out of order: {', '.join(wrong)}; see `stream-engine doctor`")
    return found


def _speechless(log: LabelledLog) -> bool:
    """Whether what listens for speech heard none."""
    start = log.session_start
    listened = start is None or (start.recogniser, start.diarizer) != ("none", "none")
    return listened and not any(True for _ in log.turns()) and not any(True for _ in log.segments())
