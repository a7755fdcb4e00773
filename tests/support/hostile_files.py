"""Model files edited behind a right checksum, and what becomes of each: tried in a process that may die.

python -m support.hostile_files SEED MOST [MODEL ...] : so many edits of each model, 0 all; prints what is wrong.
"""

from __future__ import annotations

import copy
import json
import os
import pickle
import resource
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import forecastrnn
from forecastrnn.estimators import saving
from forecastrnn.exceptions import ModelFileError
from support.forged_files import forge, parts_of
from support.hostile_models import FITS, use

SECONDS, BYTES = 20, 6 * 2**30
LONGEST = 1200  # letters of a message
GOOD = ("refused", "equal", "valid")
# A model of other names, times or numbers of columns is one: it refuses data that are not like its own.
_OF_DATA = ("sequence_input.py", "covariate_reading.py", "covariate_ahead.py", "horizon.py", "tokens.py")
_INTS = (0, 1, 2, 1000, 2**24, 2**31, 2**62, 10**19, -1)
_FLOATS = (-1.0, 0.0, 1e300, 1e-300, 0.5)
_TEXTS = ("", "a" * 5000, "\ud7ff\u0000", "float32", "float64", "squared_error", "direct", "lstm")
_OTHERS: tuple[Any, ...] = (None, True, False, [], {}, {"tuple": [1]}, {"record": "LSTM"})
_NUMBERS = {"f": (np.nan, np.inf, 1e300, -1e300, 1e30, 1e-300, 0.0, -1.0, 1.0, 0.5, 3.0),
            "i": (0, 1, 2, -1, 7, 1000, 2**31, 2**53, 2**62, -(2**62), 2**63 - 1, -(2**63)),
            "u": (0, 1, 2, 255)}  # fmt: skip
Edit = tuple[str, Callable[[], bytes]]


@dataclass
class Case:
    """A saved model, and what comes out of it."""

    name: str
    content: bytes
    expected: list[np.ndarray]

    @classmethod
    def of(cls, name: str) -> Case:
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            path = Path(folder) / "model.rnn"
            FITS[name]().save(path)
            return cls(name, path.read_bytes(), use(forecastrnn.load(path)))


# Edits ------------------------------------------------------------------------------------------------------------
def places(tree: Any, at: tuple = ()) -> Iterator[tuple]:
    """Ways to all that is in a header."""
    if at:
        yield at
    for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ():
        yield from places(value, (*at, key))


def header_edits(case: Case) -> Iterator[Edit]:
    """Each entry set to other values of its type, and to some of others."""
    header = parts_of(case.content)[0]
    for way in places(header):
        old = _at(header, way)
        for new in _others_than(old):
            yield f"{'/'.join(map(str, way))} {str(old)[:40]} -> {str(new)[:40]}", _forger(case, way, new)


def _at(header: Any, way: tuple) -> Any:
    for key in way:
        header = header[key]
    return header


def _others_than(old: Any) -> list[Any]:
    near = [old - 1, old + 1, 2 * old] if type(old) is int else [old * 1.5, -old] if type(old) is float else []
    same = {int: _INTS, float: _FLOATS, str: _TEXTS}.get(type(old), ())
    others = _OTHERS if isinstance(old, dict | list) else (None, True, False, [], 1, 2**24, "x")
    return [new for new in (*near, *same, *others) if type(new) is not type(old) or new != old]


def _forger(case: Case, way: tuple, new: Any) -> Callable[[], bytes]:
    def change(header: dict) -> None:
        _at(header, way[:-1])[way[-1]] = copy.deepcopy(new)

    return lambda: forge(case.content, change)


def tensor_edits(case: Case, rng: np.random.Generator, places: int = 3) -> Iterator[Edit]:
    """Numbers of each tensor set to others, swapped, and all of them changed."""
    header, tail = parts_of(case.content)
    tensors, _ = saving._state_of(header["class"]).read(copy.deepcopy(header["state"]), header["class"])
    begin = 0
    for tensor in tensors:
        dtype, count = np.dtype(tensor.dtype), tensor.nbytes // np.dtype(tensor.dtype).itemsize
        span, begin = (begin, begin + tensor.nbytes), begin + tensor.nbytes
        if not count:
            continue
        at = {0, count - 1, *rng.integers(0, count, places).tolist()}
        for new in _NUMBERS[dtype.kind]:
            for k in (*sorted(at), slice(None)):
                yield f"{tensor.name}[{k}] = {new}", _writer(case, tail, dtype, span, k, new)
        swap = tuple(rng.integers(0, count, 2).tolist())
        yield f"{tensor.name} swapped {swap}", _writer(case, tail, dtype, span, list(swap), None)
        yield f"{tensor.name} turned around", _writer(case, tail, dtype, span, None, None)
        for _ in range(places):  # bits, such as those of other numbers that are kept so
            bits = rng.bytes(dtype.itemsize)
            yield f"{tensor.name} {bits.hex()}", _writer(case, tail, dtype, span, int(rng.integers(count)), bits)
        if dtype.str == "<i8":
            for new in (np.nan, np.inf, -1.0, 0.5, 1e300, 1e9):
                yield (
                    f"{tensor.name} bits of {new}",
                    _writer(case, tail, dtype, span, int(rng.integers(count)), np.float64(new).tobytes()),
                )


def _writer(
    case: Case, tail: bytes, dtype: np.dtype, span: tuple[int, int], where: Any, new: Any
) -> Callable[[], bytes]:
    def write() -> bytes:
        values = np.frombuffer(tail[slice(*span)], dtype).copy()
        with np.errstate(all="ignore"):
            if where is None:
                values = values[::-1].copy()
            elif new is None:
                values[where] = values[where[::-1]]
            elif isinstance(new, bytes):
                values[where] = np.frombuffer(new, dtype)[0]
            else:
                values[where] = np.float64(new) if dtype.kind == "f" else new
        return forge(case.content, lambda header: None, tail[: span[0]] + values.tobytes() + tail[span[1] :])

    return write


def random_edits(case: Case, rng: np.random.Generator, n: int) -> Iterator[Edit]:
    """Bytes of the header or the tensors changed, and entries copied to other places."""
    header, tail = parts_of(case.content)
    ways = list(places(header))
    for number in range(n):
        seed = int(rng.integers(2**32))
        kind = ("text", "body", "copy", "two")[number % 4]
        yield f"random {kind} {seed}", lambda kind=kind, seed=seed: _random(case, header, tail, ways, kind, seed)


def _random(case: Case, header: dict, tail: bytes, ways: list[tuple], kind: str, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    if kind == "text":
        text = bytearray(json.dumps(header).encode())
        text[rng.integers(len(text))] = int(rng.choice(list(b'0123456789{}[]",:.-eEtfn\\ \x00\xff')))
        return forge(case.content, lambda _: bytes(text))
    if kind == "body":
        body = bytearray(tail)
        for _ in range(rng.integers(1, 4)):
            at = int(rng.integers(max(len(body) - 8, 1)))
            body[at : at + 4] = rng.bytes(4)
        return forge(case.content, lambda _: None, bytes(body[: len(tail)]))

    def change(tree: dict) -> None:
        for _ in range(1 if kind == "copy" else 2):
            to, source = (ways[int(k)] for k in rng.integers(0, len(ways), 2))
            try:
                old = _at(tree, to)
                other = copy.deepcopy(_at(tree, source)) if kind == "copy" else rng.choice(len(_others_than(old)))
                _at(tree, to[:-1])[to[-1]] = other if kind == "copy" else _others_than(old)[other]
            except (KeyError, IndexError, TypeError):
                continue

    return forge(case.content, change)


# What becomes of them ---------------------------------------------------------------------------------------------
def outcome(case: Case, path: Path, data: bytes, what: str = "") -> tuple[str, str]:
    """In this process: how it goes with a file, and the error."""
    path.write_bytes(data)
    try:
        model = forecastrnn.load(path)
    except ModelFileError as error:
        return ("refused", "") if len(str(error)) <= LONGEST else ("long message", str(error)[:200])
    except BaseException as error:
        return "load raises", _where(error)
    try:
        found = use(model)
    except (ValueError, MemoryError) as error:
        names = {Path(frame.filename).name for frame in traceback.extract_tb(error.__traceback__)}
        is_other = what.startswith("parameters") or isinstance(error, ValueError) and names & set(_OF_DATA)
        return ("valid", "") if is_other else ("use raises", _where(error))
    except BaseException as error:
        return "use raises", _where(error)
    if not all(np.isfinite(one).all() for one in found):
        return "not finite", ""
    same = len(found) == len(case.expected) and all(map(np.array_equal, found, case.expected))
    return "equal" if same else "valid", ""


def _where(error: BaseException) -> str:
    frames = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)]
    return f"{type(error).__name__} {str(error)[:160]!r} at {' '.join(frames[-3:])}"


def outcomes(case: Case, edits: list[Edit]) -> Iterator[tuple[str, str, str]]:
    """Of each edit: what it is, how it went, the error; a child that dies or hangs is followed by another."""
    done = 0
    while done < len(edits):
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            _child(case, edits[done:], writer)
        os.close(writer)
        with os.fdopen(reader, "rb") as handle:
            while True:
                try:
                    kind, message = pickle.load(handle)
                except EOFError:
                    break
                yield edits[done][0], kind, message
                done += 1
        status = os.waitpid(child, 0)[1]
        if done < len(edits) or status:
            died = f"signal {os.WTERMSIG(status)}" if os.WIFSIGNALED(status) else f"exit {os.WEXITSTATUS(status)}"
            if done < len(edits):
                yield edits[done][0], "hangs" if died == f"signal {signal.SIGALRM}" else died, ""
                done += 1
            else:
                yield "at the end", died, ""


def _child(case: Case, edits: list[Edit], writer: int) -> None:
    """Goes through edits, and tells of each; its own limits of time and memory."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder, os.fdopen(writer, "wb") as handle:
        for what, make in edits:
            signal.alarm(SECONDS)
            pickle.dump(outcome(case, Path(folder) / "model.rnn", make(), what), handle)
            handle.flush()
            signal.alarm(0)
    os._exit(0)


def edits_of(case: Case, seed: int, most: int | None = None) -> list[Edit]:
    """All edits of a case and some by chance, or so many of them: the parameters', which anybody may set, are rarer."""
    rng = np.random.default_rng(seed)
    found = [*header_edits(case), *tensor_edits(case, rng), *random_edits(case, rng, most or 400)]
    if most is None:
        return found
    weight = np.array([0.1 if what.startswith("parameters/") else 1.0 for what, _ in found])
    chosen = rng.choice(len(found), min(most, len(found)), replace=False, p=weight / weight.sum())
    return [found[k] for k in sorted(chosen)]


def main() -> None:
    """Edits of some models, or of all of them."""
    seed, most = int(sys.argv[1]), int(sys.argv[2]) or None
    total, begun = Counter[str](), time.perf_counter()
    for name in sys.argv[3:] or FITS:
        case, count = Case.of(name), Counter[str]()
        for what, kind, message in outcomes(case, edits_of(case, seed, most)):
            count[kind] += 1
            if kind not in GOOD:
                print(f"{name}: {what}: {kind} {message}", flush=True)
        total += count
        print(f"== {name} {sum(count.values())} {dict(count)} {time.perf_counter() - begun:.0f} s", flush=True)
    print(f"=== {sum(total.values())} {dict(total)}")


if __name__ == "__main__":
    main()
