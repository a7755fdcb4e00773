"""What the adapters share: parameters of the estimator within, handed on by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar, TypeVar

from sktime.base import BaseEstimator

Estimator = TypeVar("Estimator")

ABOUT = {
    "authors": "the forecastrnn developers",
    "maintainers": "the forecastrnn developers",
    "capability:random_state": True,
    "property:randomness": "derandomized",
}  # tags of all adapters
QUICK_SEQUENCES = {"hidden_layer_sizes": 3, "max_iter": 2}  # a network for checks


class Tested:
    """Gives an adapter what the checks of sktime make it with."""

    _tested_with: ClassVar[list[dict[str, Any]]]

    @classmethod
    def get_test_params(cls, parameter_set: str = "default") -> list[dict[str, Any]]:
        """Small networks, for the checks of sktime.

        Parameters
        ----------
        parameter_set : str
            There is one set.

        Returns
        -------
        list of dict
        """
        return [dict(one) for one in cls._tested_with]


def made(kind: Callable[..., Estimator], adapter: BaseEstimator, **more: Any) -> Estimator:
    """An estimator of forecastrnn with the parameters of an adapter, which have the same names."""
    return kind(**adapter.get_params(deep=False), **more)
