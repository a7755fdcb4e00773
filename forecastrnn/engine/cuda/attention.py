"""Attention on the device; formulas, sizes and layouts as in `forecastrnn.engine.cpu.attention`.

Scores by products, and what weights multiply, are batches of matrix products, one for each row. Additive scores have
the shape of such a product, with a tanh in place of each multiplication, and run on tiles as it does. Going back, each
thread adds over the steps of the other side, and computes tanh anew, so that nothing is added up between threads.
"""

from __future__ import annotations

from typing import Any

from numba import cuda, float32, float64

from forecastrnn.engine.cuda.build import SIMULATED, DeviceKernel, Planner, Spot, device_kernel
from forecastrnn.engine.cuda.formulas import exp, tanh, tanh_slope
from forecastrnn.engine.cuda.matrix import Matrix
from forecastrnn.engine.cuda.products import column_sums, multiply
from forecastrnn.engine.cuda.registry import twin
from forecastrnn.engine.cuda.teams import largest_and_sum

TEAM = 4 if SIMULATED else 32  # threads that share the weights of one step
MOST_TEAMS = 3 if SIMULATED else 8192

largest_of_team, sum_of_team = largest_and_sum(TEAM)


# Products ---------------------------------------------------------------------------------------------
def _targets(place: Spot, B: int, ld: int) -> Matrix:
    """(T, B, ld) as a matrix of steps for each row."""
    return Matrix(place, B * ld, 1, ld)


def _weights(place: Spot, T: int, Jp: int) -> Matrix:
    """(B, T, Jp) as a matrix (T, J) for each row."""
    return Matrix(place, Jp, 1, T * Jp)


def _sources(place: Spot, J: int, ld: int) -> Matrix:
    """(B, J, ld) as a matrix of steps for each row."""
    return Matrix(place, ld, 1, J * ld)


def _turned(matrix: Matrix) -> Matrix:
    return Matrix(matrix.spot, matrix.column, matrix.row, matrix.batch)


def _whole(plan: Planner, F: int) -> int:
    """F, padded to whole vectors."""
    return -(-F // plan.lanes) * plan.lanes


@twin("scores")
def dot_scores(plan, query, values, zero, turned, scores, valid, T, J, B, F, Jp, ldq, ldv):
    """Scores by products; those past a row's end are of zeros."""
    a, b = _targets(query, B, ldq), _turned(_sources(values, J, ldv))
    multiply(plan, T, J, F, a, b, _weights(scores, T, Jp), B, False)


@twin("dquery dvalues")
def dot_scores_back(plan, dscores, query, values, dquery, dvalues, zero, valid, T, J, B, F, Jp, ldq, ldv):
    """Both sides; dscores is zero past a row's end."""
    d, F = _weights(dscores, T, Jp), _whole(plan, F)
    multiply(plan, T, F, J, d, _sources(values, J, ldv), _targets(dquery, B, ldq), B, True)
    multiply(plan, J, F, T, _turned(d), _targets(query, B, ldq), _sources(dvalues, J, ldv), B, True)


# Additive scores --------------------------------------------------------------------------------------
def _additive_kernel(real: Any, steps: int, sources: int, deep: int) -> DeviceKernel:
    """A tile of steps of target and source of one row, a thread each; `deep` numbers at a time in shared memory."""
    threads, left_shape, right_shape = steps * sources, (deep, steps + 1), (deep, sources + 1)

    def additive(query, q0, keys, k0, direction, n0, scores, s0, valid, v0, T, J, B, F, Jp, ldq, ldk):
        """scores (B, T, Jp) = direction (F,) . tanh(query (T, B, ldq) + keys (B, J, ldk)); blocks (row and j, t)."""
        left = cuda.shared.array(left_shape, real)
        right = cuda.shared.array(right_shape, real)
        way = cuda.shared.array(deep, real)
        me, tiles = cuda.threadIdx.x, (J + sources - 1) // sources
        r, first_t, first_j = cuda.blockIdx.x // tiles, cuda.blockIdx.y * steps, cuda.blockIdx.x % tiles * sources
        n = valid[v0 + r]
        if first_j >= n:
            return
        x, y, s, start = me % sources, me // sources, real(0), 0
        while start < F:  # not a range, which is unrolled
            e = me
            while e < deep * steps:
                f, t = e % deep, e // deep
                inside = start + f < F and first_t + t < T
                left[f, t] = query[q0 + ((first_t + t) * B + r) * ldq + start + f] if inside else real(0)
                e += threads
            e = me
            while e < deep * sources:
                f, j = e % deep, e // deep
                inside = start + f < F and first_j + j < n
                right[f, j] = keys[k0 + (r * J + first_j + j) * ldk + start + f] if inside else real(0)
                e += threads
            f = me
            while f < deep:
                way[f] = direction[n0 + start + f] if start + f < F else real(0)
                f += threads
            cuda.syncthreads()
            for f in range(min(deep, F - start)):
                s += way[f] * tanh(left[f, y] + right[f, x])
            cuda.syncthreads()
            start += deep
        if first_t + y < T and first_j + x < n:
            scores[s0 + (r * T + first_t + y) * Jp + first_j + x] = s

    return device_kernel(threads=threads)(additive)


_TILES = {"one": (1, 3, 4), "many": (2, 2, 4)} if SIMULATED else {"one": (1, 64, 32), "many": (16, 16, 32)}
ADDITIVE = {
    (size, str(real)): _additive_kernel(real, *shape) for size, shape in _TILES.items() for real in (float32, float64)
}  # fmt: skip


@twin("scores")
def additive_scores(plan, query, keys, direction, scores, valid, T, J, B, F, Jp, ldq, ldk):
    """Scores of the valid steps."""
    size = "one" if T == 1 else "many"
    steps, sources, _ = _TILES[size]
    plan.blocks(
        ADDITIVE[size, plan.dtype.name], (-(-J // sources) * B, -(-T // steps)), query, keys, direction, scores, valid,
        T, J, B, F, Jp, ldq, ldk,
    )  # fmt: skip


@device_kernel()
def additive_targets(
    dscores, d0, query, q0, keys, k0, direction, n0, dquery, a0, parts, p0, valid, v0, T, J, B, F, Jp, ldq, ldk
):  # fmt: skip
    """dquery (T, B, ldq) and each step's part (T, B, F) of ddirection, summed over the steps of the source."""
    e = cuda.grid(1)
    while e < T * B * F:
        f, row = e % F, e // F
        t, r = row // B, row % B
        q, way = query[q0 + row * ldq + f], direction[n0 + f]
        dq, dway = dscores.dtype.type(0), dscores.dtype.type(0)
        d, k = d0 + (r * T + t) * Jp, k0 + r * J * ldk + f
        for j in range(valid[v0 + r]):
            u = tanh(q + keys[k + j * ldk])
            dq += dscores[d + j] * (way * tanh_slope(u))
            dway += dscores[d + j] * u
        dquery[a0 + row * ldq + f], parts[p0 + e] = dq, dway
        e += cuda.gridsize(1)


@device_kernel()
def additive_sources(dscores, d0, query, q0, keys, k0, direction, n0, dkeys, a0, valid, v0, T, J, B, F, Jp, ldq, ldk):
    """dkeys (B, J, ldk), summed over the steps of the target; 0 past a row's end."""
    e = cuda.grid(1)
    while e < B * J * F:
        f, row = e % F, e // F
        r, j = row // J, row % J
        dk = dscores.dtype.type(0)
        if j < valid[v0 + r]:
            k, way = keys[k0 + row * ldk + f], direction[n0 + f]
            for t in range(T):
                u = tanh(query[q0 + (t * B + r) * ldq + f] + k)
                dk += dscores[d0 + (r * T + t) * Jp + j] * (way * tanh_slope(u))
        dkeys[a0 + row * ldk + f] = dk
        e += cuda.gridsize(1)


@twin("dquery dkeys ddirection")
def additive_scores_back(
    plan, dscores, query, keys, direction, dquery, dkeys, ddirection, valid, T, J, B, F, Jp, ldq, ldk
):  # fmt: skip
    """All three gradients."""
    F = _whole(plan, F)
    sizes, parts = (T, J, B, F, Jp, ldq, ldk), plan.work("directions", T * B * F)
    plan.each(additive_targets, T * B * F, dscores, query, keys, direction, dquery, parts, valid, *sizes)
    plan.each(additive_sources, B * J * F, dscores, query, keys, direction, dkeys, valid, *sizes)
    column_sums(plan, parts, ddirection, T * B, F, 0, F, 1, 1)


# Weights ----------------------------------------------------------------------------------------------
def _softmax_kernels(real: Any) -> tuple[DeviceKernel, DeviceKernel]:
    """Forward and backward, a block for the weights of each step."""

    def softmax_steps(weights, w0, valid, v0, B, T, Jp):
        """weights (B, T, Jp): scores become their softmax, computed from the largest; 0 past a row's end."""
        room = cuda.shared.array(TEAM, real)
        me, e = cuda.threadIdx.x, cuda.blockIdx.x
        while e < B * T:
            n, row = valid[v0 + e // T], w0 + e * Jp
            top, s = weights[row], real(0)
            for j in range(me, n, TEAM):
                top = max(top, weights[row + j])
            top = largest_of_team(room, me, top)
            for j in range(me, n, TEAM):
                part = exp(weights[row + j] - top)
                weights[row + j] = part
                s += part
            s = sum_of_team(room, me, s)
            for j in range(me, Jp, TEAM):
                weights[row + j] = weights[row + j] / s if j < n else real(0)
            e += cuda.gridDim.x

    def softmax_steps_back(weights, w0, d, d0, valid, v0, B, T, Jp):
        """d (B, T, Jp), by the weights, becomes that by the scores; 0 past a row's end."""
        room = cuda.shared.array(TEAM, real)
        me, e = cuda.threadIdx.x, cuda.blockIdx.x
        while e < B * T:
            n, own, to, s = valid[v0 + e // T], w0 + e * Jp, d0 + e * Jp, real(0)
            for j in range(me, n, TEAM):
                s += weights[own + j] * d[to + j]
            mean = sum_of_team(room, me, s)
            for j in range(me, Jp, TEAM):
                d[to + j] = weights[own + j] * (d[to + j] - mean) if j < n else real(0)
            e += cuda.gridDim.x

    make = device_kernel(threads=TEAM)
    return make(softmax_steps), make(softmax_steps_back)


SOFTMAX = {str(real): _softmax_kernels(real) for real in (float32, float64)}


@twin("weights context")
def attend(plan, values, zero, weights, context, valid, T, J, B, F, Jp, ldv, ldc):
    """Weights, and the mean of the values that they weigh."""
    plan.blocks(SOFTMAX[plan.dtype.name][0], (min(B * T, MOST_TEAMS),), weights, valid, B, T, Jp)
    a, b = _weights(weights, T, Jp), _sources(values, J, ldv)
    multiply(plan, T, _whole(plan, F), J, a, b, _targets(context, B, ldc), B, False)


@twin("dscores dvalues")
def attend_back(plan, dcontext, values, weights, zero, turned, dscores, dvalues, valid, T, J, B, F, Jp, ldv, ldc):
    """Both; dvalues past a row's end are zeros."""
    d, w = _targets(dcontext, B, ldc), _weights(weights, T, Jp)
    multiply(plan, T, J, F, d, _turned(_sources(values, J, ldv)), _weights(dscores, T, Jp), B, False)
    plan.blocks(SOFTMAX[plan.dtype.name][1], (min(B * T, MOST_TEAMS),), weights, dscores, valid, B, T, Jp)
    multiply(plan, J, _whole(plan, F), T, _turned(w), d, _sources(dvalues, J, ldv), B, False)


# The layer behind it ----------------------------------------------------------------------------------
@device_kernel()
def squash_each(x, x0, rows, F, ld):
    """x (rows, ld)[:, :F] becomes tanh(x)."""
    k = cuda.grid(1)
    while k < rows * F:
        place = x0 + k // F * ld + k % F
        x[place] = tanh(x[place])
        k += cuda.gridsize(1)


@twin("x")
def squash(plan, x, rows, F, ld):
    """Hyperbolic tangent."""
    plan.each(squash_each, rows * F, x, rows, F, ld)


@device_kernel()
def squash_each_back(y, y0, dy, d0, rows, F, ld):
    """dy (rows, ld)[:, :F], by y = tanh(x), becomes that by x."""
    k = cuda.grid(1)
    while k < rows * F:
        place = k // F * ld + k % F
        dy[d0 + place] = dy[d0 + place] * tanh_slope(y[y0 + place])
        k += cuda.gridsize(1)


@twin("dy")
def squash_back(plan, y, dy, rows, F, ld):
    """Hyperbolic tangent."""
    plan.each(squash_each_back, rows * F, y, dy, rows, F, ld)
