"""What a model file keeps of calibrated intervals."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecastrnn.exceptions import ModelFileError
from forecastrnn.forecasting.adaptive import LEAST, MOST, RING, TARGETS, Adaptive
from forecastrnn.forecasting.calibration import COVERED, KEPT, Calibration, Intervals, Spread
from forecastrnn.persistence import codec
from forecastrnn.persistence.codec import Kind


def _make_calibration(**kept: Any) -> Calibration:
    """Figures from which intervals come out nested and around the forecast."""
    found = Calibration(**kept)
    table, (scale, low, high) = found.table, vars(found.spread).values()
    with np.errstate(over="ignore"):
        largest = np.abs(table).max(initial=0.0) * scale.max() * found.growth.max()
    good = (
        np.isfinite(largest) and table.shape == (KEPT, len(scale) if found.by_series else 1)
        and (np.diff(table, axis=0) >= 0).all()
        and (not found.symmetric or (table >= 0).all()) and (low <= high).all()
        and found.n_scores.sum() > 0 and len(found.coverage) in (0, len(COVERED)) and (np.diff(found.starts) < 0).all()
    )  # fmt: skip
    if not good:
        raise ModelFileError("the figures of the intervals do not fit together")
    return found


def _floats(name: str, *sizes: str | codec.Size, within: codec.Range = codec.ANY) -> Kind:
    return codec.array("<f8", *sizes, within=within).named(f"intervals.{name}")


def _counts(name: str, *sizes: str | codec.Size, least: int = 0) -> Kind:
    return codec.array("<i8", *sizes, within=(least, codec.LONGEST)).named(f"intervals.{name}")


_FROM_ZERO = (0.0, 1e300)
_SPREAD = codec.record(
    Spread, scale=_floats("scale", "n_series", within=codec.POSITIVE), low=_floats("low", "n_series"),
    high=_floats("high", "n_series"),
)  # fmt: skip
_ADAPTIVE = codec.record(
    Adaptive,
    gamma=codec.tested("a number in (0, 1)", lambda raw: type(raw) is float and 0 < raw < 1),
    alpha=_floats(
        "alpha", "n_series", "horizon", codec.Size("n_targets", len(TARGETS), len(TARGETS)), within=(LEAST, MOST)
    ),
    ring=_floats("ring", "n_series", "horizon", codec.Size("n_ring", RING, RING), within=_FROM_ZERO),
    pending=_floats("pending", "n_series", "horizon", "horizon"),
    count=_counts("count", "n_series"),
    scored=_counts("scored", "n_series", "horizon"),
)
CALIBRATION = codec.record(
    Calibration,
    _make_calibration,
    horizon=codec.count(1),
    usual=codec.number(_FROM_ZERO),
    table=_floats("table", codec.Size("n_quantiles"), codec.Size("n_groups")),
    growth=_floats("growth", "horizon", within=codec.POSITIVE),
    spread=_SPREAD,
    n_scores=_counts("n_scores", "horizon"),
    starts=_counts("starts", codec.Size("n_windows", 1), least=1),
    excess=_floats("excess", codec.Size("n_sides", 2, 2), within=_FROM_ZERO),
    coverage=_floats("coverage", codec.Size("n_levels"), within=codec.SHARE),
    compared=codec.unless(None, codec.optional("is_compared", _floats("compared", codec.Size("n_compared", 2, 2)))),
    adaptive=codec.unless(None, codec.nested(_ADAPTIVE, "the levels")),
    vectors=codec.unless(
        None, codec.optional("has_vectors", _floats("vectors", codec.Size("n_vectors", 1), "horizon"))
    ),
    held_out=codec.unless(None, codec.FLAG),
)
INTERVALS = codec.record(
    Intervals,
    method=codec.choice("conformal", "paths"),
    calibration=codec.optional("is_calibrated", codec.nested(CALIBRATION, "the calibration")),
)
