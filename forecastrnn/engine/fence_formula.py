"""How far a forecast that is fed back may lead: one formula for the CPU and the GPU."""

from numba.extending import register_jitable

FENCE = 6  # numbers of a series: mean that stops and that is free, below; the same above; least and most value


@register_jitable(no_cfunc_wrapper=True)
def kept_near(value, old, mean, fence, at):
    """The next value, behind those with this trailing mean, which it moves by what it is more than the `old` one.

    A free mean goes where it will; beyond, its steps outward shrink, and it stops where fence[at:] says. A value that
    is no number is at an end, too.
    """
    if value > old and mean > fence[at + 2]:
        stop = fence[at + 3]
        value = old + (value - old) * ((stop - mean) / (stop - fence[at + 2])) if mean < stop else old
    elif value < old and mean < fence[at + 1]:
        stop = fence[at]
        value = old + (value - old) * ((stop - mean) / (stop - fence[at + 1])) if mean > stop else old
    value = value if value < fence[at + 5] else fence[at + 5]
    return value if value > fence[at + 4] else fence[at + 4]
