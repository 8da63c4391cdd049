"""The session clock: integer samples at 16 kHz, half-open intervals `[start, end)`.

Event boundaries lie on whole milliseconds, so that seconds with three decimals are exact:

    samples       0    16    32    48          16000
    milliseconds  0     1     2     3           1000
    seconds       0.0   0.001 0.002 0.003       1.0

Float seconds are never added; they appear in configuration, sinks and messages only.
"""

RATE = 16_000
MILLISECOND = 16


def seconds(samples: int) -> float:
    """Seconds of a sample position, rounded to the millisecond that holds it."""
    return round(samples / MILLISECOND) / 1000


def samples(seconds: float) -> int:
    """The sample position of a time in seconds, on the nearest whole millisecond."""
    return round(seconds * 1000) * MILLISECOND


def snap(samples: int) -> int:
    """The nearest whole millisecond (ties go up)."""
    return (samples + MILLISECOND // 2) // MILLISECOND * MILLISECOND


def timestamp(samples: int) -> str:
    """`1:02:03.4` for people; the hour only where there is one."""
    tenths = samples * 10 // RATE
    minutes, tenths = divmod(tenths, 600)
    hours, minutes = divmod(minutes, 60)
    clock = f"{minutes:02d}:{tenths // 10:02d}.{tenths % 10}"
    return f"{hours}:{clock}" if hours else clock
