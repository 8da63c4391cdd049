"""voices.npz: what each speaker sounds like, apart from the turns, for who wants to compare sessions."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from sinks.formats import Unwritten
from sinks.whole_file import replacing_bytes


def write_voices(voices: Mapping[str, NDArray[np.float32]], out: Path) -> None:
    """An array of the embedding's dimension for each label; opened by `numpy.load`.

    Raises:
        Unwritten: nobody was diarized in this run.
    """
    if not voices:
        raise Unwritten("no diarizer heard voices in this run; --fresh does it again")
    with replacing_bytes(out) as file, zipfile.ZipFile(file, "w") as archive:
        for name, voice in voices.items():  # not by `savez`, which takes names for parameters
            with archive.open(f"{name}.npy", "w") as member:
                np.lib.format.write_array(member, voice)
