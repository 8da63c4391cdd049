"""The columns of every table, as Markdown: `python -m sinks.schemas`."""

from __future__ import annotations

import sys

from sinks.gone_reader import to_nobody
from sinks.statistics_schemas import CONVERSATION, INTERRUPTIONS, SPEAKERS, WINDOWS
from sinks.table_schemas import TABLES, markdown

ALL = {
    **TABLES,
    "speakers": SPEAKERS,
    "conversation": CONVERSATION,
    "interruptions": INTERRUPTIONS,
    "windows": WINDOWS,
}


def main() -> None:
    try:
        for name, columns in ALL.items():
            sys.stdout.write(f"## {name}\n\n{markdown(columns)}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        to_nobody(sys.stdout)


if __name__ == "__main__":
    main()
