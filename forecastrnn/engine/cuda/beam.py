"""Beam search on the device; names, sizes and the order of equal scores as in `forecastrnn.engine.cpu.beam`.

The scores of all continuations are written down first, by a block for each hypothesis. A block for each source then
takes the best k, one after the other: each time the best of those behind the last one.
"""

import math

from numba import cuda, float64, int64

from forecastrnn.engine.cpu import beam
from forecastrnn.engine.cuda.build import SIMULATED, device_function, device_kernel, rebuilt
from forecastrnn.engine.cuda.formulas import exp
from forecastrnn.engine.cuda.registry import twin
from forecastrnn.engine.cuda.teams import largest_and_sum

TEAM = 4 if SIMULATED else 128  # threads that share a hypothesis, or a source
NONE = math.nan  # compares as false: never taken

largest_of_team, sum_of_team = largest_and_sum(TEAM)
settled = rebuilt(beam.settled)


@device_kernel(threads=TEAM, double=True)
def score_rows(out, o0, logp, p0, penalty, n0, length, l0, done, d0, scores, s0, levels, e0, step, c0, B, k, V, ldo):
    """A block a row r: scores (B, V) of its continuations; levels (B,): what an output has to be added to."""
    room = cuda.shared.array(TEAM, float64)
    me, r, now = cuda.threadIdx.x, cuda.blockIdx.x, step[c0]
    if done[d0 + r // k] != 0:
        return
    own, to, before, size = o0 + r * ldo, s0 + r * V, logp[p0 + now * B + r], length[l0 + r]
    if size != 0:  # it has ended, and goes on as it is; or there is none
        for v in range(me, V, TEAM):
            scores[to + v] = before / penalty[n0 + size] if size > 0 and v == V - 1 else NONE
        return
    top, s = out[own], 0.0
    for v in range(me, V, TEAM):
        top = max(top, out[own + v])
    top = out.dtype.type(largest_of_team(room, me, float64(top)))
    for v in range(me, V, TEAM):
        s += float64(exp(out[own + v] - top))
    level = before - (float64(top) + math.log(sum_of_team(room, me, s)))
    for v in range(me, V, TEAM):
        scores[to + v] = (level + float64(out[own + v])) / penalty[n0 + now + 1]
    if me == 0:
        levels[e0 + r] = level


@device_function
def best_of_team(room, places, me, score, place):
    """The best score of a block's threads and its place, the first of equal ones; a place below 0: none."""
    cuda.syncthreads()
    room[me], places[me] = score, place
    cuda.syncthreads()
    half = TEAM // 2
    while half > 0:
        if me < half:
            other, value = places[me + half], room[me + half]
            first = value > room[me] or (value == room[me] and other < places[me])
            if other >= 0 and (places[me] < 0 or first):
                room[me], places[me] = value, other
        cuda.syncthreads()
        half //= 2
    return room[0], places[0]


@device_function
def best_behind(room, places, me, scores, first, count, last, place):
    """The best of `count` scores from `first` on among those that come behind (last, place), and its place."""
    best, at = -math.inf, int64(-1)
    for c in range(me, count, TEAM):
        score = scores[first + c]
        if (score < last or (score == last and c > place)) and (at < 0 or score > best):
            best, at = score, int64(c)
    return best_of_team(room, places, me, best, at)


@device_kernel(threads=TEAM, double=True)
def take_best(
    out, o0, x, x0, logp, p0, length, l0, symbols, y0, parents, a0, done, d0, scores, s0, levels, e0, ends, b0, step,
    c0, S, k, V, ldo,
):  # fmt: skip
    """A block a source: its k best continuations in their order; scores (B, V), levels, ends (B,) are work space."""
    room, places = cuda.shared.array(TEAM, float64), cuda.shared.array(TEAM, int64)
    me, s, now = cuda.threadIdx.x, cuda.blockIdx.x, step[c0]
    first, here, own = s * k, (now * S + s) * k, p0 + ((now + 1) * S + s) * k
    if done[d0 + s] != 0:
        for j in range(me, k, TEAM):
            symbols[y0 + here + j], parents[a0 + here + j] = V - 1, first + j
            logp[own + j] = logp[own - S * k + j]
        return
    last, place = math.inf, int64(-1)
    for j in range(k):
        last, place = best_behind(room, places, me, scores, s0 + first * V, k * V, last, place)
        if me == 0:
            symbol, row, log, end = V - 1, first, 0.0, int64(-1)
            if place >= 0:
                symbol, row = place % V, first + place // V
                log, end = logp[own - S * k + row - first], length[l0 + row]
                if end == 0:
                    log = levels[e0 + row] + float64(out[o0 + row * ldo + symbol])
                    end = now + 1 if symbol == V - 1 else int64(0)
            symbols[y0 + here + j], parents[a0 + here + j], x[x0 + first + j] = symbol, row, symbol
            logp[own + j], ends[b0 + first + j] = log, end
        if place < 0:
            last, place = -math.inf, k * V  # and no other one is behind it
    if me == 0:
        for j in range(k):
            length[l0 + first + j] = ends[b0 + first + j]


@device_kernel(double=True)
def settle_each(logp, p0, penalty, n0, length, l0, done, d0, step, c0, S, k, most):
    """A thread a source: done (S,), whether its best hypothesis can change no more."""
    s = cuda.grid(1)
    while s < S:
        if done[d0 + s] == 0:
            first, own = l0 + s * k, p0 + ((step[c0] + 1) * S + s) * k
            after = penalty[n0 : n0 + most + 1]
            done[d0 + s] = settled(k, logp[own : own + k], length[first : first + k], after, most)
        s += cuda.gridsize(1)


@twin("x logp length symbols parents done")
def grow_beams(
    plan, out, x, work, logp, penalty, scores, logs, length, symbols, parents, done, ends, S, k, V, ldo, most
):
    """The k best continuations of each source's hypotheses."""
    B = S * k
    found = plan.work("continuations", B * V, "float64")
    levels, sizes = plan.work("levels", B, "float64"), plan.work("ends", B, "int64")
    plan.blocks(score_rows, (B,), out, logp, penalty, length, done, found, levels, plan.step, B, k, V, ldo)
    plan.blocks(
        take_best, (S,), out, x, logp, length, symbols, parents, done, found, levels, sizes, plan.step, S, k, V, ldo
    )  # fmt: skip
    plan.each(settle_each, S, logp, penalty, length, done, plan.step, S, k, most)


@device_kernel()
def select_each(source, s0, out, o0, which, w0, step, c0, B, F, lds, ldo):
    """out (B, ldo)[r] = source (B, lds)[which[step, r]], for F columns."""
    e = cuda.grid(1)
    while e < B * F:
        r, f = e // F, e % F
        out[o0 + r * ldo + f] = source[s0 + which[w0 + step[c0] * B + r] * lds + f]
        e += cuda.gridsize(1)


@twin("out")
def select_rows(plan, source, out, which, B, F, lds, ldo):
    """States go where their hypotheses went."""
    plan.each(select_each, B * F, source, out, which, plan.step, B, F, lds, ldo)


@device_kernel()
def keep_each(source, s0, out, o0, step, c0, B, F, lds):
    """out (steps, B, F)[step] = source (B, lds)[:, :F]."""
    e = cuda.grid(1)
    while e < B * F:
        out[o0 + step[c0] * B * F + e] = source[s0 + e // F * lds + e % F]
        e += cuda.gridsize(1)


@twin("out")
def keep_step(plan, source, out, B, F, lds):
    """What one step has computed."""
    plan.each(keep_each, B * F, source, out, plan.step, B, F, lds)


@device_kernel()
def trace_each(length, l0, symbols, y0, parents, a0, rows, w0, found, f0, best, b0, taken, t0, S, k, V, total):
    """A thread a source: found, rows (S, total) back from its best hypothesis over taken[0] steps; best (S,)."""
    s = cuda.grid(1)
    while s < S:
        r = s * k
        for j in range(k):
            if length[l0 + s * k + k - 1 - j] > 0:
                r = s * k + k - 1 - j
        best[b0 + s] = r
        for j in range(total):
            t = total - 1 - j
            found[f0 + s * total + t], rows[w0 + s * total + t] = V - 1, 0
            if t < taken[t0]:
                found[f0 + s * total + t] = symbols[y0 + t * S * k + r]
                r = parents[a0 + t * S * k + r]
                rows[w0 + s * total + t] = r
        s += cuda.gridsize(1)


@twin("rows found best")
def trace_beams(plan, length, symbols, parents, rows, found, best, S, k, V, steps, total):
    """The way back; `steps` is an argument of the program."""
    plan.each(trace_each, S, length, symbols, parents, rows, found, best, steps, S, k, V, total)
