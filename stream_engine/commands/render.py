"""Outputs again, from the log of a session."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from sinks.documents import EVENTS, write_documents
from sinks.formats import parse_formats
from sinks.manifest import MANIFEST, read_manifest, write_manifest
from stream_engine.commands.endings import Usage, complain
from stream_engine.errors import InputError, StorageError
from stream_engine.folder import refused_by_disk, storage_errors
from stream_engine.session_folder import DONE, FAULT


def run(given: dict[str, Any]) -> int:
    """Makes outputs again from the log, and brings the manifest up to date.

    Raises:
        InputError, StorageError: the folder is no session's, or the disk refuses it.
    """
    folder: Path = given["folder"]
    try:
        formats = parse_formats(given["formats"])
    except ValueError as error:
        raise Usage(str(error)) from None
    with storage_errors(folder, or_else="see who may write there"):
        for needed in (EVENTS, MANIFEST):
            if not (folder / needed).is_file():
                raise InputError(f"{folder}: holds no {needed}; name the folder of a session")
        try:
            manifest = read_manifest(folder)
            outputs = write_documents(folder, formats=formats, former=manifest.outputs)
        except msgspec.DecodeError as error:
            raise InputError(f"{folder / MANIFEST}: damaged: {error}") from None
        except ValueError as error:  # names the file and its line
            raise InputError(f"damaged: {error}") from None
        write_manifest(folder, msgspec.structs.replace(manifest, outputs=outputs))
    failed = {name: str(output.reason) for name, output in outputs.items() if output.state == "failed"}
    code = StorageError.exit_code if all(map(refused_by_disk, failed.values())) else FAULT
    for name, reason in failed.items():
        complain(f"{folder / name}: {reason}", code)
    return code if failed else DONE
