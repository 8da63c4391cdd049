"""All documents of a session, made from its event log; one that fails costs no other."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from sinks.formats import DEFAULT, FORMATS, Format, Unwritten
from sinks.labelled import LabelledLog
from sinks.manifest import Output
from sinks.uncollected import uncollected

EVENTS = "events.jsonl"


def write_documents(
    folder: Path,
    *,
    formats: Collection[str] = DEFAULT,
    supplied: Mapping[str, Callable[[Path], object]] | None = None,
    former: Mapping[str, Output] | None = None,
) -> dict[str, Output]:
    """Writes the asked formats into `folder` from its events.jsonl; gives what became of each file.

    `supplied` maps a file name to its writer, for what the log does not tell (`performance.json`). With
    `former`, the outputs of an earlier manifest, what is skipped now keeps the state that it had.
    """
    log_path = folder / EVENTS
    log = LabelledLog(log_path, keep_in=folder)
    outputs = {EVENTS: Output.written(log_path)}
    for format in FORMATS:
        if not format.by_default and format.name not in formats and format.file not in (former or {}):
            continue
        if format.name in formats:
            with uncollected():
                output = _write(format, folder / format.file, log, (supplied or {}).get(format.file))
            if output.state == "failed" and output.reason:
                log.failures[format.file] = output.reason
        else:
            output = Output(state="skipped", reason="not asked for")
        outputs[format.file] = (
            (former or {}).get(format.file, output) if output.state == "skipped" else output
        )
    return outputs


def _write(format: Format, out: Path, log: LabelledLog, supplied: Callable[[Path], object] | None) -> Output:
    try:
        if supplied is not None:
            supplied(out)
        elif (render := format.load()) is not None:
            render(log, out)
        else:
            return Output(state="skipped", reason=format.reason)
        return Output.written(out)
    except Unwritten as nothing:
        return Output(state="skipped", reason=str(nothing))
    except Exception as error:  # noqa: BLE001 - kept in the manifest, which is where the user looks
        return Output(state="failed", reason=f"{type(error).__name__}: {error}")
