"""Attention: scores of source steps by target steps, their softmax, the mean it weighs, and the way back.

Sizes: B rows, T steps of the target, J of the source, of which valid[r] belong to row r; F numbers a step.
Queries are (T, B, ldq), time first, as layers leave them. What is kept of the source has its row first: values
(B, J, ldv), keys (B, J, ldk), zero past a row's end. Scores and weights are (B, T, Jp), Jp = J padded to whole vectors.
Every sum runs over steps of one row in their order, so that shards and threads change nothing.
"""

from forecastrnn.engine import formulas
from forecastrnn.engine.cpu.build import fast, integers, kernel, pointers, sizes
from forecastrnn.engine.cpu.packing import clear, vectors_of
from forecastrnn.engine.cpu.simd import at, lanes, load, splat, store, total
from forecastrnn.engine.cpu.tile import gemm, panels_of, part


@fast
def times(rows, a, a_row, a_k, depth, b, ldb, fresh, zero, c, ldc, vecs):
    """c (rows, vecs) = a b, or += if not `fresh`; b is not packed: its rows lie ldb numbers apart."""
    L, panels = lanes(c), panels_of(vecs)
    for p in range(panels):
        lo, n = part(vecs, panels, p) * L, part(vecs, panels, p + 1) - part(vecs, panels, p)
        init, ldi = (zero, 0) if fresh else (at(c, lo), ldc)
        gemm(rows, n, init, ldi, a, a_row, a_k, 1, 0, depth, at(b, lo), ldb, at(c, lo), ldc)


@fast
def turn_values(n, F, values, ldv, turned, Jp):
    """turned (F, Jp) = values (n, ldv) transposed."""
    for j in range(n):
        for f in range(F):
            turned[f * Jp + j] = values[j * ldv + f]


@kernel("query values zero turned scores valid | T J B F Jp ldq ldv")
def dot_scores(record, step):
    """scores (B, T, Jp) = query (T, B, ldq) . values (B, J, ldv); turned (F, Jp) is work space."""
    query, values, zero, turned, scores = pointers(record, 0, 5)
    (valid,) = integers(record, 5, 1)
    T, J, B, F, Jp, ldq, ldv = sizes(record, 6, 7)
    for r in range(B):
        n = valid[r]
        turn_values(n, F, at(values, r * J * ldv), ldv, turned, Jp)
        own = at(scores, r * T * Jp)
        times(T, at(query, r * ldq), B * ldq, 1, F, turned, Jp, True, zero, own, Jp, vectors_of(n, lanes(own)))


@kernel("dscores query values dquery dvalues zero valid | T J B F Jp ldq ldv")
def dot_scores_back(record, step):
    """dscores (B, T, Jp) -> dquery (T, B, ldq) and dvalues (B, J, ldv), which are added to."""
    dscores, query, values, dquery, dvalues, zero = pointers(record, 0, 6)
    (valid,) = integers(record, 6, 1)
    T, J, B, F, Jp, ldq, ldv = sizes(record, 7, 7)
    vecs = vectors_of(F, lanes(dquery))
    for r in range(B):
        n, own = valid[r], at(dscores, r * T * Jp)
        v, dv = at(values, r * J * ldv), at(dvalues, r * J * ldv)
        times(T, own, Jp, 1, n, v, ldv, False, zero, at(dquery, r * ldq), B * ldq, vecs)
        times(n, own, 1, Jp, T, at(query, r * ldq), B * ldq, False, zero, dv, ldv, vecs)


@kernel("query keys direction scores valid | T J B F Jp ldq ldk")
def additive_scores(record, step):
    """scores (B, T, Jp) = direction (F,) . tanh(query (T, B, ldq) + keys (B, J, ldk)); what F is padded by is zero."""
    query, keys, direction, scores = pointers(record, 0, 4)
    (valid,) = integers(record, 4, 1)
    T, J, B, F, Jp, ldq, ldk = sizes(record, 5, 7)
    L = lanes(query)
    for r in range(B):
        for t in range(T):
            q, own = at(query, (t * B + r) * ldq), at(scores, (r * T + t) * Jp)
            for j in range(valid[r]):
                k, s = at(keys, (r * J + j) * ldk), splat(query, 0.0)
                for f in range(0, F, L):
                    s = s + load(direction, f) * formulas.tanh(load(q, f) + load(k, f))
                own[j] = total(s)


@kernel("dscores query keys direction dquery dkeys ddirection valid | T J B F Jp ldq ldk")
def additive_scores_back(record, step):
    """dscores (B, T, Jp) -> dquery (T, B, ldq), dkeys (B, J, ldk), ddirection (F,); tanh is computed once more."""
    dscores, query, keys, direction, dquery, dkeys, ddirection = pointers(record, 0, 7)
    (valid,) = integers(record, 7, 1)
    T, J, B, F, Jp, ldq, ldk = sizes(record, 8, 7)
    L = lanes(query)
    clear(dkeys, 0, B * J * ldk)
    clear(ddirection, 0, vectors_of(F, L) * L)
    for r in range(B):
        k, dk = at(keys, r * J * ldk), at(dkeys, r * J * ldk)
        for t in range(T):
            row, d = (t * B + r) * ldq, at(dscores, (r * T + t) * Jp)
            for f in range(0, F, L):
                q, v = load(query, row + f), load(direction, f)
                dq, dv = splat(query, 0.0), splat(query, 0.0)
                for j in range(valid[r]):
                    u = formulas.tanh(q + load(k, j * ldk + f))
                    slope = float(d[j]) * (v * formulas.tanh_slope(u))
                    dq, dv = dq + slope, dv + float(d[j]) * u
                    store(dk, j * ldk + f, load(dk, j * ldk + f) + slope)
                store(dquery, row + f, dq)
                store(ddirection, f, load(ddirection, f) + dv)


@fast
def softmax(n, row):
    """Row (n,) becomes its softmax, computed from the largest; what lies behind in its last vector is lost."""
    L, top, s = lanes(row), row[0], 0.0
    for j in range(1, n):
        top = max(top, row[j])
    for j in range(0, n, L):
        store(row, j, formulas.exp(load(row, j) - float(top)))
    for j in range(n):
        s += float(row[j])
    for j in range(n):
        row[j] = row[j] / s


@kernel("values zero weights context valid | T J B F Jp ldv ldc")
def attend(record, step):
    """weights (B, T, Jp): scores become their softmax, 0 past a row's end; context (T, B, ldc) = weights values."""
    values, zero, weights, context = pointers(record, 0, 4)
    (valid,) = integers(record, 4, 1)
    T, J, B, F, Jp, ldv, ldc = sizes(record, 5, 7)
    vecs = vectors_of(F, lanes(context))
    for r in range(B):
        n, own = valid[r], at(weights, r * T * Jp)
        for t in range(T):
            row = at(own, t * Jp)
            softmax(n, row)
            for j in range(n, Jp):
                row[j] = 0
        times(T, own, Jp, 1, n, at(values, r * J * ldv), ldv, True, zero, at(context, r * ldc), B * ldc, vecs)


@kernel("dcontext values weights zero turned dscores dvalues valid | T J B F Jp ldv ldc")
def attend_back(record, step):
    """dcontext (T, B, ldc) -> dscores (B, T, Jp), and dvalues (B, J, ldv) of the valid steps."""
    dcontext, values, weights, zero, turned, dscores, dvalues = pointers(record, 0, 7)
    (valid,) = integers(record, 7, 1)
    T, J, B, F, Jp, ldv, ldc = sizes(record, 8, 7)
    L = lanes(dscores)
    vecs = vectors_of(F, L)
    for r in range(B):
        n, w, d = valid[r], at(weights, r * T * Jp), at(dscores, r * T * Jp)
        dc, dv = at(dcontext, r * ldc), at(dvalues, r * J * ldv)
        turn_values(n, F, at(values, r * J * ldv), ldv, turned, Jp)
        times(T, dc, B * ldc, 1, F, turned, Jp, True, zero, d, Jp, vectors_of(n, L))
        for t in range(T):
            softmax_back(n, at(w, t * Jp), at(d, t * Jp))
        times(n, w, 1, Jp, T, dc, B * ldc, True, zero, dv, ldv, vecs)


@fast
def softmax_back(n, weights, d):
    """d (n,), by the weights, becomes that by the scores: weights * (d - sum of weights * d)."""
    mean = 0.0
    for j in range(n):
        mean += float(weights[j]) * float(d[j])
    for j in range(n):
        d[j] = weights[j] * (d[j] - mean)


@kernel("x | rows F ld")
def squash(record, step):
    """x (rows, ld) becomes tanh(x); what F is padded by stays zero."""
    (x,) = pointers(record, 0, 1)
    rows, F, ld = sizes(record, 1, 3)
    for r in range(rows):
        for f in range(r * ld, r * ld + F, lanes(x)):
            store(x, f, formulas.tanh(load(x, f)))


@kernel("y dy | rows F ld")
def squash_back(record, step):
    """dy (rows, ld), by y = tanh(x), becomes that by x."""
    y, dy = pointers(record, 0, 2)
    rows, F, ld = sizes(record, 2, 3)
    for r in range(rows):
        for f in range(r * ld, r * ld + F, lanes(y)):
            store(dy, f, load(dy, f) * formulas.tanh_slope(load(y, f)))
