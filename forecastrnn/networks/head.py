"""What the outputs of a network stand for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Head:
    """The outputs of one step: so many `numbers` for each of `targets`, for each of `steps` times ahead.

    numbers : 1 is the target's own value; classes have a score each, and more than one number could describe how a
    value is distributed. steps : 1 is the next time, more are the next ones all at once, so that nothing is fed back.
    """

    targets: int = 1
    numbers: int = 1
    steps: int = 1

    @property
    def n_outputs(self) -> int:
        """Outputs of a network with this head."""
        return self.targets * self.numbers * self.steps

    @property
    def at_once(self) -> bool:
        """Whether one pass puts out several times ahead."""
        return self.steps > 1
