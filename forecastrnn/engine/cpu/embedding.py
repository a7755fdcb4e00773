"""Embeddings: the code of a category becomes a row of a table, and that row's gradient is added up."""

from forecastrnn.engine.cpu.build import integers, kernel, pointers, sizes


@kernel("codes table out | rows F lds ldo")
def embed(record, step):
    """out (rows, ldo)[:, :F] = table (size + 1, F) at codes (rows, lds)[:, 0]."""
    codes, table, out = pointers(record, 0, 3)
    rows, F, lds, ldo = sizes(record, 3, 4)
    for r in range(rows):
        row = int(codes[r * lds]) * F
        for f in range(F):
            out[r * ldo + f] = table[row + f]


@kernel("codes dout grad valid | T B F size lds ldd ldg first fresh")
def embed_gradient(record, step):
    """grad (size, ldg)[code] += dout[t, r] for the steps first + t < valid[r]; `fresh`: it begins at zero.

    codes (T, B, lds)[:, :, 0]; dout (T, B, ldd)[:, :, :F]. Code `size`, the unknown category, has no gradient.
    """
    codes, dout, grad = pointers(record, 0, 3)
    (valid,) = integers(record, 3, 1)
    T, B, F, size, lds, ldd, ldg, first, fresh = sizes(record, 4, 9)
    if fresh != 0:
        for j in range(size * ldg):
            grad[j] = 0
    for t in range(T - 1, -1, -1):  # from the last step on, as stretches come
        for r in range(B):
            code = int(codes[(t * B + r) * lds])
            if first + t >= valid[r] or code == size:
                continue
            for f in range(F):
                grad[code * ldg + f] += dout[(t * B + r) * ldd + f]
