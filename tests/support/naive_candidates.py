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


def autoregression(y: np.ndarray, most: int, h: int) -> np.ndarray:
    """Forecasts (h,) of values or of their changes, whichever has the lower corrected criterion of Akaike."""
    best = np.inf
    for of_changes in (False, True):
        base = 0.5 * np.diff(y).mean() if of_changes else y.mean()
        x = (np.diff(y) if of_changes else y) - base
        n = len(x)
        for order in range(min(most, n // 4) + 1):
            found, power = burg(x, order)
            criterion = np.log(power) + (n + order + 1) / (n - order - 3)
            if criterion < best:
                best, ahead = criterion, list(x)
                for _ in range(h):
                    ahead.append(sum(a * ahead[-1 - j] for j, a in enumerate(found)))
                ahead = np.array(ahead[n:])
                path = y[-1] + np.cumsum(base + ahead) if of_changes else base + ahead
    return path
