"""How much memory and time a fit takes that reads a Parquet panel by row groups: `python -m benchmarks.large_panel`.

The panel is made here: so many series of 1,000 days, a row group for each 500 of them. Each job is a process of its
own, whose peak is that of all its memory, Python and compiled kernels with it; that of a process that fits a tiny panel
is shown beside it. `--rows 20` are 20 million.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time

import numpy as np
import pandas as pd

DAYS, IN_GROUP, TINY = 1_000, 500, 50_000


def write_panel(path: str, rows: int) -> None:
    """Series with a week, a level and noise of their own, float32 values, texts as ids."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    rng, days = np.random.default_rng(0), pd.date_range("2021-01-01", periods=DAYS, unit="us").to_numpy()
    week = 1 + 0.3 * np.sin(np.arange(DAYS) * 2 * np.pi / 7)
    schema = pa.schema({"unique_id": pa.string(), "ds": pa.timestamp("us"), "y": pa.float32()})
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, rows // DAYS, IN_GROUP):
            count = min(IN_GROUP, rows // DAYS - first)
            values = rng.lognormal(3, 1, (count, 1)) * week * rng.lognormal(0, 0.2, (count, DAYS))
            ids = np.repeat([f"store_{first + k:07d}" for k in range(count)], DAYS)
            columns = [ids, np.tile(days, count), values.astype(np.float32).ravel()]
            writer.write_table(pa.table(columns, schema=schema))


def job(path: str, older_means: str) -> None:
    """Fit one small network, forecast, and say what it took."""
    from forecastrnn import RNNForecaster

    begin = time.perf_counter()
    model = RNNForecaster(
        hidden_layer_sizes=16, n_members=1, max_steps=100, candidates="network", intervals=None, random_state=0,
        verbose=False, older_means=None if older_means == "none" else older_means,
    )  # fmt: skip
    model.fit(path)
    fitted = time.perf_counter()
    forecast = model.predict(7)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(json.dumps({
        "older_means": older_means, "rows of forecasts": len(forecast), "fit": round(fitted - begin, 1),
        "predict": round(time.perf_counter() - fitted, 1), "peak GiB": round(peak, 2),
    }))  # fmt: skip


def main() -> None:
    """Make the panels, and run each job."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=float, default=20.0, help="million rows")
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.job:
        job(*args.job)
        return
    with tempfile.TemporaryDirectory() as folder:
        for rows in (TINY, int(args.rows * 1e6)):
            path = os.path.join(folder, f"{rows}.parquet")
            begin = time.perf_counter()
            write_panel(path, rows)
            size, took = os.path.getsize(path) / 2**20, time.perf_counter() - begin
            print(f"{rows:,} rows, {rows // DAYS:,} series, {size:.0f} MiB, made in {took:.0f} s", flush=True)
            for older_means in ("auto", "none"):
                command = [sys.executable, "-m", "benchmarks.large_panel", "--job", path, older_means]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
