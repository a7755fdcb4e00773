"""Outputs of several times ahead read rows of their own times: those that lie behind the row they are made at."""

from forecastrnn.engine.cpu.build import kernel, pointers, sizes


@kernel("source out | T B O lds ldo every")
def add_ahead(record, step):
    """out (T, B, ldo)[t, r, j * every] += source (T + O - 1, B, lds)[t + j, r, 0], for O times j."""
    source, out = pointers(record, 0, 2)
    T, B, O, lds, ldo, every = sizes(record, 2, 6)
    for t in range(T):
        for r in range(B):
            for j in range(O):
                out[(t * B + r) * ldo + j * every] += source[((t + j) * B + r) * lds]


@kernel("dout out | T B O ldd ldo every")
def add_ahead_gradient(record, step):
    """out (T + O - 1, B, ldo)[u, r, 0] = sum_j dout (T, B, ldd)[u - j, r, j * every]; the rest of a row is zero."""
    dout, out = pointers(record, 0, 2)
    T, B, O, ldd, ldo, every = sizes(record, 2, 6)
    for k in range((T + O - 1) * B * ldo):
        out[k] = 0
    for t in range(T):
        for r in range(B):
            for j in range(O):
                out[((t + j) * B + r) * ldo] += dout[(t * B + r) * ldd + j * every]
