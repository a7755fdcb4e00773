"""A default fit of one series of 144 values: the first of a process, whose kernels the cache holds, and later ones.

python -m benchmarks.one_series [--runs 3]

Beside it, in turns, the same with the mini-batches of large sets. Seconds are least and median, of the clock and of the
processor, with the load of the machine.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from statistics import median

from benchmarks.racing import describe, save, show

HEADER = ("fit", "wall s", "processor s", "load")
FIRST, LATER, LARGE = "first, full cache", "later", "later, batch_size=64"
PROCESS = """
import json, time
from forecastrnn import RNNForecaster
from forecastrnn.datasets import load_airline

y, found = load_airline(), []
for options in ({}, {}, {"batch_size": 64}, {}, {"batch_size": 64}):
    begun, worked = time.perf_counter(), time.process_time()
    RNNForecaster(random_state=0, **options).fit(y)
    found.append((time.perf_counter() - begun, time.process_time() - worked))
print(json.dumps(found))
"""


def timed() -> list[tuple[float, float]]:
    """Seconds of the clock and of the processor of the fits of a process, one behind the other."""
    done = subprocess.run([sys.executable, "-c", PROCESS], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Run all in turns, and print and keep the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    print(describe(), "\n")
    timed()  # may compile
    found: dict[str, list[tuple[float, float]]] = {FIRST: [], LATER: [], LARGE: []}
    for _ in range(options.runs):
        for name, times in zip((FIRST, LATER, LARGE, LATER, LARGE), timed(), strict=True):
            found[name].append(times)
    load = round(os.getloadavg()[1], 1)
    rows = [dict(zip(HEADER, (name, *map(least_and_median, zip(*times)), load))) for name, times in found.items()]
    show(HEADER, [[row[column] for column in HEADER] for row in rows])
    print(f"\nwritten: results/{save('one_series', rows).name}")


def least_and_median(seconds: tuple[float, ...]) -> str:
    """Both in a cell."""
    return f"{min(seconds):.3g} / {median(seconds):.3g}"


if __name__ == "__main__":
    main()
