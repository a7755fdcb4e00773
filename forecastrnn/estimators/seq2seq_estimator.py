"""What RNNSeq2Seq is fitted with: parameters, fitting, the fitted attributes."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from copy import copy
from dataclasses import replace
from numbers import Integral, Real
from typing import Self

import numpy as np
from sklearn.base import BaseEstimator, _fit_context
from sklearn.model_selection import train_test_split
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import _check_sample_weight, check_is_fitted

from forecastrnn.callbacks import Epoch, check_callback
from forecastrnn.data.arrays import check_count
from forecastrnn.data.tokens import UNKNOWN, Texts, check_tokens, read_texts, vocabulary_of
from forecastrnn.engine.compiling import announced
from forecastrnn.estimators.saving import SavedToFile
from forecastrnn.estimators.sequence_estimator import unchanged_on_error
from forecastrnn.sequences.decoding import Search
from forecastrnn.sequences.seq2seq_fitting import FittedPairs, TokenCodes, decode, matches, network_of, start, train_on
from forecastrnn.training.parameters import TRAINING_CONSTRAINTS, check_numbers, device_of, dropout_of, layers_of
from forecastrnn.training.training import ShouldStop

_NOT_HERE = ("bptt_steps", "checkpoint_steps", "standardize")
_VOCABULARIES = ("source_tokens", "target_tokens")
_KEEPS = (
    "A model that goes on keeps its tokens: set warm_start=False, or give the first call of partial_fit all of them, "
    "as source_tokens and target_tokens."
)


def check_pairs(sources: Texts | TokenCodes, targets: Texts) -> None:
    """Raise if there are not as many targets as sources."""
    if sources.n != targets.n:
        raise ValueError(f"X and y must have as many sequences. Got {sources.n} and {targets.n}.")


class PairEstimator(SavedToFile, BaseEstimator):
    """Fitting and the fitted attributes; the subclass decodes."""

    _parameter_constraints: dict = {
        **{name: rule for name, rule in TRAINING_CONSTRAINTS.items() if name not in _NOT_HERE},
        "embedding_dim": [Interval(Integral, 1, None, closed="left")],
        "attention": [StrOptions({"dot", "additive"}), None],
        "reverse_source": ["boolean"],
        "scheduled_sampling": [Interval(Real, 0, 1, closed="left")],
        "n_sampled_tokens": [Interval(Integral, 1, None, closed="left"), None],
        "max_length": [Interval(Integral, 1, None, closed="left"), None],
        "beam_width": [Interval(Integral, 1, None, closed="left")],
        "length_penalty": [Interval(Real, 0, None, closed="left")],
        "unknown": [StrOptions(set(UNKNOWN))],
    }
    _fitted: FittedPairs

    def __init__(
        self, *, cell="gru", hidden_layer_sizes=(64,), bidirectional=False, layer_norm=False, embedding_dim=16,
        attention="additive", reverse_source=True, scheduled_sampling=0.0, n_sampled_tokens=None, max_length=None,
        beam_width=1, length_penalty=0.0, unknown="raise", initializer="glorot", solver="adam",
        learning_rate_init=0.005, learning_rate="constant", alpha=0.0, momentum=0.9, nesterovs_momentum=True,
        beta_1=0.9, beta_2=0.999, epsilon=1e-8, batch_size="auto", max_iter=200, tol=1e-4, n_iter_no_change=10,
        early_stopping=False, validation_fraction=0.1, warm_start=False, shuffle=True, random_state=None,
        verbose=False, clip_norm=1.0, gradient_noise=0.0, bucket_by_length=True, dropout=0.0, input_dropout=0.0,
        recurrent_dropout=0.0, device="cpu", n_jobs=None, dtype="auto",
    ):  # fmt: skip
        self.cell = cell
        self.hidden_layer_sizes = hidden_layer_sizes
        self.bidirectional = bidirectional
        self.layer_norm = layer_norm
        self.embedding_dim = embedding_dim
        self.attention = attention
        self.reverse_source = reverse_source
        self.scheduled_sampling = scheduled_sampling
        self.n_sampled_tokens = n_sampled_tokens
        self.max_length = max_length
        self.beam_width = beam_width
        self.length_penalty = length_penalty
        self.unknown = unknown
        self.initializer = initializer
        self.solver = solver
        self.learning_rate_init = learning_rate_init
        self.learning_rate = learning_rate
        self.alpha = alpha
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.tol = tol
        self.n_iter_no_change = n_iter_no_change
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.warm_start = warm_start
        self.shuffle = shuffle
        self.random_state = random_state
        self.verbose = verbose
        self.clip_norm = clip_norm
        self.gradient_noise = gradient_noise
        self.bucket_by_length = bucket_by_length
        self.dropout = dropout
        self.input_dropout = input_dropout
        self.recurrent_dropout = recurrent_dropout
        self.device = device
        self.n_jobs = n_jobs
        self.dtype = dtype

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.string, tags.input_tags.two_d_array = True, False
        tags.target_tags.required = True
        return tags

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_fitted")

    # Fitting ------------------------------------------------------------------------------------------
    @_fit_context(prefer_skip_nested_validation=True)
    def fit(
        self, X: object, y: object, sample_weight: object = None, callback: Callable[[Epoch], object] | None = None
    ) -> Self:  # fmt: skip
        """Train on sources X and targets y.

        Parameters
        ----------
        X, y : list of n sequences of tokens
            Texts, each character a token; or lists, tuples or arrays of str or of int. None may be empty.
        sample_weight : array (n,), optional
            Weight of each pair in the loss.
        callback : callable, optional
            Called behind each epoch with an `Epoch`, as in `RNNRegressor.fit`; training stops when it returns True.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            For unusable data or parameters. The model of an earlier fit is then kept as it was.
        TrainingDivergedError
            A ValueError: the loss became non-finite or exploded.
        """
        with unchanged_on_error(self):
            return self._fit(X, y, sample_weight, callback)

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
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True: it is one epoch on all pairs.")
        with unchanged_on_error(self):
            return self._fit(X, y, sample_weight, None, (source_tokens, target_tokens))

    def _fit(
        self, X: object, y: object, sample_weight: object, callback: Callable[[Epoch], object] | None,
        partial: tuple[object, object] | None = None,
    ) -> Self:  # fmt: skip
        """All epochs; or one, `partial`: with these tokens announced for source and target."""
        goes_on = hasattr(self, "_fitted") and (partial is not None or self.warm_start)
        check_numbers(self)
        check_callback(callback)
        layers_of(self)
        self._check_sampling()
        device = device_of(self)
        if y is None:
            raise ValueError("This RNNSeq2Seq estimator requires y to be passed, but the target y is None.")
        texts = read_texts(X, "X"), read_texts(y, "y")
        check_pairs(*texts)
        weight = self._read_weight(sample_weight, texts[0].n)
        self._warn_batch(texts[0].n)
        tokens = self._vocabularies(texts, partial or (None, None), goes_on)
        x, y_coded = (
            TokenCodes(check_tokens(one, own, name, f"{vocabulary}_", _KEEPS), one.lengths)
            for one, own, name, vocabulary in zip(texts, tokens, "Xy", _VOCABULARIES, strict=True)
        )
        writes_str = texts[1].are_str
        fitted = self._continue(y_coded, writes_str) if goes_on else start(self, tokens, y_coded, writes_str)
        with announced(bool(self.verbose)):
            if partial:
                train_on(self, fitted, x, y_coded, weight, max_iter=1, device=device)
            else:
                self._train(fitted, x, y_coded, weight, self._watch(fitted, device, callback), device)
        self._publish(fitted, device)
        return self

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

    def _continue(self, y: TokenCodes, writes_str: bool) -> FittedPairs:
        """A copy of the fitted model, if it fits the parameters."""
        old = self._fitted
        now = network_of(self, len(old.source_tokens), len(old.target_tokens)), bool(self.reverse_source)
        if (old.network, old.reverse) != now:
            raise ValueError(
                "warm_start=True and partial_fit go on from the fitted weights, so cell, hidden_layer_sizes, "
                "bidirectional, layer_norm, embedding_dim, attention and reverse_source must stay as they were. "
                "Set warm_start=False, or use a new estimator."
            )
        longest = max(old.longest, int(y.lengths.max()))
        return replace(
            old, progress=old.progress.copy(), dropout=dropout_of(self), longest=longest, writes_str=writes_str
        )  # fmt: skip

    def _read_weight(self, sample_weight: object, n: int) -> np.ndarray | None:
        if sample_weight is None:
            return None
        weight = _check_sample_weight(sample_weight, np.empty((n, 1)), dtype=np.float64, ensure_non_negative=True)
        if not weight.any():
            raise ValueError("sample_weight must have at least one non-zero value, all are zero.")
        return weight

    def _warn_batch(self, n: int) -> None:
        if self.batch_size != "auto" and self.batch_size > n:
            text = f"batch_size={self.batch_size} is larger than the number of pairs, {n}: clipped to that."
            warnings.warn(text, UserWarning, stacklevel=5)

    def _train(
        self, fitted: FittedPairs, x: TokenCodes, y: TokenCodes, weight: np.ndarray | None, watch: ShouldStop | None,
        device: str,
    ) -> None:  # fmt: skip
        if not self.early_stopping:
            return train_on(self, fitted, x, y, weight, watch=watch, device=device)
        if x.n < 2:
            raise ValueError(f"early_stopping needs at least 2 pairs, got {x.n}.")
        rows = np.arange(x.n)
        rows, held = train_test_split(rows, test_size=self.validation_fraction, random_state=self.random_state)
        held_x, held_y = x.take(held), y.take(held)
        search = Search(1, self._most(fitted, None))

        def validate(theta: np.ndarray) -> float:
            return float(matches(decode(fitted, held_x, search, self.n_jobs, theta, device), held_y).mean())

        own = None if weight is None else weight[rows]
        data = x.take(rows), y.take(rows), own
        return train_on(self, fitted, *data, validate=validate, watch=watch, device=device)

    def _watch(self, fitted: FittedPairs, device: str, callback: Callable[[Epoch], object] | None) -> ShouldStop | None:
        """What calls the user's callback behind each epoch."""
        if callback is None:
            return None

        def so_far() -> PairEstimator:
            model = copy(self)
            model._publish(replace(fitted, progress=fitted.progress.copy()), device)
            return model

        def watch(loss: float, score: float | None) -> bool:
            return bool(callback(Epoch(len(fitted.progress.loss_curve), loss, score, so_far)))

        return watch

    def _publish(self, fitted: FittedPairs, device: str) -> None:
        self._fitted = fitted
        self.source_tokens_, self.target_tokens_ = fitted.source_tokens, fitted.target_tokens
        self.device_ = device
        self.loss_curve_ = fitted.progress.loss_curve
        self.loss_ = self.loss_curve_[-1]
        self.n_iter_ = len(self.loss_curve_)
        for name in ("validation_scores_", "best_iter_"):  # an earlier fit may have had them
            self.__dict__.pop(name, None)
        if self.early_stopping:
            self.validation_scores_ = fitted.progress.validation_scores
            self.best_iter_ = fitted.progress.best_iter

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
        return (2 * fitted.longest if self.max_length is None else int(self.max_length)) + 1
