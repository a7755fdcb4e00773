"""Units that only fill up a vector: their sums and weights are 0, and nobody wants their states."""

from __future__ import annotations

import numpy as np

from forecastrnn.networks.tracing.joint import Joint

MOST_STEPS = 32


def comes_to_rest(joint: Joint) -> bool:
    """Whether such a unit, from states of 0, soon keeps finite states, with derivatives of 0.

    Then it may be computed like all others. Else what it holds may become infinite, and 0 times that is no number,
    which products going back would spread over all units.
    """
    state = {f"old.{name}": np.zeros((), np.float32) for name in joint.cell.states}
    with np.errstate(all="ignore"):
        for _ in range(MOST_STEPS):
            new, slopes = _step(joint, state)
            if not np.isfinite(new).all() or np.any(slopes):  # NaN counts as any
                return False
            after = dict(zip(state, new))
            if after == state:
                return True
            state = after
    return False


def _step(joint: Joint, state: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """New states, what products read, and all derivatives for derivatives of 0 by the new states."""
    inputs = dict.fromkeys(_names_of(joint), np.zeros((), np.float32)) | state
    inputs[f"seen.{joint.cell.states[-1]}"] = list(state.values())[-1]
    stages = [joint.step] if joint.between is None else [joint.step, joint.between]
    forward = [value for stage in stages for value in stage.outputs]
    back = [value for stage in stages for value in stage.wanted_back]
    found = np.array(joint.graph.compute(inputs, [*forward, *back]), np.float32)
    return found[: len(forward)], found[len(forward) :]


def _names_of(joint: Joint) -> list[str]:
    """All inputs of the graph."""
    cell = joint.cell
    kinds = {"sum": cell.gates, "carried": cell.gates, "weight": cell.diagonals, "d": cell.states}
    return ["between.d", *(f"{kind}.{name}" for kind, names in kinds.items() for name in names)]
