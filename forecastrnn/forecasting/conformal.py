"""What is asked of conformal intervals."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class WindowPlan:
    """Which of the last values of series are forecast to see how wrong that is; as `Conformal` has it by default."""

    n_windows: int | str = "auto"
    horizon: int | None = None
    step_size: int | None = None


@dataclass(frozen=True, kw_only=True)
class ConformalPlan(WindowPlan):
    """Windows, networks and errors that calibrate, as `Conformal` of the constructor says them."""

    held_out: bool | str
    members: int
    pool: str
    symmetric: bool
    adaptive: bool
    gamma: float
