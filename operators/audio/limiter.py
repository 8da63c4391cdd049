"""A look-ahead peak limiter: no sample goes above the ceiling, and what is below it stays as it is.

`Normalise` with a gain of one at most: the gain goes down within the 5 ms before a peak, and comes back
slowly. The old analyser scaled the whole file by its one highest peak.
"""

from __future__ import annotations

from operators.audio.normalise import Normalise, NormaliseState

CEILING = 0.95


class Limiter(Normalise):
    """Tensor chunks in and out. Lookahead: 5 to 10 ms."""

    def __init__(
        self,
        *,
        ceiling: float = CEILING,
        release_db_s: float = 60.0,
        state: NormaliseState | None = None,
    ) -> None:
        # A hair less, since a product of 32 bits may round up.
        super().__init__(
            target=ceiling * (1 - 1e-6), release_db_s=release_db_s, most_db=0.0, block_s=0.005, state=state
        )
