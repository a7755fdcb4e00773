"""Training shared by two processes with a GPU each, on Numba's CUDA simulator: gradients stay there.

Run by test_cuda_simulator.py in another process, which is one of the two.
"""

from __future__ import annotations

from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.shared_memory import SharedMemory
from typing import Any

import numpy as np
import pytest
from cudasim_copies import Copies, arrays_of, copies  # noqa: F401  (a fixture)
from numba.cuda.simulator.cudadrv.devicearray import FakeCUDAArray

from forecastrnn import Adam, Beam, RNNRegressor, RNNSeq2Seq
from forecastrnn.engine.communicators import SharedMemoryCommunicator, joined
from support import cuda_simulator  # noqa: F401  (before the first launch)

RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((2, 9, 3, 1))
LENGTHS = [3, 1, 2, 3, 3, 2, 1, 3, 2]
OPTIONS = {"hidden_layer_sizes": 2, "batch_size": 4, "max_iter": 2, "random_state": 0, "solver": Adam(clip_norm=0.1),
           "cell": "gru", "dropout": 0.2, "dtype": "float64", "device": "cuda"}  # fmt: skip
TEXTS = ["abc", "ba", "cab", "a", "bcc", "ca"]
PAIRS = TEXTS, [text[::-1] for text in TEXTS]
PAIR_OPTIONS = OPTIONS | {"embedding_dim": 2, "attention": "dot", "scheduled_sampling": 0.7,
                          "decoding": Beam(max_length=4),
                          "bucket_by_length": False, "max_iter": 1, "cell": "rnn", "batch_size": 3}  # fmt: skip


class StandIn(SharedMemoryCommunicator):
    """As NCCL: it is given arrays of the GPU, and adds them up where they are."""

    on_device = True

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.given: list[tuple[type, int]] = []

    def sum_call(self, array: Any, count: int, stream: int) -> Callable[[], None]:
        """What a stream would do."""

        def call() -> None:
            self.given.append((type(array), count))
            array._ary[:count] = self.add_up(array._ary[:count])

        return call


def fitted(device: str = "cuda") -> Any:
    """A model of arrays."""
    return RNNRegressor(**OPTIONS | {"device": device}).fit(X, Y, lengths=LENGTHS)


def fitted_pairs(device: str = "cuda") -> Any:
    """An encoder and a decoder."""
    return RNNSeq2Seq(**PAIR_OPTIONS | {"device": device}).fit(*PAIRS)


def train(fit: Callable[[], Any], rank: int, barrier: Any, memory: str) -> tuple[Any, list]:
    """The model of one process, and what its communicator was given."""
    communicator = StandIn(rank, 2, barrier, memory)
    with joined(communicator):
        model = fit()
    communicator.close()
    return model, communicator.given


def other_process(end: Any, fit: Callable[[], Any], *args: Any) -> None:
    """Train, and send the arrays."""
    end.send(arrays_of(train(fit, 1, *args)[0]))


@pytest.mark.parametrize(("fit", "epochs", "whole", "left"), [(fitted, 2, 2, 1), (fitted_pairs, 1, 2, 0)])
def test_two_gpus(
    fit: Callable[..., Any], epochs: int, whole: int, left: int, copies: Copies  # noqa: F811
) -> None:  # fmt: skip
    """The model of one process with two shards, to the rounding; one sum a step, and only losses come to the host.

    A mini-batch of one row is run by both.
    """
    context, memory = get_context("spawn"), SharedMemory(create=True, size=2 * 8192)
    barrier, (ours, theirs) = context.Barrier(2), context.Pipe(duplex=False)
    process = context.Process(target=other_process, args=(theirs, fit, barrier, memory.name))
    process.start()
    try:
        model, given = train(fit, 0, barrier, memory.name)
        other = ours.recv()
    finally:
        process.join(60)
        memory.close()
        memory.unlink()
    learned = arrays_of(model)
    assert given == [(FakeCUDAArray, learned[0].size + 2)] * (epochs * whole)
    assert [copies.of(array) for array in learned] == [(1, 1)] * 3
    assert sum(a.nbytes for a in copies.to_host) == sum(a.nbytes for a in learned) + (epochs * (whole + left) + 1) * 16
    for mine, theirs_ in zip(learned, other, strict=True):
        np.testing.assert_array_equal(mine, theirs_)
    alone = fit("cpu")
    np.testing.assert_allclose(model.loss_curve_, alone.loss_curve_, rtol=1e-10)
    np.testing.assert_allclose(learned[0], arrays_of(alone)[0], rtol=0, atol=1e-10)
