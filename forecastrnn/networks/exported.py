"""What all exporters read of a fitted model of sequences: its network, and what the network's numbers mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.network import AnyNetwork, Network
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork


@dataclass(frozen=True, kw_only=True)
class Exported:
    """A network that reads sequences, and what its numbers mean.

    title : what it is, for people. arrays : beside its weights: mean and scale of x and y, classes, categories.
    settings : values of names at the top of `forecastrnn.numpy_predictor.sequences`. classes : whether it gives
    classes, in place of numbers.
    """

    title: str
    network: Network
    theta: np.ndarray
    arrays: Mapping[str, np.ndarray]
    settings: Mapping[str, object] = field(default_factory=dict)
    classes: bool = False


@dataclass(frozen=True, kw_only=True)
class ExportedPair:
    """An encoder and a decoder of tokens.

    arrays : source_tokens and target_tokens. settings : values of names at the top of
    `forecastrnn.numpy_predictor.tokens`.
    """

    title: str
    network: Seq2SeqNetwork
    theta: np.ndarray
    arrays: Mapping[str, np.ndarray]
    settings: Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class ExportedCalendar:
    """What networks read of the dates of steps.

    waves : a column, its cycle, "sin" or "cos", and the number of the harmonic. special : columns that count days;
    days, channel, owner (total,) : days since 1970, which of these columns each is of, and of which series, -1: of all.
    places (n_series + 1,) : which series with days of its own each of fit is, the last one for others. within : first
    day, and that behind the last, for which special days are known; None: always.
    """

    waves: Sequence[tuple[str, str, str, int]]
    special: Sequence[str]
    days: np.ndarray
    channel: np.ndarray
    owner: np.ndarray
    places: np.ndarray
    within: tuple[int, int] | None

    @property
    def names(self) -> tuple[str, ...]:
        """Of all columns."""
        return (*(name for name, *_ in self.waves), *self.special)


@dataclass(frozen=True, kw_only=True)
class ExportedCovariates:
    """What networks read beside a series, and how: columns of numbers with name and role, and of categories.

    Of the numbers (k,): centred, those with a centre in each series, its median; middle, the centre of others and of a
    series without a value; spread, what departures are divided by, 0 where all is read as 0; gaps, those with a further
    column, 1 where there is a value. order: of all columns of numbers and of gaps, as networks read them; most: spreads
    beyond which there are none. categories: name, role and what each code stands for, as networks read them.
    in_encoder: what is known until now lies beside the
    step that it belongs to, which a decoder does not read; else beside the time before the next value. calendar : how
    some of the numbers are made of the times of steps, which are given in their place.
    """

    numbers: Sequence[tuple[str, str]]
    centred: np.ndarray
    middle: np.ndarray
    spread: np.ndarray
    gaps: np.ndarray
    order: np.ndarray
    most: float
    categories: Sequence[tuple[str, str, Sequence[str | float | bool]]]
    in_encoder: bool
    calendar: ExportedCalendar | None = None

    @property
    def made(self) -> tuple[str, ...]:
        """Names of columns that are not given."""
        return self.calendar.names if self.calendar else ()

    @property
    def given(self) -> tuple[str, ...]:
        """Names of columns that are given."""
        names = [name for name, _ in self.numbers] + [name for name, _, _ in self.categories]
        return tuple(name for name in names if name not in self.made)

    @property
    def roles(self) -> np.ndarray:
        """Of the columns of numbers and of gaps, as networks read them."""
        own = np.array([role for _, role in self.numbers], object)
        return np.concatenate([own, own[self.gaps]])[self.order]


@dataclass(frozen=True, kw_only=True)
class ExportedForecasts:
    """Networks that forecast series, one a member, and what their numbers mean.

    arrays : codes of the series of fit, the last row that of others. settings : values of names at the top of
    `forecastrnn.numpy_predictor.forecasts` and of the texts behind it. candidates : what else counts in a forecast.
    horizon : steps ahead; None: each call says it. shares : of quantiles, by name. beside : the network of the package,
    where that is a candidate. likelihood : how values are distributed, where the networks say it. covariates : what is
    given beside series.
    """

    title: str
    network: AnyNetwork
    thetas: Sequence[np.ndarray]
    arrays: Mapping[str, np.ndarray]
    settings: Mapping[str, Any]
    candidates: tuple[str, ...] = ()
    horizon: int | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    beside: ExportedForecasts | None = None
    likelihood: Likelihood | None = None
    covariates: ExportedCovariates | None = None
