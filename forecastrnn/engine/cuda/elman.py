"""Elman layers on the device; layouts as in `forecastrnn.engine.cpu.recurrent`."""

from numba import cuda

from forecastrnn.engine.cpu.elman import SLOTS
from forecastrnn.engine.cuda.build import device_kernel
from forecastrnn.engine.cuda.formulas import activate, slope
from forecastrnn.engine.cuda.layers import DeviceCell, register
from forecastrnn.engine.cuda.recurrent import gradient_so_far


@device_kernel()
def elman_step(h, h0, hr, r0, mask, m0, active, a0, t, B, Hp, option, masked):
    """Sums in step t + 1 of h -> the state, also in hr."""
    n = active[a0 + t]
    r = cuda.blockIdx.y
    while r < n:
        u = cuda.grid(1)
        while u < Hp:
            k = ((t + 1) * B + r) * Hp + u
            out = activate(option, h[h0 + k])
            h[h0 + k] = out
            if masked != 0:
                hr[r0 + k] = out * mask[m0 + r * Hp + u]
            u += cuda.blockDim.x * cuda.gridDim.x
        r += cuda.gridDim.y


@device_kernel()
def elman_step_back(
    h, h0, dout, o0, dh, d0, onward, n0, z, z0, mask, m0, active, a0, t, T, B, Hp, first, option, masked
):  # fmt: skip
    """Derivatives by the sums of step t in z."""
    n = active[a0 + t]
    later = active[a0 + t + 1] if t + 1 < T else 0
    r = cuda.blockIdx.y
    while r < B:
        u = cuda.grid(1)
        while u < Hp:
            k = r * Hp + u
            d = z.dtype.type(0)
            if r < n:
                d = gradient_so_far(later, 0, masked, r, k, dh, d0, onward, n0, mask, m0)
                if t >= first:
                    d = d + dout[o0 + (t - first) * B * Hp + k]
                d = d * slope(option, h[h0 + (t + 1) * B * Hp + k])
            z[z0 + t * B * Hp + k] = d
            u += cuda.blockDim.x * cuda.gridDim.x
        r += cuda.gridDim.y


register(DeviceCell(name="elman", slots=SLOTS, step=elman_step, back=elman_step_back))
