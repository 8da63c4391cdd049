"""What leaves a run for other tools: OpenTelemetry, Prometheus, JSON lines; each read by its own reader."""

from __future__ import annotations

import gc
import json
import logging
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import msgspec
import pytest

import stream_engine
from sinks.batched_lines import BatchedLines
from sinks.open_telemetry import send_spans
from sinks.prometheus import exposition, write_prometheus
from sinks.span_lines import SpanFile
from stream_engine.clock import RATE
from stream_engine.lineage import WordLatency
from stream_engine.performance import metrics
from stream_engine.tracer import KEPT, SLOWEST, Tracer, packed
from tests.speech import CALL

pytestmark = pytest.mark.usefixtures("nothing_left_behind")
MS = 1_000_000


def traced(items: int = 5) -> Tracer:
    """A run of two stages, 10 ms an item, on a clock of its own."""
    tracer = Tracer(clock=lambda: items * 10 * MS)
    tracer.began = 0
    for number in range(items):
        at = number * 10 * MS
        position = number * RATE // 10
        tracer.stage("diarization").record(packed(position, at, at + 2 * MS, at + 7 * MS, at + 8 * MS))
    tracer.stage("recognition").record(packed(-1, 0, 5 * MS, 25 * MS, 25 * MS))
    tracer.word(RATE // 10, 40 * MS, WordLatency(1 * MS, 2 * MS, 3 * MS, 4 * MS, 0, 5 * MS, 6 * MS))
    tracer.counter('queue "audio"', 3)
    tracer.observe("final segment", 2000 * MS)
    return tracer


# --- OpenTelemetry -------------------------------------------------------------------------------


class Collector(BaseHTTPRequestHandler):
    """Takes OTLP over HTTP, as a collector does."""

    requests: list[tuple[str, bytes]]
    status = 200

    def do_POST(self) -> None:
        self.requests.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def collector(status: int = 200) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    got: list[tuple[str, bytes]] = []
    handler = type("Handler", (Collector,), {"requests": got, "status": status})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", got
        finally:
            server.shutdown()
            thread.join()


def spans_of(got: list[tuple[str, bytes]]) -> tuple[dict[str, Any], list[Any]]:
    """Attributes of the resource, and all spans, decoded by OpenTelemetry's own protocol buffers."""
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    resource: dict[str, Any] = {}
    spans: list[Any] = []
    for path, body in got:
        assert path == "/v1/traces"
        for of_resource in ExportTraceServiceRequest.FromString(body).resource_spans:
            resource |= values(of_resource.resource.attributes)
            spans += [span for scope in of_resource.scope_spans for span in scope.spans]
    return resource, spans


def values(attributes: Any) -> dict[str, Any]:
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in attributes}


def test_a_collector_gets_one_trace_with_a_span_for_each_call() -> None:
    with collector() as (address, got):
        sent = send_spans(traced(), endpoint=address, session_id="talk", wall_ns=lambda: 10**18)
    resource, spans = spans_of(got)
    assert resource == {"service.name": "stream-engine", "session.id": "talk"}
    assert sent == len(spans) == 1 + 5 + 1 + 1
    assert len({span.trace_id for span in spans}) == 1
    assert len({span.span_id for span in spans}) == len(spans)
    (root,) = [span for span in spans if not span.parent_span_id]
    assert root.name == "session"
    assert (root.start_time_unix_nano, root.end_time_unix_nano) == (10**18 - 50 * MS, 10**18)
    assert {span.parent_span_id for span in spans if span is not root} == {root.span_id}
    called = [span for span in spans if span.name == "diarization"]
    assert [values(span.attributes)["chunk.seq"] for span in called] == [0, 1, 2, 3, 4]
    assert values(called[2].attributes) == {
        "session.id": "talk",
        "stage": "diarization",
        "queue.wait_ms": 2.0,
        "send.held_ms": 1.0,
        "chunk.seq": 2,
        "audio.start_s": 0.2,
    }
    assert called[2].end_time_unix_nano - called[2].start_time_unix_nano == 5 * MS
    assert called[2].start_time_unix_nano - root.start_time_unix_nano == 22 * MS
    (word,) = [span for span in spans if span.name == "word"]
    assert values(word.attributes)["latency.compute_ms"] == 5.0
    assert word.end_time_unix_nano - word.start_time_unix_nano == 20 * MS


def test_another_run_of_a_session_is_another_trace() -> None:
    with collector() as (address, got):
        for at in (10**18, 10**18 + 1):
            send_spans(traced(), endpoint=address, session_id="talk", wall_ns=lambda at=at: at)
        once, again = (spans_of([sent])[1] for sent in got)
    assert {span.trace_id for span in once}.isdisjoint(span.trace_id for span in again)
    assert {span.span_id for span in once}.isdisjoint(span.span_id for span in again)


def test_a_long_run_sends_the_newest_and_the_slowest_and_numbers_them() -> None:
    with collector() as (address, got):
        send_spans(traced(KEPT + 100), endpoint=f"{address}/v1/traces", session_id="talk", newest=50)
    _, spans = spans_of(got)
    assert len(got) == 1
    numbers = [values(span.attributes).get("chunk.seq") for span in spans if span.name == "diarization"]
    assert numbers[:SLOWEST] == [None] * SLOWEST
    assert numbers[SLOWEST:] == list(range(KEPT + 50, KEPT + 100))


def test_nothing_is_sent_without_an_endpoint_and_never_offline() -> None:
    with collector() as (address, got):
        os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = address
        try:
            for endpoint in ("", "localhost:4318", "ftp://host", "file:///tmp"):
                with pytest.raises(ValueError, match="no web address"):
                    send_spans(traced(), endpoint=endpoint, session_id="talk")
            with pytest.raises(ValueError, match="offline"):
                send_spans(traced(), endpoint=address, session_id="talk", offline=True)
        finally:
            del os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"]
    assert got == []


def test_a_collector_that_refuses_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with (
        caplog.at_level(logging.CRITICAL, "opentelemetry"),
        collector(status=400) as (address, _),
        pytest.raises(ConnectionError, match="took 0 spans"),
    ):
        send_spans(traced(), endpoint=address, session_id="talk")


def test_opentelemetry_is_imported_only_to_send() -> None:
    code = "import sys, sinks.open_telemetry; assert 'opentelemetry' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


# --- Prometheus ----------------------------------------------------------------------------------


def test_prometheus_reads_every_figure_of_a_run(tmp_path: Path) -> None:
    from prometheus_client.parser import text_string_to_metric_families

    tracer = traced()
    figures = {
        **metrics(tracer, audio_s=30.0, first={}),
        "memory": {"start_mb": 100.0, "end_mb": 110.0, "peak_mb": 120.0, "delta_mb": 10.0},
    }
    text = exposition(figures, tracer=tracer, labels={"session": 'a "call"\\\n'})
    families = {family.name: family for family in text_string_to_metric_families(text)}
    samples = {
        (sample.name, *(value for key, value in sample.labels.items() if key != "session")): sample
        for family in families.values()
        for sample in family.samples
    }
    assert {sample.labels["session"] for sample in samples.values()} == {'a "call"\\\n'}
    assert families["stream_engine_stage_feed_seconds"].type == "summary"
    assert samples["stream_engine_audio_seconds",].value == 30.0
    assert samples["stream_engine_stage_feed_seconds_count", "diarization"].value == 5
    assert samples["stream_engine_stage_feed_seconds_sum", "diarization"].value == pytest.approx(0.025)
    for quantile in ("0.5", "0.95", "0.99"):
        told = samples["stream_engine_stage_feed_seconds", "diarization", quantile].value
        assert told == pytest.approx(0.005, rel=0.03)
    assert samples["stream_engine_lag_seconds", "final segment", "0.5"].value == pytest.approx(2, rel=0.03)
    assert samples["stream_engine_word_latency_seconds_sum", "compute"].value == pytest.approx(0.005)
    assert samples["stream_engine_memory_bytes", "peak"].value == 120 * 1024 * 1024
    assert samples["stream_engine_counter", 'queue "audio"'].value == 3
    assert all(family.documentation for family in families.values())
    write_prometheus(figures, tmp_path / "performance.prom")
    assert list(text_string_to_metric_families((tmp_path / "performance.prom").read_text()))


# --- JSON lines ----------------------------------------------------------------------------------


def written_calls() -> int:
    """Write calls of this process so far, as the kernel counts them."""
    counts = dict(line.split(": ") for line in Path("/proc/self/io").read_text().splitlines())
    return int(counts["syscw"])


def test_a_record_costs_far_less_than_a_call_of_the_system(tmp_path: Path) -> None:
    records = 20_000
    before = written_calls()
    with BatchedLines(tmp_path / "log.jsonl") as lines:
        for number in range(records):
            lines.put({"number": number})
    calls = written_calls() - before
    read = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [record["number"] for record in read] == list(range(records))
    assert lines.calls <= calls < records / 50
    assert (lines.written, lines.dropped) == (records, 0)
    assert (tmp_path / "log.jsonl").stat().st_mode & 0o777 == 0o600


def test_a_few_records_are_written_after_a_while(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    with BatchedLines(path, every_s=0.02) as lines:
        lines.put({"a": 1})
        for _ in range(200):
            if path.read_bytes():
                break
            threading.Event().wait(0.01)
        assert path.read_bytes() == b'{"a":1}\n'


def test_what_waits_is_written_when_the_block_fails(tmp_path: Path) -> None:
    def run() -> None:
        with BatchedLines(tmp_path / "log.jsonl", every_s=60) as lines:
            lines.put({"a": 1})
            raise KeyError

    with pytest.raises(KeyError):
        run()
    assert (tmp_path / "log.jsonl").read_bytes() == b'{"a":1}\n'


@pytest.mark.parametrize("ending", ["", "raise ValueError", "sys.exit(3)"])
def test_what_waits_is_written_when_the_process_ends(tmp_path: Path, ending: str) -> None:
    path = tmp_path / "log.jsonl"
    code = (
        "import sys; from pathlib import Path; from sinks.batched_lines import BatchedLines\n"
        f"lines = BatchedLines(Path({str(path)!r}), every_s=60)\nlines.put({{'a': 1}})\n{ending}"
    )
    subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, timeout=20)
    assert path.read_bytes() == b'{"a":1}\n'


def test_records_beyond_the_queue_are_dropped_and_counted(tmp_path: Path) -> None:
    fifo = tmp_path / "slow"
    os.mkfifo(fifo)
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)  # a disk that does not follow
    lines = BatchedLines(fifo, waiting=1000, enough=100, every_s=0.01)
    for number in range(50_000):
        lines.put({"number": number})
    assert lines.dropped > 0
    got = bytearray()
    closing = threading.Thread(target=lines.close)
    closing.start()
    while closing.is_alive():
        try:
            got += os.read(reader, 1 << 20)
        except BlockingIOError:
            threading.Event().wait(0.001)
    got += os.read(reader, 1 << 20)
    os.close(reader)
    assert len(got.splitlines()) == lines.written == 50_000 - lines.dropped


def test_a_full_disk_is_told_at_the_end(tmp_path: Path) -> None:
    lines = BatchedLines(Path("/dev/full"))
    lines.put_all([{"a": 1}] * 10)
    with pytest.raises(OSError, match="No space left"):
        lines.close()
    assert (lines.written, lines.dropped) == (0, 10)


def test_threads_may_write_at_once_and_no_line_is_torn(tmp_path: Path) -> None:
    with BatchedLines(tmp_path / "log.jsonl", enough=16) as lines:
        threads = [
            threading.Thread(target=lambda n=n: [lines.put({"n": n, "i": i}) for i in range(2000)])
            for n in range(4)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    read = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert len(read) == 8000
    for n in range(4):
        assert [record["i"] for record in read if record["n"] == n] == list(range(2000))


def test_every_span_of_a_run_is_a_line_and_the_file_has_its_name_when_all_are_there(tmp_path: Path) -> None:
    tracer = Tracer(clock=lambda: 0)
    out = tmp_path / "spans.jsonl"
    spans = SpanFile(tracer, out)
    for number in range(3 * KEPT):
        at = number * 10 * MS
        tracer.stage("a").record(packed(number * RATE // 10, at, at + 2 * MS, at + 7 * MS, at + 8 * MS))
        if number % 1000 == 0:
            tracer.fold()
    assert not out.exists()
    spans.finish()
    lines = out.read_bytes().splitlines()
    assert len(lines) == 3 * KEPT
    assert msgspec.json.decode(lines[1]) == {
        "stage": "a", "audio_s": 0.1, "at_s": 0.012, "wait_ms": 2.0, "feed_ms": 5.0, "send_ms": 1.0,
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir()] == ["spans.jsonl"]


def test_a_session_writes_every_span(tmp_path: Path) -> None:
    options = {"diarizer": "none", "analytics": "none", "formats": "performance,spans", "fresh": True}
    result = stream_engine.transcribe(CALL, out=tmp_path, **options)
    lines = (result.folder / "spans.jsonl").read_bytes().splitlines()
    told = Counter(msgspec.json.decode(line)["stage"] for line in lines)
    assert told == {
        name: stage["items"] for name, stage in result.performance_metrics["stages"].items() if stage["items"]
    }


async def test_a_session_that_fails_leaves_its_spans_as_a_part(tmp_path: Path) -> None:
    options = {"diarizer": "none", "asr": "none", "analytics": "none", "formats": "spans"}
    try:
        async with stream_engine.open_session(CALL, out=tmp_path, **options) as session:
            async for _ in session.events():
                raise RuntimeError("by the caller")
    except RuntimeError:
        del session
    gc.collect()
    names = {path.name for path in (tmp_path / CALL.stem).iterdir()}
    assert "spans.jsonl.part" in names
    assert "spans.jsonl" not in names
