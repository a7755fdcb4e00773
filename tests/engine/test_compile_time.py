"""The first fit does not wait long, and says why it waits."""

from __future__ import annotations

import gc
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from forecastrnn.engine import compiling
from forecastrnn.engine.compiling import announced


@pytest.fixture
def compile_for(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Compile something that takes so many seconds of a clock that stands still otherwise."""
    clock = SimpleNamespace(now=0.0, perf_counter=lambda: clock.now)
    monkeypatch.setattr(compiling, "time", clock)

    def run(seconds: float, hits: int = 0) -> None:
        def make(function: Callable, make: Callable) -> SimpleNamespace:
            clock.now += seconds
            return SimpleNamespace(cache_hits=hits)

        monkeypatch.setattr(compiling, "_make", make)
        compiling.compile_cfunc(run, None)

    return run


def test_a_long_compilation_is_announced_once(compile_for: Callable, capsys: pytest.CaptureFixture) -> None:
    """As soon as all functions together have taken over a second, and again in the next fit."""
    for _ in range(2):
        with announced(True):
            compile_for(0.6)
            assert capsys.readouterr().out == ""
            compile_for(0.6)
            assert capsys.readouterr().out.startswith("Compiling the network for this machine (")
            compile_for(5.0)
        compile_for(5.0)
        assert capsys.readouterr().out == ""


def test_nothing_is_said_of_short_and_read_ones(compile_for: Callable, capsys: pytest.CaptureFixture) -> None:
    """Not without `verbose`, not of less than a second, not of what a cache on a slow disk held."""
    with announced(True):
        compile_for(0.9)
        compile_for(5.0, hits=1)
        with announced(False):
            compile_for(5.0)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("collects", [True, False])
def test_no_garbage_is_collected_meanwhile(collects: bool) -> None:
    """Also where one function is compiled for another; behind it, or behind an error, all is as it was."""
    try:
        if not collects:
            gc.disable()
        with compiling.compilation():
            with compiling.compilation(cached=False):
                assert not gc.isenabled()
            assert not gc.isenabled()
        assert gc.isenabled() == collects
        with pytest.raises(RuntimeError), compiling.compilation():
            raise RuntimeError
        assert gc.isenabled() == collects
    finally:
        gc.enable()


@pytest.mark.parametrize(("folder", "where"), [("somewhere", "once"), ("", "no folder")])
def test_the_announcement_says_where_code_is_kept(
    compile_for: Callable, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch, folder: str, where: str
) -> None:
    """Whoever has no cache waits each time, and should know why."""
    monkeypatch.setattr(compiling, "_FOLDER", folder)
    with announced(True):
        compile_for(2.0)
    assert where in capsys.readouterr().out


# Seconds of the processor that the first fit and predict of a process take longer than the second, by what Numba needs
# on this machine, busy as it is, for some functions that are always the same.
FIRST_FIT = """
import time
import numba
import numpy as np
from forecastrnn import RNNForecaster, RNNRegressor
from forecastrnn.datasets import load_airline

def lstm():
    X = np.random.default_rng(0).normal(size=(64, 10, 2)).astype(np.float32)
    RNNRegressor(max_iter=3, random_state=0, verbose={verbose}).fit(X, X[:, -1, 0]).predict(X)

def forecaster():
    y = load_airline()
    few = {{"n_members": 1, "max_steps": 50, "candidates": "network", "intervals": None}}
    RNNForecaster(random_state=0, verbose={verbose}, **few).fit(y).predict(12)

def compiled_anew():
    for _ in range(10):
        @numba.njit("f8(f8[:, ::1], i8[::1])")
        def walk(a, b):
            total = 0.0
            for i in range(len(a)):
                for j in range(b[i]):
                    if a[i, j] > total:
                        total += np.exp(a[i, j]) - a[i, :j].sum()
            return total

def seconds(call):
    begun = time.thread_time()
    call()
    return time.thread_time() - begun

first = seconds({model})
extra = first - min(seconds({model}) for _ in range(3))
seconds(compiled_anew)  # imports the rest of Numba
print(extra / seconds(compiled_anew))
"""
COLD = {"lstm": 4.8, "forecaster": 10.5}
WARM = 0.25


def first_fit(run_script: Callable[..., str], model: str, root: Path, verbose: bool = False) -> list[str]:
    """The lines that FIRST_FIT prints with the cache in `root`, where modules of Python are kept as well."""
    kept = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(root / "modules")}
    return run_script(FIRST_FIT.format(model=model, verbose=verbose), NUMBA_CACHE_DIR=str(root), **kept).splitlines()


@pytest.mark.slow
@pytest.mark.parametrize("model", COLD)
def test_first_fits_are_short(run_script: Callable[..., str], tmp_path: Path, model: str) -> None:
    """The first fit ever, the best of three environments; then the first fit of a process, the best of three."""
    cold = [float(first_fit(run_script, model, tmp_path / str(k))[-1]) for k in range(3)]
    warm = [float(first_fit(run_script, model, tmp_path / str(k))[-1]) for k in range(3)]
    assert min(cold) <= COLD[model]
    assert min(warm) <= WARM


@pytest.mark.slow
@pytest.mark.parametrize("model", COLD)
def test_a_verbose_fit_says_what_takes_so_long(run_script: Callable[..., str], tmp_path: Path, model: str) -> None:
    """In an empty environment only."""
    said = [first_fit(run_script, model, tmp_path, verbose=True) for _ in range(2)]
    assert [sum(line.startswith("Compiling") for line in lines) for lines in said] == [1, 0]
