"""What networks are to be mixed with, as `candidates` says it."""

from __future__ import annotations

from forecastrnn.estimators.groups.losses import LossGroup, opened_loss
from forecastrnn.estimators.named_parameters import NamedParameters, refuse
from forecastrnn.forecasting.every_candidate import CANDIDATES, are_candidates
from forecastrnn.forecasting.mixture import NETWORK


def candidates_of(forecaster: NamedParameters) -> tuple[str, ...]:
    """Names of the candidates that stand beside the networks, checked; (): none."""
    given, draws = forecaster.candidates, isinstance(opened_loss(forecaster.loss), LossGroup)
    if given == NETWORK:
        return ()
    if given == "auto":
        of_means = forecaster.loss == "squared_error"
        usual = {name: one for name, one in CANDIDATES.items() if one.is_usual}
        return () if draws else tuple(name for name, one in usual.items() if one.of_means or not of_means)
    names = given if isinstance(given, list | tuple) else ()
    if not are_candidates(names):
        refuse(forecaster, "candidates", f"'auto', 'network', or names, each once, among {list(CANDIDATES)}")
    if draws:
        raise ValueError(
            f"candidates={given!r} are forecasts without a distribution, but loss={forecaster.loss!r} forecasts one: "
            "use candidates='network' ('auto' is the same with such a loss), or a loss such as 'absolute_error'."
        )
    return tuple(names)
