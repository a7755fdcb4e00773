"""Groups of two or three parameters: dropout, early stopping, truncation, embeddings, decoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any, Self

import numpy as np

from forecastrnn.estimators.groups.group import AUTO, COUNT, NOT_NEGATIVE, SHARE, WITHIN, Group, Own, option


@dataclass(frozen=True, repr=False)
class Dropout(Group):
    """Chances to be set to zero in training; the rest is scaled so that the mean stays. Seeded by random_state.

    Parameters
    ----------
    input : float
        Of an input; in `RNNSeq2Seq` of a number of a token's vector.
    between : float
        Of an output of a layer; a float in place of a `Dropout` is this.
    recurrent : float
        Of the state that the recurrence reads. The mask is the same at all steps of a sequence (Gal & Ghahramani 2016,
        arXiv:1512.05287), so that memory is not worn away.

    Examples
    --------
    >>> from forecastrnn import Dropout, RNNRegressor
    >>> RNNRegressor(dropout=0.1).set_params(dropout__recurrent=0.2).dropout
    Dropout(between=0.1, recurrent=0.2)
    """

    input: float = option(0.0, SHARE, was="input_dropout")
    between: float = option(0.0, SHARE, was="dropout")
    recurrent: float = option(0.0, SHARE, was="recurrent_dropout")

    def short(self) -> object:
        """A float, if it is of outputs alone."""
        return self if {*self.changed()} - {"between"} else self.between


@dataclass(frozen=True, repr=False)
class EarlyStopping(Group):
    """When to stop before all epochs or updates are made.

    Parameters
    ----------
    fraction : float or None
        Share of the rows, or of the end of each series, that is held out: stop by the score there, and keep the best
        weights. None holds out nothing: the estimators that learn in epochs then stop by the training loss, a
        forecaster does not stop.
    patience : int or "auto"
        Epochs, or looks of a forecaster, one every 50 updates, without something better. "auto" is 10 epochs or 5
        looks: what training by chance goes without.
    tol : float or "auto"
        What counts as better. "auto" is 0.0001, and 0 in `RNNForecaster`.

    Examples
    --------
    >>> from forecastrnn import EarlyStopping, RNNForecaster
    >>> RNNForecaster(early_stopping=True).set_params(early_stopping__patience=3).early_stopping
    EarlyStopping(patience=3)
    """

    fraction: float | None = option(0.1, WITHIN, None, was="validation_fraction")
    patience: int | str = option("auto", COUNT, AUTO, was="n_iter_no_change")
    tol: float | str = option("auto", NOT_NEGATIVE, AUTO, was="tol")

    def values_of(self, own: Own) -> dict[str, Any]:
        """Whether something is held out apart from how much."""
        found = super().values_of(own) | {"early_stopping": self.fraction is not None}
        return found if self.fraction is not None else found | {"validation_fraction": EarlyStopping.fraction}

    def taking(self, old: Mapping[str, object], own: Own) -> Self:
        """A share of nothing is nothing."""
        kept = {name: value for name, value in old.items() if name != "validation_fraction" or self.fraction}
        return super().taking(kept, own)

    def short(self) -> object:
        """True or False, if nothing else is asked for."""
        if {*self.changed()} - {"fraction"} or self.fraction not in (None, EarlyStopping.fraction):
            return self
        return self.fraction is not None


@dataclass(frozen=True, repr=False)
class Truncated(Group):
    """Backpropagation through time with less memory.

    Parameters
    ----------
    steps : int or None
        Gradients flow through so many steps, while the state is carried over the whole sequence; None: all.
    checkpoint : int, "auto" or None
        Keep the state every so many steps and recompute those between, for about a third more time and the same bits.
        "auto" is sqrt(time), with which memory is least. None keeps every step, and is what stands here because most
        sequences fit into memory.

    Examples
    --------
    >>> from forecastrnn import RNNRegressor, Truncated
    >>> RNNRegressor(bptt=Truncated(checkpoint="auto")).get_params()["bptt__checkpoint"]
    'auto'
    """

    steps: int | None = option(None, COUNT, None, was="bptt_steps")
    checkpoint: int | str | None = option(None, COUNT, AUTO, None, was="checkpoint_steps")

    def short(self) -> object:
        """None, if nothing is asked for."""
        return self if self.changed() else None


@dataclass(frozen=True, repr=False)
class Embedding(Group):
    """The vectors that stand for categories.

    Parameters
    ----------
    dim : int or "auto"
        Numbers of each vector. "auto" is round(1.6 n^0.56) for n categories (the rule of thumb `emb_sz_rule` of
        fastai; Howard & Gugger 2020, arXiv:2002.04688), 50 at most.
    weights : dict or None
        First vectors, by the index of the channel: an array (n_categories, dim) for the categories in sorted order,
        or a mapping from category to vector. The keys of a mapping are known categories too, also those that `fit`
        does not meet; others begin at the mean of the given vectors.
    frozen : bool
        Leave given vectors as they are. With warm_start they may be learned later.
    """

    dim: int | str = option("auto", COUNT, AUTO, was="embedding_dim")
    weights: dict | None = option(None, dict, None, was="embedding_weights")
    frozen: bool = option(False, "boolean", was="freeze_embeddings")

    def short(self) -> object:
        """As it is without, if nothing is asked for."""
        return self if self.changed() else "auto"


@dataclass(frozen=True, repr=False)
class Beam(Group):
    """How sequences are decoded.

    Parameters
    ----------
    width : int
        Hypotheses kept; 1 takes the likeliest token in each step (greedy decoding). An int in place of a `Beam` is
        this.
    length_penalty : float
        Exponent alpha: a hypothesis of k tokens (the end is one) is compared by its log-probability divided by
        ((5 + k) / 6)^alpha (Wu et al. 2016, arXiv:1609.08144); 0 compares probabilities, which favours short ones.
    max_length : int or None
        Tokens that are decoded at most; None is twice the longest target of `fit`.
    """

    width: int = option(1, COUNT, was="beam_width")
    length_penalty: float = option(0.0, NOT_NEGATIVE, was="length_penalty")
    max_length: int | None = option(None, COUNT, None, was="max_length")

    def short(self) -> object:
        """An int, if nothing else is asked for."""
        return self if {*self.changed()} - {"width"} else self.width


def opened_dropout(value: object) -> object:
    """A float is that of outputs."""
    return Dropout(between=value) if isinstance(value, Real) else value  # type: ignore[arg-type]


def opened_stopping(value: object) -> object:
    """A bool says whether something is held out."""
    if isinstance(value, bool | np.bool_):
        return EarlyStopping() if value else EarlyStopping(fraction=None)
    return value


def opened_truncation(value: object) -> object:
    """None asks for nothing."""
    return Truncated() if value is None else value


def opened_embedding(value: object) -> object:
    """As vectors are without being asked for."""
    return Embedding() if isinstance(value, str) and value == "auto" else value


def opened_beam(value: object) -> object:
    """An int is the width."""
    return Beam(width=int(value)) if isinstance(value, Integral) else value
