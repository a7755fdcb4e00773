"""A fit that goes on from a checkpoint: whose it is, what is kept, and when the file goes."""

from __future__ import annotations

import errno
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from forecastrnn._version import __version__
from forecastrnn.engine.communicators import current
from forecastrnn.estimators.groups.checkpoints import Checkpoint, as_checkpoint
from forecastrnn.exceptions import CheckpointError
from forecastrnn.keeping import Keeper, Part, Records, UnfitError, kept_in
from forecastrnn.persistence.checkpoint_file import (
    MOST_WORDS,
    Identity,
    Kept,
    read_checkpoint,
    remove_checkpoint,
    write_checkpoint,
)
from forecastrnn.persistence.digests import digest_of
from forecastrnn.persistence.replacing import clear_leftovers, target_of, try_folder

MOST_CHANGES = 12  # that a message tells of
NO_BITS = ("n_jobs", "verbose")  # parameters that change none


class Resumable:
    """A call with a checkpoint: what is kept of it belongs to these parameters, and from `check` on to these data."""

    def __init__(self, asked: Checkpoint, parameters: dict[str, Any]) -> None:
        self.name, self.path = os.fsdecode(asked.path), target_of(asked.path)
        self._parameters = {name: (_words(value), digest_of(value)) for name, value in parameters.items()}
        self._data, self._earlier = "", None
        clear_leftovers(os.path.dirname(self.path))  # a run that is killed in a write leaves half of the next file
        if os.path.exists(self.path):
            self._earlier = read_checkpoint(self.path)
        else:
            try_folder(os.path.dirname(self.path))
        known = self._earlier.records if self._earlier and not self._other() else {}
        self.keeper = Keeper(float(asked.every), self._write, known)
        self._wrote = False

    def check(self, *data: Any) -> None:
        """Refuse a file of another fit; before anything is trained."""
        self._data = digest_of(*data)
        if self._earlier is None:
            return
        others, same = self._other(), self._earlier.identity.data == self._data
        if others or not same:
            told = [
                ", ".join(others[:MOST_CHANGES]) or "parameters the same",
                f"data {'the same' if same else 'differ'}",
            ]
            raise CheckpointError(
                f"checkpoint: {self.name} belongs to another fit ({'; '.join(told)}): delete it or name another."
            )

    def _other(self) -> list[str]:
        """Parameters that differ, from what to what."""
        assert self._earlier is not None
        was, now = self._earlier.identity.parameters, self._parameters
        both = {name: (was.get(name, ("", "")), now.get(name, ("", ""))) for name in [*now, *was]}
        return [_change(name, old[0], new[0]) for name, (old, new) in both.items() if old[1] != new[1]]

    def _write(self, records: Records) -> None:
        if not self._data:  # nothing is trained yet, and whose it is not known
            return
        identity = Identity(parameters=self._parameters, data=self._data)
        try:
            write_checkpoint(self.path, Kept(identity=identity, records=records))
        except OSError as error:
            said = "the checkpoint cannot be written, and the fit ends; give it room, or another name"
            raise OSError(error.errno, f"{os.strerror(error.errno or errno.EIO)}: {said}", self.path) from error
        self._wrote = True

    def unfit(self, what: str) -> CheckpointError:
        """The error for a record that is not one of its training."""
        return CheckpointError(
            f"checkpoint: {self.name} does not fit the fit that it is of ({what}): delete it or name another."
        )

    def end(self) -> None:
        """It has come to its end: the file goes."""
        if not self._wrote and self._earlier is None:
            return
        try:
            remove_checkpoint(self.path)
        except OSError as error:
            warnings.warn(f"checkpoint: {self.name} cannot be removed ({error.strerror}); it is no longer needed.",
                          UserWarning, stacklevel=5)  # fmt: skip


def _change(name: str, old: str, new: str) -> str:
    name, old = _short(name), _short(old)  # which a file says
    if not old or not new:
        return f"{name} {old}, now no parameter" if old else f"{name} none, now {new}"
    return f"{name} {old}, now {new}" if old != new else f"{name} of other values"


def _words(value: object) -> str:
    """A value as messages say it."""
    return _short("an array" if isinstance(value, np.ndarray) else repr(value))


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= MOST_WORDS else f"{text[: MOST_WORDS - 3]}..."


@contextmanager
def going_on_from(given: object, estimator: Any, **others: Any) -> Iterator[Resumable | None]:
    """Inside, trainings go on from the checkpoint that is given, if there is one, and are kept there.

    given : a path, a `Checkpoint`, or the part that this fit has in that of a backtest. others : what the call depends
    on beside the parameters of the estimator and the data.
    """
    part = given if isinstance(given, Part) else None  # of a backtest, which has checked it
    asked = None if part else as_checkpoint(given)
    if asked is None:
        with kept_in(part):
            yield None
        return
    if current() is not None:
        raise ValueError("checkpoint: a fit in several processes keeps none; fit on one device.")
    own = {name: value for name, value in estimator.get_params(deep=False).items() if name not in NO_BITS}
    parameters = {"forecastrnn": __version__, "estimator": type(estimator).__name__, **own, **others}
    found = Resumable(asked, parameters)
    with kept_in(Part(found.keeper)):
        try:
            yield found
        except UnfitError as error:
            raise found.unfit(str(error)) from error
    found.end()
