"""Kernels of a step of any cell on the device, there and back: text around the stages of its formula.

Layouts are those of `forecastrnn.engine.cpu.recurrent`; in the text, an array `a` begins at `a_at`. A thread has the
same units in all its rows. Layer normalisation runs in the same launch, before a stage going forward and behind it
going back: a block then has whole rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from forecastrnn.engine.cpu.cell_source import CellSource
from forecastrnn.engine.cuda.build import THREADS
from forecastrnn.engine.cuda.layer_norm import ROOM, SLOTS, TEAM, normalise, normalise_back
from forecastrnn.engine.cuda.recurrent import gradient_so_far
from forecastrnn.engine.cuda.source import REALS, KernelSource, NamedKernel, call, element, indented, stage_functions
from forecastrnn.networks.tracing.stages import Stage

ARRAYS = "z hr mask mixed dout onward dmixed carried diagonal looks flat gain bias normed scale parts active".split()
NUMBERS = "t turn T B H Hp bits first masked keep".split()
OLD, NEW, OWN = "(t * B + r) * Hp + u", "((t + 1) * B + r) * Hp + u", "r * Hp + u"  # in arrays of T + 1 steps, or one
NORMED = "normed, normed_at + here, scale, factors"


@dataclass(frozen=True)
class StepKernels:
    """The kernels of a step in the order in which they run; before a second one there is a product."""

    forward: tuple[NamedKernel, ...]
    backward: tuple[NamedKernel, ...]


@lru_cache
def step_kernels(cell: CellSource, dtype: str) -> StepKernels:
    """The kernels of a cell, compiled when first launched."""
    stages = [StageText(cell, name) for name in ("between", "step") if getattr(cell.stages, name)]
    return StepKernels(
        forward=tuple(text.kernel(text.name, text.forward(), dtype) for text in stages),
        backward=tuple(text.kernel(f"{text.name}_back", text.backward(), dtype) for text in reversed(stages)),
    )


class StageText:
    """Lines of the kernels of a stage.

    own : slots that are normalised with it. passed : slots of the derivatives that the next product back reads.
    """

    def __init__(self, cell: CellSource, name: str) -> None:
        self.cell, self.name, self.slots, self.first = cell, name, cell.slots, name == "between"
        self.stage: Stage = getattr(cell.stages, name)
        self.states = cell.states
        second, count = self.slots.second, self.slots.count
        late = second > 0 and not self.first
        self.own = range(second) if late else range(second, count)
        self.passed = range(second) if late else range(self.slots.first, self.slots.first + self.slots.states)

    def kernel(self, function: str, lines: list[str], dtype: str) -> NamedKernel:
        """The kernel of some lines."""
        names = {
            "real": REALS[dtype], "ROOM": ROOM, "normalise": normalise, "normalise_back": normalise_back,
            "gradient_so_far": gradient_so_far, **stage_functions(self.cell, dtype),
        }  # fmt: skip
        arrays = (*ARRAYS, *self.states, *(f"d{state}" for state in self.states))
        resident = 1024 if self.slots.count <= 4 else 512
        threads = TEAM if self.cell.layer_norm else THREADS
        name = self.cell.name(function)
        return KernelSource(*lines).kernel(name, arrays, NUMBERS, names, threads=threads, resident=resident)

    # Forward ------------------------------------------------------------------------------------------
    def forward(self) -> list[str]:
        """Sums -> what is kept of them, and what the stage returns."""
        stage, sums = self.stage, self.states[-1] if self.slots.plain else "z"
        old = [element("hr" if self.first else self.states[k], OLD) for k in stage.old]
        made = [element("mixed", "(turn * B + r) * Hp + u")] if self.first else [element(s, NEW) for s in self.states]
        inner = [
            call("kept, made", self.name, self._sums(stage.reads, sums), old, self._weights),
            *(f"{place} = kept[{k}]" for k, place in enumerate(self._sums(stage.writes, sums))),
        ]
        if not self.cell.stages.rests:  # nor are there states behind the last unit
            inner = [f"made = ({'real(0), ' * len(made)})", "if u < H:", *indented(*inner)]
        lines = [f"at = {self._place_of_sums(sums)}", *inner]
        lines += [f"{place} = made[{k}]" for k, place in enumerate(made)]
        if not self.first:
            seen = f"{element('hr', NEW)} = made[{len(made) - 1}] * {element('mask', OWN)}"
            lines += ["if masked != 0:", f"    {seen}"]
        ends = " + B * Hp" if self.slots.plain else ""
        given = f"{sums}, {sums}_at + here{ends}, width, gap, gain, gain_at, bias, bias_at, {NORMED}, room, n"
        norm = self._over_units(sums, f"normalise({given}, {{}}, {{}}, {self.slots.count}, H, Hp, bits, keep)")
        return ["L = 1 << bits", f"n = {element('active', 't')}", *norm, *_walk("n", lines)]

    # Back ---------------------------------------------------------------------------------------------
    def backward(self) -> list[str]:
        """What is kept -> derivatives: by sums in z, those of the next product also in flat; by states one step back.

        Those by diagonal weights are added to the block's own sums in looks.
        """
        stage, places = self.stage, self._sums(self.stage.sums, "z")
        begin, given, behind = self._between_back() if self.first else self._step_back()
        totals = [f"totals[{k}]" for k in range(len(stage.weights))]
        given = (self._sums(stage.back_reads, "z"), *given, totals)
        lines = [
            f"at = {self._place_of_sums('z')}",
            f"sums = ({'zero, ' * len(places)})",
            "if r < n:" if self.cell.stages.rests else "if r < n and u < H:",
            *indented(*begin, call("sums, old, handed, totals", f"{self.name}_back", *given), *behind),
            *(f"{place} = sums[{k}]" for k, place in enumerate(places)),
            *self._flat(),
        ]
        seen = f"looks_at + (cuda.blockIdx.y * {self.slots.diagonals} + {{}}) * Hp + u"
        added = [f"looks[{seen.format(w)}] += {total}" for w, total in zip(stage.weights, totals)]
        later = f"later = {element('active', 't + 1')} if t + 1 < T else 0"
        head = ["L, zero = 1 << bits, real(0)", f"n = {element('active', 't')}", *([] if self.first else [later])]
        begun = [f"totals = ({'zero, ' * len(totals)})"] if totals else []
        return [*head, *_walk("B", lines, begun, added), *self._normalised_back()]

    def _step_back(self) -> tuple[list[str], tuple, list[str]]:
        """Lines that find the derivative by the last state, what the way back is given, and where its results go."""
        stage, slopes = self.stage, [element(f"d{state}", OWN) for state in self.states]
        dh, d = f"d{self.states[-1]}", slopes[-1]
        if self.slots.states:
            d = f"gradient_so_far(later, {self.slots.through}, masked, r, {OWN}, {dh}, {dh}_at, onward, onward_at, "
            d += "mask, mask_at)"
        begin = [f"d = {d}", "if t >= first:", f"    d = d + {element('dout', '((t - first) * B + r) * Hp + u')}"]
        old, new = [(s, OLD) for s in stage.back_old], [(s, NEW) for s in stage.back_new]
        given = (*([element(self.states[k], at) for k, at in some] for some in (old, new)), self._weights)
        behind = [f"{slopes[state]} = old[{k}]" for k, state in enumerate(stage.through)]
        behind += [f"{slopes[state]} = zero" for state in self.cell.ended]
        behind += [f"{place} = handed[{k}]" for k, place in enumerate(self._carried)]
        return begin, (*given, [*slopes[:-1], "d"], ()), behind

    def _between_back(self) -> tuple[list[str], tuple, list[str]]:
        """The same of `between`; the derivative by the state that it sees grows."""
        old, dh = [element("hr", OLD) for _ in self.stage.back_old], element(f"d{self.states[-1]}", OWN)
        given = old, (), self._weights, [element("dmixed", OWN)], self._carried
        scaled = f"    back = back * {element('mask', OWN)}"
        behind = ["back = old[0]", "if masked != 0:", scaled, f"{dh} = {dh} + back"]
        return [], given, behind if self.stage.through else []

    def _flat(self) -> list[str]:
        """The derivatives that the next product reads, as plain rows: of this stage, or left in z by the one before."""
        width, stage = len(self.passed), self.stage
        if self.slots.plain or not width:
            return []
        made = {gate: f"sums[{k}]" for k, gate in enumerate(stage.sums)}
        gates = [self.cell.frame.order[slot] for slot in self.passed]
        read = [made.get(gate) or self._sums((gate,), "z")[0] for gate in gates]
        row = f"row = flat_at + r * {width} * Hp + ((p * {width}) << bits) + lane"
        return [row, *(f"flat[row + {k} * L] = {value}" for k, value in enumerate(read))]

    def _normalised_back(self) -> list[str]:
        """The way back through the normalisation of the stage's own slots, on the same rows and units."""
        plain = self.slots.plain or not self.passed
        flat, taken = ("z, z_at", 0) if plain else ("flat, flat_at", len(self.passed))
        given = f"z, z_at + here, width, gap, gain, gain_at, {NORMED}, {flat}, parts, parts_at, room, n"
        passed = f"{self.slots.count}, {self.passed.start}, {taken}, H, Hp, bits"
        return self._over_units("z", f"normalise_back({given}, {{}}, {{}}, {passed})")

    # Both ways ----------------------------------------------------------------------------------------
    def _over_units(self, sums: str, line: str) -> list[str]:
        """With layer normalisation: what happens to the stage's own slots, so many at once as there is room for."""
        if not self.cell.layer_norm:
            return []
        width, gap = ("Hp", "L") if self.slots.plain else (f"{self.slots.count} << bits", "T * B * width")
        begin = [f"room = cuda.shared.array(ROOM, {sums}.dtype)", f"width = {width}", "here = t * B * width"]
        firsts = range(self.own.start, self.own.stop, SLOTS)
        line = line.replace("factors", f"scale_at + t * B * {self.slots.count}")
        return [*begin, f"gap = {gap}", *(line.format(s, min(SLOTS, self.own.stop - s)) for s in firsts)]

    @property
    def _weights(self) -> list[str]:
        return [element("diagonal", f"{weight} * Hp + u") for weight in self.stage.weights]

    @property
    def _carried(self) -> list[str]:
        return [element("carried", f"({k} * B + r) * Hp + u") for k in range(self.cell.carried)]

    def _place_of_sums(self, array: str) -> str:
        """Where the sums of a row and unit begin: in slots; or, of a plain cell, as states."""
        if self.slots.plain:
            return f"{array}_at + {OLD if array == 'z' else NEW}"
        return f"{array}_at + ((((p * T + t) * B + r) * {self.slots.count}) << bits) + lane"

    def _sums(self, gates: tuple[int, ...], array: str) -> list[str]:
        return [f"{array}[at + {self.cell.frame.slot_of[gate]} * L]" for gate in gates]


def _walk(rows: str, lines: list[str], before: Sequence[str] = (), after: Sequence[str] = ()) -> list[str]:
    """Lines for each row and unit, and those before and after the rows of a unit."""
    begin = ["p, r = u >> bits, cuda.blockIdx.y", "lane = u - (p << bits)", *before, f"while r < {rows}:"]
    unit = [*begin, *indented(*lines, "r += cuda.gridDim.y"), *after, "u += cuda.blockDim.x * cuda.gridDim.x"]
    return ["u = cuda.grid(1)", "while u < Hp:", *indented(*unit)]
