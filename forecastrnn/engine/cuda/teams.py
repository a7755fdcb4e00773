"""What the threads of a block find together, always in the same order, by an array `room` of a number each.

A module has them `rebuilt` for the size of its own blocks: `TEAM`, a power of two.
"""

from numba import cuda

TEAM = 1


def largest_of_team(room, me, value):
    """The largest value of a block's threads."""
    cuda.syncthreads()
    room[me] = value
    cuda.syncthreads()
    half = TEAM // 2
    while half > 0:
        if me < half:
            room[me] = max(room[me], room[me + half])
        cuda.syncthreads()
        half //= 2
    return room[0]


def sum_of_team(room, me, value):
    """The sum over a block's threads."""
    cuda.syncthreads()
    room[me] = value
    cuda.syncthreads()
    half = TEAM // 2
    while half > 0:
        if me < half:
            room[me] += room[me + half]
        cuda.syncthreads()
        half //= 2
    return room[0]
