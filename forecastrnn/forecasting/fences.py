"""How far an interval may reach: no further beyond all that a series has been than it ever went at a time.

A band of errors grows without end, and where bands are multiples its upper end does so exponentially, also for a
series that comes and goes within bounds. How far values went beyond all before them within a horizon, in the second
half of the history, tells both kinds apart: hardly, where a series stays within bounds, and as far as it grows, where
it grows. On the lynx, whose cycle has such bounds, intervals of 95% score 11 instead of 33, and cover as much.

A jump, further than all of the first half is wide, tells only what was kept for two steps: where one value stands out,
as a sensor's that broke, it shows that such a value comes, not that one may come as far above it again.
"""

from __future__ import annotations

import numpy as np

SHARE = 0.95  # of the series whose relative excess counts for all, at least: one history is short
ENOUGH = 8  # values of a series that tell anything
UNKNOWN = 1e6  # excess over the range where no series tells


def highest(z: np.ndarray, offsets: np.ndarray, horizon: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of series z end to end, some NaN: the highest values (n,), that of the first half, and the excess (2, n) since.

    The excess is how far a value lay beyond all that came `horizon` steps or more before it, and all of the first half;
    the second one how far two values in a row did.
    """
    begin, count = offsets[:-1], np.diff(offsets)
    series, place = np.repeat(np.arange(len(count)), count), np.arange(len(z))
    lowest = np.minimum.reduceat(np.where(np.isnan(z), np.inf, z), begin)
    z = np.where(np.isnan(z), lowest[series], z)  # no record
    half = begin + count // 2
    records = _records(z, series)
    before = records[np.clip(place - horizon, half[series], place)]
    beyond = np.where(place > half[series], z - before, 0.0)
    pair = np.minimum(beyond, np.append(beyond[1:], 0.0))
    pair[offsets[1:] - 1] = 0.0  # whether the last one is kept is not known
    excess = np.stack([np.maximum.reduceat(each, begin) for each in (beyond, pair)])
    return records[offsets[1:] - 1], records[half], excess


def _records(z: np.ndarray, series: np.ndarray) -> np.ndarray:
    """The highest value so far (total,) at each time of its series: by ranks, which count on from series to series."""
    order = np.argsort(z, kind="stable")
    rank = np.empty(len(z), np.int64)
    rank[order] = np.arange(len(z))
    return z[order][np.maximum.accumulate(rank + series * len(z)) - series * len(z)]


def ends_of_range(
    z: np.ndarray, offsets: np.ndarray, horizon: int, usual: np.ndarray | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Lowest and highest end (n,) of intervals of each series, and the excess (2,) that is usual over the range.

    usual : that of other series; None: that of these.
    """
    (low, low_half, below), (high, high_half, above) = (highest(side * z, offsets, horizon) for side in (-1, 1))
    half, span = high_half + low_half, high + low
    jumped = np.stack([below[0], above[0]]) > half  # (2, n)
    excess = np.where(jumped, [below[1], above[1]], [below[0], above[0]])
    if usual is None:
        usual = np.array([_usual(each, half, offsets) for each in excess])
    room = np.maximum(excess, usual[:, None] * np.where(jumped, half, span))
    return -(low + room[0]), high + room[1], usual


def _usual(excess: np.ndarray, span: np.ndarray, offsets: np.ndarray) -> float:
    """The excess over the range that all but a few series stay within."""
    tells = np.diff(offsets) >= ENOUGH
    relative = np.sort(np.minimum(excess[tells] / np.maximum(span[tells], 1e-300), UNKNOWN))
    n = len(relative)
    return float(relative[min(int(np.ceil((n + 1) * SHARE)), n) - 1]) if n else UNKNOWN
