"""A matplotlib figure as SVG inside a page.

A page that forbids styles from elsewhere forbids `style` attributes, which matplotlib writes: they become
plain attributes. Letters stay letters, in the page's own font; the same figure gives the same text.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false
# (matplotlib's own annotations are partly unknown)

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree

from markupsafe import Markup

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SVG, _LINK = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
_NO_USE = {"font", "font-family", "font-stretch", "font-style", "font-variant"}  # the page has its own
_LONG_NUMBER = re.compile(r"(\d+\.\d{2})\d+")


def figure_class() -> type[Figure]:
    """matplotlib's `Figure`, whose import leaves nothing behind.

    It writes a list of fonts into the user's cache, for all to read: without a folder of its own it gets one
    that is gone afterwards. A list that is there is used: with many fonts it takes seconds to make.
    """
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "matplotlib"
    if "matplotlib" not in sys.modules and "MPLCONFIGDIR" not in os.environ and not cache.exists():
        with tempfile.TemporaryDirectory(prefix="stream-engine-") as folder:
            os.environ["MPLCONFIGDIR"] = folder
            try:
                import matplotlib.font_manager  # noqa: F401  # pyright: ignore[reportUnusedImport]
            finally:
                del os.environ["MPLCONFIGDIR"]
    from matplotlib.figure import Figure

    return Figure


def inline(figure: Figure, colours: Mapping[str, str], name: str) -> Markup:
    """The figure with its stand-in `colours` replaced; `name` tells its ids from those of other figures."""
    from matplotlib import rc_context

    drawn = io.StringIO()
    with rc_context({"svg.fonttype": "none", "svg.hashsalt": name}), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing", UserWarning)  # the page's font has it
        figure.savefig(drawn, format="svg", metadata={"Date": None, "Creator": None})
    text = drawn.getvalue()
    root = ElementTree.fromstring(text[text.index("<svg") :])
    for parent in list(root.iter()):
        for child in list(parent):
            if child.tag in (f"{_SVG}metadata", f"{_SVG}style"):
                parent.remove(child)
    used = set(re.findall(r"#([\w-]+)", text))
    for element in root.iter():
        _plain(element, name, used)
    for attribute in ("width", "height", "version"):
        root.attrib.pop(attribute, None)
    root.set("aria-hidden", "true")
    ElementTree.register_namespace("", _SVG[1:-1])
    found = ElementTree.tostring(root, encoding="unicode", short_empty_elements=True)
    for stand_in, colour in colours.items():
        found = found.replace(stand_in, colour)
    return Markup(_LONG_NUMBER.sub(r"\1", found))


def _plain(element: ElementTree.Element, name: str, used: set[str]) -> None:
    for declaration in (element.attrib.pop("style", None) or "").split(";"):
        key, _, value = (part.strip() for part in declaration.partition(":"))
        if key and key not in _NO_USE:
            element.set(key, value.removesuffix("px") if key == "font-size" else value)
    if (id := element.attrib.pop("id", None)) in used and id:
        element.set("id", f"{name}-{id}")
    if link := element.attrib.pop(_LINK, None):
        element.set("href", f"#{name}-{link[1:]}")
    if clip := element.attrib.get("clip-path"):
        element.set("clip-path", clip.replace("url(#", f"url(#{name}-"))
