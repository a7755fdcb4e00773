"""The GPU engine: the operations of a program as kernels of one device. Imported only when a GPU is asked for."""

from forecastrnn.engine.cuda import (  # noqa: F401  (each registers its twins)
    attention,
    beam,
    dropout,
    elman,
    embedding,
    forecast,
    gru,
    losses,
    lstm,
    normalised,
    normalised_gru,
    packing,
    pairs,
    products,
    rows,
    sampled_softmax,
    symbols,
    true_classes,
    update,
)
