"""The kernels that take a small layer through all steps, for the gate that compiles them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from forecastrnn.engine.cpu.cell_source import CellSource
from forecastrnn.engine.cuda.build import Handle, Planner, Spot
from forecastrnn.engine.cuda.persistent import Small, is_small, plan_forward
from forecastrnn.engine.cuda.persistent_back import plan_backward
from support.formula_cells import CELLS

BUILT_IN = "elman", "lstm", "peephole_lstm", "gru", "gru_before"  # of the cells that tests declare
MASKED = "peephole_lstm", "gru", "gru_before"  # of these, a mask takes registers beside most values of a step


def launches_of_small_layers(scope: str) -> list[Any]:
    """scope : "largest", of the cells that need most; "cells", of all cells and some sizes; "every" size."""
    active = Spot(Handle(1, np.int64))
    plan = Planner("float32", 16, active)
    sizes = {"B": 8, "T": 3, "ldx": 16, "first": 0, "start": 0}
    names = "x weights_x bias weights_h weights_n hr mask z mixed transposed_h transposed_n dout diagonal looks"

    def add(made: Small) -> None:
        every_name = [*names.split(), *made.states, *(f"d{state}" for state in made.states)]
        fields = {name: Spot(Handle(1, np.float32)) for name in every_name} | {"active": active} | sizes
        plan_forward(plan, made, **fields)
        plan_backward(plan, replace(made, inputs=0), **fields)

    for name, declared in CELLS.items():
        cell = CellSource(name, declared.frame, declared.stages)
        if is_small(cell):
            for rows, units, inputs, lanes, masked in sizes_of_small_layers(name, scope):
                add(Small(cell, units, inputs, rows, lanes, True, masked=masked))
    return plan.launches


def sizes_of_small_layers(name: str, scope: str) -> list[tuple[int, int, int, int, bool]]:
    """Rows, units, inputs, lanes of a vector, masked or not; 4 rows of 96 units with a mask need most registers."""
    largest, all_rows = (4, 96, 16, 16), [(rows, 96, 16, 16, False) for rows in (1, 2, 4)]
    found = [(*largest, name in MASKED)] if name in BUILT_IN else []
    if name == "elman" or scope == "every" or (scope == "cells" and name in BUILT_IN):
        found += all_rows
    if scope == "cells":
        found += all_rows[-1:]
    if scope == "every":
        found += [(*largest, True), (4, 96, 0, 16, False)]
        for units, lanes in ((16, 16), (40, 16), (64, 16), (81, 8), (88, 4), (95, 16)):
            found += [(rows, units, inputs, lanes, False) for rows in (1, 2, 4) for inputs in (16, 0)]
    return list(dict.fromkeys(found))
