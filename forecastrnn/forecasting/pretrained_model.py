"""The network of the package as a model of its own, for those who write out a model that is mixed with it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from forecastrnn.forecasting.ends import ends_of
from forecastrnn.forecasting.inputs import SeriesInputs
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.reading import SHORTEST
from forecastrnn.forecasting.settings import network_of
from forecastrnn.forecasting.start import prepare_for_any, settings_of, usual_start


def pretrained_beside(model: Model) -> Model:
    """What forecasts of any series as the candidate of `model` does: its one series of fit says nothing."""
    start, season = usual_start(), model.layout.season
    prepared = prepare_for_any(np.arange(float(SHORTEST)), np.array([0, SHORTEST]), season, start.context)
    settings = settings_of(start.units)
    network = network_of(prepared.layout, settings)
    return Model(
        network=network, trained=start.trained(1, settings.rule, settings.dtype, network.size), settings=settings,
        tail=ends_of(SeriesInputs(prepared, settings.dtype)), residuals=np.zeros((1, 1, 0)),
        axis=model.axis.take(np.zeros(1, int)), strategy="recursive",
        reading=replace(model.reading, missing="mask", least=SHORTEST, short="raise"),
    )  # fmt: skip
