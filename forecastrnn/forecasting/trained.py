"""The networks that a fit has trained: members for all series, or networks for each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from forecastrnn.forecasting.inputs import SeriesInputs
from forecastrnn.forecasting.local_models import fit_local, local_outputs
from forecastrnn.forecasting.members import Callback, fit_members
from forecastrnn.forecasting.residuals import one_step_outputs, pair_outputs
from forecastrnn.forecasting.settings import Settings
from forecastrnn.forecasting.windows import EPOCH
from forecastrnn.networks.network import AnyNetwork
from forecastrnn.training.network_progress import Progress


@dataclass(frozen=True)
class Trained:
    """Networks of each member: thetas (members, 1, size), one for all series, or (members, n_series, size).

    curves : the loss of each member every 50 updates; members : their progress, where one network is for all.
    """

    thetas: np.ndarray
    curves: list[list[float]]
    updates: int
    members: list[Progress]

    @property
    def is_local(self) -> bool:
        """Whether each series has a network of its own."""
        return not self.members

    def outputs(
        self, network: AnyNetwork, series: SeriesInputs, n_threads: int, device: str = "cpu"
    ) -> Callable[[np.ndarray, int], np.ndarray]:
        """The outputs of a member for the inputs of some rows, or of the last of them."""
        steps = series.prepared.context, series.prepared.ahead

        def one_step(rows: np.ndarray, k: int) -> np.ndarray:
            if network.hands_over:
                both, theta = (series.rows, series.of_decoder), self.thetas[k, 0]
                return pair_outputs(network, theta, both, rows, steps, n_threads=n_threads, device=device)
            if self.is_local:
                return local_outputs(network.writer, self.thetas[k], series.rows, rows, n_threads)
            theta = self.thetas[k, 0]
            return one_step_outputs(network.writer, theta, series.at, rows, n_threads=n_threads, device=device)

        return one_step


def train_all(
    series: SeriesInputs, settings: Settings, seeds: list[int], ids: tuple, *, old: Trained | None, device: str,
    callback: Callback | None = None,
) -> Trained:  # fmt: skip
    """Train all networks; those of an earlier fit go on from where they are."""
    if settings.is_local:
        fit = fit_local(series, settings, seeds, ids, old.thetas if old else None)
        curves = [[float(part.mean()) for part in _parts(member)] for member in fit.losses]
        return Trained(fit.thetas, curves, fit.losses.shape[2], [])
    members = fit_members(series, settings, seeds, old.members if old else [], device, callback)
    thetas = np.stack([member.theta for member in members])[:, None]
    return Trained(thetas, [m.loss_curve for m in members], members[0].optimizer.count, members)


def _parts(losses: np.ndarray) -> list[np.ndarray]:
    """Losses (n_series, updates), 50 updates at a time."""
    return np.split(losses, np.arange(EPOCH, losses.shape[1], EPOCH), axis=1)
