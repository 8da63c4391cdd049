"""When the emotion of a voice is a guess."""

from __future__ import annotations

import math

from operators.affect.models import Scores

TOP, MARGIN, ENTROPY = 0.55, 0.18, 0.85


def low_confidence(probabilities: Scores) -> bool:
    """Whether the first is below 0.55 or less than 0.18 before the second, or the entropy is above 0.85.

    Entropy as a share of that of a guess among all of them.
    """
    if len(probabilities) < 2:
        return True  # one class cannot be chosen
    first, second = sorted(probabilities.values(), reverse=True)[:2]
    entropy = -sum(p * math.log(p) for p in probabilities.values() if p > 0)
    return first < TOP or first - second < MARGIN or entropy / math.log(len(probabilities)) > ENTROPY
