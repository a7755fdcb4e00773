"""What must stay as it was in a fit that goes on, and the words for what has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from forecastrnn.networks.network import Layer

Pairs = Mapping[str, tuple[object, object]]  # what it is: how it was, how it is now


def refuse_changes(parameters: Pairs, data: Pairs | None = None) -> None:
    """Raise ValueError for the first of these that has changed."""
    for what, (before, now) in {**parameters, **(data or {})}.items():
        if before != now:
            raise ValueError(
                "warm_start=True and partial_fit go on from the fitted weights, so what these are made for must stay "
                f"as it was: {what} changed from {before} to {now}. Set warm_start=False, or use a new estimator."
            )


def layer_pairs(old: Sequence[Layer], now: Sequence[Layer]) -> dict[str, tuple[object, object]]:
    """Parameters that say what the layers are."""
    each = [
        {
            "hidden_layer_sizes": tuple(layer.units for layer in layers),
            "cell": _alone([layer.cell for layer in layers]),
            "bidirectional": layers[0].bidirectional,
            "layer_norm": layers[0].layer_norm,
        }
        for layers in (old, now)
    ]
    return {name: (each[0][name], each[1][name]) for name in each[0]}


def dtype_pair(asked: str, before: str) -> dict[str, tuple[object, object]]:
    """The type of weights, which "auto" leaves as it is."""
    return {"dtype": (before, before if asked == "auto" else asked)}


def steps_in_words(last: int) -> str:
    """At how many steps y has a target: 0 is each, 1 one for the sequence."""
    return {0: "one at each step", 1: "one a sequence"}.get(last, f"one at each of the last {last} steps")


def _alone(cells: list) -> object:
    """One cell for all layers where they have the same."""
    return cells[0] if len(set(cells)) == 1 else cells
