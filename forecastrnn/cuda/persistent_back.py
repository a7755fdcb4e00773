"""Small recurrent layers back through all time steps in one launch; how, says `forecastrnn.cuda.persistent`."""

from __future__ import annotations

from functools import cache
from typing import Any

from forecastrnn.cuda.build import DeviceKernel, Planner
from forecastrnn.cuda.persistent import SIXTEENTH, Small, clear, tile
from forecastrnn.cuda.source import Source, round_up

BACKWARD = (
    "(h, h0, c, c0, z, z0, wt, wt0, wn, wn0, dout, o0, dh, d0, dc, e0, peep, p0, active, a0, T, B, first, start):"
)
LSTM = [
    "o, direct = lstm_output_back(kept3, c_new, d)",
    "i, f, g, dc_new = lstm_state_back(kept0, kept1, kept2, c_old, dcs + direct)",
]
PEEPHOLE_LSTM = [
    "o, direct = lstm_output_back(kept3, c_new, d)",
    "i, f, g, dc_new = lstm_state_back(kept0, kept1, kept2, c_old, dcs + direct + o * q2)",
    "dc_new = dc_new + (i * q0 + f * q1)",
]
STEP = {
    "lstm": LSTM,
    "peephole_lstm": PEEPHOLE_LSTM,
    "gru_after": ["n, r, u, m, through = gru_after_back(kept0, kept1, kept2, kept3, h_old, d)"],
    "gru_before": ["n, u, through = gru_mix_back(kept2, kept0, h_old, d)"],
    "elman": ["s = d * slope(KIND, h_new)"],
}
GATES = {"lstm": "ifgo", "gru_after": "nrum", "gru_before": "nru", "elman": "s"}  # derivatives by the slots of z
PASSED = {"lstm": "ifgo", "gru_after": "rum", "gru_before": "ru", "elman": "s"}  # those that reach the state before


@cache
def backward_kernel(made: Small) -> DeviceKernel:
    """Generate the backward kernel."""
    kind, R, name = made.kind, made.rows, made.kind.name
    passed, stride = PASSED[name], round_up(4 * round_up(made.units, 16), 32) + 16
    spread = SIXTEENTH // (4 * R)  # threads that end with the same row and unit
    s = Source(f"def backward_{made.label}{BACKWARD}")
    s.add("buf = cuda.shared.array((2, R, STRIDE), float32, alignment=16)")
    tile(s, made, SIXTEENTH, f"(tid >> 4) * 4 + lane // {spread} % 4", f"lane // {4 * spread}", spread)
    s.add("quad = min((tid >> 4) * 4, (H - 1) // 4 * 4)", "qvec = quad >> BITS")  # four units whose sums it adds to
    s.add("lo, hi = panel_of(qvec, VECTORS, COLUMNS)", "wide = (hi - lo) * L")
    _weights(s, "w", "wt", made, len(passed))
    if kind.reset_slots:
        s.add("rbuf = cuda.shared.array((2, R, STRIDE), float32, alignment=16)")
        _weights(s, "v_w", "wn", made, 1)
        clear(s, "rbuf", made.backward_threads)
    _begin(s, made)
    s.add("t = T - 1", "while t >= 0:")
    s.depth = 2
    _load(s, made)
    s.add(*STEP["peephole_lstm" if name == "lstm" and made.option else name])
    if kind.reset_slots:
        _reset(s, made)
    s.add("if not alive:")
    s.add(*[f"    {g} = zero" for g in GATES[name]])
    s.add(*[f"buf[now, row, {_width(passed)} * unit + {k}] = {g}" for k, g in enumerate(passed)])
    s.add("cuda.syncthreads()", "if owner:")  # by now all have read what is overwritten
    s.add(*[f"    z[uint64(zo + {k} * L)] = {g}" for k, g in enumerate(GATES[name])])
    _products(s, made, "w", "buf", len(passed), _width(passed))
    s.add("if alive:", f"    dhs = a0_0{' + through' if name.startswith('gru') else ''}")
    s.add(*(["    dcs = dc_new", "c_new = c_old"] if name == "lstm" else []))
    s.add("now = 1 - now", "t -= 1", "zo -= z_step", "ho -= B * HP")
    s.depth = 1
    s.add("if owner:", "    if start != 0:", "        dh[d0 + b * HP + j] = dhs")
    s.add(*(["    dc[e0 + b * HP + j] = dcs"] if name == "lstm" else []))
    return s.kernel(made.backward_threads, made.constants | {"STRIDE": stride})


def _width(gates: str) -> int:
    """Places of a unit in shared memory: three gates take four, so that they are one load."""
    return 4 if len(gates) == 3 else len(gates)


def _weights(s: Source, name: str, array: str, made: Small, gates: int) -> None:
    """A thread's sixteenth of the packed transposed weights, for four units."""
    s.add(f"base = {array}0 + lo * VECTORS * {gates} * L * L + quad - lo * L")
    for m in range(round_up(made.units, 16) // 16):
        s.add(f"k = {16 * m} + lane", "kk = k & (L - 1)")
        for g in range(gates):
            s.add(f"line = base + ((((k >> BITS) * {gates} + {g}) << BITS) + kk) * wide")
            for u in range(4):
                inside = "" if made.units % 16 == 0 else " if k < H else zero"
                s.add(f"{name}{m}_{g}_{u} = {array}[line + {u}]{inside}")


def _begin(s: Source, made: Small) -> None:
    """Derivatives by the final states; where the last step lies in flat arrays."""
    clear(s, "buf", made.backward_threads)
    s.add("dhs = dh[d0 + b * HP + j]")
    if made.kind.name == "lstm":
        s.add("dcs = dc[e0 + b * HP + j]", "c_new = c[c0 + (T * B + b) * HP + j]")
        if made.option:
            s.add(*[f"q{g} = peep[p0 + {g} * HP + j]" for g in range(3)])
    s.add("ho = ((T - 1) * B + b) * HP + j", "now = int32(0)")
    plain = made.kind.name == "elman"  # whose derivatives lie as its states do
    s.add("zo = z0 + ho" if plain else "zo = z0 + ((vec * T + T - 1) * B + b) * S * L + at")
    s.add("z_step = B * HP" if plain else "z_step = B * S * L", "cuda.syncthreads()")


def _load(s: Source, made: Small) -> None:
    """What the step has kept; all is read before the first barrier, for threads share rows that their owner writes."""
    name = made.kind.name
    s.add(
        "alive = rb < active[a0 + t]", "d = dhs", "if t >= first:", "    d = d + dout[uint64(o0 + ho - first * B * HP)]"
    )
    if name != "elman":
        s.add(*[f"kept{g} = z[uint64(zo + {g} * L)]" for g in range(made.kind.slots)])
    if name == "lstm":
        s.add("c_old = c[uint64(c0 + ho)]")
    elif name == "elman":
        s.add("h_new = h[uint64(h0 + ho + B * HP)]")
    else:
        s.add("h_old = h[uint64(h0 + ho)]")


def _reset(s: Source, made: Small) -> None:
    """The derivative by the reset state, a product of its own."""
    s.add("rbuf[now, row, unit] = n if alive else zero", "cuda.syncthreads()")
    _products(s, made, "v_w", "rbuf", 1, 1)
    s.add("r = a0_0 * h_old * sigmoid_slope(kept1)", "through = through + a0_0 * kept1")


def _products(s: Source, made: Small, name: str, buffer: str, gates: int, width: int) -> None:
    """The derivative by a state: a0_0, of this thread's row and unit."""
    rows = range(made.rows)
    s.add(*[f"a{r}_{u} = zero" for r in rows for u in range(4)])
    for m in range(round_up(made.units, 16) // 16):
        for r in rows:
            s.add(*[f"v{g} = {buffer}[now, {r}, {16 * m * width + g} + {width} * lane]" for g in range(gates)])
            s.add(*[f"a{r}_{u} += v{g} * {name}{m}_{g}_{u}" for g in range(gates) for u in range(4)])
    s.reduce([[f"a{r}_{u}"] for r in rows for u in range(4)], (8, 4, 2, 1))


def plan_backward(
    plan: Planner, made: Small, B: int, T: int, first: int, start: int, active: Any, *, z: Any, transposed_h: Any,
    dout: Any, dh: Any, h: Any = None, transposed_n: Any = None, c: Any = None, dc: Any = None, peephole: Any = None,
) -> None:  # fmt: skip
    """Plan the backward pass."""
    arrays = h, c, z, transposed_h, transposed_n, dout, dh, dc, peephole, active
    plan.blocks(backward_kernel(made), (-(-B // made.rows),), *arrays, T, B, first, start)
