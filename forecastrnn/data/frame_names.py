"""Names of the channels of frames (time, channels) in a list: all have the same, in one order."""

from __future__ import annotations

from collections.abc import Iterable


def first_frame(rows: Iterable) -> object | None:
    """The first sequence that names its channels, of which there are several."""
    return next((row for row in rows if len(_names_of(row)) > 1), None)


def refuse_other_columns(rows: Iterable, name: str) -> None:
    """Raise ValueError for a frame whose columns are not those of the ones before it: channels go by their place."""
    known: list = []
    for number, row in enumerate(rows):
        names = _names_of(row)
        if len(names) < 2:  # one channel may be called as its sequence is
            continue
        if known and names != known:
            raise ValueError(
                f"{name}[{number}] has the columns {names!r:.200}, but a frame before it has {known!r:.200}: give all "
                "the same ones, in one order."
            )
        known = names


def _names_of(row: object) -> list:
    return list(getattr(row, "columns", ()))
