"""Records of a log by the offsets of their lines, decoded for documents that go over them again and again.

`stream_engine.log.decode` goes through dicts, since it does not know what comes; here the kind is known, and
the parser fills a struct of its fields with times in seconds: less than half the time for a segment.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from stream_engine.clock import samples
from stream_engine.events import Event, Segment, Word
from stream_engine.log import TIMES

R = TypeVar("R", bound=Event)
_BLOCK = 65_536  # what belongs together lies near
_decoders: dict[type[Event], Callable[[bytes], Any]] = {}


def records_at(path: Path, offsets: Iterable[int], kind: type[R]) -> Iterator[R | None]:
    """The records of a log whose lines begin there, which are of `kind`; None for -1."""
    decode = record_decoder(kind)
    with path.open("rb", buffering=_BLOCK) as log:
        for offset in offsets:
            if offset < 0:
                yield None
            else:
                log.seek(offset)
                yield decode(log.readline())


def record_decoder(kind: type[R]) -> Callable[[bytes], R]:
    """What decodes a line of that kind.

    It raises:
        msgspec.DecodeError: a line that is not JSON, or of another kind.
    """
    if kind not in _decoders:
        _decoders[kind] = _decoder(kind)
    return _decoders[kind]


def _decoder(kind: type[R]) -> Callable[[bytes], R]:
    line = _line_of(kind, tag=kind.__struct_config__.tag, tag_field="type")
    decode, asdict = msgspec.json.Decoder(line).decode, msgspec.structs.asdict
    times = [name for name in kind.__struct_fields__ if name in TIMES]

    def decoded(line: bytes) -> R:
        fields = asdict(decode(line))
        for name in times:
            fields[name] = samples(fields[name])
        if kind is Segment and fields["words"]:
            fields["words"] = tuple(map(_word, fields["words"]))
        return kind(**fields)

    return decoded


def _word(line: Any) -> Word:
    return Word(
        start=samples(line.start),
        end=samples(line.end),
        text=line.text,
        probability=line.probability,
        speakers=line.speakers,
        turns=line.turns,
    )


def _line_of(kind: type[msgspec.Struct], **config: Any) -> type[msgspec.Struct]:
    """The fields of `kind` as they stand in a line."""
    fields: list[tuple[str, Any, Any]] = []
    for field in msgspec.structs.fields(kind):
        type_ = float if field.name in TIMES else field.type
        if kind is Segment and field.name == "words":
            type_ = tuple[_WORD, ...] | None
        default = field.default
        if field.default_factory is not msgspec.NODEFAULT:
            default = msgspec.field(default_factory=field.default_factory)
        fields.append((field.name, type_, default))
    return msgspec.defstruct(kind.__name__, fields, kw_only=True, gc=False, **config)


_WORD = _line_of(Word)
