"""Outputs of several times ahead on the device; see `forecastrnn.engine.cpu.ahead`."""

from numba import cuda

from forecastrnn.engine.cuda.build import device_kernel
from forecastrnn.engine.cuda.registry import twin


@device_kernel()
def add_rows_ahead(source, s0, out, o0, T, B, O, lds, ldo, every):
    """out (T, B, ldo)[:, :, j * every] += source at the time of each; a thread a number."""
    k = cuda.grid(1)
    while k < T * B * O:
        row, j = k // O, k % O
        out[o0 + row * ldo + j * every] += source[s0 + (row + j * B) * lds]
        k += cuda.gridsize(1)


@twin("out")
def add_ahead(plan, source, out, T, B, O, lds, ldo, every):
    """What later rows add to the outputs."""
    plan.each(add_rows_ahead, T * B * O, source, out, T, B, O, lds, ldo, every)


@device_kernel()
def add_slopes_ahead(dout, d0, out, o0, T, B, O, ldd, ldo, every):
    """out (T + O - 1, B, ldo)[:, :, 0] = the sum of all outputs made with it, in their order; a thread a number."""
    k = cuda.grid(1)
    while k < (T + O - 1) * B * ldo:
        row, column = k // ldo, k % ldo
        u, r = row // B, row % B
        total = out.dtype.type(0)
        t = u - O + 1 if u >= O else 0
        while column == 0 and t < T and t <= u:
            total += dout[d0 + (t * B + r) * ldd + (u - t) * every]
            t += 1
        out[o0 + k] = total
        k += cuda.gridsize(1)


@twin("out")
def add_ahead_gradient(plan, dout, out, T, B, O, ldd, ldo, every):
    """Derivatives by what later rows add."""
    plan.each(add_slopes_ahead, (T + O - 1) * B * ldo, dout, out, T, B, O, ldd, ldo, every)
