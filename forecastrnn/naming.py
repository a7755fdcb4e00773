"""Names and times by which series and rows are looked up."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager


def is_name(key: object) -> bool:
    """Whether something can be looked up; lists, dicts and arrays cannot."""
    try:
        hash(key)
    except TypeError:
        return False
    return True


@contextmanager
def looked_up(keys: Iterable[object], where: str) -> Iterator[None]:
    """What is inside looks `keys` up: a TypeError of it says which one cannot be, and where that is."""
    try:
        yield
    except TypeError as error:
        row, key = next(((row, key) for row, key in enumerate(keys) if not is_name(key)), (-1, None))
        if row < 0:
            raise
        raise TypeError(
            f"{where} holds {key!r} in row {row}, a {type(key).__name__}, which cannot be looked up: give texts, "
            "numbers or tuples"
        ) from error
