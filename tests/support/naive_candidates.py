"""Candidates restated slowly in plain NumPy: one series, value by value."""

from __future__ import annotations

import numpy as np

from support.naive_seasonal import best_stage


def damped(y: np.ndarray, alpha: float, beta: float, phi: float, *, first: tuple[float, float], h: int) -> tuple:
    """Forecasts (h,) of a damped trend from a first level and trend, and the squared errors of one step."""
    level, trend = first
    error = 0.0
    for value in y:
        expected = level + phi * trend
        change = 0.0 if np.isnan(value) else value - expected
        level, trend = expected + alpha * change, phi * trend + alpha * beta * change
        error += change**2
    return np.array([level + sum(phi**k for k in range(1, j + 1)) * trend for j in range(1, h + 1)]), error


def theta(y: np.ndarray, alpha: float, first: float, h: int) -> tuple[np.ndarray, float]:
    """Forecasts (h,) of theta = 2 from a first level, and the squared errors of one step."""
    n, t = len(y), np.arange(1, len(y) + 1)
    given = ~np.isnan(y)
    slope, base = np.polyfit(t[given], y[given], 1)
    level, error = first, 0.0
    for k in range(n):
        decay = (1 - alpha) ** k
        expected = level + 0.5 * (decay * base + (1 - decay * (1 - alpha)) / alpha * slope)
        change = 0.0 if np.isnan(y[k]) else y[k] - expected
        level += alpha * ((expected if np.isnan(y[k]) else y[k]) - level)
        error += change**2
    decay = (1 - alpha) ** n
    ahead = np.arange(h) + (1 - (1 - alpha) * decay) / alpha
    return level + 0.5 * (decay * base + ahead * slope), error


def first_level(y: np.ndarray, alpha: float) -> float:
    """The first level of the least error of theta, which is a parabola of it."""
    at_zero, at_one, at_two = (theta(y, alpha, first, 1)[1] for first in (0.0, 1.0, 2.0))
    bend = (at_two - 2 * at_one + at_zero) / 2
    return -(at_one - at_zero - bend) / (2 * bend)


def figure(z: np.ndarray, season: int, period: int) -> np.ndarray:
    """The seasonal figure behind the end of z without gaps: of the season, and of a longer period on what remains."""
    best = best_stage(z, season, season, max(season, 4), False)
    found = best[2] if best is not None and best[0] < 1 else np.zeros(season)
    longer = None
    if period > season and len(z) >= 3 * period + season:
        rest = z - found[(np.arange(len(z)) - len(z)) % season]
        longer = best_stage(rest, season, period, period, False)
    return found if longer is None or longer[0] >= 1 else np.tile(found, period // season) + longer[2]


def burg(x: np.ndarray, order: int) -> tuple[np.ndarray, float]:
    """Burg's coefficients (order,) and the variance that they leave."""
    forward, backward, power, found = x.copy(), x.copy(), float(np.mean(x**2)), np.zeros(0)
    for _ in range(order):
        f, b = forward[1:], backward[:-1]
        share = 2 * (f @ b) / (f @ f + b @ b)
        forward, backward = f - share * b, b - share * f
        found = np.append(found - share * found[::-1], share)
        power *= 1 - share**2
    return found, power


def best_burg(x: np.ndarray, most: int) -> tuple[float, np.ndarray]:
    """Akaike's corrected criterion and coefficients of the best order."""
    n, found = len(x), []
    for order in range(min(most, n // 4) + 1):
        coefficients, power = burg(x, order)
        found.append((np.log(power) + (n + order + 1) / (n - order - 3), coefficients))
    return min(found, key=lambda pair: pair[0])


def run_on(x: np.ndarray, coefficients: np.ndarray, h: int) -> np.ndarray:
    """What an autoregression makes of x: (h,)."""
    path = list(x)
    for _ in range(h):
        path.append(sum(a * path[-1 - j] for j, a in enumerate(coefficients)))
    return np.array(path[len(x) :])


def autoregression(y: np.ndarray, most: int, h: int) -> np.ndarray:
    """Forecasts (h,) of values or of their changes, whichever has the lower criterion."""
    mean, drift = y.mean(), 0.5 * np.diff(y).mean()
    (plain, own), (changed, others) = best_burg(y - mean, most), best_burg(np.diff(y) - drift, most)
    if plain <= changed:
        return mean + run_on(y - mean, own, h)
    return y[-1] + np.cumsum(drift + run_on(np.diff(y) - drift, others, h))


def seasonal_changes(y: np.ndarray, season: int, most: int, h: int) -> np.ndarray:
    """Forecasts (h,): the value a season before, and the change since."""
    x = y[season:] - y[:-season]
    drift, path = 0.5 * x.mean(), list(y)
    for change in drift + run_on(x - drift, best_burg(x - drift, most)[1], h):
        path.append(path[-season] + change)
    return np.array(path[len(y) :])
