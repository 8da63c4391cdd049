"""The runs that go on: which of them is meant, and whether others went on beside one.

What is innermost is known by context: tasks and worker threads of asyncio and anyio inherit it. A bare thread
inherits nothing: what it measures belongs to the one stage that is open, and to none where there are several.
"""

from __future__ import annotations

import threading
from contextvars import ContextVar

from stream_engine.performance.nodes import Kind, Node
from stream_engine.performance.spans import Scope, Span, still_open

innermost: ContextVar[Span | None] = ContextVar("innermost span", default=None)


class OpenRuns:
    """Of one pipeline. `begin`, `end` and `left_behind` want the lock held, the others take it."""

    def __init__(self, owner: object) -> None:
        self.lock = threading.Lock()
        self.spans: dict[Span, None] = {}
        self.everywhere = Scope()
        self._owner = owner
        self._threads: dict[int, Scope] = {}  # of those in which something runs

    def begin(self, span: Span) -> None:
        """Counts it everywhere around it: what began, and is not within a run, ran beside that."""
        running = running_here = 0
        around = span.parent
        while around is not None:
            around.within += 1
            around.node.begun += 1
            if around.thread == span.thread:
                around.within_here += 1
                running_here += around.ended is None
            running += around.ended is None
            around = around.parent
        here = self._threads.get(span.thread)
        if here is None:
            here = self._threads[span.thread] = Scope()
        span.here, everywhere = here, self.everywhere
        span.crowded, span.crowded_here = everywhere.running != running, here.running != running_here
        for scope in (here, everywhere):
            scope.running += 1
            scope.begun += 1
        span.before, span.before_here = everywhere.begun, here.begun
        span.node.begun += 1
        if span.crowded and not span.node.running:
            span.node.beside_others()
        self.spans[span] = None

    def end(self, span: Span) -> None:
        del self.spans[span]
        self.everywhere.running -= 1
        span.here.running -= 1
        if not span.here.running:
            self._threads.pop(span.thread, None)

    def alone(self, span: Span) -> bool:
        """Whether no run went on that is neither around it nor within it."""
        return not span.crowded and self.everywhere.begun - span.before == span.within

    def alone_here(self, span: Span) -> bool:
        """The same, in the thread in which it began."""
        return not span.crowded_here and span.here.begun - span.before_here == span.within_here

    def left_behind(self, ended: Span) -> None:
        """What began within a stage and outlives it runs beside it: all of its name move up in the tree."""
        for span in [each for each in self.spans if each.parent is ended and each.node.kind == "stage"]:
            old, above = span.node, ended.above
            span.parent = ended.parent
            if ended.node.children.get(old.key) is old:
                del ended.node.children[old.key]
                new, into = above.children.setdefault(old.key, old), dict[Node, Node]()
                if new is not old:
                    new.absorb(old, into)
                for each in self.spans:
                    each.node, each.above = into.get(each.node, each.node), into.get(each.above, each.above)
                    each.above = above if each.node is new else each.above
            for each in (ended, span):
                each.crowded = each.crowded_here = True
                each.node.beside_others()

    # --- which is meant -----------------------------------------------------------------------

    def stage(self, name: str | None) -> Span:
        """The open stage of that name, or the innermost one: of this context, else the only one there is.

        Raises:
            ValueError: there is none, or several of other contexts.
        """
        with self.lock:
            everywhere = [span for span in self.spans if span.node.kind == "stage"]
        here: list[Span] = []
        span = self._mine(still_open(innermost.get()))
        while span is not None:
            here += [span] if span.node.kind == "stage" and span.ended is None else []
            span = span.parent
        for found in (here, everywhere):
            fits = [span for span in found if name is None or span.node.name == name]
            if fits and (len(fits) == 1 or found is here):
                return fits[0]
            if fits:
                raise ValueError(f"which of {len(fits)} open stages: begun by others, {_names(fits)}")
        wanted = "no stage is open" if name is None else f"stage {name!r} is not open"
        raise ValueError(f"{wanted}; open: {_names(everywhere) or 'none'}")

    def parent(self, kind: Kind, outer: Span | None) -> Span | None:
        """In which one a run of that kind begins; `outer` is the innermost open span of this context."""
        span = self._mine(outer)
        while span is not None and (
            span.ended is not None or (kind == "stage" and span.node.kind != "stage")
        ):
            span = span.parent
        if span is None and kind == "subprocess":
            with self.lock:
                stages = [each for each in self.spans if each.node.kind == "stage"]
            span = stages[0] if len(stages) == 1 else None
        return span

    def _mine(self, span: Span | None) -> Span | None:
        while span is not None and span.owner is not self._owner:
            span = still_open(span.outer)
        return span


def _names(spans: list[Span]) -> str:
    return ", ".join(repr(span.node.name) for span in spans)
