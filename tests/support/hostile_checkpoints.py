"""Checkpoints edited behind a right checksum, and what becomes of the fits that go on from them.

python -m support.hostile_checkpoints SEED MOST [KIND ...] : so many edits of each, 0 all; prints what is wrong.
"""

from __future__ import annotations

import copy
import json
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from forecastrnn import Checkpoint, ModelFileError, RNNForecaster, RNNSeq2Seq
from forecastrnn.exceptions import CheckpointError, TrainingDivergedError
from support.forged_files import forge, parts_of
from support.hostile_files import (
    LONGEST,
    Edit,
    header_edits,
    is_said,
    outcomes,
    random_edits,
    tell,
    tensor_edits,
    tensors_of,
    where,
)
from support.resume_cases import KINDS, PRICE, Deadly, digest
from support.same_bits import CODES, WORDS, X

# refused, as if it were not edited, another model that is valid, or weights that led nowhere, as any may
GOOD = ("refused", "equal", "valid", "diverged")
STAGES = {"early": 0.2, "late": 0.9}  # of all writes of a fit
NAMES = [f"{kind}, {stage}" for kind in KINDS for stage in STAGES]
Vectors = dict[tuple[str, str], np.ndarray]  # by the names of their record and of themselves
_AHEAD = PRICE.set_axis(PRICE.index + pd.DateOffset(years=6))[:3]


@dataclass
class Case:
    """A checkpoint of a fit, and the bits that this ends with."""

    name: str
    content: bytes
    expected: str
    fit: Callable[[Any], Any]

    @classmethod
    def of(cls, name: str) -> Case:
        kind, stage = name.split(", ")
        fit = KINDS[kind]
        with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(), Deadly.everywhere() as deadly:
            warnings.simplefilter("ignore")
            path = Path(folder) / "run.ckpt"
            expected = digest(deadly.within(fit, path, 0))
            deadly.within(fit, path, max(1, int(deadly.made * STAGES[stage])))
            return cls(name, path.read_bytes(), expected, fit)


# Edits ------------------------------------------------------------------------------------------------------------
def rebuilt(content: bytes, change: Callable[[Vectors], object]) -> bytes:
    """A checkpoint with other vectors: change(vectors) changes them in place; their types and lengths follow."""
    tail = parts_of(content)[1]
    found = {}
    for name, (dtype, span) in tensors_of(content).items():
        record, _, key = name.partition("/")
        found[record, key] = np.frombuffer(tail[span], dtype)
    change(found)
    listed: dict[str, dict[str, list]] = {}
    for record, key in sorted(found):
        listed.setdefault(record, {})[key] = [found[record, key].dtype.name, found[record, key].size]
    values = [found[record, key].tobytes() for record in listed for key in listed[record]]
    return forge(content, lambda header: header.update(records=listed), b"".join(values))


def vector_edits(case: Case) -> Iterator[Edit]:
    """Vectors that are gone, there twice, of another length, type or name; records that are gone, or another's."""
    names = [tuple(name.split("/")) for name in tensors_of(case.content)]
    for record in dict.fromkeys(record for record, _ in names):
        others = [other for other, _ in names if other != record]
        yield f"{record} gone", _vectors(case, partial(_without, record=record))
        for other in others[:1] + others[-1:]:
            yield f"{record} is {other}", _vectors(case, partial(_copied, of=other, to=record))
    for name in names:
        word = "/".join(name)
        for what, change in _CHANGES.items():
            yield f"{word} {what}", _vectors(case, partial(_changed, name=name, change=change))
        yield f"{word} gone", _vectors(case, lambda found, name=name: found.pop(name))
        yield f"{word} has another name", _vectors(case, partial(_renamed, name=name))
        yield f"{word} there twice", partial(_doubled, case.content, name)


_CHANGES: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "shorter": lambda values: values[:-1],
    "longer": lambda values: np.append(values, values[-1:] if values.size else np.ones(1, values.dtype)),
    "empty": lambda values: values[:0],
    "twice as long": lambda values: np.tile(values, 2),
    "of very many": lambda values: np.resize(values, 300_000) if values.size else np.ones(300_000, values.dtype),
    "float32": lambda values: values.astype(np.float32),
    "float64": lambda values: values.astype(np.float64),
    "int64": lambda values: values.astype(np.int64),
    "uint8": lambda values: values.astype(np.uint8),
}


def _vectors(case: Case, change: Callable[[Vectors], object]) -> Callable[[], bytes]:
    return lambda: rebuilt(case.content, change)


def _without(found: Vectors, record: str) -> None:
    for name in [name for name in found if name[0] == record]:
        del found[name]


def _copied(found: Vectors, of: str, to: str) -> None:
    _without(found, to)
    found |= {(to, key): values for (record, key), values in found.items() if record == of}


def _changed(found: Vectors, name: tuple[str, str], change: Callable[[np.ndarray], np.ndarray]) -> None:
    with np.errstate(all="ignore"):
        found[name] = change(found[name])


def _renamed(found: Vectors, name: tuple[str, str]) -> None:
    found[name[0], f"{name[1]} 9"] = found.pop(name)


def _doubled(content: bytes, name: tuple[str, str]) -> bytes:
    """The name of a vector stands twice in the header, and its numbers in the file."""
    header, tail = parts_of(content)
    dtype, span = tensors_of(content)["/".join(name)]
    listed = copy.deepcopy(header["records"][name[0]])
    text = json.dumps(header)
    entry = f"{json.dumps(name[1])}: {json.dumps(listed[name[1]])}"
    return forge(
        content, lambda _: text.replace(entry, f"{entry}, {entry}").encode(), tail[: span.stop] + tail[span.start :]
    )


def edits_of(case: Case, seed: int, most: int | None = None) -> list[Edit]:
    """All edits of a case and some by chance, or so many of them."""
    rng = np.random.default_rng(seed)
    random = random_edits(case, rng, most or 200)
    found = [*header_edits(case), *tensor_edits(case, rng, 1), *vector_edits(case), *random]
    if most is None:
        return found
    return [found[k] for k in sorted(rng.choice(len(found), min(most, len(found)), replace=False))]


# What becomes of them ---------------------------------------------------------------------------------------------
def outcome(case: Case, path: Path, data: bytes, what: str = "") -> tuple[str, str]:
    """In this process: how it goes with a fit that finds this file, and the error."""
    path.write_bytes(data)
    try:
        model = case.fit(Checkpoint(path, every=1e9))
    except (CheckpointError, ModelFileError) as error:
        if not path.exists() or path.read_bytes() != data or len(list(path.parent.iterdir())) > 1:
            return "refused, and the file is another", ""
        return ("refused", "") if len(str(error)) <= LONGEST else ("long message", str(error)[:200])
    except TrainingDivergedError:
        return "diverged", ""
    except BaseException as error:
        return "fit raises", where(error)
    if path.exists():
        return "the file stays", ""
    try:
        found = digest(model)
    except BaseException as error:
        return "cannot be saved", where(error)
    return ("equal", "") if found == case.expected else _use(model)


def _use(model: Any) -> tuple[str, str]:
    """Whether a model, or a table of forecasts, is valid in itself."""
    try:
        numbers = _numbers(model)
    except ValueError as error:
        return ("valid", "") if is_said(error) else ("use raises", where(error))
    except BaseException as error:
        return "use raises", where(error)
    return ("valid", "") if np.isfinite(numbers).all() else ("not finite", "")


def _numbers(model: Any) -> np.ndarray:
    """What comes out of it."""
    if isinstance(model, pd.DataFrame):
        return model.select_dtypes("number").to_numpy(float)
    if isinstance(model, RNNSeq2Seq):
        return model.decode(WORDS[:3]).log_probabilities
    if isinstance(model, RNNForecaster):
        ahead = {"X": _AHEAD} if model._model.given_covariates else {}
        found = model.predict(3, level=[80] if model.intervals is not None else None, **ahead)
        return found.select_dtypes("number").to_numpy(float)
    data = CODES if model._fitted.coding is not None else X
    return np.asarray(model.predict_proba(data) if hasattr(model, "predict_proba") else model.predict(data), float)


def tried(name: str, seed: int, most: int | None) -> Iterator[tuple[str, str, str]]:
    """Of each of so many edits of a checkpoint: what it is, how it went, the error."""
    case = Case.of(name)
    return outcomes(case, edits_of(case, seed, most), outcome)


def main() -> None:
    """Edits of some checkpoints, or of all of them."""
    seed, most = int(sys.argv[1]), int(sys.argv[2]) or None
    tell(sys.argv[3:] or NAMES, partial(tried, seed=seed, most=most), GOOD)


if __name__ == "__main__":
    main()
