"""Which row of a table of covariates belongs to a series and a time: found by both, never by its position."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import pandas as pd

from forecastrnn.data.time_index import Clock, read_index

_KINDS = {"datetime": "dates", "period": "periods", "integer": "integers"}
_ADVICE = {
    ("datetime", "period"): "to_timestamp converts them",
    ("period", "datetime"): "to_period converts them",
}


@dataclass(frozen=True, eq=False)
class Keys:
    """Rows of a table in the order of series and time.

    times (n_times,) : ordinals, each once; keys (n,) : series * n_times + place of the time, increasing, or, where rows
    are for all series, the place of the time alone; rows (n,) : the row of each.
    """

    times: np.ndarray
    keys: np.ndarray
    rows: np.ndarray
    are_shared: bool

    @classmethod
    def of(cls, ordinals: np.ndarray, series: np.ndarray | None, used: np.ndarray) -> Keys:
        """Those of rows (n,) with these times and places of series (None: for all), of which some are used."""
        rows = np.flatnonzero(used)
        if series is None and (np.diff(ordinals[rows]) > 0).all():
            return cls(ordinals[rows], np.arange(len(rows)), rows, True)
        times, keys = np.unique(ordinals[rows], return_inverse=True)
        if series is not None:
            keys = keys + series[rows] * len(times)
        if (np.diff(keys) <= 0).any():
            order = np.argsort(keys, kind="stable")
            keys, rows = keys[order], rows[order]
        return cls(times, keys, rows, series is None)

    def repeated(self) -> np.ndarray:
        """Rows whose series and time another row has as well."""
        return self.rows[1:][self.keys[1:] == self.keys[:-1]]

    def find(self, series: np.ndarray, ordinals: np.ndarray) -> np.ndarray:
        """The row (n,) of each series and time, -1 where there is none."""
        if not len(self.rows):
            return np.full(len(ordinals), -1)
        place, there = _places(self.times, ordinals)
        if not self.are_shared:
            place, hit = _places(self.keys, place + series * len(self.times))
            there &= hit
        return np.where(there, self.rows[place], -1)


def _places(known: np.ndarray, wanted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where wanted (n,) values are among increasing ones, and whether they are."""
    place = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
    return place, known[place] == wanted


def times_as(index: pd.Index, clock: Clock, label: str, argument: str) -> tuple[np.ndarray, np.ndarray]:
    """Ordinals (n,) of times in the unit of the clock of y, and which of them that unit can express.

    Other zones of the same instants are as good; TypeError where times are of another kind, or only some have a zone.
    """
    ordinals, own = read_index(index, label)
    if own.kind != clock.kind or own.kind == "period" and own.freq.base != clock.freq.base:
        _refuse_kind(own, clock, label)
    if (own.tz is None) != (clock.tz is None):
        said = [f"are in {zone}" if zone is not None else "have no time zone" for zone in (clock.tz, own.tz)]
        call = "tz_localize" if own.tz is None else "tz_localize(None), or give y its zone"
        raise TypeError(f"the times of y {said[0]}, those of {argument} {said[1]}; use {call}")
    if own.unit == clock.unit:
        return ordinals, np.ones(len(ordinals), bool)
    given = pd.DatetimeIndex(ordinals.astype(f"datetime64[{own.unit}]"))
    found = given.as_unit(clock.unit)
    return found.astype("int64").to_numpy(), np.asarray(found.as_unit(own.unit) == given)


def _refuse_kind(own: Clock, clock: Clock, label: str) -> NoReturn:
    """Say which kind of times there are, and which there should be."""
    what = [
        f"periods of {one.freqstr}" if one.kind == "period" else _KINDS[one.kind] for one in (clock, own)
    ]  # fmt: skip
    advice = _ADVICE.get((clock.kind, own.kind), "put the times into the index, or into the column of times")
    raise TypeError(f"the times of y are {what[0]}, but {label} holds {what[1]}: {advice}")
