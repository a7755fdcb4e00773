"""Small recurrent layers back through all time steps in one launch; how, says `forecastrnn.engine.cuda.persistent`."""

from __future__ import annotations

from functools import cache
from typing import Any

from forecastrnn.engine.cuda.build import DeviceKernel, Planner
from forecastrnn.engine.cuda.persistent import SIXTEENTH, Small, clear, distances, panel, tile
from forecastrnn.engine.cuda.source import KernelSource, round_up

BACKWARD = (
    "(h, h0, mask, m0, c, c0, z, z0, wt, wt0, wn, wn0, dout, o0, dh, d0, dc, e0, peep, p0, active, a0, T, B, h_step, "
    "z_step, first, start):"
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
    passed, stride = PASSED[name], round_up(4 * round_up(made.units, 16), 32)
    spread = SIXTEENTH // (4 * R)  # threads that end with the same row and unit
    s = KernelSource(f"def backward_{made.label}{BACKWARD}")
    s.add("buf = cuda.shared.array(BOTH, float32, alignment=16)")
    tile(s, made, SIXTEENTH, f"(tid >> 4) * 4 + lane // {spread} % 4", f"lane // {4 * spread}", spread)
    s.add("quad = min((tid >> 4) * 4, (H - 1) // 4 * 4)")  # four units whose sums it adds to, its own first
    s.add(*[f"put{u} = quad + ({u} ^ lane // {spread} % 4)" for u in range(4)])
    _weights(s, "w", "wt", made, len(passed))
    if kind.reset_slots:
        s.add("rbuf = cuda.shared.array(BOTH, float32, alignment=16)")
        _weights(s, "v_w", "wn", made, 1)
        clear(s, "rbuf", 2, made.backward_threads)
    _begin(s, made)
    s.add("t = int32(T - 1)", "while t >= 0:")
    s.depth = 2
    s.add("alive = t < length", "d = dhs + dout_t")
    s.add(*STEP["peephole_lstm" if name == "lstm" and made.option else name])
    if kind.reset_slots:
        _reset(s, made)
    _hand_on(s, made)
    s.add("t = int32(t - 1)", "zo -= z_step", "ho -= h_step", "if t >= 0:")
    _load(s, made)
    _products(s, made, "w", "buf", len(passed), _width(passed))
    scaled = "a0_0 * scale" if made.masked else "a0_0"
    s.add("if alive:", f"    dhs = {scaled}{' + through' if name.startswith('gru') else ''}")
    s.add(*(["    dcs = dc_new"] if name == "lstm" else []))
    s.add("now = int32(WHOLE // 4 - now)")
    s.depth = 1
    s.add("if owner:", "    if start != 0:", "        dh[d0 + b * HP + j] = dhs")
    s.add(*(["    dc[e0 + b * HP + j] = dcs"] if name == "lstm" else []))
    return s.kernel(
        made.backward_threads, made.constants | {"STRIDE": stride, "WHOLE": R * stride, "BOTH": 2 * R * stride}
    )


def _hand_on(s: KernelSource, made: Small) -> None:
    """Derivatives by the sums: those that the product reads to shared memory, all to z."""
    s.add("if not alive:")
    s.add(*[f"    {g} = zero" for g in GATES[made.kind.name]])
    s.add(
        "here = uint64(4 * now + place)",
        *[f"buf[here + uint64({k})] = {g}" for k, g in enumerate(PASSED[made.kind.name])],
    )
    s.add("cuda.syncthreads()", "if t < writes:")
    s.add(*[f"    z[uint64(zo + {k} * L)] = {g}" for k, g in enumerate(GATES[made.kind.name])])
    s.add(*(["c_new = c_old"] if made.kind.name == "lstm" else []))


def _width(gates: str) -> int:
    """Places of a unit in shared memory: three gates take four, so that they are one load."""
    return 4 if len(gates) == 3 else len(gates)


def _weights(s: KernelSource, name: str, array: str, made: Small, gates: int) -> None:
    """A thread's sixteenth of the packed transposed weights, for four units."""
    per, L = panel(s, made, "(quad >> BITS)", made.constants["COLUMNS"]), made.lanes
    s.add(f"line = {array}0 + lo * VECTORS * {gates} * L * L - lo * L")
    s.add(f"line = line + ((lane >> BITS) * {gates * L} + (lane & (L - 1))) * {per} * L")
    for m in range(round_up(made.units, 16) // 16):
        for g in range(gates):
            for u in range(4):
                k = 16 * m // L * gates + g  # of the vectors of a gate, one for each L units
                inside = "" if made.units % 16 == 0 else f" if {16 * m} + lane < H else zero"
                s.add(f"{name}{m}_{g}_{u} = {array}[uint64(line + put{u} + {k} * L * {per} * L)]{inside}")


def _begin(s: KernelSource, made: Small) -> None:
    """Derivatives by the final states; where the last step lies in flat arrays, and what it has kept."""
    name = made.kind.name
    clear(s, "buf", 2, made.backward_threads)
    s.add("dhs = dh[d0 + b * HP + j]", "length = length_of(active, a0, T, rb)")
    if made.masked:
        s.add("scale = mask[m0 + b * HP + j]")
    if made.kind.name == "lstm":
        s.add("dcs = dc[e0 + b * HP + j]", "c_new = c[c0 + (T * B + b) * HP + j]")
        if made.option:
            s.add(*[f"q{g} = peep[p0 + {g} * HP + j]" for g in range(3)])
    s.add("ho = ((T - 1) * B + b) * HP + j", "now = int32(0)")
    s.add("zo = z0 + ho" if name == "elman" else "zo = z0 + ((vec * T + T - 1) * B + b) * S * L + at")
    s.add("t = int32(T - 1)", "start_of_dout = int32(first)", "writes = int32(T) if owner else int32(0)")
    s.add(f"place = row * STRIDE + {_width(PASSED[made.kind.name])} * unit")
    s.add(*[f"to{r} = (({r} ^ row) - row) * STRIDE" for r in range(made.rows)])
    s.depth = 0
    _load(s, made)
    s.depth = 1
    s.add("cuda.syncthreads()")


def _load(s: KernelSource, made: Small) -> None:
    """What a step has kept, a step ahead: it arrives while products run, and before its owner overwrites it."""
    name = made.kind.name
    s.depth += 1
    s.add("dout_t = zero", "if t >= start_of_dout:", "    dout_t = dout[uint64(o0 + ho)]")
    if name != "elman":
        s.add(*[f"kept{g} = z[uint64(zo + {g} * L)]" for g in range(made.kind.slots)])
    if name == "lstm":
        s.add("c_old = c[uint64(c0 + ho)]")
    elif name == "elman":
        s.add("h_new = h[uint64(h0 + ho + h_step)]")
    else:
        s.add("h_old = h[uint64(h0 + ho)]")
    s.depth -= 1


def _reset(s: KernelSource, made: Small) -> None:
    """The derivative by the reset state, a product of its own."""
    s.add("rbuf[uint64(4 * now + row * STRIDE + unit)] = n if alive else zero", "cuda.syncthreads()")
    _products(s, made, "v_w", "rbuf", 1, 1)
    seen, back = ("(h_old * scale)", "kept1 * scale") if made.masked else ("h_old", "kept1")
    s.add(f"r = a0_0 * {seen} * sigmoid_slope(kept1)", f"through = through + a0_0 * {back}")


def _products(s: KernelSource, made: Small, name: str, buffer: str, gates: int, width: int) -> None:
    """The derivative by a state: a0_0, of this thread's row and unit."""
    rows = range(made.rows)
    s.add(f"here = uint64(4 * now + row * STRIDE + {width} * lane)")
    s.add(*[f"a{r}_{u} = zero" for r in rows for u in range(4)])
    for m in range(round_up(made.units, 16) // 16):
        for r in rows:
            at = f"here + uint64(to{r})"
            s.add(*[f"v{g} = {buffer}[{at} + uint64({16 * m * width + g})]" for g in range(gates)])
            s.add(*[f"a{r}_{u} += v{g} * {name}{m}_{g}_{u}" for g in range(gates) for u in range(4)])
    s.reduce([[f"a{r}_{u}"] for r in rows for u in range(4)], (8, 4, 2, 1))


def plan_backward(
    plan: Planner, made: Small, B: int, T: int, first: int, start: int, active: Any, *, z: Any, transposed_h: Any,
    dout: Any, dh: Any, h: Any = None, mask: Any = None, transposed_n: Any = None, c: Any = None, dc: Any = None,
    peephole: Any = None,
) -> None:  # fmt: skip
    """Plan the backward pass."""
    h_step, z_step = distances(made, B)
    dout = dout.at(-first * h_step) if dout else None  # it begins with the first step that it has
    arrays = h, mask, c, z, transposed_h, transposed_n, dout, dh, dc, peephole, active
    plan.blocks(backward_kernel(made), (-(-B // made.rows),), *arrays, T, B, h_step, z_step, first, start)
