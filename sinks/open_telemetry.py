"""The spans of a run to an OpenTelemetry collector, over OTLP/HTTP: one trace a session.

Nothing is sent unless an endpoint is named, and nothing of what was said is in it: names of stages, times,
and places in the audio. The packages (`opentelemetry-sdk`, `opentelemetry-exporter-otlp-proto-http`) are
imported when something is sent. Names of attributes: session.id as in OpenTelemetry's conventions.
"""

from __future__ import annotations

import hashlib
import logging
import re
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from stream_engine.clock import seconds
from stream_engine.tracer import KEPT, Item, StageTrace, Tracer

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import ReadableSpan

TRACES = "/v1/traces"
NEWEST = 1024  # spans of a stage that are sent, beside its slowest: the SDK takes some 40 us for each
BATCH = 512
TIMEOUT_S = 10.0
_QUIET = logging.NullHandler()


def send_spans(
    tracer: Tracer,
    *,
    endpoint: str,
    session_id: str,
    offline: bool = False,
    newest: int = NEWEST,
    wall_ns: Callable[[], int] = time.time_ns,
) -> int:
    """Sends what the tracer kept to `endpoint`, such as http://localhost:4318; gives the number of spans.

    Raises:
        ValueError: the endpoint is no web address, or the session is offline.
        ImportError: the packages are missing.
        ConnectionError: the collector did not take them.
    """
    if offline:
        raise ValueError("offline: no spans are sent; leave out --offline or the endpoint")
    address = urlsplit(endpoint)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ValueError(f"{endpoint!r} is no web address of a collector, such as http://localhost:4318")
    if address.path in ("", "/"):
        address = address._replace(path=TRACES)
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.trace.export import SpanExportResult

    logging.getLogger("opentelemetry").addHandler(_QUIET)  # without one, Python writes to stderr
    session = _session()
    exporter = OTLPSpanExporter(endpoint=address.geturl(), timeout=TIMEOUT_S, session=session)
    sent = 0
    try:
        for batch in _batches(readable_spans(tracer, session_id, newest=newest, wall_ns=wall_ns)):
            if exporter.export(batch) is not SpanExportResult.SUCCESS:
                raise ConnectionError(
                    f"{endpoint}: the collector took {sent} spans and no more: {session.why or 'no reason'}"
                )
            sent += len(batch)
    finally:
        exporter.shutdown()
    return sent


def _session() -> Any:
    """A `requests.Session` that knows `why` its last request was in vain: the exporter tells only a log."""
    import requests

    class Session(requests.Session):
        why = ""

        def request(self, *given: Any, **named: Any) -> requests.Response:
            try:
                response = super().request(*given, **named)
            except requests.RequestException as error:
                system = re.search(r"\[Errno -?\d+\] [\w ]+", str(error))
                self.why = system[0] if system else str(error)[:200]
                raise
            self.why = "" if response.ok else f"{response.status_code} {response.reason}"
            return response

    return Session()


def readable_spans(
    tracer: Tracer, session_id: str, *, newest: int = NEWEST, wall_ns: Callable[[], int] = time.time_ns
) -> Iterator[ReadableSpan]:
    """The session, its operator calls and its words; times of day by the clocks as they stand now."""
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import SpanContext, SpanKind, TraceFlags

    now = tracer.clock()
    offset = wall_ns() - now
    run = f"{session_id} {tracer.began + offset}"  # another run of a session is another trace
    digest = hashlib.blake2b(run.encode(), digest_size=16).digest()
    trace_id = int.from_bytes(digest) or 1
    resource = Resource({"service.name": "stream-engine", "session.id": session_id})
    scope = InstrumentationScope("stream_engine")

    def context(number: int) -> SpanContext:
        span_id = (int.from_bytes(digest[:8]) + number) % (1 << 64) or 1
        return SpanContext(trace_id, span_id, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))

    root = context(0)

    def span(number: int, name: str, start: int, end: int, attributes: dict[str, Any]) -> ReadableSpan:
        return ReadableSpan(
            name=name,
            context=context(number) if number else root,
            parent=root if number else None,
            resource=resource,
            attributes={"session.id": session_id, **attributes},
            kind=SpanKind.INTERNAL,
            start_time=start + offset,
            end_time=end + offset,
            instrumentation_scope=scope,
        )

    yield span(0, "session", tracer.began, now, {"stages": len(tracer.stages)})
    number = 0
    for stage in list(tracer.stages.values()):
        for sequence, item in numbered(stage, newest):
            number += 1
            attributes = {"stage": stage.name, **_attributes(item, sequence)}
            yield span(number, stage.name, item.received, item.fed, attributes)
    for end, told, parts in tracer.words:
        number += 1
        latency = {f"latency.{name}_ms": part / 1e6 for name, part in parts._asdict().items()}
        began = told - (parts.total - parts.capture)
        yield span(number, "word", began, told, {"audio.end_s": seconds(end), **latency})


def numbered(stage: StageTrace, newest: int = KEPT) -> Iterator[tuple[int | None, Item]]:
    """The kept spans of a stage with their numbers; None for the slowest of old, whose number is not kept."""
    items = stage.items()
    last = min(stage.feed.count, KEPT)
    old = len(items) - last
    first = stage.feed.count - last
    for place, item in enumerate(items):
        if place < old:
            yield None, item
        elif place >= len(items) - newest:
            yield first + place - old, item


def _attributes(item: Item, sequence: int | None) -> dict[str, Any]:
    found: dict[str, Any] = {
        "queue.wait_ms": (item.received - item.start) / 1e6,
        "send.held_ms": (item.sent - item.fed) / 1e6,
    }
    if sequence is not None:
        found["chunk.seq"] = sequence
    if item.position >= 0:
        found["audio.start_s"] = seconds(item.position)
    return found


def _batches(spans: Iterator[ReadableSpan]) -> Iterator[list[ReadableSpan]]:
    batch: list[ReadableSpan] = []
    for span in spans:
        batch.append(span)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
