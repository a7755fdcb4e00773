"""What a fit has seen of its series, of which a model keeps the ends alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.persistence import codec

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Counts over all series, with their gaps, and the first time of all as an ordinal of the clock.

    values : with those that are missing; shortest, longest : lengths of a series; season_given : the season is one that
    was asked for, None in files that do not say so.
    """

    values: int
    shortest: int
    longest: int
    missing: int
    zeros: int
    first: int
    season_given: bool | None = None

    @classmethod
    def of(cls, read: SeriesSet, season: int, asked: tuple[int, ...]) -> Seen:
        """Of the series as a caller gave them, with the season that was found and those that were asked for."""
        lengths = np.diff(read.offsets)
        return cls(
            values=len(read.values), shortest=int(lengths.min()), longest=int(lengths.max()),
            missing=int(np.isnan(read.values).sum()), zeros=int((read.values == 0.0).sum()),
            first=int(read.times(read.offsets[:-1]).min()), season_given=season in asked,
        )  # fmt: skip


SEEN = codec.record(Seen, first=codec.count(-codec.LARGEST), season_given=codec.unless(None, codec.FLAG))
