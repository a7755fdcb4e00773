"""What networks are to be mixed with, as `candidates` says it."""

from __future__ import annotations

from forecastrnn.estimators.groups.losses import LossGroup, opened_loss
from forecastrnn.estimators.named_parameters import NamedParameters, refuse
from forecastrnn.forecasting.every_candidate import CANDIDATES, are_candidates
from forecastrnn.forecasting.mixture import NETWORK

AUTO = "auto"


def candidates_of(forecaster: NamedParameters) -> tuple[str, ...]:
    """Names of the candidates that stand beside the networks, checked; (): none."""
    given, draws = forecaster.candidates, isinstance(opened_loss(forecaster.loss), LossGroup)
    if isinstance(given, str) and given in (NETWORK, AUTO):
        return () if draws or given == NETWORK else _opened(forecaster, [AUTO])
    names = _opened(forecaster, given)
    if not are_candidates(names):
        allowed = f"'auto', 'network', or names, each once, among {[AUTO, *CANDIDATES]}"
        refuse(forecaster, "candidates", allowed)
    if draws:
        raise ValueError(
            f"candidates={given!r} are forecasts without a distribution, but loss={forecaster.loss!r} forecasts one: "
            "use candidates='network' ('auto' is the same with such a loss), or a loss such as 'absolute_error'."
        )
    return names


def _opened(forecaster: NamedParameters, given: object) -> tuple[str, ...]:
    """The names of a list, in which "auto" stands for all formulas that suit the loss, but for those beside it."""
    if not isinstance(given, list | tuple) or not all(isinstance(name, str) for name in given):
        return ()
    names = tuple(given)
    if AUTO not in names:
        return names
    of_means, at = forecaster.loss == "squared_error", names.index(AUTO)
    usual = [name for name, one in CANDIDATES.items() if one.is_usual and (one.of_means or not of_means)]
    return (*names[:at], *(name for name in usual if name not in names), *names[at + 1 :])
