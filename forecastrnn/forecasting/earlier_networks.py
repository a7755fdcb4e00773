"""Networks that have not seen the last values of series: their errors there are those of forecasts."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.reading import cut

if TYPE_CHECKING:
    from forecastrnn.data.series import SeriesSet

MANY = 50  # series from which on a global network may forecast windows that it has learned, to see how wide errors are


def is_held_out(asked: bool | str, model: Model, n_series: int) -> bool:
    """Whether windows that calibrate are forecast by networks of their own."""
    return bool(asked) if asked != "auto" else model.trained.is_local or n_series < MANY


class NetworksBefore:
    """Networks trained on series without their last values, each kind of them once.

    read : the series; train(series, members) trains so many networks.
    """

    def __init__(self, read: SeriesSet, train: Callable[[SeriesSet, int], Model]) -> None:
        self._read, self._train, self._made = read, train, dict[tuple[int, bytes], Model]()

    def __call__(self, reach: np.ndarray, members: int) -> Model:
        """Those that have not seen the last reach (n_series,) values.

        Raises
        ------
        TrainingDivergedError
        """
        kind = members, reach.tobytes()
        if kind not in self._made:
            self._made[kind] = self._train(cut(self._read, np.arange(self._read.n_series), reach), members)
        return self._made[kind]
