"""What all recurrent layers share on the device: inputs projected for all steps at once, masked states, gradients.

A layer is a loop of launches over its steps: the products of a step, and one kernel for all its gates. Going back, the
kernel of a step writes the derivatives by its gate sums twice: where they stay, and as plain rows `flat`, of which the
product makes `onward`, the derivative by the state before. Rows that end earlier than the step are left alone.
"""

from __future__ import annotations

from numba import cuda

from forecastrnn.cuda.build import Planner, Spot, device_function, device_kernel
from forecastrnn.cuda.products import Matrix, multiply

NARROW = 16  # inputs up to which the projection is one kernel with the bias, instead of a product


@device_kernel()
def project(x, x0, wx, w0, bias, b0, z, z0, rows, I, ldx, G, slots, bits, count):
    """z (panel, rows, slots, lanes) = bias + x (rows, ldx) wx in the first G slots, and the bias in the others."""
    width, filled = slots << bits, G << bits
    for e in range(cuda.grid(1), count, cuda.gridsize(1)):
        n, row = e % width, e // width
        r, p = row % rows, row // rows
        total = bias[b0 + p * width + n]
        if n < filled:
            for i in range(I):
                total += x[x0 + r * ldx + i] * wx[w0 + (p * I + i) * filled + n]
        z[z0 + e] = total


@device_kernel()
def spread_bias(bias, b0, z, z0, rows, width, count):
    """z (panel, rows, width) = bias (panel, width)."""
    for e in range(cuda.grid(1), count, cuda.gridsize(1)):
        z[z0 + e] = bias[b0 + e // width // rows * width + e % width]


def project_inputs(
    plan: Planner, x: Spot, wx: Spot, bias: Spot, z: Spot, rows: int, I: int, ldx: int, G: int, slots: int, panels: int
) -> None:
    """Plan the part of all gate sums that no state is needed for."""
    width, count = slots * plan.lanes, panels * rows * slots * plan.lanes
    if I <= NARROW:
        plan.each(project, count, x, wx, bias, z, rows, I, ldx, G, slots, plan.bits, count)
        return
    plan.each(spread_bias, count, bias, z, rows, width, count)
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
    for k in range(cuda.grid(1), n, cuda.gridsize(1)):
        hr[r0 + k] = h[h0 + k] * mask[m0 + k]


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
    for k in range(cuda.grid(1), B * Hp, cuda.gridsize(1)):
        dh[d0 + k] = gradient_so_far(active[a0], keeps, masked, k // Hp, k, dh, d0, onward, n0, mask, m0)
