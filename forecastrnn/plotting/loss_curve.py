"""How training went: the loss of each member, what held-out data said, and which update was kept."""

from __future__ import annotations

from typing import Self

import numpy as np

from forecastrnn.plotting.canvas import Axes, Color, GivenAxes, Look, ink, legend_above, panels, step_axis
from forecastrnn.plotting.display import Display
from forecastrnn.plotting.estimator import Trained, check_drawn
from forecastrnn.training.curves import TrainingCurves


class LossCurveDisplay(Display):
    """Loss over the training: each member of a forecaster thin, and their mean.

    Where there was early stopping, scores of what was held out have an axis at the right, and a line shows which look
    was kept. The learning rate, where the estimator tells it, is a faint line without an axis.

    Parameters
    ----------
    curves : TrainingCurves
        What `training_curves_` of an estimator holds.

    Attributes
    ----------
    ax_ : Axes
    score_ax_ : Axes or None
        That of scores.
    figure_ : Figure

    Examples
    --------
    >>> from forecastrnn import RNNForecaster
    >>> from forecastrnn.datasets import load_airline
    >>> from forecastrnn.plotting import LossCurveDisplay
    >>> model = RNNForecaster(n_members=2, max_steps=150, intervals=None, random_state=0).fit(load_airline())
    >>> display = LossCurveDisplay.from_estimator(model)
    >>> display.ax_.get_xlabel(), len(display.ax_.lines[-1].get_xdata())
    ('update', 3)
    >>> display.close()
    """

    score_ax_: Axes | None

    def __init__(self, curves: TrainingCurves) -> None:
        self.curves = curves

    @classmethod
    def from_estimator(cls, estimator: Trained, *, ax: GivenAxes = None) -> Self:
        """Draw how a fitted estimator was trained.

        Parameters
        ----------
        estimator : RNNForecaster, RNNRegressor, RNNClassifier or RNNSeq2Seq
            Fitted.
        ax : Axes, optional
            None: in a new figure.

        Returns
        -------
        LossCurveDisplay

        Raises
        ------
        NotFittedError
            Before `fit`.
        ValueError
            If ax is not one Axes.
        """
        check_drawn(estimator, "training_curves_", "an estimator of forecastrnn")
        if np.isnan(np.concatenate(estimator.training_curves_.losses)).all():
            raise ValueError("the estimator has no loss to draw: it was fitted without an update (max_steps=0)")
        return cls(estimator.training_curves_).plot(ax)

    def plot(self, ax: GivenAxes = None) -> Self:
        """Draw the same again; raises as `from_estimator` does."""
        ((below,),) = panels(1, ax)
        self._drawn_on([below])
        color = self._draw_lines(below, self.curves.losses, {"label": "training loss"})
        for kept in dict.fromkeys(self.curves.kept):
            below.axvline(self._x(kept)[-1], color=ink(), linewidth=0.8, linestyle=":", label="kept")
        self.score_ax_ = self._draw_scores(below) if self.curves.scores else None
        self._draw_rates(below)
        below.set_ylabel("training loss", color=color if self.score_ax_ else ink())
        step_axis(below, "update" if self.curves.each else "epoch")
        legend_above([one for one in (below, self.score_ax_, self._rate_ax) if one is not None])
        return self

    def _x(self, count: int) -> np.ndarray:
        """Updates, or epochs, behind which there are so many values."""
        return np.arange(1, count + 1) * max(self.curves.each, 1)

    def _draw_lines(self, ax: Axes, curves: list[list[float]], look: Look) -> Color:
        """The mean of several curves as far as all go, and each of them thin."""
        shortest = min(map(len, curves))
        mean = np.mean([curve[:shortest] for curve in curves], axis=0)
        marked: Look = {"linewidth": 1.8} | look | ({"marker": "o"} if shortest == 1 else {})
        (line,) = ax.plot(self._x(shortest), mean, **marked)
        for curve in curves if len(curves) > 1 else []:
            ax.plot(self._x(len(curve)), curve, color=line.get_color(), linewidth=0.7, alpha=0.5)
        return line.get_color()

    def _draw_scores(self, below: Axes) -> Axes:
        """What held-out data said, on an axis at the right."""
        ax = below.twinx()
        look = {"color": "C1", "linestyle": "--", "label": "score of held-out data"}
        self._draw_lines(ax, self.curves.scores, look)
        ax.set_ylabel("score of held-out data", color="C1")
        return ax

    def _draw_rates(self, below: Axes) -> None:
        """The learning rate as a faint line; its size is not told."""
        self._rate_ax = None
        if self.curves.rates:
            self._rate_ax = ax = below.twinx()
            rates = np.array(self.curves.rates)
            ax.plot(
                self._x(len(rates)), rates, color=ink(), alpha=0.4, linewidth=1.0, linestyle="-.", label="learning rate"
            )
            ax.set_ylim(0, 1.1 * np.nanmax(rates))
            ax.set_yticks([])
