"""Whether a step can be shared among threads, a sum each: its text, cut behind the functions of single sums."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from forecastrnn.engine.cpu.cell_source import CellSource

# What a sum is first taken to, perhaps with an old state's share added.
OWN = r"(?:    (v\d+) = (weight_\w+) \* old_\w+\n    (v\d+) = {0} \+ \1\n)?    (v\d+) = (tanh|sigmoid)\((?:\3|{0})\)\n"


@dataclass(frozen=True)
class Split:
    """A step in which sums have a function of their own first, and what goes on from these, as text.

    tanh : gates of which that is tanh; of others it is the logistic function. late : the gate without one, if any.
    shares : gate -> the diagonal weight with which the old state is added to its sum before.
    """

    mix: str
    tanh: tuple[int, ...]
    late: tuple[int, ...]
    shares: dict[int, int]


@lru_cache
def split_of(cell: CellSource) -> Split | None:
    """The split of a step; None where sums are used in other ways, or something else is kept."""
    stage = cell.stages.step
    text = stage.text("real({})").partition("\n\n\n")[0]
    weights = dict(zip(re.findall(r"weight_\w+", text), stage.weights))
    kept = dict(zip(stage.writes, re.findall(r"\w+", text.rpartition("return ")[2])))
    tanh, late, shares = [], [], {}
    for gate, sum_ in zip(stage.reads, re.findall(r"sum_\w+", text.partition(" = places")[0])):
        own = re.search(OWN.format(sum_), text)
        if own is None:
            late.append(gate)
            continue
        share, weight, added, made, function = own.groups()
        text = re.sub(rf"\b{sum_}\b", made, text.replace(own[0], ""), count=1)
        if kept.get(gate) != made or {sum_, share, added} & {*re.findall(r"\w+", text)}:
            return None
        tanh += [gate] * (function == "tanh")
        shares |= {gate: weights[weight]} if weight else {}
    if len(late) > 1 or len(kept) < cell.slots.count or shares and len(stage.old) > 1:
        return None
    return Split(text.replace("def step(", "def mix("), tuple(tanh), tuple(late), shares)
