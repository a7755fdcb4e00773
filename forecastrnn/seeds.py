"""What random numbers come from, where a call is given its seed."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state


def check_draws(random_state: object) -> np.random.RandomState:
    """The generator of a seed; ValueError for what is none."""
    try:
        return check_random_state(random_state)
    except (TypeError, ValueError):
        raise ValueError(
            f"random_state must be None, an int from 0 to {2**32 - 1} or a numpy.random.RandomState. Got "
            f"{random_state!r:.80}."
        ) from None
