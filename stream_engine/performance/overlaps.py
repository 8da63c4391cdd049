"""Whether others ran beside a run: told by counting those that began, in all and within it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Scope:
    """Where runs may be beside each other: the process, or one of its threads."""

    running: int = 0
    begun: int = 0


@dataclass(slots=True)
class Place:
    """Of one run in a scope."""

    scope: Scope
    crowded: bool  # others than those around it ran when it began, or it is known since
    before: int  # runs that had begun, with this one
    within: int = 0

    @property
    def overlapped(self) -> bool:
        """Whether runs went on that are neither around it nor within it."""
        return self.crowded or self.scope.begun - self.before != self.within


def entered(scope: Scope, around: list[Place], running_around: int) -> Place:
    """A run begins in `scope`, within those whose places are `around`, of which so many still run."""
    crowded = scope.running != running_around
    for place in around:
        place.within += 1
    scope.running += 1
    scope.begun += 1
    return Place(scope, crowded, scope.begun)
