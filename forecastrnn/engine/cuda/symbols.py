"""Drawing symbols on the device: the choice of `forecastrnn.engine.cpu.symbols`, a thread a row."""

from numba import cuda

from forecastrnn.engine.cpu import symbols
from forecastrnn.engine.cuda import formulas
from forecastrnn.engine.cuda.build import device_kernel, rebuilt
from forecastrnn.engine.cuda.registry import twin

draw_one = rebuilt(symbols.draw_one, threshold=rebuilt(symbols.threshold), formulas=formulas)


@device_kernel(double=True)
def draw_rows(
    out, o0, x, x0, gain, g0, shift, s0, u, u0, temperature, t0, chosen, c0, step, n0, B, F, ldo, ldx, total, top, coded
):  # fmt: skip
    """out (B, ldo) of scores -> chosen[r, step], by u[r, step]; x[r]: one-hot, or its code where `coded`."""
    now = step[n0]
    r = cuda.grid(1)
    while r < B:
        scores = out[o0 + r * ldo : o0 + r * ldo + F]
        symbol = draw_one(scores, F, temperature[t0], top, u[u0 + r * total + now])
        chosen[c0 + r * total + now] = symbol
        if coded != 0:
            x[x0 + r * ldx] = shift[s0 + symbol]
        else:
            for f in range(F):
                x[x0 + r * ldx + f] = shift[s0 + f]
            x[x0 + r * ldx + symbol] += gain[g0 + symbol]
        r += cuda.gridsize(1)


@twin("x chosen")
def draw_symbol(plan, out, x, gain, shift, u, temperature, chosen, B, F, ldo, ldx, total, top, coded):
    """Symbols by chance."""
    plan.each(draw_rows, B, out, x, gain, shift, u, temperature, chosen, plan.step, B, F, ldo, ldx, total, top, coded)
