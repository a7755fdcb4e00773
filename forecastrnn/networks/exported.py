"""What all exporters read of a fitted model of sequences: its network, and what the network's numbers mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

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
class ExportedForecasts:
    """Networks that forecast series, one a member, and what their numbers mean.

    arrays : codes of the series of fit, the last row that of others. settings : values of names at the top of
    `forecastrnn.numpy_predictor.forecasts` and of the texts behind it. candidates : what else counts in a forecast.
    horizon : steps ahead; None: each call says it. shares : of quantiles, by name. beside : the network of the package,
    where that is a candidate.
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
