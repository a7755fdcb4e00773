"""How a forecaster gets from one step to many."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

from forecastrnn.estimators.groups.group import COUNT, Group, Own, option


@dataclass(frozen=True, repr=False)
class Strategy(Group):
    """Base of the three."""

    strategy: ClassVar[str]

    def values_of(self, own: Own) -> dict[str, Any]:
        """With its name."""
        return super().values_of(own) | {"strategy": self.strategy}

    def short(self) -> object:
        """Its name, if no horizon is asked for."""
        return self if self.changed() else self.strategy


@dataclass(frozen=True, repr=False)
class Recursive(Strategy):
    """One step is learned, and fed back: any horizon can be asked for."""

    strategy: ClassVar[str] = "recursive"


@dataclass(frozen=True, repr=False)
class Direct(Strategy):
    """Some steps come out at once, and no more can be asked for.

    Parameters
    ----------
    horizon : int
        How many; there is no usual number, so `fit` needs one.

    Examples
    --------
    >>> from forecastrnn import Direct, RNNForecaster
    >>> from forecastrnn.datasets import load_airline
    >>> model = RNNForecaster(strategy=Direct(6), n_members=1, max_steps=20, random_state=0).fit(load_airline())
    >>> len(model.predict(6))
    6
    """

    horizon: int | None = option(None, COUNT, None, was="horizon")
    strategy: ClassVar[str] = "direct"


@dataclass(frozen=True, repr=False)
class Seq2Seq(Strategy):
    """An encoder reads the context, and a decoder with weights of its own goes on from the encoder's state.

    Parameters
    ----------
    horizon : int or None
        Steps that the decoder learns, reading the known values (teacher forcing); it forecasts any number, reading its
        own. None: as many as the other strategies learn from behind the context, twice the season within 18 .. 48.
    """

    horizon: int | None = option(None, COUNT, None, was="horizon")
    strategy: ClassVar[str] = "seq2seq"


STRATEGY_OF = {one.strategy: one for one in (Recursive, Direct, Seq2Seq)}


def opened_strategy(value: object) -> object:
    """The strategy that a name stands for."""
    return STRATEGY_OF[value]() if isinstance(value, str) and value in STRATEGY_OF else value
