"""What all displays have in common."""

from __future__ import annotations

from typing import cast

from forecastrnn.plotting.canvas import Axes, Figure, close


class Display:
    """Has drawn on axes of a figure; nothing is shown or saved."""

    ax_: Axes
    axes_: list[Axes]
    figure_: Figure  # or the part of one in which axes were given

    def close(self) -> None:
        """Forget the figure, which pyplot keeps until then."""
        close(self.figure_)

    def _drawn_on(self, axes: list[Axes]) -> None:
        self.axes_, self.ax_, self.figure_ = axes, axes[0], cast(Figure, axes[0].figure)
