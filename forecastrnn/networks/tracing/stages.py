"""A cell's graph -> what its loops over time run at each step: one stage, or two with a product between them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import astuple, dataclass

from forecastrnn.networks.tracing.cell_graph import CellGraph
from forecastrnn.networks.tracing.joint import Joint, Places, StageValues, derived
from forecastrnn.networks.tracing.padding import comes_to_rest
from forecastrnn.networks.tracing.text import Function, Given, function_text, tuple_of


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Text of a stage forward and backward, and what the loops must hand over. Numbers go by gate, state, diagonal.

    The text defines ``step(places, old, weights) -> kept, results`` and
    ``step_back(places, old, new, weights, d, carried, totals) -> d_sums, d_old, carried, totals`` (or ``between`` and
    ``between_back``); all are tuples. It calls the functions of `forecastrnn.formulas` by their names. Each gate has
    one place, which holds its sum, then what is kept, then the derivative by the sum.

    reads, old : gates whose places forward reads, and states before the step.
    writes : gates whose places forward overwrites, with `kept`.
    back_reads, back_old, back_new : gates whose places backward reads, and states before and after the step.
    sums : gates whose derivatives backward returns.
    through : states by whose value before the step there is a derivative besides that of products.
    carried : gates of both stages: what the step's backward returns for them, that of `between` takes in.
    weights : diagonals that the stage reads, in both directions; totals are the sums of their derivatives.

    In `between`, the old state is the one that products see, d is the derivative by what it returns, and there is no
    new state.
    """

    forward: str
    backward: str
    reads: tuple[int, ...]
    writes: tuple[int, ...]
    old: tuple[int, ...]
    back_reads: tuple[int, ...]
    back_old: tuple[int, ...]
    back_new: tuple[int, ...]
    sums: tuple[int, ...]
    through: tuple[int, ...]
    carried: tuple[int, ...]
    weights: tuple[int, ...]

    def text(self, constant: str = "{}") -> str:
        """Both functions, with constants in a backend's form, as ``real({})``."""
        both = f"{self.forward}\n\n{self.backward}"  # constants in braces
        return re.sub(r"\{(.*?)\}", lambda found: constant.format(found[1]), both)


@dataclass(frozen=True, kw_only=True)
class Stages:
    """The stages of a cell's step. rests : units that only fill up vectors do so harmlessly (see `comes_to_rest`)."""

    step: Stage
    between: Stage | None = None
    rests: bool = True

    @property
    def digest(self) -> str:
        """What tells two cells apart: equal only if text, constants and the places of all values are equal."""
        content = repr((astuple(self.step), self.between and astuple(self.between)))
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def stages_of(cell: CellGraph) -> Stages:
    """Derivatives, the choice of what is kept, and the text of it all."""
    joint = derived(cell)
    between = None if joint.between is None else _stage(joint, joint.between, "between")
    return Stages(step=_stage(joint, joint.step, "step"), between=between, rests=comes_to_rest(joint))


def _stage(joint: Joint, stage: StageValues, name: str) -> Stage:
    written = [gate for gate in stage.own if gate in joint.kept and joint.kept[gate] != joint.inputs.sums[gate]]
    wanted = [*stage.outputs, *(joint.kept[gate] for gate in written)]
    forward = Function(joint.graph, _given(joint, stage, _places_before(joint, stage)), wanted)
    back = Function(joint.graph, _given_back(joint, stage), stage.wanted_back)
    moved = (k for k, slope in stage.d_weights.items() if slope is not None)
    weights = tuple(sorted({*forward.used("weight"), *back.used("weight"), *moved}))
    diagonals = [joint.cell.diagonals[k] for k in weights]
    return Stage(
        forward=_forward_text(name, forward, stage, wanted, diagonals),
        backward=_backward_text(joint, name, back, stage, diagonals),
        reads=tuple(forward.used("place")), writes=tuple(written), old=tuple(forward.used("old")),
        back_reads=tuple(back.used("place")), back_old=tuple(back.used("old")), back_new=tuple(back.used("new")),
        sums=stage.own, through=tuple(stage.through), carried=tuple(stage.carried), weights=weights,
    )  # fmt: skip


def _given(joint: Joint, stage: StageValues, places: Places) -> list[Given]:
    """What both ways of a stage are handed: old states, diagonal weights and what lies in places."""
    inputs, graph = joint.inputs, joint.graph
    named = [("old", stage.old), ("weight", dict(enumerate(inputs.weights)))]
    given = [Given(kind, k, value, graph.input_name(value)) for kind, values in named for k, value in values.items()]
    for gate, value in places.items():
        is_sum = value == inputs.sums[gate]
        given.append(Given("place", gate, value, f"{'sum' if is_sum else 'kept'}_{joint.cell.gates[gate]}"))
    return given


def _places_before(joint: Joint, stage: StageValues) -> Places:
    """What lies in the places before a stage: its sums, and what an earlier stage has left."""
    sums = dict(enumerate(joint.inputs.sums))
    if stage.takes_carried:
        return {gate: sums[gate] for gate in stage.own}
    return {gate: value if gate in stage.own else joint.kept.get(gate, value) for gate, value in sums.items()}


def _given_back(joint: Joint, stage: StageValues) -> list[Given]:
    """What the way back is handed: the same, with what was kept, new states, and derivatives by what is returned."""
    places = {gate: value for gate, value in joint.kept.items() if gate in stage.own or not stage.takes_carried}
    given = _given(joint, stage, places)
    given += [Given("seed", k, value, joint.graph.input_name(value)) for k, value in enumerate(stage.seeds)]
    given += [Given("new", k, value, f"new_{joint.cell.states[k]}") for k, value in enumerate(stage.new)]
    if stage.takes_carried:
        given += [Given("carried", k, value, joint.graph.input_name(value)) for k, value in stage.carried.items()]
    return given


def _forward_text(name: str, body: Function, stage: StageValues, wanted: list[int], weights: list[str]) -> str:
    taken = {
        "places": body.used("place").values(),
        "old": body.used("old").values(),
        "weights": [f"weight_{diagonal}" for diagonal in weights],
    }
    names = [body.name(value) for value in wanted]
    count = len(stage.outputs)
    return function_text(name, taken, body.lines, [tuple_of(names[count:]), tuple_of(names[:count])])


def _backward_text(joint: Joint, name: str, body: Function, stage: StageValues, weights: list[str]) -> str:
    seeds = [joint.graph.input_name(value) for value in stage.seeds]
    carried = [body.name(value) for value in stage.carried.values()]
    taken = {
        "places": body.used("place").values(),
        "old": body.used("old").values(),
        "new": body.used("new").values(),
        "weights": [f"weight_{diagonal}" for diagonal in weights],
        "d": seeds,
        "carried": carried if stage.takes_carried else [],
        "totals": [f"total_{diagonal}" for diagonal in weights],
    }
    lines = list(body.lines)
    for k, slope in stage.d_weights.items():
        if slope is not None:
            total = f"total_{joint.cell.diagonals[k]}"
            lines.append(f"{total} = {total} + {body.name(slope)}")
    zero = f"{seeds[-1]} * {{0.0}}"
    d_sums = [zero if slope is None else body.name(slope) for slope in stage.d_sums.values()]
    d_old = [body.name(slope) for slope in stage.through.values()]
    results = (d_sums, d_old, [] if stage.takes_carried else carried, taken["totals"])
    return function_text(f"{name}_back", taken, lines, map(tuple_of, results))
