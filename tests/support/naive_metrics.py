"""Measures of forecasts in plain Python, of one series at one cutoff. Shares no code with the package."""

from __future__ import annotations

import math
from collections.abc import Sequence

Values = Sequence[float]
NAN = float("nan")


def mean(values: Values) -> float:
    return math.fsum(values) / len(values) if len(values) else NAN


def over(above: float, below: float) -> float:
    return above / below if below else NAN


def known(y: Values, *others: Values) -> list[tuple[float, ...]]:
    """Rows whose truth is not NaN."""
    return [row for row in zip(y, *others, strict=True) if not math.isnan(row[0])]


def mae(y: Values, f: Values) -> float:
    return mean([abs(a - b) for a, b in known(y, f)])


def mse(y: Values, f: Values) -> float:
    return mean([(a - b) ** 2 for a, b in known(y, f)])


def rmse(y: Values, f: Values) -> float:
    return math.sqrt(mse(y, f))


def bias(y: Values, f: Values) -> float:
    return mean([b - a for a, b in known(y, f)])


def mape(y: Values, f: Values) -> float:
    rows = known(y, f)
    return NAN if any(a == 0 for a, _ in rows) else 100 * mean([abs(a - b) / abs(a) for a, b in rows])


def smape(y: Values, f: Values) -> float:
    return mean([200 * abs(a - b) / (abs(a) + abs(b)) if a or b else 0.0 for a, b in known(y, f)])


def wape(y: Values, f: Values) -> float:
    rows = known(y, f)
    return 100 * over(sum(abs(a - b) for a, b in rows), sum(abs(a) for a, _ in rows))


def changes(train: Values, m: int) -> list[float]:
    """Differences over a season, of values that are both known."""
    pairs = [train[t] - train[t - m] for t in range(m, len(train))]
    return [d for d in pairs if not math.isnan(d)]


def seasonal(train: Values, m: int) -> float:
    return mean([abs(d) for d in changes(train, m)])


def mase(y: Values, f: Values, train: Values, m: int) -> float:
    return over(mae(y, f), seasonal(train, m))


def rmsse(y: Values, f: Values, train: Values, m: int) -> float:
    return math.sqrt(over(mse(y, f), mean([d * d for d in changes(train, m)])))


def pinball(y: Values, f: Values, q: float) -> float:
    return mean([q * (a - b) if a > b else (1 - q) * (b - a) for a, b in known(y, f)])


def wql(y: Values, by_quantile: dict[float, Values]) -> float:
    size = mean([abs(a) for (a,) in known(y)])
    return mean([over(2 * pinball(y, f, q), size) for q, f in by_quantile.items()])


def interval_score(y: Values, lower: Values, upper: Values, level: float) -> float:
    fine = 2 / (1 - level / 100)
    return mean([b - a + fine * (a - v if v < a else v - b if v > b else 0.0) for v, a, b in known(y, lower, upper)])


def coverage(y: Values, lower: Values, upper: Values) -> float:
    return 100 * mean([float(a <= v <= b) for v, a, b in known(y, lower, upper)])


def width(y: Values, lower: Values, upper: Values) -> float:
    return mean([b - a for _, a, b in known(y, lower, upper)])


def crps_of(value: float, draws: Values) -> float:
    """Of one value, by all pairs."""
    n = len(draws)
    if n == 1:
        return abs(value - draws[0])
    pairs = sum(abs(draws[i] - draws[j]) for i in range(n) for j in range(n))
    return mean([abs(x - value) for x in draws]) - pairs / (2 * n * (n - 1))


def crps(y: Values, paths: Sequence[Values]) -> float:
    return mean([crps_of(value, draws) for value, *draws in known(y, *paths)])
