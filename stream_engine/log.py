"""The event log: one JSON object a line, `{"type": "...", ...}`, times in seconds with three decimals.

    struct   Turn(id=7, start=16_016, ...)      samples, whole milliseconds
    line     {"type":"turn","id":7,...,"start":1.001,...}

A sample position is a whole number of milliseconds, so a line decodes back into the very same event.
Fields come in the order of the structs in `events`.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast, get_args

import msgspec

from stream_engine.clock import MILLISECOND, samples
from stream_engine.events import Event

TIMES = frozenset({"start", "end", "at", "as_of", "duration"})

_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(dict[str, Any])
# by hand: converting to the union takes thirty times as long
_KINDS: dict[Any, type[Event]] = {kind.__struct_config__.tag: kind for kind in get_args(Event)}


def encode(event: Event) -> bytes:
    """One line without its newline.

    Raises:
        ValueError: a time that is not on a whole millisecond.
        TypeError: a value that is not plain Python, such as a numpy scalar.
    """
    return _encoder.encode({"type": event.__struct_config__.tag, **_fields(event)})


def _fields(record: msgspec.Struct) -> dict[str, Any]:
    return {name: _written(name, getattr(record, name)) for name in record.__struct_fields__}


def _written(name: str, value: Any) -> Any:
    if name in TIMES:
        return msgspec.Raw(_decimal(name, value))
    if name == "words" and isinstance(value, tuple):
        return [_fields(word) for word in cast("tuple[msgspec.Struct, ...]", value)]
    if name == "emitted_at" and type(value) is float and round(value, 3) == value:
        return msgspec.Raw(b"%.3f" % value)
    return value


def _decimal(name: str, value: Any) -> bytes:
    if type(value) is not int:
        raise TypeError(f"{name} must be an int, got {value!r}")
    milliseconds, rest = divmod(value, MILLISECOND)
    if rest:
        raise ValueError(f"{name} must lie on a whole millisecond ({MILLISECOND} samples), got {value}")
    whole, thousandths = divmod(abs(milliseconds), 1000)
    return b"%s%d.%03d" % (b"-" if milliseconds < 0 else b"", whole, thousandths)


def decode(line: bytes | str) -> Event:
    """The event of a line: the inverse of `encode`.

    Raises:
        msgspec.DecodeError: a line that is not JSON, or (as `ValidationError`) holds no event.
    """
    fields = _decoder.decode(line)
    _read_times(fields)
    kind = _KINDS.get(str(fields.get("type")))
    if kind is None:
        raise msgspec.ValidationError(f"no event has the type {fields.get('type')!r}")
    return msgspec.convert(fields, type=kind)


def _read_times(value: object) -> None:
    """Turns the times of a record, or of each record in a list, into samples, in place."""
    if isinstance(value, list):
        for record in cast("list[object]", value):
            _read_times(record)
    elif isinstance(value, dict):
        record = cast("dict[str, object]", value)
        _read_times(record.get("words"))
        for name in TIMES & record.keys():
            time = record[name]
            if isinstance(time, int | float):
                record[name] = samples(time)


def read(path: Path) -> Iterator[Event]:
    """The events of a log, in the order in which they were written.

    A session that was killed may leave a torn last line; it is left out.

    Raises:
        ValueError: a damaged line elsewhere, named by its number.
    """
    for _, event in positions(path):
        yield event


def positions(path: Path) -> Iterator[tuple[int, Event]]:
    """Like `read`, each event with the file offset of its line."""
    with path.open("rb") as log:
        offset = 0
        for number, line in enumerate(log, start=1):
            try:
                yield offset, decode(line)
            except msgspec.DecodeError as error:
                if not line.endswith(b"\n"):
                    return
                raise ValueError(f"{path}, line {number}: {error}") from error
            offset += len(line)
