"""What an estimator's parameters say of its embeddings: which channels, how many numbers, given vectors."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import count
from numbers import Integral
from typing import Any, Literal

import numpy as np

from forecastrnn.data.labels import are_texts, as_labels, sorted_labels
from forecastrnn.masks import refuse_masked

MOST_CATEGORIES = 2**24  # codes are numbers of float32
MOST_AUTO = 50


@dataclass(frozen=True)
class CategoryCoding:
    """The categorical channels of X, and the sorted categories of each."""

    columns: tuple[int, ...]
    categories: tuple[np.ndarray, ...]


@dataclass(frozen=True)
class GivenVectors:
    """Given vectors (rows, dim): of the labels `keys`, or of all categories in their order."""

    values: np.ndarray
    keys: np.ndarray | None = None


@dataclass(frozen=True)
class EmbeddingOptions:
    """The parameter `categorical_features` and the fields of `embedding`, as given."""

    features: object = None
    dim: int | Literal["auto"] = "auto"
    weights: Mapping | None = None
    frozen: bool = False

    @property
    def are_asked(self) -> bool:
        """Whether some channels are named."""
        return self.features is not None and np.asarray(self.features).size > 0


def auto_dim(n_categories: int) -> int:
    """Numbers of an embedding for so many categories: fastai's rule of thumb, with 50 at most."""
    return min(MOST_AUTO, max(1, round(1.6 * n_categories**0.56)))


def categorical_columns(asked: object, channels: int, names: list | None) -> tuple[int, ...]:
    """Numbers of the channels that `categorical_features` names; raises for what is no channel."""
    refuse_masked(asked, "categorical_features")
    array = np.asarray(asked)
    if asked is None or array.size == 0:
        return ()
    if array.ndim != 1:
        raise ValueError(f"categorical_features must be 1-D: indexes, a mask or names of channels. Got {asked!r}.")
    if array.dtype.kind == "b":
        if len(array) != channels:
            raise ValueError(f"categorical_features is a mask of {len(array)} values, but X has {channels} channels.")
        return tuple(int(k) for k in np.flatnonzero(array))
    if array.dtype.kind in "UO":
        array = np.array([_by_name(name, names) for name in array.tolist()])
    if array.dtype.kind not in "iu":
        raise ValueError(f"categorical_features must be indexes, a mask or names of channels. Got {asked!r}.")
    bad = [int(k) for k in array if not 0 <= k < channels]
    if bad:
        raise ValueError(
            f"categorical_features must be indexes of channels, 0 .. {channels - 1}. Got {bad[0]}. "
            "In a 2-D X each row is a sequence of one channel, 0."
        )
    return tuple(sorted({int(k) for k in array}))


def _by_name(name: object, names: list | None) -> int:
    if names is None:
        raise ValueError(
            f"categorical_features has the name {name!r}, but the channels of X have no names: only a list of frames "
            "(time, channels) has them. Give indexes of channels; in a 2-D X the one channel is 0."
        )
    if name not in names:
        raise ValueError(f"categorical_features has the name {name!r}, which is not among the channels {names}.")
    return names.index(name)


def given_vectors(options: EmbeddingOptions, columns: tuple[int, ...]) -> dict[int, GivenVectors]:
    """First vectors by channel, checked as far as it can be without the data."""
    given = options.weights
    if not given:
        if options.frozen:
            raise ValueError(
                "embedding__frozen=True needs embedding__weights: vectors that are not given must be learned."
            )
        return {}
    for channel in given:
        if isinstance(channel, bool | np.bool_) or not isinstance(channel, Integral) or channel not in columns:
            raise ValueError(
                f"embedding__weights has the key {channel!r}, but keys must be categorical channels: {list(columns)}."
            )
    return {int(channel): _read_vectors(channel, values, options.dim) for channel, values in given.items()}


def _read_vectors(channel: int, given: object, dim: int | Literal["auto"]) -> GivenVectors:
    keys, what = None, f"embedding__weights[{channel}]"
    refuse_masked(given, what)
    if isinstance(given, Mapping):
        if not given:
            raise ValueError(f"{what} must have a vector for at least one category. Got an empty mapping.")
        labels = np.empty(len(given), object)
        labels[:] = list(given)
        keys, given = as_labels(labels, lambda k: f"as key {k} of {what}"), list(given.values())
    try:
        values = np.asarray(given, np.float64)
    except (TypeError, ValueError):
        found = _first_that_differs(given, count() if keys is None else keys.tolist())
        raise ValueError(f"{what} must hold vectors of numbers, all of one length. Got {found}.") from None
    if values.ndim != 2 or 0 in values.shape:
        raise ValueError(f"{what} must be an array (n_categories, dim) or vectors of one length. Got {values.shape}.")
    if not np.isfinite(values).all():
        raise ValueError(f"{what} contains NaN or infinity, first in row {np.argwhere(~np.isfinite(values))[0][0]}.")
    if dim != "auto" and dim != values.shape[1]:
        raise ValueError(f'embedding__dim={dim}, but {what} has vectors of {values.shape[1]} numbers. Set "auto".')
    return GivenVectors(values, keys)


def _first_that_differs(given: object, names: Iterable) -> str:
    """Which vector holds no numbers, or is not as long as the first; in our words, not in NumPy's."""
    shapes: dict[Any, tuple[int, ...]] = {}
    for name, vector in zip(names, given if isinstance(given, Iterable) else (), strict=False):
        try:
            shapes[name] = np.asarray(vector, np.float64).shape
        except (TypeError, ValueError):
            return f"{vector!r:.80} for {name!r}"
        first = next(iter(shapes))
        if shapes[name] != shapes[first]:
            return f"shape {shapes[first]} for {first!r} and {shapes[name]} for {name!r}"
    return type(given).__name__


def learn_categories(labels: np.ndarray, channel: int, given: GivenVectors | None) -> np.ndarray:
    """Sorted categories of a channel: those of the data, and those with given vectors."""
    found = sorted_labels(labels)
    if given is not None and given.keys is not None:
        if are_texts(found) != are_texts(given.keys):
            raise TypeError(
                f"embedding__weights[{channel}] has keys such as {given.keys.tolist()[0]!r}, but X has categories such "
                f"as {found.tolist()[0]!r} there: both must be texts, or numbers."
            )
        same = [a.astype(object) if are_texts(a) else a for a in (found, given.keys)]
        found = sorted_labels(np.concatenate(same))
    elif given is not None and len(given.values) != len(found):
        raise ValueError(
            f"embedding__weights[{channel}] has {len(given.values)} rows, but channel {channel} of X has {len(found)} "
            "categories: give a row for each, in sorted order, or a mapping from categories to vectors."
        )
    if len(found) >= MOST_CATEGORIES:
        raise ValueError(f"channel {channel} of X has {len(found)} categories, more than {MOST_CATEGORIES - 1}.")
    return found
