"""Update rules on a stretch lo .. hi of the flat parameter vector, and the norm that clips the gradient.

`rates` holds the learning rate of each step of the call; `options` the rule's constants:
[clip norm, L2, decoupled decay, first moment, second moment, epsilon, updates before this call, Nesterov or not,
gradient noise, seed].
"""

import math

import numpy as np

from forecastrnn.engine.cpu.build import doubles, fast, kernel, pointers, sizes
from forecastrnn.engine.cpu.dropout import mix
from forecastrnn.engine.cpu.simd import lanes, load, store
from forecastrnn.engine.formulas import sqrt

CLIP, L2, DECAY, FIRST, SECOND, EPSILON, COUNT, NESTEROV, NOISE, SEED = range(10)
OPTIONS = 10
FADING = 0.55  # the variance of gradient noise falls with this power of the updates made


@kernel("grad partial | lo hi piece")
def norm_part(record, step):
    """partial[piece] = sum of squares of grad[lo:hi]."""
    (grad,) = pointers(record, 0, 1)
    (partial,) = doubles(record, 1, 1)
    lo, hi, piece = sizes(record, 2, 3)
    s = 0.0
    for j in range(lo, hi):
        s += float(grad[j]) * float(grad[j])
    partial[piece] = s


@kernel("grad options | lo hi")
def add_noise(record, step):
    """grad[lo:hi] += N(0, noise / (1 + updates)^0.55) (Neelakantan et al. 2015, arXiv:1511.06807), by Box, Muller."""
    (grad,) = pointers(record, 0, 1)
    (options,) = doubles(record, 1, 1)
    lo, hi = sizes(record, 2, 2)
    count = options[COUNT] + step
    deviation = math.sqrt(options[NOISE] / (1.0 + count) ** FADING)
    begin = mix(np.int64(options[SEED]) + mix(np.int64(count)))
    for j in range(lo, hi):
        x = mix(begin + np.uint64(j))
        one = (np.float64(x >> np.uint64(32)) + 0.5) / 4294967296.0
        two = np.float64(x & np.uint64(0xFFFFFFFF)) / 4294967296.0
        grad[j] += deviation * math.sqrt(-2.0 * math.log(one)) * math.cos(2.0 * math.pi * two)


@fast
def clip_scale(options, partial, shards):
    """What the gradient is multiplied with so that its norm is at most the limit; 0: no limit."""
    if options[CLIP] <= 0.0:
        return 1.0
    s = 0.0
    for shard in range(shards):
        s += partial[shard]
    norm = math.sqrt(s)
    return options[CLIP] / norm if norm > options[CLIP] else 1.0


@kernel("theta grad rates options partial | lo hi shards matrix | m v")
def adam(record, step):
    """Adam (Kingma & Ba 2015) on theta[lo:hi]; with decoupled decay AdamW (Loshchilov & Hutter 2019)."""
    theta, grad = pointers(record, 0, 2)
    rates, options, partial = doubles(record, 2, 3)
    lo, hi, shards, matrix = sizes(record, 5, 4)
    m, v = pointers(record, 9, 2)
    scale, count = clip_scale(options, partial, shards), options[COUNT] + step + 1.0
    l2, decay = options[L2] * matrix, options[DECAY] * matrix
    b1, b2, rate, eps = options[FIRST], options[SECOND], rates[step], options[EPSILON]
    step_size, fix = rate / (1.0 - b1**count), 1.0 / (1.0 - b2**count)
    keep, c1, c2 = 1.0 - rate * decay, 1.0 - b1, 1.0 - b2
    L = lanes(theta)
    whole = lo + (hi - lo) // L * L
    for j in range(lo, whole, L):
        w = load(theta, j)
        g = scale * load(grad, j) + l2 * w
        mj, vj = b1 * load(m, j) + c1 * g, b2 * load(v, j) + c2 * (g * g)
        store(m, j, mj)
        store(v, j, vj)
        store(theta, j, keep * w - step_size * mj / (sqrt(fix * vj) + eps))
    for j in range(whole, hi):
        g = scale * grad[j] + l2 * theta[j]
        m[j] = b1 * m[j] + c1 * g
        v[j] = b2 * v[j] + c2 * (g * g)
        theta[j] = keep * theta[j] - step_size * m[j] / (math.sqrt(fix * v[j]) + eps)


@fast
def update_each(record, step, moments, change):
    """theta[lo:hi] -= change(j, clipped gradient with L2, moments, rate, options), which moves the moments on."""
    theta, grad = pointers(record, 0, 2)
    rates, options, partial = doubles(record, 2, 3)
    lo, hi, shards, matrix = sizes(record, 5, 4)
    scale, l2, rate = clip_scale(options, partial, shards), options[L2] * matrix, rates[step]
    keep = 1.0 - rate * options[DECAY] * matrix
    for j in range(lo, hi):
        g = scale * grad[j] + l2 * theta[j]
        theta[j] = keep * theta[j] - change(j, g, moments, rate, options)


@fast
def sgd_change(j, g, m, rate, options):
    """Momentum, Nesterov's form if asked."""
    m[j] = options[FIRST] * m[j] + g
    return rate * (g + options[FIRST] * m[j] if options[NESTEROV] > 0.0 else m[j])


@kernel("theta grad rates options partial | lo hi shards matrix | m")
def sgd(record, step):
    """Stochastic gradient descent with momentum (Nesterov's form: Sutskever et al. 2013)."""
    (m,) = pointers(record, 9, 1)
    update_each(record, step, m, sgd_change)


@fast
def rmsprop_change(j, g, v, rate, options):
    """The gradient over the root of its running mean square."""
    v[j] = options[SECOND] * v[j] + (1.0 - options[SECOND]) * g * g
    return rate * g / (math.sqrt(v[j]) + options[EPSILON])


@kernel("theta grad rates options partial | lo hi shards matrix | v")
def rmsprop(record, step):
    """RMSprop (Tieleman & Hinton 2012)."""
    (v,) = pointers(record, 9, 1)
    update_each(record, step, v, rmsprop_change)
