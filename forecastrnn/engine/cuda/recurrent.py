"""Kernels and functions that all recurrent layers share on the device: projected inputs, masked states, gradients."""

from __future__ import annotations

from numba import cuda

from forecastrnn.engine.cuda.build import device_function, device_kernel


@device_kernel()
def project(x, x0, wx, w0, bias, b0, z, z0, rows, I, ldx, G, slots, bits):
    """z (panel, rows, slots, lanes) = bias + x (rows, ldx) wx in the first G slots, and the bias in the others."""
    width, filled, p = slots << bits, G << bits, cuda.blockIdx.z
    r = cuda.blockIdx.y
    while r < rows:
        n = cuda.grid(1)
        while n < width:
            total = bias[b0 + p * width + n]
            if n < filled:
                for i in range(I):
                    total += x[x0 + r * ldx + i] * wx[w0 + (p * I + i) * filled + n]
            z[z0 + (p * rows + r) * width + n] = total
            n += cuda.blockDim.x * cuda.gridDim.x
        r += cuda.gridDim.y


@device_kernel()
def spread_bias(bias, b0, z, z0, rows, width):
    """z (panel, rows, width) = bias (panel, width)."""
    p, r = cuda.blockIdx.z, cuda.blockIdx.y
    while r < rows:
        n = cuda.grid(1)
        while n < width:
            z[z0 + (p * rows + r) * width + n] = bias[b0 + p * width + n]
            n += cuda.blockDim.x * cuda.gridDim.x
        r += cuda.gridDim.y


@device_kernel()
def scale_state(h, h0, mask, m0, hr, r0, n):
    """hr (n,) = h * mask."""
    k = cuda.grid(1)
    while k < n:
        hr[r0 + k] = h[h0 + k] * mask[m0 + k]
        k += cuda.gridsize(1)


@device_function
def gradient_so_far(later, keeps, masked, r, k, dh, d0, onward, n0, mask, m0):
    """Derivative by a state from later steps: by the final state where the row ends here, else what came onward."""
    if r >= later:
        return dh[d0 + k]
    value = onward[n0 + k]
    if masked != 0:
        value = value * mask[m0 + k]
    return value + dh[d0 + k] if keeps != 0 else value


@device_kernel()
def finish_gradient(dh, d0, onward, n0, mask, m0, active, a0, B, Hp, keeps, masked):
    """dh (B, Hp) by the initial state."""
    k = cuda.grid(1)
    while k < B * Hp:
        dh[d0 + k] = gradient_so_far(active[a0], keeps, masked, k // Hp, k, dh, d0, onward, n0, mask, m0)
        k += cuda.gridsize(1)
