"""The CPU engine: vector kernels compiled by Numba, run from a tape by the package's own threads."""

from forecastrnn.engine.cpu import (  # noqa: F401  (each registers its kernels)
    attention,
    beam,
    dropout,
    elementary,
    elman,
    embedding,
    forecast,
    gru,
    losses,
    lstm,
    normalised,
    packing,
    pairs,
    products,
    rows,
    sampled_softmax,
    symbols,
    update,
)
