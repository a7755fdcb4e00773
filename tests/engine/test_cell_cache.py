"""Two cells never share compiled code, on disk or in a process, and a search over many leaves little behind."""

from __future__ import annotations

import gc
import json
import os
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from forecastrnn import Cell
from forecastrnn.engine.compiling import sources_digest
from forecastrnn.formulas import relu, tanh
from forecastrnn.functional import dynamic_rnn
from support.user_cells import user_module

FILE = """
from dataclasses import dataclass
from forecastrnn import Cell
from forecastrnn.formulas import relu, tanh

@dataclass(frozen=True)
class Same(Cell):
    gates = ("s",)

    def step(self, s):
        return {formula}

@dataclass(frozen=True)
class Other(Cell):
    gates = ("s",)

    def step(self, s):
        return tanh(0.5 * s)
"""
RUN = """
import importlib, json, sys
sys.path.insert(0, {folder!r})
import numpy as np
from forecastrnn.functional import dynamic_rnn
x = np.linspace(-1.0, 1.0, 40).reshape(2, 4, 5)
for module in map(importlib.import_module, {names!r}):
    for cell in (module.Same(), module.Other()):
        print(json.dumps(dynamic_rnn(cell, x, cell.init_weights(5, 3, random_state=0))[0].tolist()))
"""
X = np.linspace(-1.0, 1.0, 40).reshape(2, 4, 5)
FORMULAS = {"tanh(s)": np.tanh, "relu(s)": lambda s: np.maximum(s, 0.0)}


def by_hand(formula: Callable[[np.ndarray], np.ndarray], cell: Cell) -> np.ndarray:
    """The outputs of a layer of three units."""
    w, h, found = cell.init_weights(5, 3, random_state=0), np.zeros((2, 3)), []
    for t in range(4):
        h = formula(X[:, t] @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"])
        found.append(h)
    return np.stack(found, axis=1)


def test_one_name_and_two_formulas_in_a_process(tmp_path: Path) -> None:
    """Of one class name, with one signature: as an edited cell in a notebook has them."""
    for formula, function in FORMULAS.items():
        with user_module(tmp_path, FILE.replace("{formula}", formula), f"named_{function.__name__[1:-1]}") as module:
            cell = module.Same()
            np.testing.assert_allclose(
                dynamic_rnn(cell, X, cell.init_weights(5, 3, random_state=0))[0], by_hand(function, cell), rtol=1e-12
            )


@pytest.fixture
def run(run_script: Callable[..., str], filled: Path, tmp_path: Path) -> Callable[..., set[str]]:
    """Formulas -> compiled files in the cache after a new process has run them; what it computes is checked."""
    shutil.copytree(filled, tmp_path / "cache")  # what all cells need is there

    def run(**formulas: str) -> set[str]:
        expected = []
        for name, formula in formulas.items():
            with user_module(tmp_path, FILE.replace("{formula}", formula), name) as module:
                expected += [by_hand(FORMULAS[formula], module.Same()), by_hand(halved, module.Other())]
        code = RUN.format(folder=str(tmp_path), names=[*formulas])
        printed = run_script(code, NUMBA_CACHE_DIR=str(tmp_path / "cache"))
        for line, outputs in zip(printed.splitlines(), expected, strict=True):
            np.testing.assert_allclose(json.loads(line), outputs, rtol=1e-12)
        return {path.name for path in (tmp_path / "cache" / f"forecastrnn-{sources_digest()}").rglob("*.nb[ci]")}

    return run


def halved(s: np.ndarray) -> np.ndarray:
    """The formula of Other."""
    return np.tanh(0.5 * s)


def test_an_edited_formula_is_compiled_alone(run: Callable[..., set[str]]) -> None:
    """In processes with one cache; edited back, in another file, it is found there."""
    first = run(cells="tanh(s)")
    edited = run(cells="relu(s)", back="tanh(s)")
    added = edited - first
    assert first < edited and {name.partition(".")[2].rsplit("_", 2)[0] for name in added} == {"same_forward"}
    assert len(added) == 2  # an index and its code


# Memory ---------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Scaled(Cell):
    """Another formula for each scale."""

    scale: float
    gates = ("s", "g")

    def step(self, s, g, h):
        return tanh(self.scale * s) + relu(g) * h


def test_a_thousand_formulas_leave_nothing_behind() -> None:
    """Graphs, derivatives and text of the latest ones are remembered, and no more."""
    for k in range(300):
        Scaled(1.0 + k)
    gc.collect()
    before = sys.getallocatedblocks()
    for k in range(300, 1000):
        assert len(Scaled(1.0 + k).text) > 100
    gc.collect()
    assert sys.getallocatedblocks() - before < 3000


def resident() -> float:
    """Megabytes of this process in memory."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGESIZE") / 1e6


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_memory_of_compiled_formulas() -> None:
    """Numba keeps the machine code of each, and what it was made from: about 3 MB for a forward kernel."""

    def run(scale: float) -> None:
        cell = Scaled(scale)
        dynamic_rnn(cell, X, cell.init_weights(5, 3, random_state=0))

    rng = np.random.default_rng()  # formulas that no cache has
    for scale in rng.uniform(1.0, 2.0, 5):
        run(float(scale))
    before = resident()
    for scale in rng.uniform(1.0, 2.0, 20):
        run(float(scale))
    assert (resident() - before) / 20 < 6.0
