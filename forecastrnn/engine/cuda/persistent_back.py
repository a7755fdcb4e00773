"""Small recurrent layers back through all time steps in one launch; how, says `forecastrnn.engine.cuda.persistent`."""

from __future__ import annotations

from functools import lru_cache

from forecastrnn.engine.cuda.build import Planner
from forecastrnn.engine.cuda.persistent import (
    SIXTEENTH,
    Small,
    clear,
    distances,
    load_constants,
    panel,
    tile,
    weights_of,
)
from forecastrnn.engine.cuda.source import KernelSource, NamedKernel, call, element, round_up, stage_functions
from forecastrnn.networks.tracing.stages import Stage

ARRAYS = "hr mask z transposed_h transposed_n dout diagonal looks active".split()
NUMBERS = "T B h_step z_step first start".split()


@lru_cache
def backward_kernel(made: Small) -> NamedKernel:
    """Generate the backward kernel."""
    R, passed, n = made.rows, made.by_state, len(made.states)
    stride = round_up(4 * round_up(made.units, 16), 32)
    spread = SIXTEENTH // (4 * R)  # threads that end with the same row and unit
    s = KernelSource("buf = cuda.shared.array(BOTH, float32, alignment=16)")
    tile(s, made, SIXTEENTH, f"(tid >> 4) * 4 + lane // {spread} % 4", f"lane // {4 * spread}", spread)
    s.add("quad = min((tid >> 4) * 4, (H - 1) // 4 * 4)")  # four units whose sums it adds to, its own first
    s.add(*[f"put{u} = quad + ({u} ^ lane // {spread} % 4)" for u in range(4)])
    _weights(s, "w", "transposed_h", made, len(passed))
    if made.second:
        s.add("rbuf = cuda.shared.array(BOTH, float32, alignment=16)")
        _weights(s, "v_w", "transposed_n", made, len(made.second))
        clear(s, "rbuf", 2, made.backward_threads)
    _begin(s, made)
    s.add("t = int32(T - 1)", "while t >= 0:")
    s.depth = 2
    s.add("alive = t < length")
    _step(s, made)
    if made.second:
        _between(s, made)
    _hand_on(s, made)
    s.add("t = int32(t - 1)", "zo -= z_step", "ho -= h_step", "if t >= 0:")
    _load(s, made)
    _products(s, made, "w", "buf", len(passed))
    s.add("if alive:", *[f"    slope{k} = back{k}" for k in range(n - 1)])
    through = f" + back{n - 1}" if made.cell.slots.through else ""
    s.add(f"    slope{n - 1} = {'a0_0 * scale' if made.masked else 'a0_0'}{through}")
    s.add("now = int32(WHOLE // 4 - now)")
    s.depth = 1
    s.add("if owner:", "    if start != 0:", f"        {element(f'd{made.states[-1]}', 'b * HP + j')} = slope{n - 1}")
    s.add(*[f"    {element(f'd{state}', 'b * HP + j')} = slope{k}" for k, state in enumerate(made.states[:-1])])
    _add_totals(s, made)
    names = made.constants | {"STRIDE": stride, "WHOLE": R * stride, "BOTH": 2 * R * stride}
    arrays = (*ARRAYS, *made.states, *(f"d{state}" for state in made.states))
    names |= stage_functions(made.cell, "float32")
    return s.kernel(made.name("backward"), arrays, NUMBERS, names, threads=made.backward_threads)


def _step(s: KernelSource, made: Small) -> None:
    """The way back of the step: d0, d1 ... by the sums in slots, back0 ... by old states; those by weights add up."""
    stage, last = made.cell.stages.step, len(made.states) - 1
    old, new = [f"old{k}" for k in stage.back_old], [f"new{k}" for k in stage.back_new]
    slopes = [*(f"slope{k}" for k in range(last)), f"slope{last} + dout_t"]
    _call_back(s, made, "step_back", stage, (old, new, weights_of(stage), slopes, ()))
    s.add(*[f"back{state} = back[{k}]" for k, state in enumerate(stage.through)])
    s.add(*[f"back{state} = zero" for state in made.cell.ended])


def _between(s: KernelSource, made: Small) -> None:
    """The derivative by what `between` returns, a product of its own, and the way back of that."""
    stage, last, scaled = made.cell.stages.between, len(made.states) - 1, " * scale" * made.masked
    assert stage is not None
    s.add("here = uint64(4 * now + row * STRIDE + unit)")
    s.add(*[f"rbuf[here] = d{slot} if alive else zero" for slot in made.second], "cuda.syncthreads()")
    _products(s, made, "v_w", "rbuf", len(made.second))
    seen, handed = [f"old{last}{scaled}" for _ in stage.back_old], [f"handed[{k}]" for k in range(made.cell.carried)]
    _call_back(s, made, "between_back", stage, (seen, (), weights_of(stage), ["a0_0"], handed))
    if stage.through:
        s.add(f"back{last} = back{last} + back[0]{scaled}")


def _call_back(s: KernelSource, made: Small, name: str, stage: Stage, given: tuple) -> None:
    """The way back of a stage, with what it takes besides places and sums over time."""
    kept, totals = [f"kept{made.slot[gate]}" for gate in stage.back_reads], [f"total{w}" for w in stage.weights]
    handed = "handed" if name == "step_back" else "_"
    s.add(call(f"sums, back, {handed}, totals", name, kept, *given, totals))
    s.add(*[f"d{made.slot[gate]} = sums[{k}]" for k, gate in enumerate(stage.sums)])
    s.add(*["if alive:"] * bool(totals), *[f"    {total} = totals[{k}]" for k, total in enumerate(totals)])


def _add_totals(s: KernelSource, made: Small) -> None:
    """Those of the block's rows together."""
    weights = range(made.cell.slots.diagonals)
    bits = {1: (), 2: (8,), 4: (8, 4)}[made.rows]
    s.reduce([[f"total{weight}" for weight in weights]], bits)
    if weights:
        s.add("if owner and row == 0:")
    s.add(
        *[f"    {element('looks', f'(cuda.blockIdx.x * {len(weights)} + {k}) * HP + j')} = total{k}" for k in weights]
    )


def _hand_on(s: KernelSource, made: Small) -> None:
    """Derivatives by the sums: those that the product reads to shared memory, all to z."""
    slots = range(made.cell.slots.count)
    s.add("if not alive:", *[f"    d{slot} = zero" for slot in slots])
    s.add("here = uint64(4 * now + place)")
    s.add(*[f"buf[here + uint64({k})] = d{slot}" for k, slot in enumerate(made.by_state)])
    s.add("cuda.syncthreads()", "if t < writes:", *[f"    z[uint64(zo + {slot} * L)] = d{slot}" for slot in slots])
    s.add(*[f"new{k} = old{k}" for k in shifted(made)])


def shifted(made: Small) -> tuple[int, ...]:
    """States that the way back reads before and after a step: the one is the other of the step before."""
    stage = made.cell.stages.step
    return tuple(k for k in stage.back_new if k in stage.back_old)


def _width(slots: int) -> int:
    """Places of a unit in shared memory: three slots take four, so that they are one load."""
    return 4 if slots == 3 else slots


def _weights(s: KernelSource, name: str, array: str, made: Small, gates: int) -> None:
    """A thread's sixteenth of the packed transposed weights, for four units."""
    per, L = panel(s, made, "(quad >> BITS)", made.constants["COLUMNS"]), made.lanes
    s.add(f"line = {array}_at + lo * VECTORS * {gates} * L * L - lo * L")
    s.add(f"line = line + ((lane >> BITS) * {gates * L} + (lane & (L - 1))) * {per} * L")
    for m in range(round_up(made.units, 16) // 16):
        for g in range(gates):
            for u in range(4):
                k = 16 * m // L * gates + g  # of the vectors of a gate, one for each L units
                inside = "" if made.units % 16 == 0 else f" if {16 * m} + lane < H else zero"
                s.add(f"{name}{m}_{g}_{u} = {array}[uint64(line + put{u} + {k} * L * {per} * L)]{inside}")


def _begin(s: KernelSource, made: Small) -> None:
    """Derivatives by the final states; where the last step lies in flat arrays, and what it has kept."""
    clear(s, "buf", 2, made.backward_threads)
    s.add(*[f"slope{k} = {element(f'd{state}', 'b * HP + j')}" for k, state in enumerate(made.states)])
    s.add("length = length_of(active, active_at, T, rb)")
    load_constants(s, made)
    s.add(*[f"new{k} = {element(made.states[k], '(T * B + b) * HP + j')}" for k in shifted(made)])
    s.add(*[f"total{k} = zero" for k in range(made.cell.slots.diagonals)])
    s.add("ho = ((T - 1) * B + b) * HP + j", "now = int32(0)")
    s.add("zo = z_at + " + ("ho" if made.cell.slots.plain else "((vec * T + T - 1) * B + b) * S * L + at"))
    s.add("t = int32(T - 1)", "start_of_dout = int32(first)", "writes = int32(T) if owner else int32(0)")
    s.add(f"place = row * STRIDE + {_width(len(made.by_state))} * unit")
    s.add(*[f"to{r} = (({r} ^ row) - row) * STRIDE" for r in range(made.rows)])
    s.depth = 0
    _load(s, made)
    s.depth = 1
    s.add("cuda.syncthreads()")


def _load(s: KernelSource, made: Small) -> None:
    """What a step has kept, a step ahead: it arrives while products run, and before its owner overwrites it."""
    step, between, last = made.cell.stages.step, made.cell.stages.between, len(made.states) - 1
    old = {*step.back_old, *((last,) if between and between.back_old else ())}
    s.depth += 1
    s.add("dout_t = zero", "if t >= start_of_dout:", "    dout_t = dout[uint64(dout_at + ho)]")
    s.add(*[f"kept{made.slot[gate]} = z[uint64(zo + {made.slot[gate]} * L)]" for gate in made.left])
    s.add(*[f"old{k} = {made.states[k]}[uint64({made.states[k]}_at + ho)]" for k in sorted(old)])
    for k in sorted({*step.back_new} - {*shifted(made)}):
        s.add(f"new{k} = {made.states[k]}[uint64({made.states[k]}_at + ho + h_step)]")
    s.depth -= 1


def _products(s: KernelSource, made: Small, name: str, buffer: str, slots: int) -> None:
    """The derivative by a state: a0_0, of this thread's row and unit."""
    rows, width = range(made.rows), _width(slots)
    s.add(f"here = uint64(4 * now + row * STRIDE + {width} * lane)")
    s.add(*[f"a{r}_{u} = zero" for r in rows for u in range(4)])
    for m in range(round_up(made.units, 16) // 16):
        for r in rows:
            at = f"here + uint64(to{r})"
            s.add(*[f"v{g} = {buffer}[{at} + uint64({16 * m * width + g})]" for g in range(slots)])
            s.add(*[f"a{r}_{u} += v{g} * {name}{m}_{g}_{u}" for g in range(slots) for u in range(4)])
    s.reduce([[f"a{r}_{u}"] for r in rows for u in range(4)], (8, 4, 2, 1))


def plan_backward(plan: Planner, made: Small, **fields: object) -> None:
    """Plan the backward pass; `fields` are those of the operation's record, and room for looks."""
    kernel, steps = backward_kernel(made), distances(made, fields["B"])
    dout = fields["dout"] and fields["dout"].at(-fields["first"] * steps["h_step"])  # it begins with its first step
    values = fields | steps | {"dout": dout}
    plan.blocks(kernel.kernel, (made.blocks(fields["B"]),), *(values[name] for name in kernel.takes))
