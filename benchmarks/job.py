"""A whole job beside AutoETS of statsforecast: bands, three windows, errors beside seasonal naive, and a picture.

FORECASTRNN_DATA=folder python -m benchmarks.job --peer peers/bin/python [--runs 2]

The series: the air passengers and the first 100 of tourism_monthly. The scripts: job_ours.py, twelve lines, and
job_peer.py, in an environment of its own (`pip install "statsforecast==2.1.1" "pandas<3" matplotlib`). Each runs as a
process, imports and all, and keeps the run of least processor seconds; the first one of ours may compile.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.racing import describe, save, show
from benchmarks.series_sets import data_folder, read_set
from forecastrnn.datasets import load_airline

HERE, SERIES = Path(__file__).parent, 100
HEADER = ("job", "lines", "processor s", "wall s", "MASE", "cover 80", "cover 95", "of AutoETS's processor s")


def series() -> pd.DataFrame:
    """A long frame of months; those of tourism begin in 1949 as the passengers do."""
    known = {"airline": load_airline().to_numpy()} | read_set(data_folder(), "tourism_monthly").train
    kept = dict(list(known.items())[: SERIES + 1])
    months = [pd.date_range("1949-01-01", periods=len(y), freq="MS") for y in kept.values()]
    ids = np.repeat(list(kept), [len(y) for y in kept.values()])
    return pd.DataFrame({"unique_id": ids, "ds": np.concatenate(months), "y": np.concatenate(list(kept.values()))})


def timed(command: list[str], path: Path) -> dict[str, float | str]:
    """Run a process to its end: what it printed, its seconds, and those of the processor with all its children."""
    begun = time.perf_counter()
    with path.open("w") as out:
        process = subprocess.Popen(command, stdout=out)
        _, status, used = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{' '.join(command)} failed")
    return {"out": path.read_text(), "wall": time.perf_counter() - begun, "processor": used.ru_utime + used.ru_stime}


def lines(script: Path) -> int:
    """Lines of code, without docstring and blank ones."""
    text = script.read_text(encoding="utf-8").splitlines()
    return sum(bool(line.strip()) and not line.startswith('"""') for line in text)


def scores(printed: str, name: str) -> list[float]:
    """MASE and coverage of a forecaster in a table of metrics."""
    rows = [row.split(",") for row in printed.split()]
    place = rows[0].index(name)
    found = {row[0]: float(row[place]) for row in rows[1:]}
    return [found[metric] for metric in ("mase", "coverage_level80", "coverage_level95")]


def main() -> None:
    """Run all in turn, and print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peer", required=True, help="the Python that has statsforecast")
    parser.add_argument("--runs", type=int, default=2)
    options = parser.parse_args()
    print(describe(), "\n")
    with tempfile.TemporaryDirectory() as name:
        rows = race(Path(name), options.peer, options.runs)
    theirs = rows[-1]["processor s"]
    rows = [row | {HEADER[-1]: row["processor s"] / theirs} for row in rows]
    show(HEADER, [[row[column] for column in HEADER] for row in rows])
    print(f"\nwritten: results/{save('job', rows).name}")


def race(folder: Path, peer: str, runs: int) -> list[dict]:
    """A row for each way to do the job, in turn, the peer last."""
    data, out, picture = folder / "series.csv", folder / "out", str(folder / "picture.png")
    series().to_csv(data, index=False)
    ours, theirs = HERE / "job_ours.py", HERE / "job_peer.py"
    jobs = {
        ("ours, a fit a window", "RNN", ours): [sys.executable, str(ours), str(data), picture, "refit"],
        ("ours, refit=False", "RNN", ours): [sys.executable, str(ours), str(data), picture, "once"],
        ("statsforecast, AutoETS", "AutoETS", theirs): [peer, str(theirs), str(data), picture],
    }
    found: dict = {job: [] for job in jobs}
    for _ in range(runs):
        for job, command in jobs.items():
            found[job].append(timed(command, out))
    return [_row(*job, min(times, key=lambda run: run["processor"])) for job, times in found.items()]


def _row(name: str, forecaster: str, script: Path, run: dict) -> dict:
    values = (name, lines(script), run["processor"], run["wall"], *scores(run["out"], forecaster))
    return dict(zip(HEADER, values))


if __name__ == "__main__":
    main()
