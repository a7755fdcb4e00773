"""Small recurrent layers in one launch for all time steps: weights in registers, states in shared memory.

A block takes a tile of 1, 2 or 4 rows through all steps; blocks need not meet. Forward, a thread holds the sums of one
unit for a quarter of the values that it reads, [h, x]; 4 threads add their parts by shuffles, and each then finishes
the step of one row, or, as of an LSTM in tiles of one row, the gate of one sum. Backward, a thread holds 4 units for a
sixteenth of the derivatives by sums. Each number read from shared memory feeds as many multiplications as there are
sums, and a step has one barrier: two with a second product. What a step reads from the device's memory is loaded a step
ahead, inputs two steps, so that nothing waits for it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from forecastrnn.engine.cpu.cell_source import CellSource
from forecastrnn.engine.cpu.tile import VECS
from forecastrnn.engine.cuda import formulas
from forecastrnn.engine.cuda.build import SIMULATED, Planner
from forecastrnn.engine.cuda.source import (
    KernelSource,
    NamedKernel,
    call,
    device_functions,
    element,
    round_up,
    stage_functions,
)
from forecastrnn.engine.cuda.split import Split, split_of
from forecastrnn.networks.tracing.stages import Stage

# With more of them the compiler has no registers for all weights: tests/cuda_gate.py shows it for the Hopper kind.
MOST_UNITS = 0 if SIMULATED else 96  # of any cell; on the simulator, tests switch it on
MOST_SLOTS, MOST_STATES, MOST_DIAGONALS, MOST_LINES = 4, 2, 3, 80  # of a cell: the gate compiles some that have so many
MOST_INPUTS = 16  # that are projected inside; wider ones are before
QUARTER, SIXTEENTH = 4, 16  # threads that share a sum, forward and backward
PROCESSORS = 132  # of a large GPU: a tile has several rows only where there are more blocks than that


@dataclass(frozen=True)
class Small:
    """What a kernel is generated for. inputs 0: they are projected already, and the sums are read from z."""

    cell: CellSource
    units: int
    inputs: int
    rows: int
    lanes: int
    keep: bool
    masked: bool = False  # the product reads the state times a mask, the same at all steps

    @property
    def constants(self) -> dict[str, int]:
        """Names in the source."""
        vecs = -(-self.units // self.lanes)
        return {
            "H": self.units, "I": self.inputs, "R": self.rows, "L": self.lanes, "BITS": self.lanes.bit_length() - 1,
            "VECTORS": vecs, "PANELS": -(-vecs // (VECS if self.cell.slots.plain else 1)), "COLUMNS": -(-vecs // VECS),
            "HP": vecs * self.lanes, "S": self.cell.slots.count,
        }  # fmt: skip

    def name(self, way: str) -> str:
        """Of a kernel."""
        sizes = f"H{self.units}_I{self.inputs}_R{self.rows}_L{self.lanes}"
        return f"{self.cell.name(way)}_{sizes}" + "_keep" * self.keep + "_masked" * self.masked

    @property
    def slot(self) -> dict[int, int]:
        """Gate -> slot."""
        return self.cell.frame.slot_of

    @property
    def states(self) -> list[str]:
        """Names of the arrays of states."""
        return self.cell.states

    @property
    def by_inputs(self) -> range:
        """Slots that inputs fill."""
        return range(self.cell.slots.inputs)

    @property
    def by_state(self) -> range:
        """Slots that the state fills."""
        return range(self.cell.slots.first, self.cell.slots.count)

    @property
    def second(self) -> range:
        """Slots that what `between` returns fills."""
        return range(self.cell.slots.second)

    @cached_property
    def left(self) -> list[int]:
        """Gates in whose places something is left for the way back."""
        step, between = self.cell.stages.step, self.cell.stages.between
        return sorted({*step.back_reads, *(between.back_reads if between else ())})

    def inside(self, unit: str, otherwise: str) -> str:
        """A unit, or something else in threads that have none: there are such threads unless warps have 8 units."""
        return f"{unit} if {unit} < H else {otherwise}" if self.units % 8 else unit

    @property
    def used(self) -> tuple[int, ...]:
        """Slots that products add to."""
        return tuple(sorted({*self.by_state, *self.second, *(self.by_inputs if self.inputs else ())}))

    @property
    def split(self) -> Split | None:
        """How the four threads of a unit finish a gate each, in place of one row each; None: they do not."""
        whole = self.rows == 1 and self.cell.slots.count == self.cell.slots.states == self.cell.slots.inputs == QUARTER
        return split_of(self.cell) if whole else None

    @property
    def seen(self) -> str:
        """What the product reads of the last state."""
        h = f"old{self.cell.frame.n_states - 1}"
        return f"({h} * scale)" if self.masked else h

    def blocks(self, B: int) -> int:
        """Blocks for so many rows."""
        return -(-B // self.rows)

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


def small(plan: Planner, cell: CellSource, *, H: int, I: int, B: int, masked: int, keep: int = 1) -> Small | None:
    """The kernel for a layer; None where it does not fit, and for cells that need more than those of the gate."""
    if H > MOST_UNITS or plan.dtype.name != "float32" or not is_small(cell):
        return None
    rows, threads = rows_of_tile(B), round_up(QUARTER * H, 32)
    inside = I <= min(MOST_INPUTS, threads // rows)
    return Small(cell, H, I if inside else 0, rows, plan.lanes, bool(keep), bool(masked))


def is_small(cell: CellSource) -> bool:
    """Whether what a cell needs has room beside its weights."""
    slots, stages = cell.slots, [stage for stage in (cell.stages.step, cell.stages.between) if stage]
    lines = sum(stage.text().count("\n") for stage in stages)
    fits = slots.count <= MOST_SLOTS and cell.frame.n_states <= MOST_STATES and slots.diagonals <= MOST_DIAGONALS
    fits = fits and lines <= MOST_LINES and cell.stages.rests
    return fits and slots.states > 0 and slots.second <= 1 and not cell.layer_norm


# Forward ----------------------------------------------------------------------------------------------
@lru_cache
def forward_kernel(made: Small) -> NamedKernel:
    """Generate the forward kernel."""
    R, K = made.rows, round_up(made.units, 16)
    whole = K + round_up(made.inputs, 16)
    stride = round_up(whole - 7, 32) + 8  # 8 modulo 32 banks: 4 rows of 8 units do not meet; one place is spare
    s = KernelSource("buf = cuda.shared.array(BOTH, float32, alignment=16)")
    if made.second:
        s.add("rbuf = cuda.shared.array(WHOLE, float32, alignment=16)")
    tile(s, made, QUARTER, "tid >> 2", "lane" if R == 4 else "lane >> 1" if R == 2 else "0", QUARTER // R)
    _weights(s, made, "w", "weights_h", made.by_state, "H", made.units)
    if made.second:
        _weights(s, made, "v_w", "weights_n", made.second, "H", made.units)
    if made.inputs:
        _weights(s, made, "x_w", "weights_x", made.by_inputs, "I", made.inputs)
    _begin_forward(s, made)
    s.add("while t < steps:")
    s.depth = 2
    _sums(s, made, K)
    places = {gate: f"s{slot}_" for gate, slot in made.slot.items()}
    if made.second:
        _between(s, made, places)
    if not made.inputs:  # the next sums arrive while the step ends and the next products run
        s.add("if t + 1 < steps:")
        s.depth = 3
        _begin_sums(s, made, ahead=True)
        s.depth = 2
    _step(s, made, places)
    s.add("now = int32(WHOLE // 4 - now)", f"buf[uint64(4 * now + place)] = {made.seen}")
    if made.inputs:
        s.add("if fetch:", "    buf[uint64(4 * now + x_place)] = x_next")
        _fetch_inputs(s, "t + 2")
    s.add("cuda.syncthreads()")
    _store_forward(s, made, places)
    s.add("zo += z_step", "ho += h_step", "t = int32(t + 1)")
    sizes = {"STRIDE": stride, "SPARE": stride - 1, "X": K, "WHOLE": R * stride, "BOTH": 2 * R * stride}
    arrays = ("x", "weights_x", "bias", "weights_h", "weights_n", "hr", "mask", "z", "mixed", "diagonal", *made.states)
    numbers = ("T", "B", "ldx", "x_step", "h_step", "z_step")
    names = made.constants | sizes | stage_functions(made.cell, "float32")
    if made.split:
        names |= device_functions(made.split.mix, made.cell.name("mix"), "float32") | {"tanh": formulas.tanh}
    return s.kernel(made.name("forward"), (*arrays, "active"), numbers, names, threads=made.forward_threads)


def weights_of(stage: Stage) -> list[str]:
    """The diagonal weights of a stage, in registers."""
    return [f"q{weight}" for weight in stage.weights]


def _between(s: KernelSource, made: Small, places: dict[int, str]) -> None:
    """What the second product reads goes to shared memory; its sums are the others."""
    stage = made.cell.stages.between
    assert stage is not None
    old = [made.seen for _ in stage.old]
    s.add(call("early, passed", "between", [places[gate] for gate in stage.reads], old, weights_of(stage)))
    s.add("rbuf[uint64(place)] = passed[0]", "cuda.syncthreads()")
    places |= {gate: f"early[{k}]" for k, gate in enumerate(stage.writes)}
    _products(s, made.rows, "v_w", "rbuf[uint64(own + to{r} + {k})]", 0, made.units, made.second)
    s.reduce([[f"a{r}_{g}" for g in made.second] for r in range(made.rows)], (2, 1))
    s.add(*[f"s{g}_ = a0_{g}" for g in made.second])


def _step(s: KernelSource, made: Small, places: dict[int, str]) -> None:
    """Sums -> new states, and what is kept of the sums."""
    stage, name = made.cell.stages.step, "step"
    if made.split:  # a thread finishes one sum, y, and has the others from its neighbours
        s.add(f"s = s0_{f' + share * old{stage.old[0]}' if made.split.shares else ''}")
        s.add("y = factor * tanh(factor * s) + shift")  # 1 and 0: tanh; 1 / 2 and 1 / 2: the logistic function
        s.add(*[f"y = s if lane == {made.slot[gate]} else y" for gate in made.split.late])
        s.add(*[f"y{g} = cuda.shfl_sync(WHOLE_WARP, y, first + {g})" for g in range(QUARTER)])
        name, places = "mix", {gate: f"y{slot}" for gate, slot in made.slot.items()}
    old = [f"old{k}" for k in stage.old]
    s.add(call("kept, new", name, [places[gate] for gate in stage.reads], old, weights_of(stage)))
    s.add("alive = t < length", "if alive:", *[f"    old{k} = new[{k}]" for k in range(len(made.states))])
    places |= {gate: f"kept[{k}]" for k, gate in enumerate(stage.writes)}
    for gate in made.split.late if made.split else ():
        s.add(f"y = {places[gate]} if lane == {made.slot[gate]} else y")


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


def _weights(s: KernelSource, made: Small, name: str, array: str, slots: range, depth: str, K: int) -> None:
    """A thread's quarter of the packed weights of its unit, by groups of 16 values read.

    One place and distances that the compiler knows: with an address for each weight, there are no registers for them.
    """
    G, turn = len(slots), [f"({g} ^ lane)" if made.split else str(g) for g in range(len(slots))]
    per = panel(s, made, "vec", made.constants["PANELS"])
    s.add(f"line = {per} * {G} * L", f"base = {array}_at + (lo * {depth} + vec - lo) * {G} * L + at + 4 * lane * line")
    for m in range(round_up(K, 16) // 16):
        for i in range(4):
            k = 16 * m + i
            sure = k + 12 < K
            for g in range(G):
                load = f"{array}[uint64(base + {k} * line + {turn[g]} * L)]"
                s.add(f"{name}{m}_{i}_{g} = {load}" + ("" if sure else f" if {k} + 4 * lane < {depth} else zero"))


def _begin_forward(s: KernelSource, made: Small) -> None:
    """States before the first step, in registers and shared memory; running offsets into flat arrays."""
    R = made.rows
    s.add("t = int32(0)", "length = length_of(active, active_at, T, rb)")
    s.add(*[f"old{k} = {element(state, 'b * HP + j')}" for k, state in enumerate(made.states)])
    s.add("steps = length_of(active, active_at, T, cuda.blockIdx.x * R)")  # the longest row is the first
    load_constants(s, made)
    if made.split:
        tanh = " or ".join(f"lane == {made.slot[gate]}" for gate in made.split.tanh) or "False"
        s.add("first = (tid & 31) - lane", f"factor = float32(1) if {tanh} else float32(0.5)")
        s.add(f"shift = zero if {tanh} else float32(0.5)")
        own = "".join(f"q{weight} if lane == {made.slot[gate]} else " for gate, weight in made.split.shares.items())
        s.add(*[f"share = {own}zero"] * bool(own))
    clear(s, "buf", 2, made.forward_threads)
    if made.second:
        clear(s, "rbuf", 1, made.forward_threads)
    s.add(f"place = row * STRIDE + ({made.inside('unit', 'SPARE')})", "cuda.syncthreads()", f"buf[place] = {made.seen}")
    if made.inputs:
        s.add(
            "xr = min(tid // I, R - 1)", "xi = tid % I", "xb = cuda.blockIdx.x * R + xr",
            "x_place = xr * STRIDE + X + xi", "fetch = tid < R * I and xb < B", "xo = x_at + xb * ldx + xi",
            "if fetch:", "    buf[x_place] = x[xo]", "x_next = zero", "x_until = steps if fetch else int32(0)",
        )  # fmt: skip
        _fetch_inputs(s, "1")
    # A thread has its own row first: then the rows that it gives away when sums meet are the same for all threads.
    s.add("own = row * STRIDE + 4 * lane", *[f"to{r} = (({r} ^ row) - row) * STRIDE" for r in range(R)])
    s.add("now = int32(0)", "until = length if owner else int32(0)")
    if made.split:
        s.add("kept_until = length if j == unit else int32(0)")
    own_slot = " + lane * L" if made.split else ""
    s.add(f"zo = z_at + ((vec * T) * B + b) * S * L + at{own_slot}", "ho = h_step + b * HP + j")
    s.add(f"begins = lane % {QUARTER // R} == 0")
    _begin_sums(s, made, ahead=False)
    s.add("cuda.syncthreads()")


def _fetch_inputs(s: KernelSource, step: str) -> None:
    """Load the inputs of a step, two steps ahead: they have a whole step to arrive."""
    s.add(f"if {step} < x_until:", "    xo += x_step", "    x_next = x[uint64(xo)]")


def load_constants(s: KernelSource, made: Small) -> None:
    """What is the same at all steps: the mask, and diagonal weights."""
    if made.masked:
        s.add(f"scale = {element('mask', 'b * HP + j')}")
    s.add(*[f"q{k} = {element('diagonal', f'{k} * HP + j')}" for k in range(made.cell.slots.diagonals)])


def distances(made: Small, B: int) -> dict[str, int]:
    """Numbers from one step to the next in states and in z, in which a plain layer's derivatives lie like states."""
    h_step = B * made.constants["HP"]
    slots = made.cell.slots
    return {"h_step": h_step, "z_step": h_step if slots.plain else B * slots.count * made.lanes}


def clear(s: KernelSource, name: str, copies: int, threads: int) -> None:
    """All of a buffer is zero: what is read between the numbers that are written."""
    s.add("e = tid", f"while e < {copies} * WHOLE:", f"    {name}[uint64(e)] = zero", f"    e = int32(e + {threads})")


def _begin_sums(s: KernelSource, made: Small, ahead: bool) -> None:
    """add0 ...: what sums begin with, the biases or, where inputs are projected before, a step's sums of them.

    Of the threads that share a sum only one begins with it, unless there is nothing to be added up.
    """
    later = " + z_step" if ahead else ""
    sums = made.states[-1] if made.cell.slots.plain else "z"
    if made.split:
        load = "(vec * S + lane) * L + at"
        s.add(f"add0 = {element('bias', load) if made.inputs else f'z[uint64(zo{later})]'}")
        return
    for g in range(made.cell.slots.count):
        if made.inputs:
            load = element("bias", f"(vec * S + {g}) * L + at")
        elif made.cell.slots.plain:
            load = f"{sums}[uint64({sums}_at + ho{' + h_step' if ahead else ''})]"
        else:
            load = f"z[uint64(zo{later} + {g} * L)]"
        shared = made.rows < QUARTER and g in made.used
        s.add(f"add{g} = {load}" + (" if begins else zero" if shared else ""))


def _sums(s: KernelSource, made: Small, K: int) -> None:
    """The sums of one row and unit in s0_, s1_ ..., but for those of the second product."""
    used, read = made.used, "buf[here + uint64(to{r}) + uint64({k})]"
    s.add("here = uint64(4 * now + own)")
    begins = {f"a0_{g}": f"add{g}" for g in (used[:1] if made.split else used)}
    s.add(*[f"a{r}_{g} = {begins.get(f'a{r}_{g}', 'zero')}" for r in range(made.rows) for g in used])
    _products(s, made.rows, "w", read, 0, made.units, made.by_state)
    if made.inputs:
        _products(s, made.rows, "x_w", read, K, made.inputs, made.by_inputs)
    items = [[f"a{r}_{g}" for g in used if g not in made.second] for r in range(made.rows)]
    s.reduce([[a] for a in items[0]] if made.split else items, (2, 1))
    s.add(*[f"s{g}_ = {f'a0_{g}' if g in used else f'add{g}'}" for g in range(made.cell.slots.count)])


def _products(s: KernelSource, rows: int, name: str, read: str, first: int, K: int, slots: range) -> None:
    """a[r, slot] += what is read times weights; four values in a row are one load of 16 bytes."""
    for m in range(round_up(K, 16) // 16):
        for r in range(rows):
            s.add(*[f"v{i} = {read.format(r=r, k=first + 16 * m + i)}" for i in range(4)])
            s.add(*[f"a{r}_{g} += v{i} * {name}{m}_{i}_{n}" for i in range(4) for n, g in enumerate(slots)])


def _store_forward(s: KernelSource, made: Small, places: dict[int, str]) -> None:
    """What the backward pass and later steps need."""
    s.add("if t < until:", *[f"    {state}[uint64({state}_at + ho)] = old{k}" for k, state in enumerate(made.states)])
    if made.masked:
        s.add(f"    hr[uint64(hr_at + ho)] = {made.seen}")
    if made.keep and made.split:
        s.add("if t < kept_until:", "    z[uint64(zo)] = y")
    elif made.keep:
        s.add(*[f"    z[uint64(zo + {made.slot[gate]} * L)] = {places[gate]}" for gate in made.left])
        if made.second:
            s.add("    mixed[uint64(mixed_at + ho - h_step)] = passed[0]")


def plan_forward(plan: Planner, made: Small, **fields: object) -> None:
    """Plan the forward pass; `fields` are those of the operation's record."""
    kernel, B = forward_kernel(made), fields["B"]
    values = fields | distances(made, B) | {"x_step": B * fields["ldx"]}
    plan.blocks(kernel.kernel, (made.blocks(B),), *(values[name] for name in kernel.takes))
