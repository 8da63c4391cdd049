"""Figures of a talk as a whole, out of what is settled and what is held.

    figure             old definition                               here
    turns              segments after another speaker's; of such    taken turns (`turn_taking`)
                       a turn only the first segment's length
    response latency   between those, so 16 s were lost             taken turns into silence, after another
    interruptions      a segment that starts before the one         those of `overlap`
                       before ends, the same speaker's too
    silence            session less the sum of segments: overlap    session less the union of turns
                       counted twice
    balance            0.5 where the computation failed             None where nobody is named
    nothing there      0; 1 for silence and for coherence           None

Times of speech are counted up to `at`; turns, segments, interruptions whole if they began before it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from operators.timeline.coherence import Coherence
from operators.timeline.quantiles import merged
from operators.timeline.talk_time import by_name
from operators.timeline.tally import Counted, Tally, rounded
from stream_engine.clock import RATE, seconds
from stream_engine.events import ConversationFigures, InterruptionCount


def conversation_figures(
    settled: Tally, held: Tally, both: Counted, coherence: Coherence, at: int
) -> ConversationFigures:
    """The talk from 0 to `at`."""
    speech = sum(both.talk.values())
    overlap = sum(time for who, time in both.talk.items() if len(who) > 1)
    own = by_name(both.talk)
    turns = sum(both.starts.values())
    length = sum(len(who) * time for who, time in both.prolonged.items()) - turns * settled.taking.pause
    minutes = at / RATE / 60
    successful = sum(both.successful.values())
    interruptions = successful + sum(both.attempted.values())
    named = bool(own) and at > 0
    told = bool(own) or not speech  # else people speak whom nobody tells apart
    waits = [*settled.taking.latencies.values(), *held.taking.latencies.values()]
    latency = merged(waits, exact=settled.exact)
    return ConversationFigures(
        speech_s=seconds(speech),
        overlap_s=seconds(overlap) if told else None,
        silence_ratio=rounded(1 - speech / at) if at else None,
        overlap_ratio=rounded(overlap / speech) if speech and told else None,
        balance=rounded(balance(own.values())) if own else None,
        turns=turns if told else None,
        turns_per_min=rounded(turns / minutes) if named else None,
        turn_mean_s=rounded(length / turns / RATE) if turns else None,
        interruptions=interruptions if told else None,
        successful_interruptions=successful if told else None,
        backchannels=sum(both.backchannels.values()) if told else None,
        interruptions_per_min=rounded(interruptions / minutes) if named else None,
        response_latencies=latency.count if told else None,
        response_latency_mean_s=rounded(latency.mean),
        response_latency_median_s=rounded(latency.median),
        response_latency_p90_s=rounded(latency.quantile(0.9)),
        topic_coherence=rounded(coherence.mean),
    )


def interruption_counts(both: Counted) -> tuple[InterruptionCount, ...]:
    """Who interrupts whom: the cells that are not zero, in order of names."""
    return tuple(
        InterruptionCount(
            interrupter=by,
            interrupted=of,
            attempted=both.attempted.get((by, of), 0),
            successful=both.successful.get((by, of), 0),
        )
        for by, of in sorted({*both.attempted, *both.successful})
    )


def balance(times: Iterable[int]) -> float:
    """Entropy of the shares over its maximum: 1 if all speak alike, 0 if one does alone."""
    shares = [time for time in times if time > 0]
    total = sum(shares)
    if len(shares) < 2:
        return 0.0
    return -sum(time / total * math.log(time / total) for time in shares) / math.log(len(shares))
