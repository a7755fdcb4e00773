"""Sequences with categorical channels at the door: categories learned, labels turned into codes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np

from forecastrnn.data.arrays import Sequences, in_dtype, read_lengths, refuse_empty, refuse_odd_types, refuse_shape
from forecastrnn.data.boxes import unboxed
from forecastrnn.data.coding import CategoryCoding, EmbeddingOptions, given_vectors, learn_categories
from forecastrnn.data.frame_names import first_frame, refuse_other_columns
from forecastrnn.data.labels import are_texts, as_labels, codes_of
from forecastrnn.data.numbers import refuse_non_numbers
from forecastrnn.data.padding import without_padding


@dataclass(frozen=True)
class RawSequences:
    """Values (steps of all sequences, channels) as they were given, and which steps (n, time) those are."""

    values: np.ndarray
    valid: np.ndarray
    lengths: np.ndarray | None
    flat: bool
    names: list | None = None  # of the channels

    @property
    def channels(self) -> int:
        """Number of channels."""
        return int(self.values.shape[1])

    def place(self, k: int, channel: int) -> str:
        """Where row k of the values stands in X."""
        row, step = np.argwhere(self.valid)[k]
        return f"in channel {channel} at step {step} of sequence {row}"


def read_raw(X: object, lengths: object, reader: str) -> RawSequences:
    """X (n, time), (n, time, channels), or a list of sequences; `reader` is who expects it, in messages.

    Raises ValueError for other shapes.
    """
    boxes, names = unboxed(X, "X"), list(getattr(X, "columns", ())) or None
    if boxes is not None or getattr(X, "ndim", 0) == 1:
        X = list(cast(Iterable, X)) if boxes is None else boxes
        names = names if boxes is not None and len(names or ()) > 1 else None
    if isinstance(X, list | tuple) and lengths is None:
        return _read_list(X, names)
    array = np.asarray(X, dtype=object) if isinstance(X, list | tuple) else X
    array = np.asarray(without_padding(array, lengths, "X"))
    refuse_shape(array, array.ndim, reader)
    refuse_empty(array.shape, "X")
    ends, flat = read_lengths(lengths, *array.shape[:2]), array.ndim == 2
    array = array[:, :, None] if flat else array
    valid = np.ones(array.shape[:2], bool) if ends is None else np.arange(array.shape[1]) < ends[:, None]
    return RawSequences(array[valid], valid, ends, flat)


def _read_list(X: Sequence, names: list | None) -> RawSequences:
    refuse_other_columns(X, "X")
    if not X:
        raise ValueError("X is empty, it has 0 sample(s): give a list of at least 1 sequence of categories.")
    parts: list[np.ndarray] = []
    for number, x in enumerate(X):
        if isinstance(x, str | bytes) or not hasattr(x, "__len__"):
            raise ValueError(
                f"X[{number}] must be a sequence of categories, such as a list of words. Got {x!r:.80}, of type "
                f"{type(x).__name__}. Split a text first, or put single sequences into a list."
            )
        refuse_odd_types(x, f"X[{number}]")
        own = np.asarray(x, dtype=object) if isinstance(x, list | tuple) else np.asarray(x)
        own = own[:, None] if own.ndim == 1 else own
        if own.ndim != 2 or 0 in own.shape:
            raise ValueError(f"X[{number}] must have shape (time, channels), at least one step. Got {np.shape(own)}.")
        if parts and own.shape[1] != parts[0].shape[1]:
            raise ValueError(f"X[{number}] has {own.shape[1]} channels, but X[0] has {parts[0].shape[1]}.")
        parts.append(own)
    if any(part.dtype.kind in "OU" for part in parts):  # joined as they are: NumPy would turn numbers into texts
        parts = [part.astype(object) for part in parts]
    ends = np.array([len(part) for part in parts], np.int64)
    valid = np.arange(int(np.max(ends))) < ends[:, None]
    frame = first_frame(X)
    names = names or list(getattr(X[0] if frame is None else frame, "columns", ())) or None
    return RawSequences(np.concatenate(parts), valid, ends, False, names)


def learn_coding(raw: RawSequences, columns: tuple[int, ...], options: EmbeddingOptions) -> CategoryCoding | None:
    """The categories of the channels that are categorical; raises for texts in others."""
    given = given_vectors(options, columns)
    _refuse_texts(raw, columns)
    found = [learn_categories(_labels(raw, k), k, given.get(k)) for k in columns]
    return CategoryCoding(columns, tuple(found)) if columns else None


def _labels(raw: RawSequences, channel: int) -> np.ndarray:
    return as_labels(raw.values[:, channel], lambda k: raw.place(k, channel))


def _refuse_texts(raw: RawSequences, columns: tuple[int, ...]) -> None:
    """Raise for texts beside channels that are not categorical, and for what is no number there."""
    others = [k for k in range(raw.channels) if k not in columns]
    if not others or raw.values.dtype.kind not in "OUSc":
        return
    for k in range(raw.channels):
        texts = [isinstance(value, str) for value in raw.values[:, k].tolist()]
        if any(texts):
            raise ValueError(
                f"X has texts and numbers: {raw.values[texts.index(True), k]!r} {raw.place(texts.index(True), k)}, but "
                f"channel {others[0]} is not categorical. Encode texts as numbers first, for example by scikit-learn's "
                "OrdinalEncoder, and name their channels in categorical_features."
            )
    refuse_non_numbers(raw.values[:, others], "X")


def coded(raw: RawSequences, coding: CategoryCoding, dtype: str) -> Sequences:
    """Codes and numbers (n, time, channels), zero past the end of a row.

    Raises ValueError or TypeError for missing values and mixed types among categories, and for what is no number in
    channels that are not categorical.
    """
    _refuse_texts(raw, coding.columns)
    real = np.float32 if raw.values.dtype == np.float32 else np.float64
    flat = np.empty(raw.values.shape, real)
    for channel in range(raw.channels):
        if channel in coding.columns:
            flat[:, channel] = _codes(raw, channel, coding.categories[coding.columns.index(channel)])
            continue
        flat[:, channel] = raw.values[:, channel]
        bad = np.flatnonzero(~np.isfinite(flat[:, channel]))
        if len(bad):
            raise ValueError(f"Input X contains NaN or infinity {raw.place(bad[0], channel)}.")
    values = np.zeros((*raw.valid.shape, raw.channels), real)
    values[raw.valid] = flat
    return Sequences(in_dtype(values, dtype), raw.lengths, raw.flat, coding)


def _codes(raw: RawSequences, channel: int, categories: np.ndarray) -> np.ndarray:
    labels = _labels(raw, channel)
    if are_texts(labels) != are_texts(categories):
        kinds = ("texts", "numbers") if are_texts(labels) else ("numbers", "texts")
        raise TypeError(
            f"X has {kinds[0]} in channel {channel}, such as {labels.tolist()[0]!r}, but the categories that fit saw "
            f"are {kinds[1]}, such as {categories.tolist()[0]!r}."
        )
    return codes_of(labels, categories)
