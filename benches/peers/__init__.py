"""Peers side by side: the same audio through ours and through what a user would take instead.

    python -m benches.peers setup [NAME...]      environments, from the configured package registry
    python -m benches.peers run [NAME...] [--quick] [--lengths S...] [--pyannote FOLDER] [--whisper FOLDER]
    python -m benches peers                      all that are set up, into RESULTS.md, one by one

Each side is a process, each peer in an environment of its own; they run by turns, and ours without analytics
(prosody, sounds, affect), which no peer has. `moonshine`: its own stream with its own speakers, against
ours on the same weights. `sequential`: pyannote's pipeline, then faster-whisper; ours with the very same
files: community-1 rebuilt from the wheel of moonshine-voice, a tiny Whisper of random weights in the true
format (so its texts mean nothing), or the ones given. `pydub`: the preprocessing of a typical script.
`whisperx`: its assignment of speakers to words. `diart`: its blocks with models that read the audio. A peer
that cannot run is named with the reason.

`x_real_time` is audio over wall time, start of the process and loading included (`whisperx`: over the
function's own time of the processor); `cpu_s` counts all processors and is what to compare where neighbours
disturb. `first_s`: from the start of the process to the first result that will not change (text: final or
rejected). Memory: the highest RssAnon and RSS of the process and its children, ten times a second, and
`anon_mb_per_minute`, from the second longest to the longest that a side had: before, caches fill. Peers that
take about as long as the audio lasts get 4 min at most, ours then goes on alone to 30; the first text of
30 min is waited for six times as long as ours took.
Ratios are those of the greatest length that both had. DER: collar 0, overlap counted, pooled. `commit`: of
each peer's figures.

Bars: throughput >= theirs; first result of 30 min >= 5 x sooner than the sequential way; memory flat where
theirs grows; accuracy not worse by more than 1 point.
"""
