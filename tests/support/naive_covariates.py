"""What covariates become, value by value; it shares no code with the package."""

from __future__ import annotations

import numpy as np


def naive_scales(
    series: list[np.ndarray], roles: list[str], kinds: list[str]
) -> tuple[np.ndarray, list[float], list[bool]]:
    """Centre (n_series, k) and spread of each column of series (rows, k), and whether it misses a value somewhere."""
    centre, spreads, gaps = np.zeros((len(series), len(roles))), [], []
    for c, (role, kind) in enumerate(zip(roles, kinds, strict=True)):
        every = [row[c] for one in series for row in one]
        known = [value for value in every if value == value]
        gaps.append(len(known) < len(every))
        if kind == "plain" or all(value in (0.0, 1.0) for value in known):
            spreads.append(1.0 if len(set(known)) > 1 else 0.0)
            continue
        if role == "static":
            firsts = [one[0, c] for one in series]
            centre[:, c] = np.median([value for value in firsts if value == value])
            away = [abs(value - centre[0, c]) for value in firsts if value == value]
        else:
            own = [
                np.median([v for v in one[:, c] if v == v]) if (one[:, c] == one[:, c]).any() else None
                for one in series
            ]
            usual = np.median([value for value in own if value is not None])
            centre[:, c] = [usual if value is None else value for value in own]
            away = [abs(v - centre[i, c]) for i, one in enumerate(series) for v in one[:, c] if v == v]
        moved = [value for value in away if value > 1e-6 * max(away)]
        spreads.append(1.4826 * float(np.median(moved)) if moved else 0.0)
    return centre, spreads, gaps


def known_first(roles: list[str]) -> list[int]:
    """The order of columns in rows."""
    return sorted(range(len(roles)), key=lambda k: roles[k] != "known")


def naive_numbers(row: np.ndarray, centre: np.ndarray, spreads: list[float], gaps: list[bool]) -> list[float]:
    """The columns that one row (k,) of numbers becomes."""
    found = []
    for value, middle, spread in zip(row, centre, spreads, strict=True):
        found.append((value - middle) / spread if spread > 0 and value == value else 0.0)
    return found + [float(value == value) for value, gap in zip(row, gaps, strict=True) if gap]
