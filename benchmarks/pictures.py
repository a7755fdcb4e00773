"""Small pictures of the results: bars beside a target, and lines on logarithmic axes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from benchmarks.racing import RESULTS, text

COLORS = ("#1f6fb4", "#e07b39", "#4a9d5b", "#8a5fb0", "#777777")
MARKS = "osD^v"


@contextmanager
def picture(name: str, panels: int = 1, width: float = 8.0, height: float = 4.0) -> Iterator[list[Axes]]:
    """Axes of panels side by side, three in a row at most; written to results/<name>.png on leaving."""
    columns = min(panels, 3)
    rows = -(-panels // columns)
    figure, axes = plt.subplots(rows, columns, figsize=(width, height), squeeze=False, layout="constrained")
    flat = list(axes.flat)
    for spare in flat[panels:]:
        spare.axis("off")
    yield flat[:panels]
    RESULTS.mkdir(exist_ok=True)
    figure.savefig(RESULTS / f"{name}.png", dpi=90)
    plt.close(figure)
    print(f"picture: results/{name}.png")


def bars(
    axes: Axes, labels: Sequence[str], values: Mapping[str, Sequence[float | None]],
    targets: Sequence[float | None] | None = None, logarithmic: bool = False, target: str = "target",
) -> None:  # fmt: skip
    """Groups of horizontal bars, the first on top; the target of each group as a black line across it."""
    height, places = 0.8 / len(values), np.arange(len(labels))
    for k, (name, found) in enumerate(values.items()):
        at = places + (k - (len(values) - 1) / 2) * height
        numbers = [np.nan if v is None else v for v in found]
        drawn = axes.barh(at, numbers, 0.9 * height, color=COLORS[k], label=name)
        texts = ["" if v is None else text(v) for v in found]
        axes.bar_label(drawn, texts, padding=3, fontsize=7)
    if targets is not None:
        marked = [(place, value) for place, value in zip(places, targets, strict=True) if value is not None]
        at, value = np.array(marked).T
        axes.vlines(value, at - 0.45, at + 0.45, color="black", lw=1.5, label=target)
    axes.set_yticks(places, labels, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.15)
    if logarithmic:
        axes.set_xscale("log")
        axes.set_xlim(left=10 ** np.floor(np.log10(axes.get_xlim()[0])))
    axes.grid(axis="x", alpha=0.3, which="major")
    axes.set_axisbelow(True)
    if len(values) > 1 or targets is not None:
        axes.legend(fontsize=8, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncol=4, frameon=False)


def lines(axes: Axes, found: Mapping[str, tuple[Sequence[float], Sequence[float]]]) -> None:
    """x and y of each name, both axes logarithmic."""
    for k, (name, (x, y)) in enumerate(found.items()):
        axes.plot(x, y, f"{MARKS[k]}-", color=COLORS[k], ms=4, lw=1.2, label=name)
    axes.set_xscale("log")
    axes.set_yscale("log")
    _label_ticks(axes, sorted({value for x, _ in found.values() for value in x}))
    axes.grid(alpha=0.3)
    axes.tick_params(labelsize=7)
    if len(found) > 1:
        axes.legend(fontsize=7)


def _label_ticks(axes: Axes, sizes: Sequence[float]) -> None:
    """Name the sizes themselves below, powers of ten at the side, of which at least two are shown."""
    shown = sizes[:: -(-len(sizes) // 6)]
    axes.set_xticks(shown, [f"{size:,}" for size in shown])
    low, high = axes.get_ylim()
    axes.set_ylim(10 ** np.floor(np.log10(low)), 10 ** np.ceil(np.log10(high)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.minorticks_off()
