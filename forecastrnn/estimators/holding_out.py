"""Which rows early stopping holds out: the last ones, some at random, or some of each class."""

from __future__ import annotations

import numpy as np
from sklearn.utils import check_random_state

Rows = tuple[np.ndarray, np.ndarray]  # to train on, and held out


def last_rows(n: int, share: float, what: str) -> Rows:
    """The tail is held out: rows are taken to be in order of time."""
    _need_two(n, what)
    held = min(max(1, int(round(n * share))), n - 1)
    return np.arange(n - held), np.arange(n - held, n)


def random_rows(n: int, share: float, what: str, random_state: object) -> Rows:
    """Rows drawn at random are held out, of few one is."""
    from sklearn.model_selection import train_test_split

    _need_two(n, what)
    held = min(int(np.ceil(n * share)), n - 1)
    return train_test_split(np.arange(n), test_size=held, random_state=random_state)


def stratified_rows(codes: np.ndarray, share: float, classes: np.ndarray, random_state: object) -> Rows:
    """Rows drawn at random so that each class has its share among those held out, as far as there are enough of it.

    A class of a single row trains. Raises ValueError if no class has a second one.
    """
    from sklearn.model_selection import train_test_split

    n, counts = len(codes), np.unique(codes, return_counts=True)[1]
    held = int(np.ceil(n * share))
    if counts.min() > 1 and len(counts) <= held <= n - len(counts):
        return train_test_split(np.arange(n), test_size=share, stratify=codes, random_state=random_state)
    if counts.max() < 2:
        raise ValueError(
            f"early_stopping holds out rows whose class has others to train on, but each class of y has one row, for "
            f"example {classes.tolist()[int(codes[0])]!r}. Set early_stopping=False, or give more rows."
        )
    order = check_random_state(random_state).permutation(n)
    first = np.unique(codes[order], return_index=True)[1]  # one row of each class trains
    free = np.delete(order, first)
    out = np.zeros(n, bool)
    out[free[: max(1, held)]] = True
    return np.flatnonzero(~out), np.flatnonzero(out)


def _need_two(n: int, what: str) -> None:
    if n < 2:
        raise ValueError(
            f"early_stopping needs at least 2 {what}, got {n}: it holds out some of them. Set early_stopping=False."
        )
