"""The command line as scripts rely on it: names, exit codes, one line for each error, nothing half-done."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
import wave
from pathlib import Path

import numpy as np
import pytest

import stream_engine.__main__
from sinks.formats import FORMATS
from stream_engine.events import Segment, SessionEnd, SessionStart, Turn
from stream_engine.log import read
from tests.speech import CALL

ENGINE = [sys.executable, "-m", "stream_engine"]
FAST = ["--diarizer", "none", "--asr", "none"]  # for what does not depend on the models


@pytest.fixture
def cache(tmp_path: Path) -> list[str]:
    return ["--cache", str(tmp_path / "cache")]


def engine(*arguments: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    command = [*ENGINE, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, **options)  # type: ignore[call-overload]


def tone(path: Path, duration_s: float = 1.0) -> Path:
    samples = (8000 * np.sin(np.arange(int(16000 * duration_s)) / 6)).astype("<i2")
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return path


def finals(folder: Path) -> list[dict[str, object]]:
    """The final events, without the time at which they came, in an order that does not depend on it."""
    lines = (json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines())
    events = [line for line in lines if line.get("final", True) and line["type"] != "session_start"]
    for event in events:
        event.pop("emitted_at")
    return sorted(events, key=lambda event: (str(event["type"]), json.dumps(event)))


def one_line(run: subprocess.CompletedProcess[str]) -> str:
    lines = run.stderr.strip().splitlines()
    assert len(lines) == 1, run.stderr
    assert "Traceback" not in run.stderr + run.stdout
    return lines[0]


def test_help_answers_without_heavy_imports() -> None:
    check = (
        "import sys, stream_engine.__main__ as m\n"
        "try: m.main(['--help'])\nexcept SystemExit: pass\n"
        "heavy = {'torch', 'numpy', 'pyannote', 'faster_whisper', 'onnxruntime'} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", check], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("measures", "heavy"),
    [("affect,conversation", {"torch", "pyannote.audio", "faster_whisper"}), ("all", {"pyannote.audio"})],
)
def test_a_session_on_the_cpu_imports_no_more_than_it_needs(
    tmp_path: Path, cache: list[str], measures: str, heavy: set[str]
) -> None:
    check = (
        "import sys, stream_engine.__main__ as m\n"
        f"code = m.main(['transcribe', {str(tone(tmp_path / 'tone.wav'))!r}, '--out', {str(tmp_path)!r}, "
        f"'--cache', {cache[1]!r}, '--quiet', '--analytics', {measures!r}, '--formats', 'txt'])\n"
        "assert code == 0, code\n"
        f"heavy = {heavy!r} & set(sys.modules)\n"
        "assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", check], check=True, capture_output=True)


@pytest.fixture(scope="module")
def transcribed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """One whole run of the telephone call with everything on."""
    out = tmp_path_factory.mktemp("call")
    return out / "sample", engine("transcribe", CALL, "--out", out, "--cache", out / "cache")


def test_a_call_becomes_who_said_what_when(
    transcribed: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, run = transcribed
    assert run.returncode == 0, run.stderr
    assert run.stderr == ""
    for words in ("SPEAKER_00", "SPEAKER_01", "New Jersey", "overlaps", "diarization", "× real time"):
        assert words in run.stdout
    events = list(read(folder / "events.jsonl"))
    assert isinstance(events[0], SessionStart)
    assert isinstance(events[-1], SessionEnd)
    assert sum(isinstance(event, Segment) for event in events) > 5


def test_every_output_is_in_the_manifest_with_its_state_and_reason(
    transcribed: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = transcribed
    outputs = json.loads((folder / "manifest.json").read_text())["outputs"]
    assert set(outputs) == {
        "events.jsonl", "transcript.txt", "transcript.srt", "transcript.vtt", "turns.rttm", "words.ctm",
        "segments.csv", "segments.parquet", "speakers.csv", "summary.json", "report.html",
        "performance.json", "performance.txt", "trace.json",
    }  # fmt: skip
    for name, output in outputs.items():
        assert (output["state"] == "written") == (folder / name).exists(), name
        assert output["state"] == "written" or output["reason"], name
    assert {path.name for path in folder.iterdir()} - set(outputs) == {"manifest.json"}


def test_everything_is_readable_by_its_owner_only(
    transcribed: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = transcribed
    for path in [folder, *folder.iterdir(), *(folder.parent / "cache").rglob("*")]:
        assert path.stat().st_mode & 0o077 == 0, path


def test_recognition_starts_while_the_rest_is_still_being_diarized(
    transcribed: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = transcribed
    events = json.loads((folder / "trace.json").read_text())["traceEvents"]
    track = {event["args"]["name"]: event["tid"] for event in events if event["name"] == "thread_name"}
    spans = {
        name: [
            (e["ts"], e["ts"] + e["dur"]) for e in events if e["tid"] == track[name] and e["name"] == "feed"
        ]
        for name in ("recognition", "diarization")
    }
    assert min(spans["recognition"])[0] < max(spans["diarization"])[1]
    assert any(a < d and c < b for a, b in spans["recognition"] for c, d in spans["diarization"]), (
        "no recognition ran at the same time as diarization"
    )


def test_the_same_command_finds_all_done_and_other_options_are_refused(
    transcribed: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = transcribed
    out = folder.parent
    before = (folder / "events.jsonl").read_bytes()
    again = engine("transcribe", CALL, "--out", out, "--cache", out / "cache")
    assert again.returncode == 0
    assert "done by an earlier run" in again.stdout
    other = engine("transcribe", CALL, "--out", out, "--cache", out / "cache", "--speakers", 3)
    assert other.returncode == 2
    assert "--fresh" in one_line(other)
    assert (folder / "events.jsonl").read_bytes() == before


@pytest.mark.parametrize("way", ["paced", "stdin container", "stdin raw", "audio decoded before"])
def test_final_events_do_not_depend_on_how_the_audio_came(
    transcribed: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path, way: str
) -> None:
    folder, _ = transcribed
    if way == "paced":
        run = engine("transcribe", CALL, "--out", tmp_path, "--pace", 6, "--no-cache")
        other = tmp_path / "sample"
    elif way == "stdin container":
        with CALL.open("rb") as file:
            run = engine("transcribe", "-", "--out", tmp_path, "--no-cache", stdin=file)
        other = tmp_path / "stdin"
    elif way == "stdin raw":
        command = ["ffmpeg", "-v", "error", "-i", CALL, "-f", "s16le", "-ar", "16000", "-ac", "1", "-"]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as raw:
            run = engine(
                "transcribe", "-", "--pcm", "s16le:16000:1", "--out", tmp_path, "--no-cache", stdin=raw.stdout
            )
        other = tmp_path / "stdin"
    else:
        assert engine("ingest", CALL, "--cache", tmp_path / "cache").returncode == 0
        run = engine("transcribe", CALL, "--out", tmp_path, "--cache", tmp_path / "cache")
        other = tmp_path / "sample"
        stages = json.loads((other / "performance.json").read_text())["stages"]
        assert "diarization" in stages
        assert "decode" not in stages, "a hit on the store decodes nothing"
    assert run.returncode == 0, run.stderr
    assert finals(other) == finals(folder)


def test_the_same_audio_under_another_name_and_into_another_folder_computes_nothing(
    transcribed: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    folder, _ = transcribed
    cached = folder.parent / "cache"
    copy = tmp_path / "same call.wav"
    copy.write_bytes(CALL.read_bytes())
    run = engine("transcribe", copy, "--out", tmp_path, "--cache", cached)
    assert run.returncode == 0, run.stderr
    assert "New Jersey" in run.stdout
    other = tmp_path / "same call"
    stages = json.loads((other / "performance.json").read_text())["stages"]
    assert not {"decode", "diarization", "recognition"} & set(stages)
    assert finals(other) == finals(folder)
    assert (other / "transcript.srt").read_bytes() == (folder / "transcript.srt").read_bytes()
    different = engine("transcribe", copy, "--out", tmp_path / "b", "--cache", cached, "--asr", "none")
    assert different.returncode == 0
    assert (
        "diarization" in json.loads((tmp_path / "b" / "same call" / "performance.json").read_text())["stages"]
    )


def test_an_output_that_was_not_asked_for_is_made_by_asking_again(
    transcribed: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    cached = transcribed[0].parent / "cache"
    assert (
        engine("transcribe", CALL, "--out", tmp_path, "--cache", cached, "--formats", "srt").returncode == 0
    )
    assert not (tmp_path / "sample" / "transcript.vtt").exists()
    assert (
        engine("transcribe", CALL, "--out", tmp_path, "--cache", cached, "--formats", "vtt").returncode == 0
    )
    assert (tmp_path / "sample" / "transcript.vtt").exists()
    outputs = json.loads((tmp_path / "sample" / "manifest.json").read_text())["outputs"]
    assert outputs["transcript.srt"]["state"] == outputs["transcript.vtt"]["state"] == "written"


def test_an_earlier_session_of_a_live_input_is_never_taken_for_this_one(tmp_path: Path) -> None:
    for code, options in ((0, []), (2, []), (0, ["--fresh"])):
        with tone(tmp_path / "a.wav").open("rb") as file:
            run = engine("transcribe", "-", "--out", tmp_path, "--no-cache", *FAST, *options, stdin=file)
        assert run.returncode == code, run.stderr


def test_render_makes_the_same_documents_again_from_the_log_alone(
    transcribed: tuple[Path, subprocess.CompletedProcess[str]],
) -> None:
    folder, _ = transcribed
    assert engine("render", folder, "--formats", "all").returncode == 0
    from_log = [
        format.file
        for format in FORMATS
        if format.renderer and format.name != "pdf" and (folder / format.file).exists()
    ]
    assert {"report.html", "segments.parquet", "summary.json", "speakers.csv", "transcript.srt"} < {*from_log}
    before = {name: (folder / name).read_bytes() for name in from_log}
    for name in from_log:
        (folder / name).unlink()
    run = engine("render", folder, "--formats", "all")
    assert run.returncode == 0, run.stderr
    assert {name: (folder / name).read_bytes() for name in from_log} == before


def test_the_log_of_a_killed_session_is_rendered_and_says_that_it_is_cut_short(
    transcribed: tuple[Path, subprocess.CompletedProcess[str]], tmp_path: Path
) -> None:
    whole, _ = transcribed
    folder = tmp_path / "killed"
    folder.mkdir()
    lines = (whole / "events.jsonl").read_bytes().splitlines(keepends=True)
    (folder / "events.jsonl").write_bytes(b"".join(lines[: len(lines) // 2]) + lines[len(lines) // 2][:20])
    manifest = json.loads((whole / "manifest.json").read_text())
    (folder / "manifest.json").write_text(json.dumps({**manifest, "exit_status": None, "outputs": {}}))
    run = engine("render", folder, "--formats", "all")
    assert run.returncode == 0, run.stderr
    assert (folder / "transcript.txt").read_text().endswith("(the session was cut short here)\n")
    assert not json.loads((folder / "summary.json").read_text())["complete"]
    assert not list(folder.glob("*.part*"))
    states = json.loads((folder / "manifest.json").read_text())["outputs"]
    assert {name for name, output in states.items() if output["state"] == "failed"} == set()


def test_json_prints_the_events_and_nothing_else_on_stdout(tmp_path: Path, cache: list[str]) -> None:
    run = engine("transcribe", tone(tmp_path / "a.wav"), "--out", tmp_path, "--json", *FAST, *cache)
    assert run.returncode == 0
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert [lines[0]["type"], lines[-1]["type"]] == ["session_start", "session_end"]
    assert lines[-1]["duration"] == 1.0


def test_quiet_prints_nothing_but_errors(tmp_path: Path, cache: list[str]) -> None:
    run = engine("transcribe", tone(tmp_path / "a.wav"), "--out", tmp_path, "--quiet", *FAST, *cache)
    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["transcribe"], 2, "INPUT"),
        (["transcribe", "x.wav", "--pace", "0"], 2, "pace must be above 0"),
        (["transcribe", "x.wav", "--formats", "docx"], 2, "docx"),
        (["transcribe", "x.wav", "--speakers", "two"], 2, "--speakers"),
        (["transcribe", "x.wav", "--unknown"], 2, "--unknown"),
        (["transcribe", "x.wav", "--pcm", "s16le:16000:1"], 2, "stdin"),
        (["transcribe", "gopher://host/x"], 2, "gopher"),
        (["transcribe", "http://127.0.0.1:9/x", "--offline"], 2, "offline"),
        (["render", "nowhere", "--formats", "srt"], 3, "nowhere"),
        (["trace", "show", "nowhere"], 3, "nowhere"),
    ],
)
def test_wrong_usage_is_said_in_words(tmp_path: Path, arguments: list[str], code: int, said: str) -> None:
    run = engine(*arguments, cwd=tmp_path)
    assert run.returncode == code
    assert said in run.stderr
    assert "Traceback" not in run.stderr


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--language", "fr"], "English"),
        (["--asr", "whatever"], "choose one of"),
        (["--diarizer", "whatever"], "choose one of"),
        (["--asr", "moonshine:large"], "leave :large out"),
        (["--asr", "faster-whisper"], "wants a model"),
        (["--asr", "faster-whisper:large-v3", "--offline"], "not at hand"),
        (["--asr", "moonshine", "--prompt", "names"], "takes no prompt"),
        (["--asr", "moonshine", "--context"], "no context"),
        (["--diarizer", "pyannote:./nowhere"], "no such file or folder"),
        (["--diarizer", "pyannote", "--offline"], "is not in the cache"),
        (["--device", "cuda", "--resample", "device"], "CUDA"),
    ],
)
def test_a_missing_back_end_or_language_is_exit_4(
    tmp_path: Path, cache: list[str], options: list[str], said: str
) -> None:
    run = engine("transcribe", tone(tmp_path / "a.wav"), "--out", tmp_path / "out", *options, *cache)
    assert run.returncode == 4
    assert said in one_line(run)
    manifest = json.loads((tmp_path / "out" / "a" / "manifest.json").read_text())
    assert manifest["exit_status"] == 4


def test_of_several_inputs_a_bad_one_does_not_stop_the_others(tmp_path: Path, cache: list[str]) -> None:
    good, bad = tone(tmp_path / "good.wav"), tmp_path / "bad.wav"
    bad.write_text("this is no recording")
    last = tone(tmp_path / "last.wav")
    run = engine("transcribe", good, bad, last, "--out", tmp_path / "out", *FAST, *cache)
    assert run.returncode == 5
    assert "bad.wav" in one_line(run)
    status = {
        name: json.loads((tmp_path / "out" / name / "manifest.json").read_text())["exit_status"]
        for name in ("good", "bad", "last")
    }
    assert status == {"good": 0, "bad": 3, "last": 0}


def test_a_recording_that_was_cut_off_is_exit_6_and_what_is_there_is_complete(
    tmp_path: Path, cache: list[str]
) -> None:
    whole = tone(tmp_path / "cut.wav", 10.0)
    whole.write_bytes(whole.read_bytes()[:128_000])
    run = engine("transcribe", whole, "--out", tmp_path / "out", *FAST, *cache)
    assert run.returncode == 6
    assert "cut.wav" in one_line(run)
    end = list(read(tmp_path / "out" / "cut" / "events.jsonl"))[-1]
    assert isinstance(end, SessionEnd)
    assert end.damage
    assert 3.9 < end.duration / 16000 < 4.1


def test_a_full_disk_is_exit_7(tmp_path: Path, cache: list[str]) -> None:
    def small_files_only() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))

    run = engine(
        "transcribe", tone(tmp_path / "a.wav", 5.0), "--out", tmp_path / "out", *FAST, *cache,
        preexec_fn=small_files_only,
    )  # fmt: skip
    assert run.returncode == 7
    assert "space" in one_line(run)
    assert not list((tmp_path / "cache").glob("*.f32")), "a store that looks complete"


def test_a_folder_without_permission_is_exit_7(tmp_path: Path, cache: list[str]) -> None:
    (tmp_path / "file").write_text("not a folder")
    run = engine("transcribe", tone(tmp_path / "a.wav"), "--out", tmp_path / "file", *FAST, *cache)
    assert run.returncode == 7
    assert "--out" in one_line(run)


def test_a_session_in_use_is_exit_8(tmp_path: Path) -> None:
    first = subprocess.Popen(
        [*ENGINE, "transcribe", CALL, "--out", tmp_path, "--pace", "1", "--no-cache", "--quiet", *FAST]
    )
    try:
        while not (tmp_path / "sample" / "events.jsonl").exists():
            time.sleep(0.05)
        second = engine("transcribe", CALL, "--out", tmp_path, "--no-cache", *FAST)
        assert second.returncode == 8
        assert "another process" in one_line(second)
    finally:
        first.send_signal(signal.SIGINT)
        first.wait(30)


def test_an_interrupt_keeps_what_was_heard_and_is_exit_130(tmp_path: Path) -> None:
    command = [
        *ENGINE,
        "transcribe",
        CALL,
        "--out",
        tmp_path,
        "--pace",
        "2",
        "--no-cache",
        "--diarizer",
        "none",
    ]
    run = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    log = tmp_path / "sample" / "events.jsonl"
    while not log.exists() or not any(isinstance(event, Turn) for event in read(log)):
        time.sleep(0.1)
    run.send_signal(signal.SIGINT)
    out, err = run.communicate(timeout=60)
    assert run.returncode == 130, err
    assert "Traceback" not in err
    end = list(read(log))[-1]
    assert isinstance(end, SessionEnd)
    assert end.stopped
    assert 0 < end.duration < 30 * 16000
    assert (tmp_path / "sample" / "transcript.txt").exists()
    manifest = json.loads((tmp_path / "sample" / "manifest.json").read_text())
    assert manifest["exit_status"] == 130
    assert out


def test_an_interrupt_while_modules_are_imported_is_one_line_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(stream_engine.__main__, "import_module", interrupted)
    assert stream_engine.__main__.main(["doctor"]) == 130
    assert capsys.readouterr().err == "stream-engine: interrupted\n"


def test_no_cache_leaves_no_audio_on_disk(tmp_path: Path) -> None:
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    run = engine(
        "transcribe", tone(tmp_path / "a.wav"), "--out", tmp_path, "--no-cache", *FAST, env=environment
    )
    assert run.returncode == 0
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]


def test_ingest_then_transcribe_decodes_once(tmp_path: Path, cache: list[str]) -> None:
    audio = tone(tmp_path / "a.wav")
    assert engine("ingest", audio, *cache).returncode == 0
    listed = engine("cache", "list", *cache)
    assert listed.returncode == 0
    assert "1.0 s" in listed.stdout
    assert engine("transcribe", audio, "--out", tmp_path, *FAST, *cache).returncode == 0
    assert "decode" not in json.loads((tmp_path / "a" / "performance.json").read_text())["stages"]
    assert engine("cache", "clear", *cache).returncode == 0
    assert not list((tmp_path / "cache").glob("*.f32"))


@pytest.mark.parametrize("command", ["doctor", "models"])
def test_doctor_and_models_say_what_is_there_and_under_which_licence(command: str) -> None:
    run = engine(command)
    assert run.returncode == 0
    for words in ("silero", "community-1", "CC BY 4.0", "moonshine"):
        assert words in run.stdout


def test_the_trace_of_a_run_can_be_shown(transcribed: tuple[Path, subprocess.CompletedProcess[str]]) -> None:
    folder, _ = transcribed
    run = engine("trace", "show", folder)
    assert run.returncode == 0
    assert "diarization" in run.stdout


@pytest.mark.parametrize(
    "command", ["transcribe", "ingest", "render", "doctor", "models", "cache", "trace", "bench"]
)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    from stream_engine.__main__ import main

    with pytest.raises(SystemExit) as left:
        main([command, "--help"])
    assert left.value.code == 0
    assert "usage: stream-engine " + command in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "code", "said"),
    [
        (["--diarizer", "none", "--processed", "both"], 4, "no diarizer hears it"),
        (["--diarizer", "channels", "--processed", "diarization"], 4, "mixes channels"),
        (["--sound-rules", "median=inf"], 2, "sound rules"),
        (["--sound-rules", "merge_gap=inf"], 2, "sound rules"),
        (["--sound-rules", "median=100001"], 2, "median"),
        (["--intents", "a,,b", "--affect-intent", "/nowhere"], 2, "intent"),
        (["--intents", "a,b"], 2, "affect_intent"),
        (["--otlp", "localhost:4318"], 2, "address of a collector"),
        (["--classmap", "/tmp"], 2, "no such file"),
        (["--analytics", ""], 2, "name what is to be measured"),
        (["--tagger", "onnx:/nowhere"], 4, "sound tagger"),
        (["--affect-text", "/nowhere"], 4, "affect model"),
        (["--chain", "echo"], 2, "echo: unknown"),
        (["--redact-names", "/nowhere"], 2, "redact"),
    ],
)
def test_a_wrong_measure_is_one_line_and_its_exit_code(
    tmp_path: Path, options: list[str], code: int, said: str
) -> None:
    run = engine("transcribe", tone(tmp_path / "tone.wav"), "--out", tmp_path / "out", "--no-cache", *options)
    assert run.returncode == code
    assert said in run.stderr
