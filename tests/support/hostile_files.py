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
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

import forecastrnn
from forecastrnn.estimators import saving
from forecastrnn.exceptions import ModelFileError
from forecastrnn.persistence import checkpoint_file
from forecastrnn.persistence.model_file import Tensor
from support.forged_files import forge, parts_of
from support.hostile_models import FITS, use

SECONDS, PATIENCE, BYTES = 10, 180, 6 * 2**30  # of computing, and on the clock
LONGEST = 1200  # letters of a message
_TOO_LONG = {f"signal {int(number)}" for number in (signal.SIGALRM, signal.SIGPROF)}
GOOD = ("refused", "equal", "valid")
# A model of other names, times or numbers of columns is one: it refuses data that are not like its own.
_OF_DATA = ("sequence_input.py", "covariate_reading.py", "covariate_ahead.py", "covariate_tables.py", "horizon.py",
            "tokens.py", "stream.py", "updating.py")  # fmt: skip
# And it says so where numbers that it is given are out of its reach.
_OUT_OF_REACH = ("refuse_nonfinite", "cast_inputs", "checked", "finite", "check_possible", "step")
_INTS = (0, 1, 2, 1000, 2**24, 2**31, 2**62, 10**19, -1)
_FLOATS = (-1.0, 0.0, 1e300, 1e-300, 0.5)
_TEXTS = ("", "a" * 5000, "\ud7ff\u0000", "float32", "float64", "squared_error", "direct", "lstm")
_OTHERS: tuple[Any, ...] = (None, True, False, [], {}, {"tuple": [1]}, {"record": "LSTM"})
_NUMBERS = {"f": (np.nan, np.inf, 1e300, -1e300, 1e30, 1e-300, 0.0, -1.0, 1.0, 0.5, 3.0),
            "i": (0, 1, 2, -1, 7, 1000, 2**31, 2**53, 2**62, -(2**62), 2**63 - 1, -(2**63)),
            "u": (0, 1, 2, 255)}  # fmt: skip
Edit = tuple[str, Callable[[], bytes]]
Outcome = Callable[[Any, Path, bytes, str], tuple[str, str]]


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


def header_edits(case: Any) -> Iterator[Edit]:
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


def _forger(case: Any, way: tuple, new: Any) -> Callable[[], bytes]:
    def change(header: dict) -> None:
        _at(header, way[:-1])[way[-1]] = copy.deepcopy(new)

    return lambda: forge(case.content, change)


def tensors_of(content: bytes) -> dict[str, tuple[np.dtype, slice]]:
    """The dtype of each tensor of a file, and where it lies behind the header."""
    header, found, begin = parts_of(content)[0], {}, 0
    if header["class"] == checkpoint_file.CLASS:
        listed = header["records"].items()
        tensors = [Tensor(f"{name}/{key}", *one) for name, record in listed for key, one in record.items()]
        tensors = [replace(tensor, shape=(tensor.shape,)) for tensor in tensors]
    else:
        tensors = saving._state_of(header["class"]).read(header["state"], header["class"])[0]
    for tensor in tensors:
        found[tensor.name] = (np.dtype(tensor.dtype), slice(begin, begin + tensor.nbytes))
        begin += tensor.nbytes
    return found


def with_numbers(content: bytes, name: str, change: Callable[[np.ndarray], Any]) -> bytes:
    """A file with other numbers in a tensor: change(values) writes them in place, or returns others."""
    (dtype, span), (_, tail) = tensors_of(content)[name], parts_of(content)
    values = np.frombuffer(tail[span], dtype).copy()
    with np.errstate(all="ignore"):
        found = change(values)
    values = values if found is None else found
    return forge(content, lambda header: None, tail[: span.start] + values.tobytes() + tail[span.stop :])


def tensor_edits(case: Any, rng: np.random.Generator, places: int = 3) -> Iterator[Edit]:
    """Numbers of each tensor set to others, swapped, and all of them changed."""
    for name, (dtype, span) in tensors_of(case.content).items():
        count = (span.stop - span.start) // dtype.itemsize
        if not count:
            continue
        at = sorted({0, count - 1, *rng.integers(0, count, places).tolist()})
        for new in _NUMBERS[dtype.kind]:
            for k in (*at, slice(None)):
                yield f"{name}[{k}] = {new}", _written(case, name, k, np.float64(new) if dtype.kind == "f" else new)
        one, other = rng.integers(0, count, 2).tolist()
        yield f"{name} swapped {one, other}", _changed(case, name, lambda values, k=[one, other]: _swap(values, k))
        yield f"{name} turned around", _changed(case, name, lambda values: values[::-1])
        for bits in [rng.bytes(dtype.itemsize) for _ in range(places)]:
            yield f"{name} {bits.hex()}", _written(case, name, one, np.frombuffer(bits, dtype)[0])
        for new in (np.nan, np.inf, -1.0, 0.5, 1e300, 1e9) if dtype.str == "<i8" else ():  # numbers kept as bits
            yield f"{name} bits of {new}", _written(case, name, other, np.float64(new).view(np.int64))


def _swap(values: np.ndarray, pair: list[int]) -> None:
    values[pair] = values[pair[::-1]]


def _written(case: Any, name: str, where: int | slice, new: Any) -> Callable[[], bytes]:
    def write(values: np.ndarray) -> None:
        values[where] = new

    return _changed(case, name, write)


def _changed(case: Any, name: str, change: Callable[[np.ndarray], Any]) -> Callable[[], bytes]:
    return lambda: with_numbers(case.content, name, change)


def random_edits(case: Any, rng: np.random.Generator, n: int) -> Iterator[Edit]:
    """Bytes of the header or the tensors changed, and entries copied to other places."""
    header, tail = parts_of(case.content)
    ways = list(places(header))
    for number in range(n):
        seed = int(rng.integers(2**32))
        kind = ("text", "body", "copy", "two")[number % 4]
        yield f"random {kind} {seed}", lambda kind=kind, seed=seed: _random(case, header, tail, ways, kind, seed)


def _random(case: Any, header: dict, tail: bytes, ways: list[tuple], kind: str, seed: int) -> bytes:
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
        return "load raises", where(error)
    try:
        found = use(model)
    except (ValueError, TypeError, MemoryError) as error:
        is_other = what.startswith("parameters") or is_said(error)
        return ("valid", "") if is_other else ("use raises", where(error))
    except BaseException as error:
        return "use raises", where(error)
    if not all(np.isfinite(one).all() for one in found):
        return "not finite", ""
    same = len(found) == len(case.expected) and all(map(np.array_equal, found, case.expected))
    return "equal" if same else "valid", ""


def is_said(error: Exception) -> bool:
    """Whether a model that is valid says of data that they are not like its own, or out of its reach."""
    frames = traceback.extract_tb(error.__traceback__)
    names = {Path(frame.filename).name for frame in frames} | {frames[-1].name}
    return not isinstance(error, MemoryError) and bool(names & {*_OF_DATA, *_OUT_OF_REACH})


def where(error: BaseException) -> str:
    """An error, and where it was raised."""
    frames = [f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)]
    return f"{type(error).__name__} {str(error)[:160]!r} at {' '.join(frames[-3:])}"


def faults_among(tried: Iterable[tuple[str, str, str]], good: tuple[str, ...]) -> tuple[list[str], Counter[str]]:
    """What goes wrong among `outcomes`, and how all of them went."""
    faults, counts = [], Counter[str]()
    for what, kind, message in tried:
        counts[kind] += 1
        if kind not in good:
            faults.append(f"{what}: {kind} {message}")
    return faults, counts


def outcomes(case: Any, edits: list[Edit], outcome: Outcome = outcome) -> Iterator[tuple[str, str, str]]:
    """Of each edit: what it is, how it went, the error; a child that dies or hangs is followed by another."""
    done = 0
    while done < len(edits):
        reader, writer = os.pipe()
        child = os.fork()
        if not child:
            os.close(reader)
            _child(case, edits[done:], outcome, writer)
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
                yield edits[done][0], "hangs" if died in _TOO_LONG else died, ""
                done += 1
            else:
                yield "at the end", died, ""


def _child(case: Any, edits: list[Edit], outcome: Outcome, writer: int) -> None:
    """Goes through edits, and tells of each; its own limits of time and memory."""
    warnings.simplefilter("ignore")
    np.seterr(all="ignore")
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with tempfile.TemporaryDirectory() as folder, os.fdopen(writer, "wb") as handle:
        for what, make in edits:
            signal.alarm(PATIENCE)
            signal.setitimer(signal.ITIMER_PROF, SECONDS)
            pickle.dump(outcome(case, Path(folder) / "model.rnn", make(), what), handle)
            handle.flush()
            signal.setitimer(signal.ITIMER_PROF, 0)
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


def tell(names: Iterable[str], tried: Callable[[str], Iterator[tuple[str, str, str]]], good: tuple[str, ...]) -> None:
    """Print what is wrong with the edits tried of each of some files, and how many of them there were."""
    total, begun = Counter[str](), time.perf_counter()
    for name in names:
        count = Counter[str]()
        for what, kind, message in tried(name):
            count[kind] += 1
            if kind not in good:
                print(f"{name}: {what}: {kind} {message}", flush=True)
        total += count
        print(f"== {name} {sum(count.values())} {dict(count)} {time.perf_counter() - begun:.0f} s", flush=True)
    print(f"=== {sum(total.values())} {dict(total)}")


def main() -> None:
    """Edits of some models, or of all of them."""
    seed, most = int(sys.argv[1]), int(sys.argv[2]) or None

    def tried(name: str) -> Iterator[tuple[str, str, str]]:
        case = Case.of(name)
        return outcomes(case, edits_of(case, seed, most))

    tell(sys.argv[3:] or FITS, tried, GOOD)


if __name__ == "__main__":
    main()
