"""Whole estimators: fit and predict of RNNForecaster beside neuralforecast's and Darts' recurrent networks.

Run it in an environment of its own: pip install -e . neuralforecast "darts[torch]"

[FORECASTRNN_DATA=folder] python -m benchmarks.estimators [--passes 2] [--threads 1 2]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from importlib.util import find_spec

import numpy as np

from benchmarks.libraries import LIBRARIES, Spec
from benchmarks.pictures import bars, picture
from benchmarks.racing import describe, publish, text
from benchmarks.series_sets import VARIABLE

SETS = (("airline", 1), ("m3_monthly", 100), ("m3_monthly", 1000))
FITS = 2  # of a process, after the first one
HEADER = ("set", "library", "threads", "fit s, fastest / median", "times ours, at fastest / median",
          "predict s, fastest / median", "import s", "first fit s", "sMAPE")  # fmt: skip
OURS = "forecastrnn, 1 member"


def run_alone(library: str, data: tuple[str, int], threads: int) -> dict:
    """Measure a library in a process of its own, where nothing of ours has been compiled before."""
    job = [library, asdict(Spec()), *data, FITS, threads]
    with tempfile.TemporaryDirectory() as empty:
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.libraries", json.dumps(job)],
            env=os.environ | {"NUMBA_CACHE_DIR": empty}, capture_output=True, text=True,
        )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{library} on {data[0]}: {done.stderr[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])


def summary(runs: list[dict]) -> dict[str, object]:
    """Fastest and median of several processes; the least of what comes once in each; the mean sMAPE."""
    found: dict[str, object] = {}
    for key in ("fit_s", "predict_s"):
        seconds = np.concatenate([run[key] for run in runs])
        found[key] = [float(seconds.min()), float(np.median(seconds))]
    found |= {key: min(run[key] for run in runs) for key in ("import_s", "first_fit_s")}
    return found | {"smape": float(np.mean([run["smape"] for run in runs]))}


def measure(data: tuple[str, int], names: list[str], passes: int, threads: list[int]) -> list[dict]:
    """All libraries on one set, in turns, each with the number of threads that it fits fastest with."""
    runs: dict[tuple[str, int], list[dict]] = {(name, count): [] for name in names for count in threads}
    for _ in range(passes):
        for (name, count), own in runs.items():
            own.append(run_alone(name, data, count))
    rows = []
    for name in names:
        found = {count: summary(runs[name, count]) for count in threads}
        count = min(found, key=lambda n: found[n]["fit_s"][1])
        rows.append({"set": data[0], "series": data[1], "library": name, "threads": count, **found[count]})
        print(f"{data[0]} {data[1]}, {name}: fit {rows[-1]['fit_s'][1]:.3g} s", flush=True)
    ours = next(row["fit_s"] for row in rows if row["library"] == OURS)
    return [row | {"ratio": [own / base for own, base in zip(row["fit_s"], ours, strict=True)]} for row in rows]


def table_row(row: dict) -> list[object]:
    """The columns of HEADER."""
    fit, ratio, predict = (" / ".join(map(text, row[key])) for key in ("fit_s", "ratio", "predict_s"))
    about = f"{row['set']}, {row['series']} series"
    return [about, row["library"], row["threads"], fit, ratio, predict, row["import_s"], row["first_fit_s"],
            row["smape"]]  # fmt: skip


def draw(rows: list[dict]) -> None:
    """Seconds of a fit, by set and library."""
    sets = list(dict.fromkeys((row["set"], row["series"]) for row in rows))
    libraries = list(dict.fromkeys(row["library"] for row in rows))
    seconds = {(row["set"], row["series"], row["library"]): row["fit_s"][1] for row in rows}
    with picture("estimators", height=1.2 + 1.1 * len(sets)) as (axes,):
        values = {name: [seconds.get((*one, name)) for one in sets] for name in libraries}
        bars(axes, [f"{name}\n{count} series" for name, count in sets], values)
        axes.set(xlabel="s a fit, median, after a first one")


def main() -> None:
    """Measure, print, draw and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--passes", type=int, default=2, help=f"processes of {FITS} fits and a first one each")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2], help="to try; the fastest counts")
    options = parser.parse_args()
    installed = [name for name, library in LIBRARIES.items() if find_spec(library.package) is not None]
    if missing := LIBRARIES.keys() - installed:
        print(f"not installed, left out: {', '.join(sorted(missing))}")
    packages = {LIBRARIES[name].package for name in installed} | {"torch"}
    peers = sorted(name for name in packages - {"forecastrnn"} if find_spec(name) is not None)
    print(describe(*peers))
    sets = [one for one in SETS if one[0] == "airline" or os.environ.get(VARIABLE)]
    rows = [row for one in sets for row in measure(one, installed, options.passes, options.threads)]
    publish("estimators", rows, HEADER, table_row, *peers, draw=draw)


if __name__ == "__main__":
    main()
