"""Lines and bands over times."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import pandas as pd

from forecastrnn.plotting.canvas import Artist, Axes, Color, Line2D, Look, Patch, date_numbers, ink
from forecastrnn.plotting.frames import Fan

Time: TypeAlias = pd.Timestamp | pd.Period | int

DARKEST = 0.22  # how much of a band's colour covers what is below it: two of them can be told apart, and in grey
MOST_INK = 0.7  # of many nested bands together
ONE_STEP = 7.0  # points: the width of the band of a single step


def draw_line(ax: Axes, values: pd.Series, look: Look) -> Line2D:
    """Values over times; those without neighbours, to which no line goes, are points."""
    known = np.isfinite(values.to_numpy(dtype=float))
    beside = np.concatenate([[False], known[:-1]]) | np.concatenate([known[1:], [False]])
    alone = np.flatnonzero(known & ~beside).tolist()
    marks = {"marker": ".", "markevery": alone} if alone and "marker" not in look else {}
    drawn: Line2D = ax.plot(date_numbers(values.index), values.to_numpy(dtype=float), **look | marks)[0]
    return drawn


def draw_history(ax: Axes, values: pd.Series) -> None:
    """What was observed before the forecast."""
    draw_line(ax, values, {"color": ink(), "linewidth": 1.1, "label": "observed"})


def draw_truth(ax: Axes, values: pd.Series) -> None:
    """What came: as what was observed, but as points, so that it is told from the forecast in any colours."""
    look = {"color": ink(), "linewidth": 0.8, "linestyle": ":", "marker": "o", "markersize": 2.5, "label": "truth"}
    draw_line(ax, values, look)


def draw_bands(ax: Axes, part: pd.DataFrame, fan: Fan, color: Color, *, is_labelled: bool = True) -> dict[str, Artist]:
    """Nested bands of one colour, the widest below; returns for each label a swatch as dark as the band looks."""
    x, alpha = date_numbers(part.index), min(DARKEST, MOST_INK / max(len(fan.bands), 1))
    swatches: dict[str, Artist] = {}
    for place, (level, low, high) in enumerate(reversed(fan.bands)):
        label = f"{level:g}% interval"
        look: Look = {
            "color": color,
            "alpha": alpha,
            "label": label if is_labelled else "_",
            "zorder": 1.5 - 0.01 * place,
        }
        ends = part[low].to_numpy(dtype=float), part[high].to_numpy(dtype=float)
        if len(x) == 1:
            ax.vlines(x, *ends, linewidth=ONE_STEP, **look)
        else:
            ax.fill_between(x, *ends, linewidth=0, **look)
        swatches[label] = Patch(color=color, linewidth=0, alpha=1 - (1 - alpha) ** (len(fan.bands) - place))
    return swatches


def draw_paths(ax: Axes, paths: list[pd.Series]) -> None:
    """Possible futures, thin lines in the colour of what was observed; one label for all of them."""
    for k, path in enumerate(paths):
        draw_line(ax, path, {"color": ink(), "linewidth": 0.6, "alpha": 0.6, "label": "_" if k else "possible futures"})


def draw_border(ax: Axes, last: Time, first: Time) -> None:
    """Between what is known and what is forecast."""
    ends = [date_numbers(pd.Index([time]))[0] for time in (last, first)]
    ax.axvline(sum(ends) / 2, color=ink(), alpha=0.5, linewidth=0.8, linestyle=":")
