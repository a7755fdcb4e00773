"""Whether a step can be shared among threads, a sum each: its text, cut behind the functions of single sums."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from forecastrnn.engine.cpu.cell_source import CellSource
from forecastrnn.engine.cuda.source import tuple_text


@dataclass(frozen=True)
class Split:
    """A step in which each sum has a function of its own first, and what goes on from these, as text.

    tanh : gates of which that is tanh; of the others it is the logistic function.
    """

    mix: str
    tanh: tuple[int, ...]


@lru_cache
def split_of(cell: CellSource) -> Split | None:
    """The split of a step; None where sums are used in other ways, or something else is kept."""
    stage = cell.stages.step
    text = stage.text("real({})").partition("\n\n\n")[0]
    found = re.findall(r"(v\d+) = (tanh|sigmoid)\((sum_\w+)\)\n", text)
    own = {sum_: (made, function) for made, function, sum_ in found}
    words = re.findall(r"\w+", text)
    kept = f"return {tuple_text(made for made, _ in own.values())}, "
    if len(own) < cell.slots.count or any(words.count(sum_) > 2 for sum_ in own) or kept not in text:
        return None
    for sum_, (made, function) in own.items():
        text = re.sub(rf"\b{sum_}\b", made, text.replace(f"    {made} = {function}({sum_})\n", ""))
    tanh = tuple(gate for gate, (_, function) in zip(stage.reads, own.values()) if function == "tanh")
    return Split(text.replace("def step(", "def mix("), tanh)
