"""Masked cells, which NumPy drops without a word: what stands under a mask would be read as a value."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def refuse_masked(given: object, name: str, hint: str = "") -> None:
    """Raise ValueError for an array with masked cells, also where a list, tuple or mapping holds it.

    hint : what else there is to do, behind a semicolon.
    """
    at = _first_masked(given)
    if at is not None:
        raise ValueError(
            f"{name} has masked cells, the first at {name}{at}. Fill them first, for example with "
            f"{name}.filled(...){hint}."
        )


def _first_masked(given: object) -> list | None:
    """Where the first masked cell is."""
    if isinstance(given, np.ma.MaskedArray):
        return np.argwhere(np.ma.getmaskarray(given))[0].tolist() if np.ma.is_masked(given) else None
    parts: list[tuple] = []
    if isinstance(given, list | tuple):
        parts = [(k, part) for k, part in enumerate(given) if isinstance(part, np.ma.MaskedArray | list | tuple)]
    elif isinstance(given, Mapping):
        parts = list(given.items())
    found = ((key, _first_masked(part)) for key, part in parts)
    return next(([key, *at] for key, at in found if at is not None), None)
