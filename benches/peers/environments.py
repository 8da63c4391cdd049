"""A virtual environment for each peer, under the user's cache folder, with the exact packages of a list here.

A list is what `pip freeze` said after a first installation. pip takes it from whatever registry it is
configured for. An environment is made once for each content of its list.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

LISTS = Path(__file__).parent / "environments"
DONE = "installed.txt"


class MissingEnvironment(Exception):
    """A peer cannot run here; the message says what to do, or what failed."""


def root() -> Path:
    """`XDG_CACHE_HOME`, or `~/.cache`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "stream-engine-peers"


def names() -> list[str]:
    return sorted(path.stem for path in LISTS.glob("*.txt"))


def python(name: str) -> Path:
    """The interpreter of a peer.

    Raises:
        MissingEnvironment: it was not set up, or for another list.
    """
    folder = root() / name
    done = folder / DONE
    if not done.exists() or done.read_text() != wanted(name):
        raise MissingEnvironment(f"no environment for {name}: python -m benches.peers setup {name}")
    return folder / "bin" / "python"


def wanted(name: str) -> str:
    return (LISTS / f"{name}.txt").read_text()


def set_up(name: str) -> None:
    """Makes the environment, unless it is there.

    Raises:
        MissingEnvironment: pip could not; the message is its last line.
    """
    folder = root() / name
    try:
        python(name)
    except MissingEnvironment:
        subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True)
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--disable-pip-version-check"]
        # Frozen lists are complete; pip need not look for what they depend on.
        for part in _parts(name):
            run = subprocess.run([*pip, *part], capture_output=True, text=True, check=False)
            if run.returncode:
                said = [line for line in run.stderr.splitlines() if not line.startswith("WARNING")]
                raise MissingEnvironment(f"{name}: {said[-1] if said else 'pip failed'}") from None
        (folder / DONE).write_text(wanted(name))


def _parts(name: str) -> list[list[str]]:
    """What pip is told: all lines at once, without a resolver where the list says so."""
    lines = [line for line in wanted(name).splitlines() if line and not line.startswith("#")]
    options = [line for line in lines if line.startswith("--")]
    return [[*options, *(line for line in lines if not line.startswith("--"))]]
