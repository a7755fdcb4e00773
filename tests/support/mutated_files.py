"""Model files in which bytes are other than what was written: each is refused.

python -m support.mutated_files COUNT [SEED] : so many, through `load` in this process; prints those that are not.
"""

from __future__ import annotations

import struct
import sys
import time
from collections.abc import Callable, Iterator

import numpy as np

import forecastrnn
from forecastrnn.exceptions import ModelFileError
from forecastrnn.persistence.model_file import PREAMBLE
from golden.make_golden import FOLDER, NAMES

LONGEST = 400  # letters of a message
AT_ONCE = 1000
_LENGTHS = (0, 1, 2**20, 2**20 + 1, 2**31, 2**32 - 1, 2**62, 2**63, 2**64 - 1)
Change = Callable[[bytearray, np.random.Generator], None]


def _place(data: bytearray, rng: np.random.Generator) -> int:
    """Any, or in every second case one of the beginning, by which all else is found."""
    return int(rng.integers(PREAMBLE.size if rng.integers(2) else len(data)))


def _flip(data: bytearray, rng: np.random.Generator) -> None:
    """One bit."""
    data[_place(data, rng)] ^= 1 << int(rng.integers(8))


def _write(data: bytearray, rng: np.random.Generator) -> None:
    """Some bytes, at up to four places."""
    for _ in range(rng.integers(1, 5)):
        at, n = _place(data, rng), int(rng.integers(1, 17))
        data[at : at + n] = rng.bytes(min(n, len(data) - at))


def _clear(data: bytearray, rng: np.random.Generator) -> None:
    """A stretch, to bytes of one value, as a disk leaves it."""
    at, n = _place(data, rng), int(rng.integers(1, 512))
    data[at : at + n] = bytes([int(rng.choice([0, 255]))]) * min(n, len(data) - at)


def _cut(data: bytearray, rng: np.random.Generator) -> None:
    """All from a place on."""
    del data[_place(data, rng) :]


def _leave_out(data: bytearray, rng: np.random.Generator) -> None:
    """Some bytes in between."""
    at = _place(data, rng)
    del data[at : at + int(rng.integers(1, 64))]


def _put_in(data: bytearray, rng: np.random.Generator) -> None:
    """Some bytes in between, or at the end."""
    at = len(data) if rng.integers(4) == 0 else _place(data, rng)
    data[at:at] = rng.bytes(int(rng.integers(1, 64)))


def _swap(data: bytearray, rng: np.random.Generator) -> None:
    """Two stretches of one length."""
    n = int(rng.integers(1, 64))
    one, other = sorted(rng.integers(0, len(data) - n, 2).tolist())
    data[one : one + n], data[other : other + n] = data[other : other + n], data[one : one + n]


def _count(data: bytearray, rng: np.random.Generator) -> None:
    """The version or a length says something else."""
    form, at = [("<I", 8), ("<I", 44), ("<Q", 48)][rng.integers(3)]
    old = struct.unpack_from(form, data, at)[0]
    new = [*_LENGTHS, old + 1, max(old - 1, 0), int(rng.integers(2**32))][rng.integers(len(_LENGTHS) + 3)]
    struct.pack_into(form, data, at, new % 2 ** (8 * struct.calcsize(form)))


CHANGES: tuple[Change, ...] = (_flip, _write, _clear, _cut, _leave_out, _put_in, _swap, _count)


def mutated(whole: bytes, rng: np.random.Generator) -> bytes:
    """A file by one change, now and then by two, that is not the file."""
    while True:
        data = bytearray(whole)
        for number in rng.integers(0, len(CHANGES), 1 + (rng.integers(8) == 0)):
            if len(data) > PREAMBLE.size + 64:
                CHANGES[number](data, rng)
        if data != whole:
            return bytes(data)


def fault_of(data: bytes) -> str:
    """What is wrong with how `load` takes a file; nothing where it says so and why."""
    try:
        forecastrnn.load(data)
    except ModelFileError as error:
        return "" if len(str(error)) <= LONGEST else f"long message: {error}"
    except BaseException as error:
        return f"{type(error).__name__}: {error}"
    return "loads"


def faults(count: int, seed: int) -> Iterator[tuple[int, str, str]]:
    """Of so many files: the number, the model and what is wrong, of those with which something is.

    Each thousand has a seed of its own, so that a fault is found again without those before it.
    """
    files = {name: (FOLDER / f"{name}.rnn").read_bytes() for name in NAMES}
    for number in range(count):
        if number % AT_ONCE == 0:
            rng = np.random.default_rng([seed, number // AT_ONCE])
        name = NAMES[rng.integers(len(NAMES))]
        if wrong := fault_of(mutated(files[name], rng)):
            yield number, name, wrong


def main() -> None:
    """So many files."""
    count, seed = int(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0
    begun, wrong = time.perf_counter(), 0
    for number, name, what in faults(count, seed):
        wrong += 1
        print(number, name, what[:LONGEST], flush=True)
    print(f"=== {count} files, seed {seed}, {wrong} wrong, {time.perf_counter() - begun:.0f} s")


if __name__ == "__main__":
    main()
