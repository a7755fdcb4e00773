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
    """Figures from which intervals come out finite, nested and around the forecast."""
    found = Calibration(**kept)
    table, (scale, low, high) = found.table, vars(found.spread).values()
    floats = [scale, low, high, table, found.growth, found.excess]
    good = (
        table.shape == (KEPT, len(scale) if found.by_series else 1) and (np.diff(table, axis=0) >= 0).all()
        and (not found.symmetric or (table >= 0).all()) and all(np.isfinite(values).all() for values in floats)
        and (scale > 0).all() and (low <= high).all() and found.usual >= 0 and (found.excess >= 0).all()
        and (found.growth > 0).all()
        and found.n_scores.sum() > 0 and (found.n_scores >= 0).all() and len(found.coverage) in (0, len(COVERED))
        and (found.starts > 0).all() and (np.diff(found.starts) < 0).all()
    )  # fmt: skip
    if not good:
        raise ModelFileError("the figures of the intervals do not fit together")
    return found


def _make_adaptive(**kept: Any) -> Adaptive:
    """Levels within their bounds, and places in the rings."""
    found = Adaptive(**kept)
    good = (
        ((found.alpha >= LEAST) & (found.alpha <= MOST)).all() and (found.ring >= 0).all()
        and np.isfinite(found.ring).all() and np.isfinite(found.pending).all()
        and (found.count >= 0).all() and (found.scored >= 0).all()
    )  # fmt: skip
    if not good:
        raise ModelFileError("the levels of the intervals do not fit together")
    return found


def _floats(name: str, *sizes: str | codec.Size, dtype: str = "<f8") -> Kind:
    return codec.array(dtype, *sizes).named(f"intervals.{name}")


_SPREAD = codec.record(Spread, **{name: _floats(name, "n_series") for name in ("scale", "low", "high")})
_ADAPTIVE = codec.record(
    Adaptive,
    _make_adaptive,
    gamma=codec.tested("a number in (0, 1)", lambda raw: type(raw) is float and 0 < raw < 1),
    alpha=_floats("alpha", "n_series", "horizon", codec.Size("n_targets", len(TARGETS), len(TARGETS))),
    ring=_floats("ring", "n_series", "horizon", codec.Size("n_ring", RING, RING)),
    pending=_floats("pending", "n_series", "horizon", "horizon"),
    count=_floats("count", "n_series", dtype="<i8"),
    scored=_floats("scored", "n_series", "horizon", dtype="<i8"),
)
CALIBRATION = codec.record(
    Calibration,
    _make_calibration,
    horizon=codec.count(1),
    usual=codec.tested("a number", lambda raw: type(raw) is float and np.isfinite(raw)),
    table=_floats("table", codec.Size("n_quantiles"), codec.Size("n_groups")),
    growth=_floats("growth", "horizon"),
    spread=_SPREAD,
    n_scores=_floats("n_scores", "horizon", dtype="<i8"),
    starts=_floats("starts", codec.Size("n_windows", 1), dtype="<i8"),
    excess=_floats("excess", codec.Size("n_sides", 2, 2)),
    coverage=_floats("coverage", codec.Size("n_levels")),
    compared=codec.unless(None, codec.optional("is_compared", _floats("compared", codec.Size("n_compared", 2, 2)))),
    adaptive=codec.unless(None, codec.nested(_ADAPTIVE, "the levels")),
    vectors=codec.unless(
        None, codec.optional("has_vectors", _floats("vectors", codec.Size("n_vectors", 1), "horizon"))
    ),
)
INTERVALS = codec.record(
    Intervals,
    method=codec.choice("conformal", "paths"),
    calibration=codec.optional("is_calibrated", codec.nested(CALIBRATION, "the calibration")),
)
