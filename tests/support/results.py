"""What the long runs measured: kept in one file from run to run, and shown as docs/results.md."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.racing import describe, text

ROOT = Path(__file__).parents[2]
KEPT, PAGE = ROOT / "benchmarks" / "results" / "long_runs.json", ROOT / "docs" / "results.md"
COMMAND = 'pip install -e ".[test]" torch && FORECASTRNN_DATA=folder pytest -m slow --results'

TASKS = {  # name -> title, and what is measured
    "curve": (
        "A curve, one step ahead",
        "`t sin(t)/3 + 2 sin(5t)`: 20 steps, 100 relu units, 1,500 mini-batches of 50 windows, Adam. The mean squared "
        "error of windows that were not trained on; at most 0.042 is asked for.",
    ),
    "images": (
        "Images row by row",
        "MNIST, 28 steps of 28 pixels, `examples/image_rows.py`: softmax on the final state, mini-batches of 150, at "
        "most 10 epochs on nine tenths of the 60,000 images, stopped at an accuracy of the last tenth (0.985 for the "
        "plain network, 0.99 for the deep one). Asked for on the 10,000 test images: 0.98 and 0.987.",
    ),
    "image_variants": (
        "Other networks on the same images",
        "One layer, Adam at a constant rate, a few epochs on all 60,000 images: they train as well.",
    ),
    "image_epochs": (
        "Seconds an epoch beside PyTorch",
        "The 60,000 images once, the same two networks, mini-batches of 150, Adam, the same threads. PyTorch's loop "
        "slices shuffled tensors; nothing else is in it.",
    ),
    "reber": (
        "Embedded Reber grammar",
        "Valid strings against strings with one wrong symbol, `examples/reber.py`: 6,000 strings of 9 to about 40 "
        "symbols, GRU of 24 units, buckets of like length. New strings; at least 0.99 is asked for.",
    ),
    "dates": (
        "Dates to ISO form",
        "Encoder-decoder with attention, `examples/dates.py`: dates written in many ways, a character a step. Share of "
        "new dates that are right in every character; at least 0.99 is asked for.",
    ),
    "long_series": (
        "A series of 100,000 steps",
        "`RNNRegressor` (LSTM, 32 units, a target at every step), five updates over all steps, with every state kept "
        'and with `checkpoint="auto"`. Peak of what Python and NumPy hold.',
    ),
}  # fmt: skip


class Results:
    """Rows of all tasks; a row of the same task and name takes the place of the older one."""

    def __init__(self) -> None:
        kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {"rows": {}}
        self.rows: dict[str, dict[str, dict[str, Any]]] = kept["rows"]

    def add(self, task: str, name: str, values: Mapping[str, Any]) -> None:
        """Keep what was measured."""
        self.rows.setdefault(task, {})[name] = dict(values)

    def write(self) -> None:
        """Write both files."""
        rows = {task: dict(sorted(self.rows[task].items())) for task in TASKS if task in self.rows}
        KEPT.write_text(json.dumps({"machine": describe(), "rows": rows}, indent=1) + "\n", encoding="utf-8")
        PAGE.write_text(page(rows), encoding="utf-8")


def page(rows: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """The page: a section and a table for each task."""
    parts = [
        "# Results of the long runs",
        "One command measures all of this and writes this page, in some 40 minutes on two cores:",
        f"```\n{COMMAND}\n```",
        "`FORECASTRNN_DATA` names a folder with `mnist.npz`; what needs it is skipped without. Each figure is also "
        "held to its bound by the test that measures it. Seconds are of training; the first run of a kind also "
        "compiles, and on the machine of this page other programs ran beside some of them. Forecast accuracy and "
        "speed have their own programs, in `benchmarks/README.md`.",
        f"Measured on {describe()}.",
    ]
    for task, found in rows.items():
        title, about = TASKS[task]
        columns = list(dict.fromkeys(key for values in found.values() for key in values))
        lines = [f"|  | {' | '.join(columns)} |", f"|{'---|' * (len(columns) + 1)}"]
        for name, values in found.items():
            lines.append(f"| {name} | {' | '.join(text(values.get(key)) for key in columns)} |")
        parts += [f"## {title}", about, "\n".join(lines)]
    return "\n\n".join(parts) + "\n"
