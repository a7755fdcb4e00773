"""What the threads of a block find together, always in the same order, by an array `room` of a number each."""

from collections.abc import Callable

from numba import cuda

from forecastrnn.engine.cuda.build import device_function, rebuilt

TEAM = 1


@device_function
def plus(a, b):
    """A sum."""
    return a + b


combine = plus


def of_team(room, me, value):
    """The values of a block's threads, combined."""
    cuda.syncthreads()
    room[me] = value
    cuda.syncthreads()
    half = TEAM // 2
    while half > 0:
        if me < half:
            room[me] = combine(room[me], room[me + half])
        cuda.syncthreads()
        half //= 2
    return room[0]


def largest_and_sum(team: int) -> tuple[Callable[..., object], Callable[..., object]]:
    """Functions (room, me, value): the largest value of a block of `team` threads, a power of two, and their sum."""
    return rebuilt(of_team, TEAM=team, combine=max), rebuilt(of_team, TEAM=team, combine=plus)
