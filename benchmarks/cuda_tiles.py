"""How many rows a block of the kernels for small layers should take: a table to set `rows_of_tile` by.

    python -m benchmarks.cuda_tiles

Milliseconds of a training step by rows of a tile, and by the kernels for any size. Without a GPU it says so.
"""

from __future__ import annotations

import sys

from benchmarks.cuda_training_step import Task
from forecastrnn.engine import devices

WAYS = (1, 2, 4, 0)  # 0: the kernels for any size


def main() -> int:
    """Print the table."""
    count, why = devices.gpus()
    if count == 0 or devices.simulated():
        print(f"no GPU: {why or 'only the simulator'}")
        return 0
    from forecastrnn.engine.cuda import persistent

    print("| cell | units | rows | 1 row a tile | 2 | 4 | any size |\n|" + "---|" * 7)
    for cell, units in (("LSTM", 32), ("LSTM", 64), ("GRU", 64)):
        for rows in (64, 132, 264, 528):
            task, found = Task(cell, units, rows, 168, 1), []
            for way in WAYS:
                persistent.rows_of_tile = lambda B, way=way: way
                persistent.MOST_UNITS = 96 if way else 0
                found.append(f"{task.ours('cuda:0', 0.1):.3g}")
            print(f"| {cell} | {units} | {rows} | {' | '.join(found)} |", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
