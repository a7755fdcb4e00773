"""cuBLAS through CuPy: batches of matrix products at equal distances, on the arrays and the stream of Numba."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from forecastrnn.engine.cuda.build import SIMULATED, Spot
from forecastrnn.engine.devices import INSTALL, log_once

if TYPE_CHECKING:
    from forecastrnn.engine.cuda.matrix import Matrix

PLAIN, TRANSPOSED = 0, 1


@cache
def available() -> bool:
    """Whether CuPy is installed and finds cuBLAS; never on the simulator."""
    if SIMULATED:
        return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of other libraries that it does not find
            from cupy_backends.cuda.libs import cublas  # noqa: F401
    except ImportError as error:
        log_once(f"CuPy cannot be used ({error}): a GPU works without it, but slower. Install it with {INSTALL}")
        return False
    return True


def library(stream: Any) -> tuple[Any, int, Any]:
    """CuPy's binding of cuBLAS, a handle for the current device, and what makes a stream of Numba CuPy's current one.

    Each function of the binding puts its work on CuPy's current stream, whatever stream the handle was given.
    """
    from cupy.cuda import Stream, device
    from cupy_backends.cuda.libs import cublas

    return cublas, device.get_cublas_handle(), Stream.from_external(stream)


def address(spot: Spot) -> int:
    """Where a place lies in the device's memory."""
    begin = spot.handle.array.__cuda_array_interface__["data"][0]
    return begin + spot.offset * spot.handle.dtype.itemsize


@dataclass(frozen=True)
class Gemm:
    """c (M, N) = or += a (M, K) b (K, N) for each of a batch, in IEEE arithmetic of the arrays' own type."""

    M: int
    N: int
    K: int
    a: Matrix
    b: Matrix
    c: Matrix
    batch: int
    add: bool

    def bind(self, stream: Any) -> Callable[[], None]:
        """The call that puts the product on a stream. cuBLAS counts by columns: it computes c^T = b^T a^T."""
        cublas, handle, current = library(stream)
        dtype = self.c.spot.handle.dtype
        call = cublas.sgemmStridedBatched if dtype == np.float32 else cublas.dgemmStridedBatched
        factors = np.array([1, int(self.add)], dtype)  # kept alive by the closure
        one, beta = factors.ctypes.data, factors.ctypes.data + dtype.itemsize
        a, b, c = self.a, self.b, self.c
        turned = [PLAIN if matrix.column == 1 else TRANSPOSED for matrix in (b, a)]
        apart = [matrix.row if matrix.column == 1 else matrix.column for matrix in (b, a)]
        args = (
            *turned, self.N, self.M, self.K, one, address(b.spot), apart[0], b.batch, address(a.spot), apart[1],
            a.batch, beta, address(c.spot), c.row, c.batch, self.batch,
        )  # fmt: skip

        def run(_owner: np.ndarray = factors) -> None:
            with current:
                call(handle, *args)

        return run
