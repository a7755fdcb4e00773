"""The CPU engine: vector kernels compiled by Numba, run from a tape by the package's own threads."""

from forecastrnn.cpu import elman, gru, losses, lstm, packing, products, rows, update  # noqa: F401  (register kernels)
