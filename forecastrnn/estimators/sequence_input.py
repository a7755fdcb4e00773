"""Sequences X at the door of an estimator, with scikit-learn's checks of names and numbers of features."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np
from sklearn.utils.validation import _check_feature_names, _check_n_features, check_is_fitted

from forecastrnn.data.arrays import (
    Sequences,
    dimensions_of,
    in_dtype,
    needs_no_check,
    read_lengths,
    refuse_empty,
    refuse_odd_types,
    refuse_shape,
)
from forecastrnn.data.boxes import opened
from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.data.categorical_input import RawSequences, coded, learn_coding, read_raw
from forecastrnn.data.coding import CategoryCoding, EmbeddingOptions, categorical_columns
from forecastrnn.data.frame_names import first_frame, refuse_other_columns
from forecastrnn.data.numbers import AXES, in_words, refuse_non_finite, refuse_non_numbers
from forecastrnn.data.padding import (
    FILL,
    LARGE,
    equally_long,
    padded,
    read_rows,
    rows_of,
    stacked,
    table_of,
    without_padding,
)
from forecastrnn.data.vector_input import lengths_of, read_vectors, repeats_for, steps_of
from forecastrnn.estimators.old_names import flat_of
from forecastrnn.estimators.recurrent_estimator import RecurrentEstimator
from forecastrnn.sequences.fitting import Fitted, SequenceSamples
from forecastrnn.sequences.settings import SequenceSettings


class SequenceInput(RecurrentEstimator[SequenceSettings, Fitted, SequenceSamples]):
    """Reads X, and keeps in a fit, `reset`, what later ones are compared with.

    `goes_on`: from a fitted model, whose categories stay. Everywhere ValueError or TypeError is raised for other
    shapes, NaN, infinities, dates, masked cells, and for another number of features or channels than in `fit`.
    """

    _had_sequences = False  # `fit` saw X (n, time, 1): in another form, (time, 1) may be meant as one of them
    _dtype_of_fit: str  # how `dtype` was in the last fit: it may be set anew behind that

    @property
    def _dtype_to_read(self) -> str:
        return getattr(self, "_dtype_of_fit", self.dtype)

    @property
    def _other_dtype(self) -> str | None:
        """What a file says of it: None where the parameter still has it."""
        return None if self._dtype_to_read == self.dtype else self._dtype_of_fit

    @_other_dtype.setter
    def _other_dtype(self, found: str) -> None:
        self._dtype_of_fit = found

    def _embedding_options(self) -> EmbeddingOptions:
        dim, weights, frozen = flat_of(self, "embedding").values()
        return EmbeddingOptions(self.categorical_features, dim, weights, bool(frozen))

    def _read(self, X: object, lengths: object, n_steps: object = None) -> Sequences:
        """X as in `fit`; `n_steps`: of the sequences that vectors become, None: as many as there."""
        if not hasattr(self, "_fitted"):
            check_is_fitted(self)  # which says so
        steps = repeats_for(n_steps, self._fitted.repeats)
        if steps is None and self._needs_no_check(X):
            return self._as_sequences(cast(np.ndarray, X), lengths)
        return self._read_any(X, lengths, steps, reset=False)

    def _needs_no_check(self, X: object) -> bool:
        """Whether X is an array of finite floats as in `fit`, of which nothing has to be said."""
        if self._fitted.coding is not None or hasattr(self, "feature_names_in_"):
            return False
        channels = self._fitted.network.n_inputs
        if getattr(X, "ndim", 0) == 3:
            return needs_no_check(X, channels)
        return not self._had_sequences and channels == 1 and needs_no_check(X, self.n_features_in_)

    def _as_sequences(self, array: np.ndarray, lengths: object) -> Sequences:
        """Numbers (n, time) or (n, time, channels), which have been checked."""
        array = in_dtype(array, self._dtype_to_read)
        is_flat = array.ndim == 2
        values = array[:, :, None] if is_flat else np.ascontiguousarray(array)
        return Sequences(values, read_lengths(lengths, *values.shape[:2]), is_flat)

    def _read_with(self, X: object, lengths: object, y: object) -> Sequences:
        """X that is compared with y, whose steps are those of the sequences that vectors become."""
        check_is_fitted(self)
        if not self._fitted.repeats:
            return self._read(X, lengths)
        return self._read(X, lengths_of(y) if lengths is None else lengths, steps_of(y))

    def _read_any(
        self, X: object, lengths: object, steps: int | None, *, reset: bool, goes_on: bool = False
    ) -> Sequences:  # fmt: skip
        """Sequences X; with `steps`, X (n, features) as sequences of so many steps, all alike."""
        if steps is None:
            return self._read_inputs(X, lengths, reset=reset, goes_on=goes_on)
        array = read_vectors(X)
        if not reset:
            _check_feature_names(self, X, reset=False)
        read = self._read_inputs(array[:, None, :], None, reset=reset, goes_on=goes_on, named=False)
        if reset:
            _check_feature_names(self, X, reset=True)
        return replace(read, lengths=read_lengths(lengths, len(array), steps), repeats=steps)

    def _read_inputs(
        self, X: object, lengths: object, *, reset: bool, goes_on: bool = False, named: bool = True
    ) -> Sequences:  # fmt: skip
        """X, with codes in the channels that are categorical; `named`: names of features are compared here."""
        fitted = self._fitted if (goes_on or not reset) else None
        asked = self._embedding_options().are_asked and (fitted is None or goes_on)
        if not asked and (fitted is None or fitted.coding is None):
            return self._read_sequences(X, lengths, reset=reset, named=named)
        refuse_odd_types(X, "X", masks=True)
        raw = read_raw(opened(X), lengths, type(self).__name__)
        if not goes_on and not reset:
            self._check_channels(raw.channels, reset)
        coding = self._coding_of(raw, fitted, goes_on)
        if coding is None:
            return self._read_sequences(X, lengths, reset=reset, named=named)
        self._check_raw(X, raw, reset=reset, named=named)
        return coded(raw, coding, self._dtype_to_read)

    def _coding_of(self, raw: RawSequences, fitted: Fitted | None, goes_on: bool) -> CategoryCoding | None:
        """The categories of a fitted model, or those that are learned now."""
        if fitted is not None and not goes_on:
            return fitted.coding
        options = self._embedding_options()
        columns = categorical_columns(options.features, raw.channels, raw.names)
        if fitted is None:
            return learn_coding(raw, columns, options)
        if columns != (fitted.coding.columns if fitted.coding else ()):
            raise ValueError(
                "warm_start=True and partial_fit go on from the fitted weights, so categorical_features must stay as "
                f"it was: it is {options.features!r} now. Set warm_start=False, or use a new estimator."
            )
        return fitted.coding

    def _read_sequences(self, X: object, lengths: object, *, reset: bool, named: bool) -> Sequences:
        """X of numbers: 2-D rows, a 3-D array, or sequences (time, channels) in a list or in boxes."""
        refuse_odd_types(X, "X", masks=True)
        X = opened(X)
        rows = rows_of(X, "X", always=not reset and self._was_fitted_on_sequences())
        if rows is None:
            return self._read_table(X, X, lengths, reset=reset, named=named)
        if lengths is None:
            return self._read_rows(rows, X, reset=reset, named=named)
        if not equally_long(rows):
            raise ValueError("lengths must not be given with a list of sequences: they have lengths of their own.")
        return self._read_table(stacked(rows, "X"), X, lengths, reset=reset, named=named)

    def _was_fitted_on_sequences(self) -> bool:
        """Whether `fit` saw sequences of one channel, not rows: then a list of equally long ones is no table."""
        return getattr(self, "n_features_in_", 0) == getattr(self, "n_channels_in_", 0) == 1

    def _read_rows(self, rows: list, X: object, *, reset: bool, named: bool) -> Sequences:
        parts = read_rows(rows, "X")
        if named and hasattr(X, "columns"):
            _check_feature_names(self, X, reset=reset)
        elif named:
            self._check_names(first_frame(rows), parts[0], reset)
        self._check_channels(parts[0].shape[1], reset)
        return padded(parts, self._dtype_to_read)

    def _read_table(self, X: object, given: object, lengths: object, *, reset: bool, named: bool) -> Sequences:
        """An array or a frame; `given`: what the user gave, which may have names."""
        X = without_padding(X, lengths, "X")
        refuse_non_numbers(X, "X")
        ndim = dimensions_of(X)
        refuse_shape(X, ndim, type(self).__name__)
        if named and ndim == 3 and isinstance(given, list | tuple):
            self._check_names(first_frame(given), np.empty((1, 1)), reset)
        elif named:
            has_names = ndim == 2 or hasattr(given, "columns")
            _check_feature_names(self, given if has_names else np.empty((1, 1)), reset=reset)
        array = table_of(X, "X")
        refuse_empty(array.shape, "X")
        columns = list(given.columns) if hasattr(given, "columns") and ndim == 2 else None
        refuse_non_finite(array, "X", in_words(AXES, columns), FILL if np.isnan(array).any() else LARGE)
        if ndim == 2 and not reset and self._had_sequences and array.shape[1] == 1 < len(array):
            warn_caller(
                f"X of shape {array.shape} is read as {len(array)} sequences of one step. One sequence of {len(array)} "
                f"steps is X[None], of shape (1, {len(array)}, 1), as in fit."
            )
        if ndim == 2 and not reset and self._was_fitted_on_sequences():
            array = array[:, :, None]
        if array.ndim == 3:
            self._check_channels(array.shape[2], reset)
        else:
            if not reset:
                self._check_table(array.shape)
            _check_n_features(self, array, reset=reset)
            self._check_one_channel(reset)
        return self._as_sequences(array, lengths)

    # Names and numbers of features and channels -------------------------------------------------------
    def _check_names(self, named: object | None, without: np.ndarray, reset: bool) -> None:
        """Keep the names of channels in a fit, which forgets those of an earlier one; later compare what has names."""
        if reset:
            _check_feature_names(self, without if named is None else named, reset=True)
        elif named is not None and hasattr(self, "feature_names_in_"):
            _check_feature_names(self, named, reset=False)

    def _check_prompt(self, prompt: object) -> None:
        """Compare the names of channels of a frame, or of a list of them, with those of `fit`."""
        rows = prompt if isinstance(prompt, list | tuple) else [prompt]
        refuse_other_columns(rows, "prompt")
        self._check_names(first_frame(rows), np.empty((1, 1)), reset=False)

    def _check_raw(self, X: object, raw: RawSequences, *, reset: bool, named: bool) -> None:
        rows: np.ndarray = np.empty((1, raw.valid.shape[1] if raw.flat else raw.channels))
        if named and isinstance(X, list | tuple) and not raw.flat:
            self._check_names(first_frame(X), rows, reset)
        elif named:
            _check_feature_names(self, X if raw.flat or hasattr(X, "columns") else rows, reset=reset)
        if not raw.flat:
            return self._check_channels(raw.channels, reset)
        self._check_one_channel(reset)
        _check_n_features(self, rows, reset=reset)

    def _check_channels(self, channels: int, reset: bool) -> None:
        """Keep the number of channels in a fit; otherwise refuse another one."""
        if reset:
            self.n_features_in_ = self.n_channels_in_ = channels
            self._had_sequences = channels == 1
        elif channels != self.n_channels_in_:
            name = type(self).__name__
            raise ValueError(f"X has {channels} channels, but {name} is expecting {self.n_channels_in_} channels.")

    def _check_table(self, shape: tuple[int, ...]) -> None:
        """Refuse a table where fit has had sequences of several channels."""
        channels = getattr(self, "n_channels_in_", 1)
        if channels > 1:
            alone = f" One sequence of {shape[0]} steps is X[None], of shape (1, {shape[0]}, {channels})."
            raise ValueError(
                f"X must have shape (n, time, {channels}), {channels} channels as in fit. Got {shape}."
                f"{alone if shape[1] == channels else ''}"
            )

    def _check_one_channel(self, reset: bool) -> None:
        """The same where X is 2-D."""
        if not reset and getattr(self, "n_channels_in_", 1) > 1:
            raise ValueError(
                f"X has 1 channels, but {type(self).__name__} is expecting {self.n_channels_in_}: its sequences are "
                f"(time, {self.n_channels_in_}). One sequence alone is [X], a list of it."
            )
        if reset:
            self.n_channels_in_, self._had_sequences = 1, False
