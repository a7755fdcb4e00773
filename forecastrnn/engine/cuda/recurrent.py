"""What all recurrent layers share on the device: inputs projected for all steps at once, masked states, gradients.

A layer is a loop of launches over its steps: the products of a step, and one kernel for all its gates. Going back, the
kernel of a step writes the derivatives by its gate sums twice: where they stay, and as plain rows `flat`, of which the
product makes `onward`, the derivative by the state before. Rows that end earlier than the step are left alone.
"""

from __future__ import annotations

from numba import cuda

from forecastrnn.engine.cuda.build import Planner, Spot, device_function, device_kernel
from forecastrnn.engine.cuda.matrix import Matrix
from forecastrnn.engine.cuda.products import multiply

NARROW = 16  # inputs up to which the projection is one kernel with the bias, instead of a product


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


def project_inputs(
    plan: Planner, x: Spot, wx: Spot, bias: Spot, z: Spot, rows: int, I: int, ldx: int, G: int, slots: int, panels: int
) -> None:
    """Plan the part of all gate sums that no state is needed for."""
    width = slots * plan.lanes
    if I <= NARROW:
        plan.units(project, rows, width, x, wx, bias, z, rows, I, ldx, G, slots, plan.bits, panels=panels)
        return
    plan.units(spread_bias, rows, width, bias, z, rows, width, panels=panels)
    n = G * plan.lanes
    multiply(
        plan, rows, n, I, Matrix(x, ldx), Matrix(wx, n, 1, n * I), Matrix(z, width, 1, rows * width), panels, True
    )  # fmt: skip


def add_recurrent(
    plan: Planner, h: Spot, Hp: int, weights: Spot, z: Spot, B: int, H: int, T: int, G: int, slots: int, panels: int
) -> None:
    """Plan z (panel, B rows of one of T steps, slots, lanes) += h (B, Hp) weights, in G slots from z on."""
    n, width = G * plan.lanes, slots * plan.lanes
    out = Matrix(z, width, 1, T * B * width)
    multiply(plan, B, n, H, Matrix(h, Hp), Matrix(weights, n, 1, n * H), out, panels, True)


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
