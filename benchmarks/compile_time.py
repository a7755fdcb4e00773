"""What the first fit waits for: imports, compilation in a new environment, and reading the cache in a new process.

python -m benchmarks.compile_time [--repeats 3]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from statistics import median

from benchmarks.racing import describe, save, show, text

MODELS = {  # what: (imports, the estimator, its data)
    "RNNRegressor, LSTM 32, float32": ("RNNRegressor", "RNNRegressor(dtype='float32', max_iter=2)", "X, y"),
    "RNNRegressor, LSTM 32, float64": ("RNNRegressor", "RNNRegressor(dtype='float64', max_iter=2)", "X, y"),
    "RNNRegressor, tanh RNN 32, float32": (
        "RNNRegressor",
        "RNNRegressor(cell='rnn', dtype='float32', max_iter=2)",
        "X, y",
    ),
    "RNNForecaster, GRU 64, float32": ("RNNForecaster", "RNNForecaster(n_members=1, max_steps=50)", "series"),
}
PROCESS = """
import json, time
begun = time.perf_counter()
import numpy, pandas, sklearn.base
others = time.perf_counter() - begun
import numba
numba_too = time.perf_counter() - begun
from forecastrnn import {name}
imports = time.perf_counter() - begun
from forecastrnn.engine import compiling
from forecastrnn.datasets import load_airline

X = numpy.random.default_rng(0).normal(size=(64, 10, 2))
y = X[:, -1, 0]
series = load_airline()
made = []
compile_one = compiling._compile

def counted(function, make):
    made.append(function.__name__)
    return compile_one(function, make)

compiling._compile = counted

def seconds():
    begun = time.perf_counter()
    model = {estimator}.set_params(random_state=0).fit({data})
    model.predict({future})
    return time.perf_counter() - begun

first, functions = seconds(), len(made)
more = first - min(seconds() for _ in range(3))
print(json.dumps([others, numba_too - others, imports - numba_too, more, functions]))
"""
HEADER = ("first fit and predict of", "functions", "new environment s", "target s", "new process s", "target s")
IMPORTS = ("NumPy, pandas, scikit-learn s", "Numba s", "forecastrnn s")
COLD_TARGET, WARM_TARGET = 6.0, 0.3


def measure(what: str, cache: str) -> list[float]:
    """Seconds of imports (three parts), seconds more than a later fit, functions compiled or read."""
    name, estimator, data = MODELS[what]
    future = "12" if data == "series" else "X"
    code = PROCESS.format(name=name, estimator=estimator, data=data, future=future)
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"NUMBA_CACHE_DIR": cache}, capture_output=True, text=True
    )
    if done.returncode:
        raise RuntimeError(done.stderr)
    return json.loads(done.stdout)


def first_fit(what: str, repeats: int) -> tuple[dict[str, object], list[list[float]]]:
    """One row, fastest and median of some environments; the imports of the warm processes."""
    cold, warm = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as cache:
            cold.append(measure(what, cache))
            warm.append(measure(what, cache))
    row = {"what": what, "functions": int(cold[0][4]), "cold_s": both(cold, 3), "warm_s": both(warm, 3)}
    return row, [found[:3] for found in warm]


def both(found: Sequence[Sequence[float]], k: int) -> list[float]:
    """Fastest and median of a column."""
    column = [row[k] for row in found]
    return [min(column), median(column)]


def table_row(row: dict) -> list[object]:
    """The columns of HEADER."""
    cold, warm = (" / ".join(map(text, row[key])) for key in ("cold_s", "warm_s"))
    return [row["what"], row["functions"], cold, COLD_TARGET, warm, WARM_TARGET]


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="environments of each, each with two processes")
    options = parser.parse_args()
    print(describe())
    rows, imports = [], []
    for what in MODELS:
        row, found = first_fit(what, options.repeats)
        rows.append(row)
        imports += found
    show(HEADER, [table_row(row) for row in rows])
    print()
    parts = [both(imports, k) for k in range(3)]
    show(IMPORTS, [[" / ".join(map(text, part)) for part in parts]])
    print(f"written: results/{save('compile_time', [*rows, {'what': 'imports', 'parts_s': parts}]).name}")


if __name__ == "__main__":
    main()
