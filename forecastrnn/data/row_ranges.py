"""Ranges of rows of values that lie end to end."""

from __future__ import annotations

import numpy as np


def rows_between(begins: np.ndarray, ends: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """All rows from begins[i] to before ends[i], a range behind the other, and the offsets of these."""
    offsets = np.concatenate([[0], np.cumsum(ends - begins)])
    return np.arange(offsets[-1]) + (begins - offsets[:-1]).repeat(ends - begins), offsets
