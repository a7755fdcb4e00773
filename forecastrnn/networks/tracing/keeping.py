"""What the way forward leaves for the way back: in the place of each sum one value, chosen by cost."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, product

from forecastrnn.networks.tracing.graph import Graph

MOST_TRIALS = 2000  # above, one value at a time is changed: a cell of 4 gates has some 300
MOST_CANDIDATES = 24  # of those that are then tried
WRITTEN, READ = 2.0, 0.1  # costs of a kept value that is no sum, and of any kept one, in additions

Kept = tuple[frozenset[int], ...]


@dataclass(frozen=True, kw_only=True)
class Room:
    """Places of sums, and the values that may be kept there in place of these."""

    sums: tuple[int, ...]
    candidates: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Task:
    """What one function computes, from what it loads and from what is kept in some rooms."""

    wanted: tuple[int, ...]
    loaded: frozenset[int]
    rooms: tuple[int, ...]


def choose_kept(graph: Graph, rooms: list[Room], tasks: list[Task]) -> Kept:
    """The values for each room that let all tasks be done at the least cost.

    All sets are tried where these are few; else, from the sums on, the best change of one value, until none helps.
    """

    def price(kept: Kept) -> float:
        return _price(graph, rooms, tasks, kept)

    trials = math.prod(_count(room) for room in rooms)
    if trials <= MOST_TRIALS:
        return min(product(*(list(_sets(room)) for room in rooms)), key=price)
    return _descend(_shortened(rooms, price), price)


def _price(graph: Graph, rooms: list[Room], tasks: list[Task], kept: Kept) -> float:
    """What all tasks compute, and what keeping costs; infinite if a task cannot be done."""
    total = 0.0
    for task in tasks:
        needed = graph.needed(task.wanted, task.loaded.union(*(kept[room] for room in task.rooms)))
        if needed is None:
            return math.inf
        total += sum(graph.nodes[value].cost for value in needed)
    for room, values in zip(rooms, kept):
        total += READ * len(values) + WRITTEN * len(values.difference(room.sums))
    return total


def _count(room: Room) -> int:
    return sum(math.comb(len(room.sums) + len(room.candidates), n) for n in range(len(room.sums) + 1))


def _sets(room: Room) -> Iterator[frozenset[int]]:
    able = sorted({*room.sums, *room.candidates})
    for count in range(len(room.sums) + 1):
        yield from map(frozenset, combinations(able, count))


def _descend(rooms: list[Room], price: Callable[[Kept], float]) -> Kept:
    kept: Kept = tuple(frozenset(room.sums) for room in rooms)  # with all sums everything can be computed
    best = price(kept)
    while True:
        change = min(_changes(rooms, kept), key=price, default=kept)
        if price(change) >= best:
            return kept
        kept, best = change, price(change)


def _changes(rooms: list[Room], kept: Kept) -> Iterator[Kept]:
    """All that one value less, one more, or another one makes of it."""
    for index, room in enumerate(rooms):
        for values in _neighbours(room, kept[index]):
            yield (*kept[:index], values, *kept[index + 1 :])


def _neighbours(room: Room, kept: frozenset[int]) -> Iterator[frozenset[int]]:
    less = [kept - {value} for value in sorted(kept)]
    yield from less
    roomy: Iterable[frozenset[int]] = less if len(kept) == len(room.sums) else [*less, kept]
    for others in roomy:
        for value in (*room.sums, *room.candidates):
            if value not in kept:
                yield others | {value}


def _shortened(rooms: list[Room], price: Callable[[Kept], float]) -> list[Room]:
    """The candidates that, kept beside all sums, save most."""
    sums = tuple(frozenset(room.sums) for room in rooms)

    def shortened(index: int, room: Room) -> Room:
        def alone(value: int) -> float:
            return price((*sums[:index], sums[index] | {value}, *sums[index + 1 :]))

        return Room(sums=room.sums, candidates=tuple(sorted(room.candidates, key=alone)[:MOST_CANDIDATES]))

    return [shortened(index, room) for index, room in enumerate(rooms)]
