"""Update rules on the device; rules and options as in `forecastrnn.engine.cpu.update`.

A thread computes the rates of the step in float64, and works on its parameters in their own type.
"""

import math

import numpy as np
from numba import cuda, float64

from forecastrnn.engine.cpu import update
from forecastrnn.engine.cpu.update import COUNT, EPSILON, FADING, FIRST, L2, NESTEROV, NOISE, SECOND, SEED
from forecastrnn.engine.cuda.build import device_function, device_kernel
from forecastrnn.engine.cuda.dropout import mix
from forecastrnn.engine.cuda.losses import add_up
from forecastrnn.engine.cuda.registry import twin

CLIP, DECAY = update.CLIP, update.DECAY
BLOCKS = 264  # of an update; two for each multiprocessor


@device_function
def clip_scale(options, p0, partial, q0, shards):
    """What the gradient is multiplied with so that its norm is at most the limit; 0: no limit."""
    if options[p0 + CLIP] <= 0.0:
        return 1.0
    s = 0.0
    for shard in range(shards):
        s += partial[q0 + shard]
    norm = math.sqrt(s)
    return options[p0 + CLIP] / norm if norm > options[p0 + CLIP] else 1.0


@device_kernel(double=True)
def square_sums(grad, g0, parts, p0, lo, hi):
    """parts (threads,): each thread's sum of squares of grad[lo:hi]."""
    s = 0.0
    j = lo + cuda.grid(1)
    while j < hi:
        s += float64(grad[g0 + j]) * float64(grad[g0 + j])
        j += cuda.gridsize(1)
    parts[p0 + cuda.grid(1)] = s


@device_kernel(threads=1)
def nothing_yet(step, s0):
    """step = 0."""
    step[s0] = 0


@twin("partial")
def norm_part(plan, grad, partial, lo, hi, piece):
    """The square of the gradient's norm."""
    parts, none = plan.work("norm", 64 * 256, "float64"), plan.work("no_step", 1, "int64")
    plan.blocks(nothing_yet, (1,), none)
    count = plan.each(square_sums, hi - lo, grad, parts, lo, hi, most=64)
    plan.blocks(add_up, (1,), parts, partial.at(piece), none, count if hi > lo else 0, 1, 0, 1, 1)


@device_kernel(double=True, stack=40)  # cos keeps large arguments there, which do not come
def noise_each(grad, g0, options, p0, step, c0, lo, hi):
    """grad[lo:hi] += N(0, noise / (1 + updates)^0.55)."""
    count = options[p0 + COUNT] + step[c0]
    deviation = math.sqrt(options[p0 + NOISE] / (1.0 + count) ** FADING)
    begin = mix(np.int64(options[p0 + SEED]) + np.int64(mix(np.int64(count))))
    j = lo + cuda.grid(1)
    while j < hi:
        x = mix(begin + np.uint64(j))
        one = (float64(x >> np.uint64(32)) + 0.5) / 4294967296.0
        two = float64(x & np.uint64(0xFFFFFFFF)) / 4294967296.0
        grad[g0 + j] += deviation * math.sqrt(-2.0 * math.log(one)) * math.cos(2.0 * math.pi * two)
        j += cuda.gridsize(1)


@twin("grad")
def add_noise(plan, grad, options, lo, hi):
    """Gradient noise."""
    plan.each(noise_each, hi - lo, grad, options, plan.step, lo, hi, most=BLOCKS)


def plan_update(plan, kernel, arrays, lo, hi, shards, matrix):
    """Plan an update of the parameters lo .. hi by a rule's kernel."""
    plan.each(kernel, hi - lo, *arrays, plan.step, lo, hi, shards, matrix, most=BLOCKS)


@device_kernel(double=True)
def adam_each(theta, t0, grad, g0, m, m0, v, v0, rates, r0, options, p0, partial, q0, step, c0, lo, hi, shards, matrix):
    """Adam on theta[lo:hi]; with decoupled decay AdamW."""
    real, count = theta.dtype.type, options[p0 + COUNT] + step[c0] + 1.0
    rate, b1, b2 = rates[r0 + step[c0]], options[p0 + FIRST], options[p0 + SECOND]
    scale, l2 = real(clip_scale(options, p0, partial, q0, shards)), real(options[p0 + L2] * matrix)
    step_size, fix = real(rate / (1.0 - b1**count)), real(1.0 / (1.0 - b2**count))
    keep, eps = real(1.0 - rate * options[p0 + DECAY] * matrix), real(options[p0 + EPSILON])
    first, second, c1, c2 = real(b1), real(b2), real(1.0 - b1), real(1.0 - b2)
    j = lo + cuda.grid(1)
    while j < hi:
        w = theta[t0 + j]
        g = scale * grad[g0 + j] + l2 * w
        mj, vj = first * m[m0 + j] + c1 * g, second * v[v0 + j] + c2 * (g * g)
        m[m0 + j], v[v0 + j] = mj, vj
        theta[t0 + j] = keep * w - step_size * mj / (real(math.sqrt(fix * vj)) + eps)
        j += cuda.gridsize(1)


@twin("theta m v")
def adam(plan, theta, grad, m, v, rates, options, partial, lo, hi, shards, matrix):
    """Adam and AdamW."""
    plan_update(plan, adam_each, (theta, grad, m, v, rates, options, partial), lo, hi, shards, matrix)


@device_kernel(double=True)
def sgd_each(theta, t0, grad, g0, m, m0, rates, r0, options, p0, partial, q0, step, c0, lo, hi, shards, matrix):
    """Gradient descent with momentum on theta[lo:hi], Nesterov's form if asked."""
    real = theta.dtype.type
    scale, l2 = real(clip_scale(options, p0, partial, q0, shards)), real(options[p0 + L2] * matrix)
    momentum, rate = real(options[p0 + FIRST]), real(rates[r0 + step[c0]])
    ahead = options[p0 + NESTEROV] > 0.0
    j = lo + cuda.grid(1)
    while j < hi:
        g = scale * grad[g0 + j] + l2 * theta[t0 + j]
        mj = momentum * m[m0 + j] + g
        m[m0 + j] = mj
        theta[t0 + j] -= rate * (g + momentum * mj if ahead else mj)
        j += cuda.gridsize(1)


@twin("theta m")
def sgd(plan, theta, grad, m, rates, options, partial, lo, hi, shards, matrix):
    """Gradient descent."""
    plan_update(plan, sgd_each, (theta, grad, m, rates, options, partial), lo, hi, shards, matrix)


@device_kernel(double=True)
def rmsprop_each(theta, t0, grad, g0, v, v0, rates, r0, options, p0, partial, q0, step, c0, lo, hi, shards, matrix):
    """RMSprop on theta[lo:hi]."""
    real = theta.dtype.type
    scale, l2 = real(clip_scale(options, p0, partial, q0, shards)), real(options[p0 + L2] * matrix)
    second, rest = real(options[p0 + SECOND]), real(1.0 - options[p0 + SECOND])
    rate, eps = real(rates[r0 + step[c0]]), real(options[p0 + EPSILON])
    j = lo + cuda.grid(1)
    while j < hi:
        g = scale * grad[g0 + j] + l2 * theta[t0 + j]
        vj = second * v[v0 + j] + rest * g * g
        v[v0 + j] = vj
        theta[t0 + j] -= rate * g / (real(math.sqrt(vj)) + eps)
        j += cuda.gridsize(1)


@twin("theta v")
def rmsprop(plan, theta, grad, v, rates, options, partial, lo, hi, shards, matrix):
    """RMSprop."""
    plan_update(plan, rmsprop_each, (theta, grad, v, rates, options, partial), lo, hi, shards, matrix)
