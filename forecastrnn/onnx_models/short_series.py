"""Series that are too short for networks, which are forecast by the value one season before, in a graph."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from forecastrnn.onnx_models.given_values import KNOWN
from forecastrnn.onnx_models.pasts import Reading
from forecastrnn.onnx_models.values import LAST, Scope, Value


class Apart(NamedTuple):
    """Values (m, n) that networks can read, which series (m, 1) are too short, and naive forecasts (m, h)."""

    y: Value
    is_short: Value
    naive: Value


def set_apart(scope: Scope, reading: Reading, y: Value, h: Value) -> Apart:
    """Short series among others (m, n); what networks read in their place does not matter.

    Those that end with a value that is missing are left as they are, and refused.
    """
    known = ~y.of("IsNaN", dtype=np.bool_)
    known = known | ~known if reading.MISSING == "zero" else known
    n, count = y.size(1), known.to(np.int64).over("Sum", 1, keep=True)
    first = known.to(np.int32).of("ArgMax", axis=1, keepdims=1, dtype=np.int64)
    is_short = known.cut(1, -1, LAST) & ((n - first < reading.LEAST) | (count < KNOWN))
    steps = scope.counted(h).lifted(0) % reading.SEASON
    places = scope.where(n - first >= reading.SEASON, steps + (n - reading.SEASON), steps * 0 + (n - 1))
    values = scope.where(y.of("IsNaN", dtype=np.bool_), 0.0, y) if reading.MISSING == "zero" else y
    found = values.pick(places.most(0), 1)
    naive = scope.where(found.of("IsNaN", dtype=np.bool_), values.cut(1, -1, LAST), found)
    more = (reading.LEAST - n).most(0)
    any_values = ((scope.counted(n + more) % 3).to(np.float64) - 1.0).lifted(0)
    whole = scope.stack(any_values.cut(1, 0, more).spread(scope.shape(y.size(0), more)), y, axis=1)
    return Apart(scope.where(is_short, any_values, whole), is_short, naive)
