"""A cell's graph with its derivatives, cut into stages: what each computes, and which values lie in which places."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from forecastrnn.networks.tracing.cell_graph import CellGraph
from forecastrnn.networks.tracing.derivatives import gradients
from forecastrnn.networks.tracing.graph import MOST_NODES, Graph
from forecastrnn.networks.tracing.keeping import Room, Task, choose_kept

MOST_DERIVED = 20 * MOST_NODES  # an operation's derivative is never that long

Places = dict[int, int]  # gate -> the value that lies in its place
Slopes = dict[int, int | None]  # gate, state or diagonal -> the derivative by it


@dataclass(frozen=True, kw_only=True)
class Inputs:
    """The inputs of a cell's graph, those of the ways back too."""

    sums: list[int]
    old: list[int]
    seen: int
    weights: list[int]
    seeds: list[int]  # derivatives by the new states
    between_seed: int  # by what `between` returns
    carried: list[int]  # by sums of both stages: the step's part

    @classmethod
    def of(cls, cell: CellGraph, graph: Graph) -> Inputs:
        """Those of a cell, in the order of their names."""

        def all_of(kind: str, names: Iterable[str]) -> list[int]:
            return [graph.input(f"{kind}.{name}") for name in names]

        return cls(
            sums=all_of("sum", cell.gates), old=all_of("old", cell.states), seen=graph.input(f"seen.{cell.states[-1]}"),
            weights=all_of("weight", cell.diagonals), seeds=all_of("d", cell.states),
            between_seed=graph.input("between.d"), carried=all_of("carried", cell.gates),
        )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class StageValues:
    """What one stage computes: values of a joint graph.

    outputs, seeds : what it returns, and the derivatives by that. new : outputs that the way back may load.
    own : gates whose places it fills, and later with derivatives (d_sums). old, d_old : states before the step.
    carried : gate -> derivative that goes into the way back (of `between`: takes_carried) or comes out of it.
    """

    outputs: tuple[int, ...]
    seeds: tuple[int, ...]
    new: tuple[int, ...]
    own: tuple[int, ...]
    old: dict[int, int]
    d_sums: Slopes
    d_old: Slopes
    d_weights: Slopes
    carried: dict[int, int]
    takes_carried: bool

    @property
    def through(self) -> dict[int, int]:
        """State -> the derivative by its old value, where there is one."""
        return {state: slope for state, slope in self.d_old.items() if slope is not None}

    @property
    def wanted_back(self) -> tuple[int, ...]:
        """All that the way back returns."""
        slopes = [*self.d_sums.values(), *self.d_old.values(), *self.d_weights.values()]
        carried = [] if self.takes_carried else list(self.carried.values())
        return tuple(value for value in [*slopes, *carried] if value is not None)

    def loaded_back(self, weights: Sequence[int]) -> frozenset[int]:
        """All that the way back may load, beside places."""
        carried = self.carried.values() if self.takes_carried else ()
        return frozenset([*self.old.values(), *weights, *self.seeds, *self.new, *carried])


@dataclass(frozen=True, kw_only=True)
class Joint:
    """Both stages over one graph; `kept`: what lies in the places between the ways."""

    cell: CellGraph
    graph: Graph
    inputs: Inputs
    step: StageValues
    between: StageValues | None
    kept: Places


def derived(cell: CellGraph) -> Joint:
    """The graph of a cell with its derivatives, and the choice of what is kept."""
    graph = cell.graph(MOST_DERIVED)
    inputs = Inputs.of(cell, graph)
    first = _gates_of(cell, graph, inputs)
    step = _step(cell, graph, inputs, first)
    between = None if cell.between is None else _between(cell, graph, inputs, step)
    kept = _kept(len(cell.nodes), graph, inputs, step, between)
    return Joint(cell=cell, graph=graph, inputs=inputs, step=step, between=between, kept=kept)


def _gates_of(cell: CellGraph, graph: Graph, inputs: Inputs) -> tuple[int, ...]:
    """The gates that `between` reads."""
    early = set() if cell.between is None else graph.ancestors(cell.between)
    return tuple(gate for gate, value in enumerate(inputs.sums) if value in early)


def _step(cell: CellGraph, graph: Graph, inputs: Inputs, first: tuple[int, ...]) -> StageValues:
    count, states = len(cell.gates), len(cell.states)
    seeds = dict(zip(cell.outputs, inputs.seeds))
    slopes = gradients(graph, seeds, [*inputs.sums, *inputs.old, *inputs.weights])
    own = tuple(gate for gate in range(count) if gate not in first)
    return StageValues(
        outputs=cell.outputs, seeds=tuple(inputs.seeds), new=cell.outputs, own=own, old=dict(enumerate(inputs.old)),
        d_sums={gate: slopes[gate] for gate in own}, d_old=dict(enumerate(slopes[count : count + states])),
        d_weights=dict(enumerate(slopes[count + states :])),
        carried={gate: slope for gate in first if (slope := slopes[gate]) is not None}, takes_carried=False,
    )  # fmt: skip


def _between(cell: CellGraph, graph: Graph, inputs: Inputs, step: StageValues) -> StageValues:
    assert cell.between is not None
    own = tuple(gate for gate in range(len(cell.gates)) if gate not in step.own)
    wanted = [*(inputs.sums[gate] for gate in own), inputs.seen, *inputs.weights]
    slopes = gradients(graph, {cell.between: inputs.between_seed}, wanted)
    carried = {gate: inputs.carried[gate] for gate in step.carried}
    last = len(cell.states) - 1
    return StageValues(
        outputs=(cell.between,), seeds=(inputs.between_seed,), new=(), own=own, old={last: inputs.seen},
        d_sums={gate: _sum(graph, carried.get(gate), slope) for gate, slope in zip(own, slopes)},
        d_old={last: slopes[len(own)]}, d_weights=dict(enumerate(slopes[len(own) + 1 :])),
        carried=carried, takes_carried=True,
    )  # fmt: skip


def _sum(graph: Graph, a: int | None, b: int | None) -> int | None:
    """The sum of what there is."""
    if a is None or b is None:
        return b if a is None else a
    return graph.apply("add", a, b)


def _kept(count: int, graph: Graph, inputs: Inputs, step: StageValues, between: StageValues | None) -> Places:
    """Gate -> the value that lies in its place after the way forward."""
    stages = [step] if between is None else [between, step]
    tasks = [
        Task(wanted=stage.wanted_back, loaded=stage.loaded_back(inputs.weights), rooms=tuple(range(n + 1)))
        for n, stage in enumerate(stages)
    ]
    if between is not None:  # the step goes on from what `between` has left
        own = [inputs.sums[gate] for gate in step.own]
        tasks.append(Task(wanted=step.outputs, loaded=frozenset([*inputs.old, *inputs.weights, *own]), rooms=(0,)))
    rooms = _rooms(count, graph, inputs, stages, tasks)
    chosen = choose_kept(graph, rooms, tasks)
    kept: Places = {}
    for stage, values in zip(stages, chosen):
        kept |= _placed(graph, {gate: inputs.sums[gate] for gate in stage.own}, values)
    return kept


def _rooms(count: int, graph: Graph, inputs: Inputs, stages: list[StageValues], tasks: list[Task]) -> list[Room]:
    """For each stage the places of its sums, and the values that it computes, cost something and are needed again."""
    again: set[int] = set()
    for task in tasks:
        again |= graph.needed(task.wanted, task.loaded.union(inputs.sums)) or set()
    able = {value for value in again if value < count and graph.nodes[value].cost > 1}
    rooms = []
    for stage in stages:
        made = able & set().union(*(graph.ancestors(value) for value in stage.outputs))
        rooms.append(Room(sums=tuple(inputs.sums[gate] for gate in stage.own), candidates=tuple(sorted(made))))
        able -= made
    return rooms


def _placed(graph: Graph, sums: dict[int, int], kept: frozenset[int]) -> Places:
    """A kept sum stays; another value goes to the place of a sum that it is made of, if that is free."""
    places = {gate: value for gate, value in sums.items() if value in kept}
    free = [gate for gate in sums if gate not in places]
    made_of = {value: graph.ancestors(value) for value in kept.difference(sums.values())}
    for value in sorted(made_of, key=lambda v: (sum(sums[gate] in made_of[v] for gate in free), v)):
        own = [gate for gate in free if sums[gate] in made_of[value]]
        places[(own or free)[0]] = value
        free.remove((own or free)[0])
    return dict(sorted(places.items()))
