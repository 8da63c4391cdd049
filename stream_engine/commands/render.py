"""Outputs again, from the log of a session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from sinks.documents import EVENTS, write_documents
from sinks.formats import parse_formats
from sinks.manifest import read_manifest, write_manifest
from stream_engine.commands.endings import Usage, complain
from stream_engine.errors import InputError
from stream_engine.session_folder import DONE, FAULT


def run(given: dict[str, Any]) -> int:
    """Makes outputs again from the log, and brings the manifest up to date."""
    folder: Path = given["folder"]
    try:
        formats = parse_formats(given["formats"])
    except ValueError as error:
        raise Usage(str(error)) from None
    if not (folder / EVENTS).is_file():
        raise InputError(f"{folder}: holds no {EVENTS}; name the folder of a session")
    manifest = read_manifest(folder)
    outputs = write_documents(folder, formats=formats, former=manifest.outputs)
    write_manifest(folder, msgspec.structs.replace(manifest, outputs=outputs))
    failed = [name for name, output in outputs.items() if output.state == "failed"]
    for name in failed:
        complain(f"{folder / name}: {outputs[name].reason}", FAULT)
    return FAULT if failed else DONE
