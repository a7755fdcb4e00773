"""What holds for the package as a whole: what an import brings with it, and how long files are."""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path

import pytest

import forecastrnn

ROOT = Path(__file__).parents[1]
FOLDERS = ("forecastrnn", "tests", "benchmarks", "examples", "docs")
LONGEST_FILE, LONGEST_FUNCTION, LONGEST_KERNEL = 400, 40, 60  # lines

ALONE = """
import sys, time
start = time.perf_counter()
import forecastrnn
print(time.perf_counter() - start, *sorted(sys.modules))
"""
# scikit-learn imports pandas by itself where it is installed; what counts is what comes on top.
NEW_MODULES = """
import sys
import sklearn.base, sklearn.utils, sklearn.utils.validation
before = set(sys.modules)
from forecastrnn import GRU, LSTM, Elman, RNNClassifier, RNNForecaster, RNNRegressor, TrainingDivergedError
print(*sorted(set(sys.modules) - before))
"""
SECONDS = """
import time
import numba, sklearn.base
start = time.process_time()  # not those of others beside it
from forecastrnn import RNNClassifier, RNNForecaster, RNNRegressor
print(time.process_time() - start)
"""


def test_import_alone_is_next_to_nothing(run_script: Callable[..., str]) -> None:
    """The public names are loaded when first used."""
    seconds, *modules = run_script(ALONE).split()
    assert float(seconds) < 0.8
    assert not {"numba", "sklearn", "pandas", "matplotlib"} & set(modules)


def test_public_names_load_neither_pandas_nor_matplotlib(run_script: Callable[..., str]) -> None:
    """Nor the modules that need them, until they are used."""
    new = set(run_script(NEW_MODULES).split())
    assert "forecastrnn.networks.cells" in new
    assert not {name for name in new if name.partition(".")[0] in ("pandas", "matplotlib")}
    assert not new & {"forecastrnn.data.series", "forecastrnn.datasets", "forecastrnn.plotting"}
    assert not new & {"sklearn.metrics", "sklearn.model_selection"}


def test_public_names_load_quickly(run_script: Callable[..., str]) -> None:
    """What the package adds to the import of Numba and scikit-learn, in one of two processes."""
    assert any(float(run_script(SECONDS)) < 1.5 for _ in range(2))


def test_unknown_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'RNN'"):
        forecastrnn.RNN  # noqa: B018
    assert set(forecastrnn.__all__) <= set(dir(forecastrnn))


def files() -> list[Path]:
    """All Python files of the repository."""
    return sorted(path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py"))


def name_of(path: Path) -> str:
    """A file's path from the root of the repository."""
    return path.relative_to(ROOT).as_posix()


def test_no_room_that_computes_takes_an_estimator() -> None:
    """They are handed settings and arrays; only what reads a model file gives an estimator its fitted attributes."""
    rooms = ("data", "engine", "networks", "programs", "sequences", "training")
    takers = {
        f"{name_of(path)}:{node.name}"
        for room in rooms
        for path in (ROOT / "forecastrnn" / room).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
        and "estimator" in {one.arg for one in (*node.args.args, *node.args.kwonlyargs)}
    }
    assert takers == {"forecastrnn/sequences/state.py:restore"}


def test_files_are_short() -> None:
    """400 lines at most."""
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in files()}
    assert not {name: length for name, length in lengths.items() if length > LONGEST_FILE}


def own_length(function: ast.FunctionDef) -> int:
    """Lines from `def` on, without the docstring."""
    first = function.body[0]
    documented = ast.get_docstring(function) is not None
    spared = first.end_lineno - first.lineno + 1 if documented else 0
    return function.end_lineno - function.lineno + 1 - spared


def longest_in(name: str) -> int:
    """Lines that a function of this file may have."""
    kernels = name.startswith(("forecastrnn/engine/cpu/", "forecastrnn/engine/cuda/"))
    return LONGEST_FUNCTION if name.startswith("forecastrnn/") and not kernels else LONGEST_KERNEL


def test_functions_are_short() -> None:
    """40 lines at most in the package, signature and body; 60 in kernels, whose lines are steps of one computation."""
    found = {}
    for path in files():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef) and own_length(node) > longest_in(name_of(path)):
                found[f"{name_of(path)}: {node.name}"] = own_length(node)
    assert not found
