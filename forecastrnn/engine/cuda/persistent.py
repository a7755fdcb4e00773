"""Small recurrent layers in one launch for all time steps: weights in registers, states in shared memory.

A block takes a tile of 1, 2 or 4 rows through all steps; blocks need not meet. Forward, a thread holds the gates of one
unit for a quarter of the values that it reads, [h, x]; 4 threads add their parts by shuffles, and each then finishes
the gates of one row; of an LSTM in tiles of one row, a gate each. Backward, a thread holds 4 units for a sixteenth of
the gate gradients. Each number read from shared memory feeds as many multiplications as there are gates, and a step has
one barrier: two where a GRU resets the state before the product. What a step reads from the device's memory is loaded a
step ahead, inputs two steps, so that nothing waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from forecastrnn.engine.cpu.tile import VECS
from forecastrnn.engine.cuda.build import SIMULATED, DeviceKernel, Planner
from forecastrnn.engine.cuda.source import KernelSource, round_up

# With more of them the compiler has no registers for all weights: tests/cuda_gate.py shows it for the Hopper kind.
MOST_UNITS = 0 if SIMULATED else 96  # of any cell; on the simulator, tests switch it on
MOST_INPUTS = 16  # that are projected inside; wider ones are before
QUARTER, SIXTEENTH = 4, 16  # threads that share a sum, forward and backward
PROCESSORS = 132  # of a large GPU: a tile has several rows only where there are more blocks than that


@dataclass(frozen=True)
class SmallLayer:
    """A cell: slots in z, those that inputs fill, those that the state fills, and those that the reset state does."""

    name: str
    slots: int
    x_slots: tuple[int, ...]
    h_slots: tuple[int, ...]
    reset_slots: tuple[int, ...] = ()
    wide: int = 1  # vectors of units in a panel of its packed weights


KINDS = {
    "lstm": SmallLayer("lstm", 4, (0, 1, 2, 3), (0, 1, 2, 3)),
    "gru_after": SmallLayer("gru_after", 4, (0, 1, 2), (1, 2, 3)),
    "gru_before": SmallLayer("gru_before", 3, (0, 1, 2), (1, 2), (0,)),
    "elman": SmallLayer("elman", 1, (0,), (0,), wide=VECS),
}


@dataclass(frozen=True)
class Small:
    """What a kernel is generated for. inputs 0: they are projected already, and the sums are read from z."""

    kind: SmallLayer
    units: int
    inputs: int
    rows: int
    lanes: int
    keep: bool
    option: int  # peepholes of an LSTM, activation of an Elman layer
    masked: bool = False  # the product reads the state times a mask, the same at all steps

    @property
    def constants(self) -> dict[str, int]:
        """Names in the source."""
        vecs = -(-self.units // self.lanes)
        return {
            "H": self.units, "I": self.inputs, "R": self.rows, "L": self.lanes, "BITS": self.lanes.bit_length() - 1,
            "VECTORS": vecs, "PANELS": -(-vecs // self.kind.wide), "COLUMNS": -(-vecs // VECS), "HP": vecs * self.lanes,
            "S": self.kind.slots, "KIND": self.option,
        }  # fmt: skip

    @property
    def label(self) -> str:
        """Part of the kernel's name."""
        words = f"{self.kind.name}{self.option}", f"H{self.units}", f"I{self.inputs}", f"R{self.rows}", f"L{self.lanes}"
        return "_".join(words) + "_keep" * self.keep + "_masked" * self.masked

    def inside(self, unit: str, otherwise: str) -> str:
        """A unit, or something else in threads that have none: there are such threads unless warps have 8 units."""
        return f"{unit} if {unit} < H else {otherwise}" if self.units % 8 else unit

    @property
    def used(self) -> tuple[int, ...]:
        """Slots that products add to."""
        kind = self.kind
        return tuple(sorted({*kind.h_slots, *kind.reset_slots, *(kind.x_slots if self.inputs else ())}))

    @property
    def split(self) -> bool:
        """Whether the four threads of a unit finish a gate each, in place of one row each."""
        return self.kind.name == "lstm" and self.rows == 1

    @property
    def seen(self) -> str:
        """What the product reads of a state."""
        return "hs * scale" if self.masked else "hs"

    @property
    def forward_threads(self) -> int:
        """Threads of a block going forward."""
        return round_up(QUARTER * self.units, 32)

    @property
    def backward_threads(self) -> int:
        """Threads of a block going back."""
        return round_up(SIXTEENTH * -(-self.units // 4), 32)


def rows_of_tile(B: int) -> int:
    """Rows of a block's tile: one while every block has a multiprocessor of its own."""
    return 1 if B <= PROCESSORS else 2 if B <= 2 * PROCESSORS else 4


def small(
    plan: Planner, name: str, H: int, I: int, B: int, masked: int, keep: int = 1, option: int = 0
) -> Small | None:
    """The kernel for a layer; None where it does not fit, and for cells that have none: they take a launch a step."""
    if name not in KINDS or H > MOST_UNITS or plan.dtype.name != "float32":
        return None
    rows, threads = rows_of_tile(B), round_up(QUARTER * H, 32)
    inside = I <= min(MOST_INPUTS, threads // rows)
    return Small(KINDS[name], H, I if inside else 0, rows, plan.lanes, bool(keep), option, bool(masked))


# Forward ----------------------------------------------------------------------------------------------
FORWARD = (
    "(x, x0, wx, wx0, bias, b0, wh, wh0, wn, wn0, h, h0, hr, g0, mask, m0, c, c0, z, z0, reset, s0, peep, p0, active, "
    "a0, T, B, ldx, x_step, h_step, z_step):"
)
STEP = {
    "lstm": ["i, f, g, c_new = lstm_state(s0_, s1_, s2_, cs)", "o, h_new = lstm_output(s3_, c_new)"],
    "peephole_lstm": [
        "i, f, g, c_new = lstm_state(s0_ + q0 * cs, s1_ + q1 * cs, s2_, cs)",
        "o, h_new = lstm_output(s3_ + q2 * c_new, c_new)",
    ],
    "gru_after": ["m = s3_", "n, r, u, h_new = gru_after(s0_, s1_, s2_, m, hs)"],
    "gru_before": ["n = tanh(s0_)", "h_new = gru_mix(u, n, hs)"],
    "elman": ["h_new = activate(KIND, s0_)"],
}
# The same where a thread finishes one gate, y, and has the others from its neighbours.
ONE_GATE = "y = factor * tanh(factor * {}) + shift"  # 1 and 0: tanh; 1 / 2 and 1 / 2: the logistic function
OTHERS = [f"y{g} = cuda.shfl_sync(WHOLE_WARP, y, first + {g})" for g in range(4)]
SPLIT = {
    "lstm": [
        ONE_GATE.format("s0_"), *OTHERS, "i, f, g, c_new = lstm_mix(y0, y1, y2, cs)", "o, h_new = lstm_pass(y3, c_new)",
    ],
    "peephole_lstm": [
        "s = s0_ + q0 * cs", ONE_GATE.format("s"), "y = s if lane == 3 else y", *OTHERS,  # o looks at the new state
        "i, f, g, c_new = lstm_mix(y0, y1, y2, cs)", "o, h_new = lstm_output(y3 + q2 * c_new, c_new)",
        "y = o if lane == 3 else y",
    ],
}  # fmt: skip
KEPT = {"lstm": "ifgo", "gru_after": "nrum", "gru_before": "nru", "elman": ""}


@cache
def forward_kernel(made: Small) -> DeviceKernel:
    """Generate the forward kernel."""
    kind, R = made.kind, made.rows
    K = round_up(made.units, 16)
    whole = K + round_up(made.inputs, 16)
    stride = round_up(whole - 7, 32) + 8  # 8 modulo 32 banks: 4 rows of 8 units do not meet; one place is spare
    s = KernelSource(f"def forward_{made.label}{FORWARD}")
    s.add("buf = cuda.shared.array(BOTH, float32, alignment=16)")
    if kind.reset_slots:
        s.add("rbuf = cuda.shared.array(WHOLE, float32, alignment=16)")
    tile(s, made, QUARTER, "tid >> 2", "lane" if R == 4 else "lane >> 1" if R == 2 else "0", QUARTER // R)
    _weights(s, made, "w", "wh", kind.h_slots, "H", made.units)
    if kind.reset_slots:
        _weights(s, made, "v_w", "wn", kind.reset_slots, "H", made.units)
    if made.inputs:
        _weights(s, made, "x_w", "wx", kind.x_slots, "I", made.inputs)
    _begin_forward(s, made)
    s.add("while t < steps:")
    s.depth = 2
    _sums(s, made, K)
    if not made.inputs:  # the next sums arrive while the step ends and the next products run
        s.add("if t + 1 < steps:")
        s.depth = 3
        _begin_sums(s, made, ahead=True)
        s.depth = 2
    s.add(*(SPLIT if made.split else STEP)["peephole_lstm" if kind.name == "lstm" and made.option else kind.name])
    s.add("alive = t < length", "if alive:", "    hs = h_new", *(["    cs = c_new"] if kind.name == "lstm" else []))
    s.add("now = int32(WHOLE // 4 - now)", f"buf[uint64(4 * now + place)] = {made.seen}")
    if made.inputs:
        s.add("if fetch:", "    buf[uint64(4 * now + x_place)] = x_next")
        _fetch_inputs(s, "t + 2")
    s.add("cuda.syncthreads()")
    _store_forward(s, made)
    s.add("zo += z_step", "ho += h_step", "t = int32(t + 1)")
    sizes = {"STRIDE": stride, "SPARE": stride - 1, "X": K, "WHOLE": R * stride, "BOTH": 2 * R * stride}
    return s.kernel(made.forward_threads, made.constants | sizes)


def tile(s: KernelSource, made: Small, team: int, unit: str, row: str, spread: int) -> None:
    """Which row and unit a thread finishes, and whether it is the one that writes them."""
    s.add(
        "tid = int32(cuda.threadIdx.x)", f"lane = tid & {team - 1}", f"unit = {unit}", f"row = {row}",
        f"j = {made.inside('unit', 'H - 1')}",  # surplus threads work on a copy and write nothing
        "vec = j >> BITS", "at = j & (L - 1)", "rb = int32(cuda.blockIdx.x * R + row)",
        f"owner = j == unit and rb < B and lane % {spread} == 0", "b = min(rb, B - 1)", "zero = float32(0)",
    )  # fmt: skip


def panel(s: KernelSource, made: Small, vec: str, panels: int) -> str:
    """First vector `lo` of the panel that holds a vector; returns how many the panel has, a number where it can be."""
    vecs = -(-made.units // made.lanes)
    if vecs % panels == 0:
        s.add(f"lo = {vec} // {vecs // panels} * {vecs // panels}")
        return str(vecs // panels)
    s.add(f"lo, hi = panel_of({vec}, {vecs}, {panels})", "per = hi - lo")
    return "per"


def _weights(s: KernelSource, made: Small, name: str, array: str, slots: tuple[int, ...], depth: str, K: int) -> None:
    """A thread's quarter of the packed weights of its unit, by groups of 16 values read.

    One place and distances that the compiler knows: with an address for each weight, there are no registers for them.
    """
    G, turn = len(slots), [f"({g} ^ lane)" if made.split else str(g) for g in range(len(slots))]
    per = panel(s, made, "vec", made.constants["PANELS"])
    s.add(f"step = {per} * {G} * L", f"base = {array}0 + (lo * {depth} + vec - lo) * {G} * L + at + 4 * lane * step")
    for m in range(round_up(K, 16) // 16):
        for i in range(4):
            k = 16 * m + i
            sure = k + 12 < K
            for g in range(G):
                load = f"{array}[uint64(base + {k} * step + {turn[g]} * L)]"
                s.add(f"{name}{m}_{i}_{g} = {load}" + ("" if sure else f" if {k} + 4 * lane < {depth} else zero"))


def _begin_forward(s: KernelSource, made: Small) -> None:
    """States before the first step, in registers and shared memory; running offsets into flat arrays."""
    R, x = made.rows, bool(made.inputs)
    s.add("t = int32(0)", "length = length_of(active, a0, T, rb)", "hs = h[h0 + b * HP + j]")
    s.add("steps = length_of(active, a0, T, cuda.blockIdx.x * R)")  # the longest row is the first
    if made.masked:
        s.add("scale = mask[m0 + b * HP + j]")
    if made.kind.name == "lstm":
        s.add("cs = c[c0 + b * HP + j]")
        if made.option:
            s.add(*[f"q{g} = peep[p0 + {g} * HP + j]" for g in range(3)])
    if made.split:
        s.add("first = (tid & 31) - lane", "factor = float32(1) if lane == 2 else float32(0.5)")
        s.add("shift = zero if lane == 2 else float32(0.5)")
        if made.option:
            s.add("q0 = q0 if lane == 0 else q1 if lane == 1 else zero")
    clear(s, "buf", 2, made.forward_threads)
    if made.kind.reset_slots:
        clear(s, "rbuf", 1, made.forward_threads)
    s.add(f"place = row * STRIDE + ({made.inside('unit', 'SPARE')})", "cuda.syncthreads()", f"buf[place] = {made.seen}")
    if x:
        s.add(
            "xr = min(tid // I, R - 1)", "xi = tid % I", "xb = cuda.blockIdx.x * R + xr",
            "x_place = xr * STRIDE + X + xi", "fetch = tid < R * I and xb < B", "xo = x0 + xb * ldx + xi", "if fetch:",
            "    buf[x_place] = x[xo]", "x_next = zero", "x_until = steps if fetch else int32(0)",
        )  # fmt: skip
        _fetch_inputs(s, "1")
    # A thread has its own row first: then the rows that it gives away when sums meet are the same for all threads.
    s.add("own = row * STRIDE + 4 * lane", *[f"to{r} = (({r} ^ row) - row) * STRIDE" for r in range(R)])
    s.add("now = int32(0)", "until = length if owner else int32(0)")
    if made.split:
        s.add("kept_until = length if j == unit else int32(0)")
    s.add("zo = z0 + ((vec * T) * B + b) * S * L + at" + " + lane * L" * made.split, "ho = h_step + b * HP + j")
    s.add(f"begins = lane % {QUARTER // R} == 0")
    _begin_sums(s, made, ahead=False)
    s.add("cuda.syncthreads()")


def _fetch_inputs(s: KernelSource, step: str) -> None:
    """Load the inputs of a step, two steps ahead: they have a whole step to arrive."""
    s.add(f"if {step} < x_until:", "    xo += x_step", "    x_next = x[uint64(xo)]")


def distances(made: Small, B: int) -> tuple[int, int]:
    """Numbers from one step to the next in h and in z, in which an Elman layer has derivatives that lie as in h."""
    h_step = B * made.constants["HP"]
    return h_step, h_step if made.kind.name == "elman" else B * made.kind.slots * made.lanes


def clear(s: KernelSource, name: str, copies: int, threads: int) -> None:
    """All of a buffer is zero: what is read between the numbers that are written."""
    s.add("e = tid", f"while e < {copies} * WHOLE:", f"    {name}[uint64(e)] = zero", f"    e = int32(e + {threads})")


def _begin_sums(s: KernelSource, made: Small, ahead: bool) -> None:
    """add0 ...: what sums begin with, the biases or, where inputs are projected before, a step's sums of them.

    Of the threads that share a sum only one begins with it, unless there is nothing to be added up.
    """
    if made.split:
        later = " + z_step" if ahead else ""
        s.add("add0 = bias[b0 + (vec * S + lane) * L + at]" if made.inputs else f"add0 = z[uint64(zo{later})]")
        return
    for g in range(made.kind.slots):
        if made.inputs:
            load = f"bias[b0 + (vec * S + {g}) * L + at]"
        elif made.kind.name == "elman":
            load = "h[uint64(h0 + ho + h_step)]" if ahead else "h[uint64(h0 + ho)]"
        else:
            load = f"z[uint64(zo + z_step + {g} * L)]" if ahead else f"z[uint64(zo + {g} * L)]"
        shared = made.rows < QUARTER and g in made.used
        s.add(f"add{g} = {load}" + (" if begins else zero" if shared else ""))


def _sums(s: KernelSource, made: Small, K: int) -> None:
    """All gate sums of one row and unit in s0_, s1_ ...; where the state is reset first, in two rounds."""
    kind, used = made.kind, made.used
    s.add("here = uint64(4 * now + own)")
    begins = {f"a0_{g}": f"add{g}" for g in (used[:1] if made.split else used)}
    s.add(*[f"a{r}_{g} = {begins.get(f'a{r}_{g}', 'zero')}" for r in range(made.rows) for g in used])
    _products(s, made.rows, "w", "buf[here + uint64(to{r}) + uint64({k})]", 0, made.units, kind.h_slots)
    if made.inputs:
        _products(s, made.rows, "x_w", "buf[here + uint64(to{r}) + uint64({k})]", K, made.inputs, kind.x_slots)
    items = [[f"a{r}_{g}" for g in used if g not in kind.reset_slots] for r in range(made.rows)]
    s.reduce([[a] for a in items[0]] if made.split else items, (2, 1))
    s.add(*[f"s{g}_ = {f'a0_{g}' if g in used else f'add{g}'}" for g in range(kind.slots)])
    if kind.reset_slots:
        s.add("r = sigmoid(s1_)", "u = sigmoid(s2_)", f"rh = r * {'(hs * scale)' if made.masked else 'hs'}")
        s.add("rbuf[uint64(place)] = rh", "cuda.syncthreads()")
        _products(s, made.rows, "v_w", "rbuf[uint64(own + to{r} + {k})]", 0, made.units, kind.reset_slots)
        s.reduce([[f"a{r}_0"] for r in range(made.rows)], (2, 1))
        s.add("s0_ = a0_0")


def _products(s: KernelSource, rows: int, name: str, read: str, first: int, K: int, slots: tuple[int, ...]) -> None:
    """a[r, slot] += what is read times weights; four values in a row are one load of 16 bytes."""
    for m in range(round_up(K, 16) // 16):
        for r in range(rows):
            s.add(*[f"v{i} = {read.format(r=r, k=first + 16 * m + i)}" for i in range(4)])
            s.add(*[f"a{r}_{g} += v{i} * {name}{m}_{i}_{n}" for i in range(4) for n, g in enumerate(slots)])


def _store_forward(s: KernelSource, made: Small) -> None:
    """What the backward pass and later steps need."""
    s.add("if t < until:", "    h[uint64(h0 + ho)] = hs")
    if made.masked:
        s.add("    hr[uint64(g0 + ho)] = hs * scale")
    if made.kind.name == "lstm":
        s.add("    c[uint64(c0 + ho)] = cs")
    if made.keep and made.split:
        s.add("if t < kept_until:", "    z[uint64(zo)] = y")
    elif made.keep:
        s.add(*[f"    z[uint64(zo + {g} * L)] = {v}" for g, v in enumerate(KEPT[made.kind.name])])
        if made.kind.reset_slots:
            s.add("    reset[uint64(s0 + ho - h_step)] = rh")


def plan_forward(
    plan: Planner, made: Small, B: int, T: int, ldx: int, active: Any, *, x: Any, weights_x: Any, bias: Any,
    weights_h: Any, h: Any, hr: Any = None, mask: Any = None, z: Any = None, weights_n: Any = None, c: Any = None,
    reset: Any = None, peephole: Any = None,
) -> None:  # fmt: skip
    """Plan the forward pass."""
    arrays = x, weights_x, bias, weights_h, weights_n, h, hr, mask, c, z, reset, peephole, active
    plan.blocks(forward_kernel(made), (-(-B // made.rows),), *arrays, T, B, ldx, B * ldx, *distances(made, B))
