"""What RNNSeq2Seq is fitted with: its data, fitting, the fitted attributes."""

from __future__ import annotations

from dataclasses import replace
from numbers import Integral, Real
from typing import Any, Self

import numpy as np
from sklearn.utils import Tags
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from forecastrnn.data.arrays import check_count
from forecastrnn.data.tokens import UNKNOWN, Texts, check_tokens, read_texts, vocabulary_of
from forecastrnn.estimators.device_choice import device_of
from forecastrnn.estimators.groups.heads import constraints_of_heads
from forecastrnn.estimators.holding_out import random_rows
from forecastrnn.estimators.named_parameters import checks_parameters
from forecastrnn.estimators.old_names import flat_of
from forecastrnn.estimators.parameters import TRAINING_CONSTRAINTS, layers_of, shared_settings
from forecastrnn.estimators.recurrent_estimator import Callback, GivenData, RecurrentEstimator
from forecastrnn.estimators.warm_start import dtype_pair, layer_pairs, refuse_changes
from forecastrnn.sequences.decoding import Search
from forecastrnn.sequences.samples import Samples
from forecastrnn.sequences.seq2seq_fitting import (
    FittedPairs,
    PairSamples,
    TokenCodes,
    decode,
    matches,
    start,
    trainer_of,
)
from forecastrnn.sequences.settings import PairSettings
from forecastrnn.training.training import Validate

_VOCABULARIES = ("source_tokens", "target_tokens")
_KEEPS = (
    "A model that goes on keeps its tokens: set warm_start=False, or give the first call of partial_fit all of them, "
    "as source_tokens and target_tokens."
)


def check_pairs(sources: Texts | TokenCodes, targets: Texts) -> None:
    """Raise if there are not as many targets as sources."""
    if sources.n != targets.n:
        raise ValueError(f"X and y must have as many sequences. Got {sources.n} and {targets.n}.")


class PairEstimator(RecurrentEstimator[PairSettings, FittedPairs, PairSamples]):
    """Fitting and the fitted attributes; the subclass decodes."""

    _parameter_constraints: dict = {
        **{name: rules for name, rules in TRAINING_CONSTRAINTS.items() if name != "standardize"},
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "attention": [StrOptions({"dot", "additive"}), None],
        "reverse_source": ["boolean"],
        "scheduled_sampling": [Interval(Real, 0, 1, closed="left")],
        "n_sampled_tokens": [Interval(Integral, 1, None, closed="left"), None],
        **constraints_of_heads("decoding"),
        "unknown": [StrOptions(set(UNKNOWN))],
    }

    _trainer_of = staticmethod(trainer_of)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        tags.target_tags.required = True
        return tags

    # Fitting ------------------------------------------------------------------------------------------
    @checks_parameters
    def fit(
        self, X: object, y: object, sample_weight: object = None, callback: Callback | None = None,
        checkpoint: Any = None,
    ) -> Self:  # fmt: skip
        """Train on sources X and targets y.

        Parameters
        ----------
        X, y : list of n sequences of tokens
            Texts, each character a token; or lists, tuples or arrays of str or of int. None may be empty.
        sample_weight : array (n,), optional
            Weight of each pair in the loss; 0 leaves it out, of what early stopping holds out too.
        callback : callable, optional
            Called behind each epoch with an `Epoch`, as in `RNNRegressor.fit`; training stops when it returns True.
        checkpoint : path or Checkpoint, optional
            File by which the same call goes on after its process was killed, as in `RNNRegressor.fit`.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError, TrainingDivergedError, OSError
            As in `RNNRegressor.fit`, and the model of an earlier fit is kept.
        """
        given = GivenData(X=X, y=y, sample_weight=sample_weight)
        return self._fit(given, callback=callback, checkpoint=checkpoint)

    def partial_fit(
        self, X: object, y: object, source_tokens: object = None, target_tokens: object = None,
        sample_weight: object = None,
    ) -> Self:  # fmt: skip
        """One epoch on X and y, going on from the fitted weights.

        Parameters
        ----------
        X, y, sample_weight
            As in `fit`.
        source_tokens, target_tokens : list of tokens, optional
            All tokens that will ever come; needed in the first call unless X and y hold them all.

        Returns
        -------
        self
        """
        self._validate_params()
        if self._holds_out():
            raise ValueError(
                "partial_fit does not support early_stopping=True: it is one epoch on all pairs. Set it to False."
            )
        given = GivenData(
            X=X, y=y, sample_weight=sample_weight, source_tokens=source_tokens, target_tokens=target_tokens
        )  # fmt: skip
        return self._fit(given, partial=True)

    def _read_settings(self, partial: bool) -> PairSettings:
        layers = layers_of(self)
        self._check_sampling()
        return PairSettings(
            **shared_settings(self, partial), layers=layers, device=device_of(self, len(layers)),
            n_sampled=self.n_sampled_tokens, dtype="float32" if self.dtype == "auto" else self.dtype,
            embedding_dim=int(self.embedding_dim), attention=self.attention, reverse=bool(self.reverse_source),
            scheduled_sampling=float(self.scheduled_sampling),
        )  # fmt: skip

    def _prepare(
        self, settings: PairSettings, given: GivenData, *, goes_on: bool, partial: bool
    ) -> tuple[FittedPairs, PairSamples]:
        if given.y is None:
            raise ValueError("This RNNSeq2Seq estimator requires y to be passed, but the target y is None.")
        texts = read_texts(given.X, "X"), read_texts(given.y, "y")
        check_pairs(*texts)
        weight = self._read_weight(given.sample_weight, texts[0].n)
        self._warn_batch(texts[0].n, "pairs")
        known = self._vocabularies(texts, (given.source_tokens, given.target_tokens), goes_on)
        codes = [
            TokenCodes(check_tokens(one, own, name, f"{vocabulary}_", _KEEPS), one.lengths)
            for one, own, name, vocabulary in zip(texts, known, "Xy", _VOCABULARIES, strict=True)
        ]
        samples, writes_str = Samples(codes[0], codes[1], weight), texts[1].are_str
        if goes_on:
            return self._continue(settings, samples.y, writes_str), samples
        return start(settings, known, samples.y, writes_str, self._draw_seed()), samples

    def _check_sampling(self) -> None:
        if self.n_sampled_tokens is not None and self.scheduled_sampling:
            raise ValueError(
                "n_sampled_tokens and scheduled_sampling exclude one another: the decoder's own next token needs the "
                "scores of all. Set n_sampled_tokens=None or scheduled_sampling=0."
            )

    def _vocabularies(
        self, texts: tuple[Texts, Texts], given: tuple[object, object], goes_on: bool
    ) -> tuple[np.ndarray, np.ndarray]:
        """Those of the fitted model, those that were announced, or those of the data."""
        found = []
        for one, announced_tokens, name in zip(texts, given, _VOCABULARIES, strict=True):
            own = one if announced_tokens is None else read_texts([announced_tokens], name)
            old = getattr(self, f"{name}_") if goes_on else None
            if old is not None and announced_tokens is not None and vocabulary_of(own).tolist() != old.tolist():
                raise ValueError(f"{name} must be those of the first call, {old.tolist()}.")
            found.append(vocabulary_of(own) if old is None else old)
        return found[0], found[1]

    def _continue(self, settings: PairSettings, y: TokenCodes, writes_str: bool) -> FittedPairs:
        """A copy of the fitted model, if it fits the parameters."""
        old = self._fitted
        parameters = {
            **layer_pairs(old.network.encoder.layers, settings.layers),
            "embedding_dim": (old.network.encoder.embeddings[0].dim, settings.embedding_dim),
            "attention": (old.network.attention, settings.attention),
            "reverse_source": (old.reverse, settings.reverse),
            **dtype_pair(self.dtype, old.progress.theta.dtype.name),
        }
        refuse_changes(parameters)
        longest = max(old.longest, int(y.lengths.max()))
        return replace(
            old, progress=old.progress.copy(), dropout=settings.dropout, longest=longest, writes_str=writes_str
        )  # fmt: skip

    def _split(self, samples: PairSamples) -> tuple[np.ndarray, np.ndarray]:
        return random_rows(samples.X.n, self._held_share(), "pairs", self.random_state)

    def _validator(self, settings: PairSettings, fitted: FittedPairs, held: PairSamples) -> Validate:
        search = Search(1, self._most(fitted, None))

        def validate(theta: np.ndarray) -> float:
            return float(matches(decode(fitted, held.X, search, self.n_jobs, theta, settings.device), held.y).mean())

        return validate

    def _publish(self, fitted: FittedPairs, device: str) -> None:
        super()._publish(fitted, device)
        self.source_tokens_, self.target_tokens_ = fitted.source_tokens, fitted.target_tokens

    def _shapes(self) -> str:
        return f"sources of {len(self.source_tokens_):,} tokens, targets of {len(self.target_tokens_):,}"

    # Fitted -------------------------------------------------------------------------------------------
    @property
    def weights_(self) -> dict[str, np.ndarray]:
        """Named views of all parameters, of the encoder, the decoder and the attention."""
        check_is_fitted(self)
        return self._fitted.network.views(self._fitted.progress.theta)

    def _most(self, fitted: FittedPairs, max_length: object) -> int:
        """Symbols that are decoded at most, the end included."""
        if max_length is not None:
            return check_count(max_length, "max_length") + 1
        most = self._search()["max_length"]
        return (2 * fitted.longest if most is None else int(most)) + 1

    def _search(self) -> dict[str, Any]:
        """How sequences are decoded where a call does not say it; it may have been set behind `fit`."""
        self._check_params("decoding")
        return flat_of(self, "decoding")
