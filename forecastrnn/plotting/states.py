"""What a network holds in its states while it reads a series."""

from __future__ import annotations

from collections.abc import Hashable
from numbers import Integral
from typing import Self

import numpy as np
import pandas as pd

from forecastrnn.naming import is_name
from forecastrnn.native_frames import as_pandas
from forecastrnn.plotting.beside import share_times
from forecastrnn.plotting.canvas import (
    Axes,
    GivenAxes,
    date_numbers,
    heat_map,
    legend_above,
    named,
    stacked,
    time_axis,
)
from forecastrnn.plotting.display import Display
from forecastrnn.plotting.estimator import HasStates, check_drawn
from forecastrnn.plotting.lines import draw_history, draw_line


class StateDisplay(Display):
    """The end of a series, and below it the states of a layer: a row for each unit, a column for each time.

    Units are in the order of the time at which their state is largest, so that neighbours do alike. Below are the gates
    of one of them, where they are known.

    Parameters
    ----------
    values : Series
        What the network has read, by time.
    states : DataFrame
        A row for each time, a column for each unit.
    name : str
        Of the state, as "h".
    gates : DataFrame
        A row for each time, a column for each gate of one unit; perhaps none.
    unit : int
        Which unit.

    Attributes
    ----------
    ax_, axes_ : Axes, list of Axes
        The first, and all: of the series, the states, and the gates if they are known.
    figure_ : Figure
    units_ : ndarray of int
        The unit of each row, from above.

    Examples
    --------
    >>> from forecastrnn import RNNForecaster
    >>> from forecastrnn.datasets import load_airline
    >>> from forecastrnn.plotting import StateDisplay
    >>> model = RNNForecaster(hidden_layer_sizes=8, n_members=1, max_steps=20, random_state=0).fit(load_airline())
    >>> display = StateDisplay.from_estimator(model)
    >>> display.states.shape
    (24, 8)
    >>> display.close()
    """

    units_: np.ndarray

    def __init__(
        self, values: pd.Series, states: pd.DataFrame, *, name: str, gates: pd.DataFrame, unit: int
    ) -> None:  # fmt: skip
        self.values, self.states, self.name, self.gates, self.unit = values, states, name, gates, unit

    @classmethod
    def from_estimator(
        cls, estimator: HasStates, series: Hashable = None, *, layer: int = -1, state: str | None = None,
        unit: int | None = None, member: int = 0, ax: GivenAxes = None,
    ) -> Self:  # fmt: skip
        """Draw how a network of a forecaster reads the context of a series of `fit`.

        Parameters
        ----------
        estimator : RNNForecaster
            Fitted.
        series : hashable, optional
            Which one; needed if there were several.
        layer, member : int
            Of which network, and which of its layers; -1 is the last one.
        state : str, optional
            As "c" of an LSTM. None: the state that the layer puts out.
        unit : int, optional
            Whose gates are drawn. None: the one whose state changes most.
        ax : array of 3 Axes, optional
            Or of 2, where the cell has no gates. None: in a new figure.

        Returns
        -------
        StateDisplay

        Raises
        ------
        ValueError
            If there is no such series, layer, member, state or unit, or another number of axes.
        NotFittedError
            Before `fit`.
        """
        check_drawn(estimator, "states_while_reading")
        found = estimator.states_while_reading(series, member=member)
        layers = found.columns.get_level_values("layer").unique()
        if not isinstance(layer, Integral) or not -len(layers) <= layer < len(layers):
            raise ValueError(f"layer must be one of {-len(layers)} .. {len(layers) - 1}. Got {layer!r}")
        own = found[layers[layer]]
        every = list(own.columns.get_level_values("name").unique())
        names, gates = [[one for one in every if one.startswith("gate ") == is_gate] for is_gate in (False, True)]
        if state is not None and state not in names:
            raise ValueError(f"state must be one of {names}. Got {state!r}")
        name = names[-1] if state is None else state
        states = own[name]
        if unit is not None and (not is_name(unit) or unit not in states):
            raise ValueError(f"unit must be one of 0 .. {states.shape[1] - 1}. Got {unit!r}")
        chosen = int((states.max() - states.min()).argmax()) if unit is None else unit
        of_unit = pd.DataFrame({gate: own[gate][chosen] for gate in gates}, index=own.index)
        kept = estimator.history() if series is None else estimator.history([series])
        history, _ = as_pandas(kept, "history")
        values = history.set_index(history.columns[1])[history.columns[2]]
        values = values.reindex(own.index).rename(str(history.iloc[0, 0]))
        return cls(values, states, name=name, gates=of_unit, unit=chosen).plot(ax)

    def plot(self, ax: GivenAxes = None) -> Self:
        """Draw the same again, on axes or in a new figure."""
        axes = stacked([0.5, 1.0, 0.5][: 3 if self.gates.shape[1] else 2], ax)
        self._drawn_on(axes)
        draw_history(axes[0], self.values)
        axes[0].set_ylabel(named(self.values.name))
        self._draw_states(axes[1])
        if self.gates.shape[1]:
            self._draw_gates(axes[2])
        for one in axes:
            time_axis(one, self.values.index)
        share_times(axes)
        return self

    def _draw_gates(self, ax: Axes) -> None:
        """Each gate of the unit as a line; they differ in their dashes too."""
        for k, gate in enumerate(self.gates):
            look = {"label": str(gate), "linestyle": ("-", "--", "-.", ":")[k % 4], "linewidth": 1.4}
            draw_line(ax, self.gates[gate], look)
        ax.set_ylabel(f"unit {self.unit}")
        legend_above([ax])

    def _draw_states(self, ax: Axes) -> None:
        """Units in the order of the times at which they are largest, so that neighbours do alike."""
        values = self.states.to_numpy(dtype=float).T
        self.units_ = np.argsort(values.argmax(axis=1), kind="stable")
        heat_map(ax, date_numbers(self.states.index), values[self.units_], f"state {self.name}")
        ax.set_ylabel("unit")
