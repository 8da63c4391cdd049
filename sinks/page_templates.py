"""What pages in one file have in common: how their templates are read, and the digest by which they allow
themselves nothing but their own style and script."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable

from jinja2 import BaseLoader, ChoiceLoader, Environment, PackageLoader, StrictUndefined

from sinks.inert_text import plain


def environment(*more: BaseLoader, **filters: Callable[..., str | float]) -> Environment:
    """Templates of `more`, then those of `sinks/templates`; all that is filled in is escaped."""
    found = Environment(
        loader=ChoiceLoader([*more, PackageLoader("sinks", "templates")]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(filters | {"plain": plain})  # pyright: ignore[reportUnknownMemberType]
    return found


def hashed(text: str) -> str:
    """A source of a Content-Security-Policy: an inline style or script that is this text."""
    return f"'sha256-{b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
