"""Sequences in, numbers or classes out: the text that follows `runtime` in a module of a regressor or classifier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from forecastrnn.numpy_predictor.runtime import Array, Direction, run_layers

# What a module sets: the network, and what its numbers mean.
WEIGHTS: Mapping[str, Array] = {}
LAYERS: Sequence[Sequence[Direction]] = ()
CATEGORICAL: Sequence[int] = ()
LAST, TARGET_DIMENSIONS, REPEATS = 1, 1, 0


# module: begin
def padded(X: Any, lengths: Any = None) -> tuple[Array, Array]:
    """X (n, time), (n, time, channels) or a list of such rows -> (n, time, channels) and the steps of each row."""
    if isinstance(X, (list, tuple)) and len({np.shape(row)[:1] for row in X}) > 1:
        rows = [np.asarray(row) for row in X]
        rows = [row[:, None] if row.ndim < 2 else row for row in map(np.atleast_1d, rows)]
        if len({row.shape[1:] for row in rows}) > 1:
            raise ValueError(f"all rows of X must have as many channels. Got {sorted({row.shape[1] for row in rows})}")
        lengths = np.array([len(row) for row in rows])
        X = np.zeros((len(rows), lengths.max(), rows[0].shape[1]), np.result_type(*rows))
        for place, row in zip(X, rows):
            place[: len(row)] = row
    X = np.asarray(X)
    X = X[:, None] if REPEATS else X[:, :, None] if X.ndim == 2 else X
    if X.ndim != 3 or not X.shape[1]:
        raise ValueError(f"X must have 2 or 3 dimensions, and a step at least. Got the shape {np.shape(X)}")
    return X, checked_lengths(lengths, len(X), X.shape[1])


def checked_lengths(lengths: Any, n: int, steps: int) -> Array:
    """The steps of each row, all of them unless there are lengths."""
    found = np.full(n, steps) if lengths is None else np.asarray(lengths)
    wrong = found.shape != (n,) or found.dtype.kind not in "iu"
    if wrong or n and not 1 <= found.min() <= found.max() <= steps:
        raise ValueError(f"lengths must be {n} ints from 1 to {steps}, the steps of X. Got {lengths!r:.80}")
    return found


def read(X: Array, ends: Array) -> Array:
    """Channels as the first layer reads them: numbers standardised, categories as their vectors."""
    channels = len(WEIGHTS["x.mean"])
    if X.shape[2] != channels:
        raise ValueError(f"X has {X.shape[2]} channels, but the model was fitted on {channels}")
    numbers = [k for k in range(channels) if k not in CATEGORICAL]
    try:
        given = np.asarray(X[:, :, numbers], np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"X must be of numbers, but in channels that are categories: {error}") from None
    wrong = np.argwhere(~np.isfinite(given) & (np.arange(X.shape[1]) < ends[:, None])[:, :, None])
    if len(wrong):
        row, step, column = wrong[0].tolist()
        raise ValueError(
            f"X[{row}] has {given[row, step, column]} at step {step}, channel {numbers[column]}: give finite numbers, "
            "and `lengths` where rows are shorter"
        )
    scaled = (given - WEIGHTS["x.mean"][numbers]) / WEIGHTS["x.scale"][numbers]
    parts = [scaled.astype(WEIGHTS["output.bias"].dtype)]
    for number, channel in enumerate(CATEGORICAL):
        known = WEIGHTS[f"categories.{number}"]
        column = X[:, :, channel].astype(str if known.dtype.kind == "U" else np.float64)
        codes = np.minimum(np.searchsorted(known, column), len(known) - 1)
        codes = np.where(known[codes] == column, codes, len(known))  # the last vector is that of unknown categories
        parts.append(WEIGHTS[f"embeddings.{number}.vectors"][codes])
    return np.concatenate(parts, axis=2)


def outputs(X: Any, lengths: Any = None, n_steps: int | None = None) -> Array:
    """Outputs (n, k, outputs) of the network at the last step, the last k steps or all steps of each row."""
    x, ends = padded(X, None if REPEATS else lengths)
    x = read(x, ends)
    if REPEATS:
        if n_steps is not None and not (isinstance(n_steps, int | np.integer) and n_steps >= 1):
            raise ValueError(f"n_steps must be an int, 1 or more. Got {n_steps!r}")
        x = np.repeat(x, n_steps or REPEATS, axis=1)
        ends = checked_lengths(lengths, len(x), x.shape[1])
    valid = np.arange(x.shape[1]) < ends[:, None]
    each, last = run_layers(LAYERS, np.where(valid[:, :, None], x, 0), ends)
    if LAST == 1:
        each = last[:, None]
    elif LAST > 1:
        k = min(LAST, x.shape[1])
        each = each[np.arange(len(x))[:, None], np.maximum(ends[:, None] - k + np.arange(k), 0)]
    found = each @ WEIGHTS["output.kernel"] + WEIGHTS["output.bias"]
    found = found * WEIGHTS["y.scale"] + WEIGHTS["y.mean"]
    return np.where(valid[:, :, None], found, 0) if LAST == 0 else found


def ahead_of_end(X: Any, lengths: Any, steps: int) -> Array:
    """Which steps (n, steps, 1) are none past the end of a row."""
    ends = padded(X, None if REPEATS else lengths)[1]
    if REPEATS:
        ends = np.full(len(ends), steps) if lengths is None else np.asarray(lengths)
    return (np.arange(steps) < ends[:, None])[:, :, None]


# regressor
def predict(X: Any, lengths: Any = None, n_steps: int | None = None) -> Array:
    """Predicted targets, in the shape of the y of `fit`; at each step masked past the end of a shorter row."""
    found = outputs(X, lengths, n_steps)
    there = np.broadcast_to(LAST > 0 or ahead_of_end(X, lengths, found.shape[1]), found.shape)
    if not there.all():
        found = np.ma.MaskedArray(np.where(there, found, np.nan), mask=~there, fill_value=np.nan)
    if TARGET_DIMENSIONS == 3:
        return found
    if REPEATS:
        return found[:, :, 0]
    return found[:, 0, 0] if TARGET_DIMENSIONS == 1 else found[:, 0]


# classifier
def predict_proba(X: Any, lengths: Any = None, n_steps: int | None = None) -> Array:
    """Probability of each class of `WEIGHTS["classes"]`, for each sequence or each of its steps; zero past its end."""
    scores = outputs(X, lengths, n_steps).astype(np.float64)
    shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
    shares = shares / shares.sum(axis=-1, keepdims=True)
    return shares[:, 0] if TARGET_DIMENSIONS == 1 else np.where(ahead_of_end(X, lengths, shares.shape[1]), shares, 0)


def predict_class(X: Any, lengths: Any = None, n_steps: int | None = None) -> Array:
    """The most probable class, of each step masked past the end of a shorter row."""
    shares = predict_proba(X, lengths, n_steps)
    labels, none = WEIGHTS["classes"][shares.argmax(axis=-1)], shares.sum(axis=-1) == 0
    return np.ma.MaskedArray(np.where(none, WEIGHTS["no_class"], labels), mask=none) if none.any() else labels
