"""The door to Matplotlib: axes side by side, times along an axis, and legends that cover no data."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from os.path import commonprefix
from typing import Any, TypeAlias

import numpy as np
import pandas as pd

try:
    import matplotlib.dates as dates
    import matplotlib.pyplot as plt
    from matplotlib import rcParams
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure, SubFigure
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch
    from matplotlib.ticker import MaxNLocator
    from matplotlib.typing import ColorType as Color
except ImportError as error:
    raise ImportError(
        "forecastrnn.plotting needs Matplotlib, which cannot be imported here: pip install matplotlib. All else of "
        "forecastrnn works without it"
    ) from error

__all__ = [
    "AnyFigure", "Artist", "Axes", "Color", "Figure", "GivenAxes", "Line2D", "Look", "Patch", "close",
    "date_numbers", "ink", "heat_map", "in_rows", "legend_above", "named", "panels", "stacked",
    "step_axis", "time_axis",
]  # fmt: skip

AnyFigure: TypeAlias = Figure | SubFigure
Look: TypeAlias = dict[str, Any]  # what Matplotlib takes by name
GivenAxes: TypeAlias = Axes | Sequence[Axes] | np.ndarray | None

WIDTH, HEIGHT = 6.4, 3.4  # inches of a picture of one panel: Matplotlib's width, a little lower than its default
GRID_WIDTH, GRID_HEIGHT = 7.2, 1.9  # of a grid, and of a row of it
LOW = 0.3  # of the height of a panel: what one below it has
LONGEST = 36  # letters of a name that stands above or beside a panel
_IN_A_ROW = 5  # entries of a legend that fit beside each other in 600 pixels
# As people write them: 2024, May, 3 May, 09:30; what ticks leave out stands at the end of the axis.
_TICKS = ["%Y", "%b", "%d %b", "%H:%M", "%H:%M", "%S.%f"]
_ZEROS = ["", "%Y", "%d %b", "%d %b", "%H:%M", "%H:%M"]
_WHOLE = ["", "%Y", "%Y", "%d %b %Y", "%d %b %Y", "%d %b %Y %H:%M"]
_LEADING_ZERO = re.compile(r"^0(?=\d )")


class Dates(dates.ConciseDateFormatter):
    """Short dates, days without a leading zero."""

    def format_ticks(self, values: Sequence[float]) -> list[str]:
        """Texts of all ticks together."""
        return [_LEADING_ZERO.sub("", text) for text in super().format_ticks(values)]

    def get_offset(self) -> str:
        """What stands at the end of the axis."""
        return _LEADING_ZERO.sub("", super().get_offset())


def ink() -> str:
    """The colour of texts, in which what was observed is drawn: dark on light paper, light on dark."""
    return str(rcParams["text.color"])


def close(figure: AnyFigure) -> None:
    """Forget a figure of pyplot."""
    plt.close(figure.figure if isinstance(figure, SubFigure) else figure)


def panels(n: int, ax: GivenAxes, below: int = 0) -> list[list[Axes]]:
    """Axes for each of n panels, and so many below it: those given, or those of a new figure in two columns."""
    each, columns = 1 + below, min(n, 2)
    if ax is not None:
        behind = ", one for each panel" + (", and behind each those of its covariates" if below else "")
        found = given_axes(n * each, ax, behind)
        return [found[k * each : (k + 1) * each] for k in range(n)]
    rows, share = -(-n // columns), 1 + below * (LOW + 0.1)
    size = (WIDTH, HEIGHT * share) if n == 1 else (GRID_WIDTH, GRID_HEIGHT * rows * share + 0.4)
    grid = _new_grid(rows * each, columns, size, height_ratios=[1.0, *[LOW] * below] * rows)
    grid = grid.reshape(rows, each, columns).swapaxes(1, 2).reshape(-1, each)
    for spare in grid[n:].ravel():
        spare.remove()
    return [list(row) for row in grid[:n]]


def stacked(heights: Sequence[float], ax: GivenAxes) -> list[Axes]:
    """Axes below each other: those given, or those of a new figure, of such heights."""
    if ax is not None:
        return given_axes(len(heights), ax)
    size = WIDTH, 0.9 * HEIGHT * sum(heights) + 0.2
    return list(_new_grid(len(heights), 1, size, height_ratios=heights)[:, 0])


def in_rows(rows: str, ax: GivenAxes) -> list[Axes]:
    """Axes by letters, as in "aa;bc": those given, or those of a new figure, where a wide one has a letter twice."""
    letters = sorted({*rows} - {";"})
    if ax is not None:
        return given_axes(len(letters), ax)
    figure = plt.figure(figsize=(WIDTH, 0.7 * HEIGHT * (1 + rows.count(";"))), layout="constrained")
    found = figure.subplot_mosaic(rows)
    return [found[letter] for letter in letters]


def given_axes(n: int, ax: GivenAxes, behind: str = "") -> list[Axes]:
    """The n axes that are given, which must be so many."""
    given = list(np.array(ax, dtype=object).ravel())
    if len(given) != n or not all(isinstance(one, Axes) for one in given):
        wanted = "Axes of Matplotlib" if n == 1 else f"an array of {n} Axes of Matplotlib{behind}"
        got = type(given[0]).__name__ if len(given) == 1 else f"{len(given)} of them"
        raise ValueError(f"ax must be {wanted}, or None for a new figure. Got {got}")
    return given


def _new_grid(rows: int, columns: int, size: tuple[float, float], height_ratios: Sequence[float]) -> np.ndarray:
    look: Look = {"figsize": size, "layout": "constrained", "height_ratios": height_ratios}
    found: np.ndarray = plt.subplots(rows, columns, squeeze=False, **look)[1]
    return found


def date_numbers(index: pd.Index) -> np.ndarray:
    """Where times (n,) lie on an axis: Matplotlib's days, or the integers themselves."""
    if isinstance(index, pd.PeriodIndex):
        index = index.to_timestamp()
    if not isinstance(index, pd.DatetimeIndex):
        if not pd.api.types.is_numeric_dtype(index.dtype):
            raise TypeError(f"times must be datetimes, periods or integers. Got {index.dtype}; see pandas.to_datetime")
        return index.to_numpy(dtype=float)
    instants = index if index.tz is None else index.tz_convert("UTC").tz_localize(None)
    found: np.ndarray = dates.date2num(instants.to_numpy())
    return found


def time_axis(ax: Axes, index: pd.Index) -> None:
    """Ticks for times like those of an index, read in its time zone, or for steps."""
    if not isinstance(index, pd.DatetimeIndex | pd.PeriodIndex):
        step_axis(ax, str(index.name) if index.name not in (None, "ds") else "step")
        return
    zone = getattr(index, "tz", None)
    ax.xaxis_date(zone)
    locator = dates.AutoDateLocator(tz=zone, minticks=3, maxticks=7)
    ax.xaxis.set_major_locator(locator)
    formats = {"formats": _TICKS, "zero_formats": _ZEROS, "offset_formats": _WHOLE}
    ax.xaxis.set_major_formatter(Dates(locator, tz=zone, **formats))
    if zone is not None:
        ax.set_xlabel(f"time in {zone}")


def named(name: object, most: int = LONGEST) -> str:
    """A name as a picture has room for it: cut where it is long, and no formula."""
    text = " ".join(str(name).split())
    return (text if len(text) <= most else text[: most - 1].rstrip() + "\N{HORIZONTAL ELLIPSIS}").replace("$", r"\$")


def named_apart(names: Sequence[object]) -> list[str]:
    """Names beside each other; where cut ones would be alike, what they share at their beginning goes instead."""
    cut = [named(name) for name in names]
    if len(set(cut)) == len(cut):
        return cut
    texts = [" ".join(str(name).split()) for name in names]
    shared = len(commonprefix(texts))
    begin = texts[0].rfind(" ", 0, shared) + 1 or shared
    return [named("\N{HORIZONTAL ELLIPSIS}" + text[begin:]) for text in texts]


def heat_map(ax: Axes, x: np.ndarray, rows: np.ndarray, label: str) -> None:
    """Values (rows, len(x)) as colours about 0, the first row on top, with a bar that tells them."""
    half = np.diff(x, append=2 * x[-1] - x[-2] if len(x) > 1 else x[-1] + 1) / 2
    edges = np.concatenate([[x[0] - half[0]], x + half])
    most = float(np.abs(rows).max()) or 1.0
    places = np.arange(len(rows) + 1) - 0.5
    drawn = ax.pcolormesh(edges, places, rows, vmin=-most, vmax=most)
    ax.invert_yaxis()
    ax.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
    ax.figure.colorbar(drawn, ax=ax, label=label)


def step_axis(ax: Axes, label: str) -> None:
    """Ticks for whole numbers."""
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    ax.set_xlabel(label)


def legend_above(axes: list[Axes], *, own: bool = False, swatches: Mapping[str, Artist] | None = None) -> None:
    """One legend for all panels, over them; own: in a figure made for them; swatches: entries that look otherwise.

    What all numbers of an axis share, as in 1e9, stands beside its upper end, where no legend and no title is.
    """
    for ax in axes:
        shared = ax.yaxis.get_offset_text()
        if shared.get_position()[0] == 0.0:  # of an axis on the left
            shared.set(x=-0.01, horizontalalignment="right")
    entries: dict[str, Artist] = {}
    swatches = swatches or {}
    for ax in axes:
        for handle, label in zip(*ax.get_legend_handles_labels(), strict=True):
            entries.setdefault(label, swatches.get(label, handle))
    if not entries:
        return
    ordered = sorted(entries, key=lambda label: label in swatches)
    columns = -(-len(ordered) // -(-len(ordered) // _IN_A_ROW))
    labels = [label for k in range(columns) for label in ordered[k::columns]]  # Matplotlib fills columns
    options = {
        "ncols": columns, "frameon": False, "fontsize": "small", "columnspacing": 1.2, "handlelength": 1.6,
        "handletextpad": 0.5,
    }  # fmt: skip
    handles = [entries[label] for label in labels]
    if len(axes) > 1 and own:
        axes[0].figure.legend(handles, labels, loc="outside upper left", **options)
    else:
        axes[0].legend(handles, labels, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2, **options)
