"""What is asked of conformal intervals."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ConformalPlan:
    """Windows, networks and errors that calibrate, as `Conformal` of the constructor says them."""

    n_windows: int | str
    horizon: int | None
    step_size: int | None
    held_out: bool | str
    members: int
    pool: str
    symmetric: bool
    adaptive: bool
    gamma: float
