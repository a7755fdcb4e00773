"""How the sums of a cell lie side by side, and which columns of its parameters they come from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True, kw_only=True)
class Frame:
    """The slots of a unit, [second | inputs only | both | state only], so that each product fills neighbours.

    order : slot -> gate, by its number. inputs : the inputs' product fills so many slots, the first ones.
    first, states : that of the state fills `states` slots from `first` on. second : that of what `between` returns
    fills the first ones. n_states, n_diagonals : how many states and diagonal weights there are.
    """

    order: tuple[int, ...]
    inputs: int
    first: int
    states: int
    second: int
    n_states: int
    n_diagonals: int

    @property
    def count(self) -> int:
        """Number of slots."""
        return len(self.order)

    @cached_property
    def slot_of(self) -> dict[int, int]:
        """Gate -> slot."""
        return {gate: slot for slot, gate in enumerate(self.order)}

    @property
    def input_gates(self) -> tuple[int, ...]:
        """Gates that have columns in the inputs' kernel, in order."""
        return tuple(sorted(self.order[: self.inputs]))

    @property
    def state_gates(self) -> tuple[int, ...]:
        """Gates of the state's own product, in order."""
        return tuple(sorted(self.order[self.first :]))

    @property
    def recurrent_gates(self) -> tuple[int, ...]:
        """Gates that have columns in the recurrent kernel, in order: those of the second product too."""
        return tuple(sorted((*self.order[: self.second], *self.state_gates)))


def frame_of(
    *, gates: tuple[str, ...], states: tuple[str, ...], diagonals: tuple[str, ...], second: tuple[str, ...],
    no_state: tuple[str, ...], no_input: tuple[str, ...],
) -> Frame:  # fmt: skip
    """The frame of a cell that is declared so; ValueError where a product is declared that cannot be."""
    for word, names in (("second", second), ("no_state", no_state), ("no_input", no_input)):
        _check_gates(word, names, gates)
    for word, others in (("no_state", no_state), ("no_input", no_input)):
        _check_apart(f"second and {word}", second, others)
    _check_apart("no_state and no_input", no_state, no_input)

    def rank(gate: int) -> int:
        name = gates[gate]
        return 0 if name in second else 1 if name in no_state else 3 if name in no_input else 2

    first = len(second) + len(no_state)
    return Frame(
        order=tuple(sorted(range(len(gates)), key=rank)), inputs=len(gates) - len(no_input), first=first,
        states=len(gates) - first, second=len(second), n_states=len(states), n_diagonals=len(diagonals),
    )  # fmt: skip


def _check_gates(word: str, names: Sequence[str], gates: tuple[str, ...]) -> None:
    if not isinstance(names, tuple) or len(set(names)) != len(names) or not set(names) <= set(gates):
        raise ValueError(f"{word} must be a tuple of gates, each once. Got {names!r} beside the gates {gates!r}")


def _check_apart(words: str, some: Sequence[str], others: Sequence[str]) -> None:
    both = [name for name in some if name in others]
    if both:
        raise ValueError(f"{words} cannot both name the gate {both[0]!r}, which would be left without a product")
