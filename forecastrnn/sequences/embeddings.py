"""From an estimator's parameters to the embeddings of its network, and the vectors that were given."""

from __future__ import annotations

import numpy as np

from forecastrnn.data.coding import CategoryCoding, EmbeddingOptions, auto_dim, given_vectors
from forecastrnn.data.labels import codes_of
from forecastrnn.networks.network import Embedding, Network


def embeddings_of(options: EmbeddingOptions, coding: CategoryCoding | None) -> tuple[Embedding, ...]:
    """The embeddings of a network that reads these categories."""
    if coding is None:
        given_vectors(options, ())
        return ()
    given, dim = given_vectors(options, coding.columns), options.dim
    found = []
    for column, categories in zip(coding.columns, coding.categories, strict=True):
        size, known = len(categories), given.get(column)
        own = known.values.shape[1] if known else auto_dim(size) if dim == "auto" else int(dim)
        found.append(Embedding(column, size, own, options.frozen and known is not None))
    return tuple(found)


def write_given(options: EmbeddingOptions, network: Network, theta: np.ndarray, coding: CategoryCoding) -> None:
    """Set the vectors that are given; categories without one among them begin at the mean of the others."""
    given = given_vectors(options, coding.columns)
    for k, vectors in enumerate(network.embedding_weights(theta)):
        own = given.get(coding.columns[k])
        if own is None:
            continue
        with np.errstate(over="ignore"):
            vectors[:-1] = own.values.mean(axis=0) if own.keys is not None else own.values
            if own.keys is not None:
                vectors[codes_of(own.keys, coding.categories[k]).astype(int)] = own.values
        if not np.isfinite(vectors[:-1]).all():
            raise ValueError(f"embedding__weights[{coding.columns[k]}] has a number too large for {theta.dtype}.")
    network.set_unknown(theta)
