"""The estimators as those of sktime: `SktimeForecaster`, `SktimeClassifier` and `SktimeRegressor`.

sktime is imported by this room alone, when one of these names is first used; the extra `sktime` installs it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from forecastrnn.sktime_adapter.classifier import SktimeClassifier
    from forecastrnn.sktime_adapter.forecaster import SktimeForecaster
    from forecastrnn.sktime_adapter.regressor import SktimeRegressor

__all__ = ["SktimeClassifier", "SktimeForecaster", "SktimeRegressor"]

_HOMES = {"SktimeClassifier": "classifier", "SktimeForecaster": "forecaster", "SktimeRegressor": "regressor"}


def __getattr__(name: str) -> Any:
    """Load a public name from its module, which needs sktime."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        home = import_module(f"{__name__}.{_HOMES[name]}")
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in ("sktime", "skbase"):
            raise
        raise ImportError(
            f"{name} needs sktime, which is not installed: pip install 'forecastrnn[sktime]'. Without it, the "
            "estimators of forecastrnn itself do the same."
        ) from error
    value = getattr(home, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
