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

    values : with those that are missing; shortest, longest : lengths of a series.
    """

    values: int
    shortest: int
    longest: int
    missing: int
    zeros: int
    first: int

    @classmethod
    def of(cls, read: SeriesSet) -> Seen:
        """Of the series as a caller gave them."""
        lengths = np.diff(read.offsets)
        return cls(
            values=len(read.values), shortest=int(lengths.min()), longest=int(lengths.max()),
            missing=int(np.isnan(read.values).sum()), zeros=int((read.values == 0.0).sum()),
            first=int(read.times(read.offsets[:-1]).min()),
        )  # fmt: skip


SEEN = codec.record(Seen, first=codec.count(-codec.LARGEST))
