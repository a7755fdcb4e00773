"""What a fit begins with, as `start` says it, and what else must then be as it was."""

from __future__ import annotations

import os

from forecastrnn.estimators.covariate_reading import Given
from forecastrnn.estimators.named_parameters import NamedParameters, refuse
from forecastrnn.estimators.old_names import flat_of
from forecastrnn.estimators.parameters import layers_of
from forecastrnn.forecasting.start import Start, read_start, usual_start
from forecastrnn.networks.cells import GRU

PRETRAINED = "pretrained"
# What networks that were trained before have, whatever the series.
_AS_TRAINED = {
    "loss": "absolute_error", "calendar": None, "older_means": "auto", "long_run_mean": "auto", "global_model": True,
    "id_embedding_dim": None,
}  # fmt: skip


def start_of(forecaster: NamedParameters) -> Start | None:
    """The network that a fit begins with, checked against the other parameters; None: it begins anew."""
    given, steps = forecaster.start, forecaster.max_steps
    if given is None:
        if steps == 0:
            refuse(forecaster, "max_steps", "an int in the range [1, inf), or 0 with start='pretrained'")
        return None
    if not isinstance(given, str | os.PathLike):
        refuse(forecaster, "start", "None, 'pretrained', or the path of a file of weights")
    found = usual_start() if given == PRETRAINED else _own_start(given)
    layers = layers_of(forecaster)
    as_trained = {
        "cell": ("gru", all(layer.cell == GRU() for layer in layers)),
        "layer_norm": (False, not any(layer.layer_norm for layer in layers)),
        **{name: (value, getattr(forecaster, name) == value) for name, value in _AS_TRAINED.items()},
        "hidden_layer_sizes": (found.units, tuple(layer.units for layer in layers) == found.units),
    }
    for name, (value, is_so) in as_trained.items():
        if not is_so:
            own = getattr(forecaster, name)
            raise ValueError(
                f"start={given!r} needs {name}={value!r}, as its network was trained. Got {own!r:.80}. "
                "RNNForecaster.pretrained() has what the network of the package needs."
            )
    if flat_of(forecaster, "strategy")["strategy"] != "recursive":
        raise ValueError(f"start={given!r} needs strategy='recursive', as its network was trained.")
    if forecaster.context_length not in (None, found.context):
        raise ValueError(
            f"start={given!r} needs context_length={found.context}, or None. Got {forecaster.context_length}."
        )
    return found


def _own_start(path: str | os.PathLike) -> Start:
    """A network in a file of the user's."""
    try:
        return read_start(path)
    except FileNotFoundError as error:
        said = f"start: there is no such file; {PRETRAINED!r} is the network of the package"
        raise FileNotFoundError(error.errno, said, os.fspath(path)) from error


def check_start(forecaster: NamedParameters, given: Given) -> None:
    """Refuse what a pre-trained network does not read."""
    if forecaster.start is None:
        return
    for name in ("X", "past", "static"):
        if getattr(given, name) is not None:
            raise ValueError(
                f"{name} needs start=None: a pre-trained network reads the values of series alone. Got "
                f"start={forecaster.start!r}."
            )
