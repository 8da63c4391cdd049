"""Figures of each speaker, out of what is settled and what is held.

Old: interruptions were dropped with a speaker without segments; `overlap_ratio` was pairwise seconds, so it
could be above 1, and is own time spoken with others here. See `speaker_totals` for how values are taken
together: medians for what is measured of the voice, means for what models say of the mood.
"""

from __future__ import annotations

from operators.timeline.quantiles import merged
from operators.timeline.speaker_totals import SpeakerTotals
from operators.timeline.talk_time import by_name
from operators.timeline.tally import DIGITS, Counted, Pairs, Tally, rounded
from stream_engine.clock import RATE, seconds
from stream_engine.events import SpeakerFigures


def speaker_figures(settled: Tally, held: Tally, both: Counted) -> tuple[SpeakerFigures, ...]:
    """All who were named, in order of name."""
    own = by_name(both.talk)
    shared = by_name({who: time for who, time in both.talk.items() if len(who) > 1})
    prolonged, everybody = by_name(both.prolonged), sum(own.values())
    turns: dict[str, int] = {}
    for who, count in both.starts.items():
        turns[who[0]] = turns.get(who[0], 0) + count
    pairs = {*both.attempted, *both.successful, *both.backchannels}
    names = {*own, *turns, *settled.speakers, *held.speakers, *(name for pair in pairs for name in pair)}
    figures: list[SpeakerFigures] = []
    for name in sorted(names):
        speech, count = own.get(name, 0), turns.get(name, 0)
        overlap = shared.get(name, 0)
        longest = max(settled.taking.longest.get(name, 0), held.taking.longest.get(name, 0))
        waits = [
            values
            for taking in (settled.taking, held.taking)
            for who, values in taking.latencies.items()
            if who[0] == name
        ]
        total = SpeakerTotals(exact=settled.exact)
        for tally in (settled, held):
            if name in tally.speakers:
                total.merge(tally.speakers[name])
        won = _made(both.successful, name)
        texts = total.texts
        mean = (prolonged[name] / count - settled.taking.pause) / RATE if count else None
        figures.append(
            SpeakerFigures(
                speaker=name,
                speech_s=seconds(speech),
                share=rounded(speech / everybody) if everybody else None,
                turns=count,
                turn_mean_s=rounded(mean),
                turn_longest_s=seconds(longest) if count else None,
                segments=total.segments,
                words=total.words if total.time else None,
                wpm=rounded(total.words * 60 * RATE / total.time) if total.time else None,
                wpm_median=rounded(total.median("wpm")),
                overlap_s=seconds(overlap),
                overlap_ratio=rounded(overlap / speech) if speech else None,
                interruptions_made=won + _made(both.attempted, name),
                interruptions_won=won,
                interruptions_received=_received(both.successful, name) + _received(both.attempted, name),
                backchannels=_made(both.backchannels, name),
                response_latency_median_s=rounded(merged(waits, exact=settled.exact).median),
                pauses=total.counts.get("pauses"),
                pause_s=round(total.paused, 3) if total.heard else None,
                pause_ratio=rounded(total.paused * RATE / total.heard) if total.heard else None,
                fillers=total.counts.get("fillers"),
                repetitions=total.counts.get("repetitions"),
                false_starts=total.counts.get("false_starts"),
                f0_median_hz=rounded(total.median("f0_median_hz")),
                f0_iqr_hz=rounded(total.median("f0_iqr_hz")),
                loudness_dbfs=rounded(total.median("loudness_dbfs")),
                loudness_range_db=rounded(total.median("loudness_range_db")),
                jitter_pct=rounded(total.median("jitter_pct")),
                shimmer_db=rounded(total.median("shimmer_db")),
                hnr_db=rounded(total.median("hnr_db")),
                cpps_db=rounded(total.median("cpps_db")),
                valence=rounded(total.mean("valence")),
                arousal=rounded(total.mean("arousal")),
                dominance=rounded(total.mean("dominance")),
                emotion=total.emotion,
                text_emotions={
                    emotion: round(score / texts, DIGITS)
                    for emotion, score in sorted(total.text_emotions.items())
                }
                if texts
                else None,
                sentiment=rounded(total.mean("sentiment")),
            )
        )
    return tuple(figures)


def _made(pairs: Pairs, name: str) -> int:
    return sum(count for (by, _), count in pairs.items() if by == name)


def _received(pairs: Pairs, name: str) -> int:
    return sum(count for (_, to), count in pairs.items() if to == name)
