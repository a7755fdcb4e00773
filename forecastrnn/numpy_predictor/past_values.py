"""The end of a series from its values, as `prepare` makes it: the text that follows `forecasts`."""

from __future__ import annotations

import numpy as np

from forecastrnn.engine.cpu.levels import find_hulls, read_levels
from forecastrnn.engine.cpu.seasonal import remove_best
from forecastrnn.engine.cpu.series import mean_changes, pad_left
from forecastrnn.numpy_predictor.forecasts import (
    DOMAIN,
    LONG_RUN,
    MEAN_WIDTH,
    OLDER_MEANS,
    SEASON,
    Ends,
    framed,
    inputs_at,
)
from forecastrnn.numpy_predictor.runtime import Array

# What a module sets.
DTYPE, CONTEXT, AHEAD, REACH_BACK, ABOVE = "float32", 24, 18, 0, 0.0
LONGER: tuple[int, ...] = ()
STAGES: tuple[tuple[int, int, float, float], ...] = ()
NOISE, FLOOR, QUIETEST, FINEST, FENCE_REACH, FENCE_FREE, FENCE_MOST = 0.1, 1e-4, 1e-5, 2.0**-20, 1.5, 0.5, 3.0
IS_MEAN = False


# module: begin
def bridge(z: Array, known: Array) -> None:
    """Gaps in line between the known values around them, level behind the last."""
    z[:] = np.interp(np.arange(len(z)), np.flatnonzero(known), z[known])


def fence_of(hull: Array, scale: float, linear: bool) -> Array:
    """How far a forecast may lead: where its mean stops and is free, below and above, and the values."""
    low, high, least, most = hull
    below = above = FENCE_REACH * (high - low)
    if not linear:
        with np.errstate(invalid="ignore", divide="ignore"):
            highest = np.log1p(-FENCE_MOST * np.expm1((low - high) * scale)) / scale
        above = min(below, highest)
    ends = [low - below, low - FENCE_FREE * below, high + FENCE_FREE * above, high + above, least - below, most + above]
    return np.array(ends)


def without_figure(z: Array, known: Array) -> tuple[Array, int]:
    """The figure behind the end, and its period: z loses what the best one was before it."""
    n, offsets, periods = len(z), np.array([0, len(z)]), np.full(1, SEASON)
    most = (n - SEASON) // (3 * SEASON)
    room = SEASON * max([1, *(k for k in LONGER or range(2, 8) if k <= most)])
    removed, after, rest = np.zeros(n), np.zeros((1, room)), z.copy()
    for stage in STAGES if SEASON > 1 else ():
        scratch = tuple(np.empty((3, n))), tuple(np.empty((3, room)))
        remove_best(rest, offsets, SEASON, (*stage, IS_MEAN), scratch, (removed, after, periods))
    z -= removed
    bridge(z, known)  # again: a line between two seasons is not one without them
    return after, int(periods[0])


def end_of(values: Array, code: Array, beside: Ends) -> Ends:
    """The end of one series (time,), which begins and ends with a known value; code (k,): its codes.

    beside : rows of what is known beside it, in the context and ahead.
    """
    known, offsets = np.isfinite(values), np.array([0, len(values)])
    z, (level, shift, scale) = values.copy(), np.empty((3, 1))
    linear = np.empty(1, bool)
    bridge(z, known)
    read_levels(z, offsets, (MEAN_WIDTH, np.inf if IS_MEAN else ABOVE, DOMAIN != ""), (level, shift, linear))
    after, period = without_figure(z, known)
    periods = np.full(1, period)
    mean_changes(z, offsets, periods, scale)
    if LONG_RUN == 3:  # for a network that reads any series: its own usual change
        scale = np.maximum(scale, QUIETEST)
    else:
        scale = np.maximum(np.sqrt(NOISE * np.maximum(scale, 1e-9)), FLOOR)
    pads = np.full(1, max(period, 2 * SEASON) + MEAN_WIDTH + CONTEXT + AHEAD + 1)
    starts = np.array([0, len(z) + pads[0]])
    padded, observed = np.empty(starts[1]), np.zeros(starts[1], bool)
    pad_left((z, known, offsets), periods, scale, (pads, starts), (padded, observed))
    if linear[0] and not DOMAIN:
        padded = np.round(padded / FINEST) * FINEST
    hull = np.empty((1, 4))
    find_hulls(padded, starts, pads, MEAN_WIDTH, hull)
    static = np.array([[np.log(scale[0]) + 3.0, float(linear[0]), np.log(period / SEASON)]])
    found = {"scale": scale, "level": level, "shift": shift, "linear": linear, "after": after, "period": periods,
             "fence": fence_of(hull[0], scale[0], bool(linear[0]))[None].astype(DTYPE),
             "phase": np.full(1, len(z) % SEASON)}  # fmt: skip
    found |= read_of(padded, int(pads[0]), period, static)
    rows, codes = found["inputs"], [np.tile(code, (CONTEXT, 1))]
    if beside:
        rows, codes = framed(rows, beside["context.numbers"]), [beside["context.codes"], *codes]
        found |= {name: values for name, values in beside.items() if name.startswith("ahead")}
    return found | {"inputs": np.concatenate([rows, *codes], axis=1)[None].astype(DTYPE)}


def read_of(padded: Array, pad: int, period: int, static: Array) -> Ends:
    """What networks read of padded values, up to the last and behind it."""
    total, n = len(padded), len(padded) - pad
    sums = np.append(0.0, np.cumsum(padded))
    width = np.minimum(np.arange(total) + 1, MEAN_WIDTH)
    whole = {"z": padded[None], "means": ((sums[1:] - sums[np.arange(total) + 1 - width]) / width)[None],
             "sums": sums[None], "first": np.full(1, pad), "period": np.full(1, period), "static": static}  # fmt: skip
    t = total - 1 - CONTEXT + np.arange(CONTEXT)
    so_far = np.cumsum(padded[pad:])
    own = np.maximum(t - pad, 0)
    long_run = np.where(t >= pad, so_far[own] / (own + 1), whole["means"][0, t])
    rows = inputs_at(whole, np.zeros(CONTEXT, int), t, (t - pad + 1) % SEASON, long_run)
    past = max(max(period, 2 * SEASON) + MEAN_WIDTH + 2, REACH_BACK + 1)
    z = padded[None, -past:] if past <= total else np.pad(padded, (past - total, 0))[None]
    z = z.astype(DTYPE)
    sums = np.cumsum(np.pad(z, ((0, 0), (1, 0))), axis=1, dtype=np.float64)
    means = np.zeros_like(z)
    means[:, MEAN_WIDTH - 1 :] = (sums[:, MEAN_WIDTH:] - sums[:, :-MEAN_WIDTH]) / MEAN_WIDTH
    ends = {"z": z, "means": means, "static": static.astype(DTYPE), "first": np.full(1, max(past - n, 0)),
            "long_run": np.full(1, so_far[-1] / n if LONG_RUN else 0.0), "inputs": rows}  # fmt: skip
    return ends | ({"sums": sums} if OLDER_MEANS else {})
