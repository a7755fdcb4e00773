"""Moving rows: windows gathered by index, reversed and joined directions, carried states."""

from forecastrnn.engine.cpu.build import doubles, integers, kernel, pointers, sizes


@kernel("source out starts | T B F lds stride every")
def gather(record, step):
    """out[t, r] = source[starts[step, r] + t * every]; source rows have lds numbers, of which F are read."""
    source, out = pointers(record, 0, 2)
    (starts,) = integers(record, 2, 1)
    T, B, F, lds, stride, every = sizes(record, 3, 6)
    for r in range(B):
        row = starts[step * stride + r] * lds
        for t in range(T):
            for f in range(F):
                out[(t * B + r) * F + f] = source[row + f]
            row += every * lds


@kernel("source target out starts | T B F stride first")
def gather_ahead(record, step):
    """out[t, r, j] = target[s + 1 + j] - source[s], s = starts[step, r] + first + t: the next F values, by the last."""
    source, target, out = pointers(record, 0, 3)
    (starts,) = integers(record, 3, 1)
    T, B, F, stride, first = sizes(record, 4, 5)
    for r in range(B):
        for t in range(T):
            s = starts[step * stride + r] + first + t
            for j in range(F):
                out[(t * B + r) * F + j] = target[s + 1 + j] - source[s]


@kernel("lengths valid active | T B stride")
def count_active(record, step):
    """valid[r] = lengths[step, r], longest first; active[t]: how many rows are longer than t."""
    lengths, valid, active = integers(record, 0, 3)
    T, B, stride = sizes(record, 3, 3)
    for r in range(B):
        valid[r] = lengths[step * stride + r]
    n = B
    for t in range(T):
        while n > 0 and valid[n - 1] <= t:
            n -= 1
        active[t] = n


@kernel("source out valid | T B F lds ldo add")
def reverse(record, step):
    """out[t, r] = source[valid[r] - 1 - t, r] for t < valid[r], or += with `add`; the rest stays as it is."""
    source, out = pointers(record, 0, 2)
    (valid,) = integers(record, 2, 1)
    _T, B, F, lds, ldo, add = sizes(record, 3, 6)
    for r in range(B):
        for t in range(valid[r]):
            a, b = ((valid[r] - 1 - t) * B + r) * lds, (t * B + r) * ldo
            for f in range(F):
                old = out[b + f] if add != 0 else source[a + f] * 0
                out[b + f] = old + source[a + f]


@kernel("source out | rows F lds ldo")
def copy_columns(record, step):
    """out (rows, ldo)[:, :F] = source (rows, lds)[:, :F]."""
    source, out = pointers(record, 0, 2)
    rows, F, lds, ldo = sizes(record, 2, 4)
    for r in range(rows):
        for f in range(F):
            out[r * ldo + f] = source[r * lds + f]


@kernel("source out | rows F lds ldo")
def clear_columns(record, step):
    """out (rows, ldo)[:, :F] = 0."""
    source, out = pointers(record, 0, 2)
    rows, F, _lds, ldo = sizes(record, 2, 4)
    for r in range(rows):
        for f in range(F):
            out[r * ldo + f] = 0


@kernel("h out valid | T B F ldh ldo first")
def take_last(record, step):
    """out[r] = h[valid[r] - first, r], the state after each row's last valid step, where that is in first .. first + T.

    h has T + 1 steps.
    """
    h, out = pointers(record, 0, 2)
    (valid,) = integers(record, 2, 1)
    T, B, F, ldh, ldo, first = sizes(record, 3, 6)
    for r in range(B):
        t = valid[r] - first
        if t > T or t < 0 or (t == 0 and first > 0):
            continue
        row = (t * B + r) * ldh
        for f in range(F):
            out[r * ldo + f] = h[row + f]


@kernel("last first keep | B F stride")
def carry(record, step):
    """first (B, F) = last (B, F) where keep[step] is not 0, else 0: the state goes on, or starts anew."""
    last, first, keep = pointers(record, 0, 3)
    B, F, stride = sizes(record, 3, 3)
    for j in range(B * F):
        first[j] = last[j] if keep[step * stride] != 0 else last[j] * 0


@kernel("out result x gain shift | B F ldo ldx total first")
def feed_back(record, step):
    """result[r, first + step] = out[r]; x[r] = out[r] * gain + shift: an output becomes the next input."""
    out, result, x, gain, shift = pointers(record, 0, 5)
    B, F, ldo, ldx, total, first = sizes(record, 5, 6)
    for r in range(B):
        for f in range(F):
            value = out[r * ldo + f]
            result[(r * total + first + step) * F + f] = value
            x[r * ldx + f] = value * gain[f] + shift[f]


@kernel("out result history gain shift | B F ldo total known")
def append_output(record, step):
    """result[r, step] = out[r]; history[r, known + step] = out[r] * gain + shift, for the next window."""
    out, result, history, gain, shift = pointers(record, 0, 5)
    B, F, ldo, total, known = sizes(record, 5, 5)
    for r in range(B):
        for f in range(F):
            value = out[r * ldo + f]
            result[(r * total + step) * F + f] = value
            history[(r * (known + total) + known + step) * F + f] = value * gain[f] + shift[f]


@kernel("given shift scale x | F")
def scale_in(record, step):
    """x (F,) = (given - shift) / scale, from float64."""
    given, shift, scale = doubles(record, 0, 3)
    (x,) = pointers(record, 3, 1)
    (F,) = sizes(record, 4, 1)
    for f in range(F):
        x[f] = (given[f] - shift[f]) / scale[f]


@kernel("out shift scale result | F")
def scale_out(record, step):
    """result (F,) = out * scale + shift, in float64."""
    (out,) = pointers(record, 0, 1)
    shift, scale, result = doubles(record, 1, 3)
    (F,) = sizes(record, 4, 1)
    for f in range(F):
        result[f] = float(out[f]) * scale[f] + shift[f]
