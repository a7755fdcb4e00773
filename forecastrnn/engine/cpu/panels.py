"""Panels of a cell: n rows of the vector at one unit, through a stage of the step and back.

Around the text of the stage, a panel is the code of a template below with other globals: `stage` and `stage_back`,
what is loaded (`take_...`) and stored (`put_...`), COUNT slots of a unit, and CARRIED sums that both stages read; and
`only`, which clears the lanes behind the last unit, for cells where those do not keep to harmless values.
"""

from __future__ import annotations

from collections.abc import Callable

from numba.extending import register_jitable

from forecastrnn.engine import formulas
from forecastrnn.engine.compiling import rebuilt
from forecastrnn.engine.cpu import elementary  # noqa: F401  # what formulas mean in kernels
from forecastrnn.engine.cpu.build import fast
from forecastrnn.engine.cpu.cell_source import CellSource, defined
from forecastrnn.engine.cpu.simd import first_lanes, lanes, load, store
from forecastrnn.engine.cpu.vectors import gather, scatter, within, zeros
from forecastrnn.networks.tracing.operations import CALLED
from forecastrnn.networks.tracing.stages import Stage


# ruff: noqa: F821  # names of templates
def ahead(n, z, now, u):
    """Sums in z -> what is kept of them, and what the stage returns."""
    L, weights = lanes(z), take_weights(now.diagonal, u, now.width)
    old, new, before, after = arrays_of(now)
    inside = first_lanes(z, now.units - u)
    for r in range(n):
        row, place = r * now.width + u, r * COUNT * L
        kept, made = stage(take_places(z, place, L), take_old(old, before + row, 0), weights)
        put_kept(z, place, L, kept)
        put_made(new, after + row, 0, only(made, inside))


def back(n, z, now, by, u):
    """What is kept in z -> derivatives by the sums in z, and by what the stage reads; those by weights are added up."""
    L, weights, totals = lanes(z), take_weights(now.diagonal, u, now.width), no_totals(z)
    old, new, before, after = arrays_of(now)
    inside = first_lanes(z, now.units - u)
    for r in range(n):
        row, place, shared = r * now.width + u, r * COUNT * L, r * CARRIED * now.width + u
        d_sums, d_old, carried, totals = stage_back(
            take_kept(z, place, L), take_old(old, before + row, 0), take_new(new, after + row, 0), weights,
            take_d(returned(by), row, 0), take_carried(by.carried, shared, now.width), totals,
        )  # fmt: skip
        put_sums(z, place, L, only(d_sums, inside))
        put_carried(by.carried, shared, now.width, carried)
        give_back(by, row, only(d_old, inside))
    add_totals(by.diagonal, u, now.width, totals)


@fast
def unchanged(values, inside):
    """All lanes."""
    return values


@fast
def step_arrays(now):
    """What the step reads and returns: states, and where."""
    return now.states, now.states, now.before, now.after


@fast
def between_arrays(now):
    """What `between` reads and returns."""
    return now.seen, now.mixed, now.before, now.reached


@fast
def by_states(by):
    """Derivatives by what the step returns."""
    return by.states


@fast
def by_mixed(by):
    """Derivative by what `between` returns."""
    return by.mixed


def give_states(by, row, d_old):
    """Derivatives by states go one step back; those that end here become 0."""
    put_old(by.states, row, 0, d_old)
    put_ended(by.states, row, 0, no_more(by.states[0]))


@fast
def give_seen(by, row, d_old):
    """What comes back to the state that products see is added to the derivative by the state, through the mask."""
    d, dh = d_old[0], by.states[-1]
    if by.masked != 0:
        d = d * load(by.mask, row)
    store(dh, row, load(dh, row) + d)


@fast
def give_nothing(by, row, d_old):
    """`between` reads no state."""


def title_of(source: CellSource, name: str) -> str:
    """Under what name tracebacks find the text of a stage."""
    return f"{source.label} {name} {source.digest}"


def functions_of(source: CellSource, stage: Stage, name: str) -> tuple[Callable[..., object], Callable[..., object]]:
    """The text of a stage as functions, which tracebacks can show."""
    made = defined(stage.text(), title_of(source, name), {one: getattr(formulas, one) for one in CALLED})
    inline = register_jitable(forceinline=True, no_cfunc_wrapper=True)
    return inline(made[name]), inline(made[f"{name}_back"])


def panels_of(source: CellSource, stage: Stage, name: str) -> tuple[Callable[..., object], Callable[..., object]]:
    """Both panels of a stage, `step` or `between`: there and back."""

    def places(gates: tuple[int, ...]) -> tuple[int, ...]:
        return tuple(source.frame.slot_of[gate] for gate in gates)

    forward, backward = functions_of(source, stage, name)
    own = _of_step(source, stage) if name == "step" else _of_between(source, stage)
    only = unchanged if source.stages.rests else within
    names = {"COUNT": source.slots.count, "take_weights": gather(stage.weights), "only": only, **own}
    ahead_names = {
        "stage": forward, "take_places": gather(places(stage.reads)), "put_kept": scatter(places(stage.writes)),
    }  # fmt: skip
    back_names = {
        "CARRIED": source.carried, "stage_back": backward, "no_totals": zeros(len(stage.weights)),
        "take_kept": gather(places(stage.back_reads)), "put_sums": scatter(places(stage.sums)),
        "take_old": own["take_back_old"], "add_totals": scatter(stage.weights, grow=True),
    }  # fmt: skip
    return fast(rebuilt(ahead, names | ahead_names)), fast(rebuilt(back, names | back_names))


def _of_step(source: CellSource, stage: Stage) -> dict[str, object]:
    """What the step reads and returns: arrays of states."""
    ended, all_states = source.ended, tuple(range(source.frame.n_states))
    names = {"put_old": scatter(stage.through), "put_ended": scatter(ended), "no_more": zeros(len(ended))}
    return {
        "arrays_of": step_arrays, "take_old": gather(stage.old), "put_made": scatter(all_states),
        "take_back_old": gather(stage.back_old), "take_new": gather(stage.back_new), "returned": by_states,
        "take_d": gather(all_states), "take_carried": gather(()), "put_carried": scatter(tuple(range(source.carried))),
        "give_back": fast(rebuilt(give_states, names)),
    }  # fmt: skip


def _of_between(source: CellSource, stage: Stage) -> dict[str, object]:
    """What `between` reads and returns: one array each."""
    return {
        "arrays_of": between_arrays, "take_old": gather((0,) * len(stage.old)), "put_made": scatter((0,)),
        "take_back_old": gather((0,) * len(stage.back_old)), "take_new": gather(()), "returned": by_mixed,
        "take_d": gather((0,)), "take_carried": gather(tuple(range(source.carried))), "put_carried": scatter(()),
        "give_back": give_seen if stage.through else give_nothing,
    }  # fmt: skip
