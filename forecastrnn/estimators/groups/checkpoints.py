"""Where a fit keeps what it would need to go on after its process was killed, and how often."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from math import isfinite
from numbers import Real
from typing import Any

from forecastrnn.estimators.groups.group import NOT_NEGATIVE, Group, option


@dataclass(frozen=True, repr=False)
class Checkpoint(Group):
    """A file in which `fit` and `cross_validation` keep how far they have come; a path in its place is this.

    The same call, made again after its process was killed, goes on from there, and ends with the same bits as if
    nothing had happened; a call that ends removes the file.

    Parameters
    ----------
    path : str or path
        The file, of which only one fit at a time may make use. It is written beside and then put in its place.
    every : float
        Seconds between two writes: what a kill costs at most. A file that takes long to write is written more rarely,
        so that writing never takes more than 2% of the time. A minute is little work to lose and costs nothing that
        can be measured. 0 writes at each chance, many times a second.

    Examples
    --------
    >>> import os, tempfile, numpy as np
    >>> from forecastrnn import Checkpoint, RNNRegressor
    >>> X = np.sin(np.arange(60).reshape(10, 6) * 0.7)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     kept = Checkpoint(f"{folder}/run.ckpt", every=10.0)
    ...     model = RNNRegressor(max_iter=3, random_state=0).fit(X[:, :-1], X[:, -1], checkpoint=kept)
    ...     os.listdir(folder)
    []
    """

    path: Any = field(metadata={"constraints": [str, os.PathLike]})
    every: float = option(60.0, NOT_NEGATIVE)


def as_checkpoint(given: object) -> Checkpoint | None:
    """What `checkpoint=` of a fit asks for, checked."""
    if given is None:
        return None
    found = given if isinstance(given, Checkpoint) else Checkpoint(given)
    if not isinstance(found.path, str | os.PathLike) or not os.fsdecode(found.path):
        raise TypeError(f"checkpoint must be a path, a Checkpoint or None. Got {found.path!r}.")
    if (
        isinstance(found.every, bool)
        or not isinstance(found.every, Real)
        or not 0 <= found.every
        or not isfinite(found.every)
    ):
        raise ValueError(f"checkpoint: every must be a number of seconds, 0 or more. Got {found.every!r}.")
    return found
