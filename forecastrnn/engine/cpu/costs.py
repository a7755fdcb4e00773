"""What each kernel computes and moves: floating point operations and bytes, by the sizes in its record.

Matrix products are exact: two operations for each multiply-add of the padded tile. In a recurrent kernel they alone
count, the gates come on top. Elsewhere the operations of an element's formula are counted, a root or an exponential
as one. Bytes are those of each array once for reading and once for writing, however often it passes the cache.
All rows are taken to be of full length. `S` below is the record's sizes, `n` the bytes of a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from forecastrnn.engine.cpu.build import Kernel
from forecastrnn.engine.cpu.cell_source import CellSource
from forecastrnn.engine.cpu.packing import vectors_of
from forecastrnn.engine.cpu.simd import VECTOR_BYTES

WORD = 8  # bytes of an index, and of a float64


@dataclass(frozen=True)
class Cost:
    """Floating point operations and bytes of one operation."""

    flops: int
    bytes: int


Sizes = Mapping[str, int]
Formula = Callable[[Sizes, int], Cost]


def cost_of(kernel: Kernel, fields: Mapping[str, object], itemsize: int) -> Cost:
    """What an operation costs; its pointers are left out."""
    sizes = {name: value for name, value in fields.items() if isinstance(value, int)}
    if kernel.head is not None:
        return _head(kernel.head[1])(sizes, itemsize)
    return COSTS[kernel.name](sizes, itemsize) if kernel.cell is None else cell_cost(kernel.cell, sizes, itemsize)


def lanes_of(n: int) -> int:
    """Numbers of n bytes in a vector."""
    return VECTOR_BYTES // n


# Recurrent layers ---------------------------------------------------------------------------------------
def cell_cost(cell: CellSource, S: Sizes, n: int) -> Cost:
    """Of a kernel that was made of a cell's formula."""
    plain, slots = _forward(cell, S, n) if "keep" in S else _backward(cell, S, n), cell.slots.count
    if not cell.layer_norm:
        return plain
    rows = S["T"] * S["B"]  # the normalised sums are moved once more, with one factor a slot
    kept = rows * slots * (S["Hp"] + 1) if S.get("keep", 1) else 0
    own = (1 if "keep" in S else 5) * slots * S["Hp"]  # gains, and two gradients
    return Cost(plain.flops, plain.bytes + (kept + own) * n)


def _forward(cell: CellSource, S: Sizes, n: int) -> Cost:
    """Products with x, with the state and with what is mixed of it; z keeps the slots of all steps, or of one."""
    slots, rows, Hp = cell.slots, S["T"] * S["B"], S["Hp"]
    weights = S["I"] * slots.inputs + S["H"] * (slots.states + slots.second)
    others = slots.count + slots.diagonals
    room = (rows if S["keep"] else S["B"]) * ((0 if slots.plain else slots.count) + bool(slots.second))
    states = cell.frame.n_states * (rows + S["B"])
    return Cost(
        2 * rows * weights * Hp, (rows * S["I"] + (weights + others + states + room) * Hp) * n + S["T"] * WORD
    )  # fmt: skip


def _backward(cell: CellSource, S: Sizes, n: int) -> Cost:
    """dz times the transposed weights: of the state in all steps but the first unless `start`; z becomes dz."""
    slots, rows, B, Hp = cell.slots, S["T"] * S["B"], S["B"], S["Hp"]
    steps = S["T"] if S["start"] else S["T"] - 1
    flops = 2 * B * (steps * slots.states + S["T"] * slots.second) * Hp * Hp
    stages = [stage for stage in (cell.stages.step, cell.stages.between) if stage]
    read = len({k for stage in stages for k in (*stage.back_old, *stage.back_new)})
    kept = rows * ((1 if slots.plain else 2 * slots.count) + read) + (S["T"] - S["first"]) * B
    small = 2 * (cell.frame.n_states * B + slots.diagonals + bool(slots.second) * B)
    return Cost(flops, (kept + (slots.states + slots.second) * Hp + small) * Hp * n + S["T"] * WORD)


# Products -----------------------------------------------------------------------------------------------
def _product(S: Sizes, n: int) -> Cost:
    rows, depth, columns = S["rows"], S["blocks"] * S["depth"], S["vecs"] * lanes_of(n)
    init = rows if S["ldi"] else 1
    return Cost(2 * rows * depth * columns, (rows * depth + (depth + init + rows) * columns) * n)


def _weight_gradient(S: Sizes, n: int) -> Cost:
    rows, K, columns = S["rows"], S["K"], S["vecs"] * S["slots"] * lanes_of(n)
    passes = 1 if S["fresh"] else 2
    return Cost(2 * rows * K * columns, ((rows if S["lda"] else 1) * K + (rows + passes * K) * columns) * n)


# Packing ------------------------------------------------------------------------------------------------
def _pack(S: Sizes, n: int) -> Cost:
    numbers = S["K"] * S["H"] * S["G"]
    if S["add"]:
        return Cost(numbers, 3 * numbers * n)
    L = lanes_of(n)
    return Cost(0, (numbers + S["K"] * vectors_of(S["H"], L) * S["slots"] * L) * n)


def _pack_transposed(S: Sizes, n: int) -> Cost:
    return Cost(0, 2 * S["J"] * S["H"] * S["G"] * n)


def _unpack(S: Sizes, n: int) -> Cost:
    """The shards' sum, and its quotient."""
    numbers = (S["hi"] - S["lo"]) * S["H"] * S["G"]
    return Cost(numbers * S["shards"], numbers * (S["shards"] + 1) * n + 2 * S["shards"] * WORD)


# Attention ----------------------------------------------------------------------------------------------
def _attention(products: int, flops: int, sides: int, grids: int, turned: int = 0) -> Formula:
    """Products of both sides with one another, `flops` for each of their numbers besides; passes over the arrays.

    sides : of each side's numbers. grids : of the scores. turned : of a transposed copy.
    """

    def cost(S: Sizes, n: int) -> Cost:
        grid, rows = S["B"] * S["T"] * S["Jp"], S["B"] * (S["T"] + S["J"] + turned * S["J"])
        return Cost((2 * products + flops) * grid * S["F"], (sides * rows * S["F"] + grids * grid) * n + S["B"] * WORD)

    return cost


# Losses and updates -------------------------------------------------------------------------------------
def _loss(flops: int, targets: str) -> Formula:
    """`flops` an output; `targets`: the field that says how many targets a row has."""

    def cost(S: Sizes, n: int) -> Cost:
        rows = S["k"] * S["B"]
        numbers = rows * (2 * S["O"] + S.get(targets, 1)) + S["B"] * S["weighted"]
        return Cost(flops * rows * S["O"], numbers * n + (S["B"] + 2) * WORD)

    return cost


def _update(flops: int, passes: int) -> Formula:
    """`flops` a parameter, and how many times one of the arrays is read or written."""
    return lambda S, n: Cost(flops * (S["hi"] - S["lo"]), passes * (S["hi"] - S["lo"]) * n)


# Sampled softmax: every row is taken to have another class ------------------------------------------------
def _draw_classes(S: Sizes, n: int) -> Cost:
    return Cost(12 * S["S"], S["S"] * (2 * WORD + n) + WORD)


def _gather_columns(S: Sizes, n: int) -> Cost:
    numbers = S["K"] * S["S"]
    return Cost(numbers * S["shifted"], 2 * numbers * n + S["S"] * (WORD + n * S["shifted"]))


def _sampled_cross_entropy(S: Sizes, n: int) -> Cost:
    """The sample's scores, a true class's weights and its score."""
    rows = S["k"] * S["B"]
    numbers = rows * (2 * S["S"] + 4 * S["F"] + 2) + S["B"] * S["weighted"]
    return Cost(rows * (7 * S["S"] + 2 * S["F"]), numbers * n + (S["S"] + 2 * rows + S["B"] + 2) * WORD)


def _true_class_back(S: Sizes, n: int) -> Cost:
    numbers = S["rows"] * S["F"]
    return Cost(4 * numbers, (6 * numbers + S["rows"]) * n + S["rows"] * WORD)


def _scatter_classes(S: Sizes, n: int) -> Cost:
    """All columns become zero; those of the sample, and of as many true classes as there is room for, are sums."""
    rows, sampled, true = S["hi"] - S["lo"], S["S"] * S["shards"], S["room"] * S["shards"]
    moved = rows * (S["V"] + sampled + true) * n
    return Cost(rows * (sampled + true), moved + (S["S"] + true + 3 * S["shards"]) * WORD)


# Rows ---------------------------------------------------------------------------------------------------
def _moved(rows: str, flops: int = 0, passes: int = 2, words: int = 0) -> Formula:
    """Numbers: the product of the fields that `rows` names; `words`: indices for each of the B rows."""

    def cost(S: Sizes, n: int) -> Cost:
        numbers = 1
        for name in rows.split():
            numbers *= S[name]
        return Cost(flops * numbers, passes * numbers * n + words * S.get("B", 0) * WORD)

    return cost


def _gather_ahead(S: Sizes, n: int) -> Cost:
    rows = S["T"] * S["B"]
    return Cost(rows * S["F"], rows * (2 * S["F"] + 1) * n + S["B"] * WORD)


def _count_active(S: Sizes, n: int) -> Cost:
    return Cost(0, (2 * S["B"] + S["T"]) * WORD)


def _reverse(S: Sizes, n: int) -> Cost:
    numbers = S["T"] * S["B"] * S["F"]
    return Cost(numbers * S["add"], (2 + S["add"]) * numbers * n + S["B"] * WORD)


def _embed_gradient(S: Sizes, n: int) -> Cost:
    """Each row is added to one of the table's, which are cleared before."""
    numbers, table = S["T"] * S["B"] * S["F"], S["size"] * S["ldg"] * S["fresh"]
    return Cost(numbers, (3 * numbers + S["T"] * S["B"] + table) * n + S["B"] * WORD)


def _append_value(S: Sizes, n: int) -> Cost:
    """A value, its noise, and a trailing mean that gains one and loses one."""
    noise = 1 if S["noisy"] else 0
    return Cost((4 + noise) * S["B"], (6 + noise) * S["B"] * n)


def _grow_beams(S: Sizes, n: int) -> Cost:
    """A softmax of each row and the score of each symbol; candidates that come in are few."""
    rows = S["S"] * S["k"]
    return Cost(6 * rows * S["V"], rows * (S["V"] * n + 7 * WORD) + S["S"] * WORD)


def _trace_beams(S: Sizes, n: int) -> Cost:
    return Cost(0, S["S"] * (2 * S["steps"] + 2 * S["total"] + S["k"] + 1) * WORD)


def _scaled(S: Sizes, n: int) -> Cost:
    """Shift and scale, in float64 but for one side."""
    return Cost(2 * S["F"], S["F"] * (n + 3 * WORD))


def _head(what: str) -> Formula:
    """A loss with its slopes, or quantiles: some 40 operations each, and much more where counts are added up."""
    return _loss(40, "O") if what == "loss" else _moved("B ldo", flops=40, words=1)


COSTS: dict[str, Formula] = {
    "product": _product,
    "weight_gradient": _weight_gradient,
    "pack": _pack,
    "pack_transposed": _pack_transposed,
    "unpack": _unpack,
    "elementwise_loss": _loss(9, "O"),
    "cross_entropy": _loss(6, "one label"),
    "dot_scores": _attention(1, 0, 1, 1, turned=2),
    "dot_scores_back": _attention(2, 0, 3, 1),
    "additive_scores": _attention(0, 4, 1, 1),
    "additive_scores_back": _attention(0, 9, 2, 1),
    "attend": _attention(1, 0, 1, 2),
    "attend_back": _attention(2, 0, 2, 2, turned=2),
    "squash": _moved("rows F", flops=1),
    "squash_back": _moved("rows F", flops=3, passes=3),
    "take_lengths": _moved("B", passes=0, words=2),
    "gather_valid": _moved("T B F", words=2),
    "turn_rows": _moved("T B F", words=1),
    "feed_own": _moved("T B O", passes=1, words=1),
    "draw_classes": _draw_classes,
    "gather_columns": _gather_columns,
    "sampled_cross_entropy": _sampled_cross_entropy,
    "true_class_back": _true_class_back,
    "scatter_classes": _scatter_classes,
    "norm_part": _update(2, 1),
    "add_noise": _update(20, 2),
    "adam": _update(17, 7),
    "sgd": _update(7, 5),
    "rmsprop": _update(12, 5),
    "gather": _moved("T B F", words=1),
    "gather_ahead": _gather_ahead,
    "count_active": _count_active,
    "reverse": _reverse,
    "copy_columns": _moved("rows F"),
    "clear_columns": _moved("rows F", passes=1),
    "embed": _moved("rows F"),
    "embed_gradient": _embed_gradient,
    "add_ahead": _moved("T B O", flops=1, passes=3),
    "add_ahead_gradient": _moved("T B O", flops=1, passes=3),
    "take_last": _moved("B F", words=1),
    "carry": _moved("B F"),
    "feed_back": _moved("B F", flops=2, passes=5),
    "append_output": _moved("B F", flops=2, passes=5),
    "forecast_inputs": _moved("B columns", flops=1, words=2),
    "append_value": _append_value,
    "keep_near": lambda S, n: Cost(S["B"], 5 * S["B"] * n),
    "append_sum": lambda S, n: Cost(S["B"], S["B"] * (n + 2 * WORD)),
    "drop": _moved("T B F", flops=1),
    "draw_symbol": _moved("B F", flops=4, passes=5, words=2),
    "grow_beams": _grow_beams,
    "select_rows": _moved("B F", words=1),
    "keep_step": _moved("B F"),
    "trace_beams": _trace_beams,
    "scale_in": _scaled,
    "scale_out": _scaled,
}
