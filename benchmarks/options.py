"""What options cost: a training step with dropout of each kind, and with layer normalisation, over one without.

python -m benchmarks.options [--seconds 8]
"""

from __future__ import annotations

import argparse
from dataclasses import replace

import numpy as np

from benchmarks.racing import Variant, describe, race, save, show
from benchmarks.tasks import SHAPES, Shape
from forecastrnn.networks.network import Layer, Network
from forecastrnn.programs.shapes import NO_DROPOUT, Dropout
from forecastrnn.training.optimizers import OptimizerState
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import BatchIndex, TrainingProgram

CALLS = {"W2": 3, "W4": 4, "W5": 3, "W6": 8, "W8": 60, "W10": 3}  # steps of a call: some milliseconds
PLAIN = "none"
OPTIONS = {
    "input_dropout=0.1": Dropout(inputs=0.1),
    "dropout=0.3": Dropout(outputs=0.3),
    "recurrent_dropout=0.3": Dropout(recurrent=0.3),
    "all three": Dropout(0.1, 0.3, 0.3),
    "layer_norm=True": NO_DROPOUT,
}


def variant(shape: Shape, steps: int, dropout: Dropout, layer_norm: bool) -> Variant:
    """Steps of Adam on random data, with one thread."""
    rng = np.random.default_rng(0)
    layers = tuple(replace(Layer(shape.cell, shape.H), layer_norm=layer_norm) for _ in range(shape.layers))
    network = Network(shape.I, layers, 1)
    theta = network.init_theta(0, "float32")
    x = rng.normal(size=(shape.B * shape.T, shape.I)).astype(np.float32)
    y = rng.normal(size=(shape.B, 1)).astype(np.float32)
    program = TrainingProgram(
        network, theta, OptimizerState.zeros(theta), TrainingData(x, y), steps=shape.T, rows=shape.B,
        loss="squared_error",
        last=1, dropout=dropout, seed=1,
    )  # fmt: skip
    rows = np.tile(np.arange(shape.B), (steps, 1))
    index = BatchIndex(rows * shape.T, rows, rows)
    return Variant(lambda: program.run(index, 1, 1), steps)


def measure(name: str, seconds: float) -> dict[str, object]:
    """Times of all options over that of none, in one race: at the fastest call and at the median."""
    shape, steps = SHAPES[name], CALLS[name]
    variants = {PLAIN: variant(shape, steps, NO_DROPOUT, False)}
    variants |= {what: variant(shape, steps, d, what.startswith("layer")) for what, d in OPTIONS.items()}
    found = race(variants, seconds)
    ratios = {what: [t.fastest / found[PLAIN].fastest, t.median / found[PLAIN].median] for what, t in found.items()}
    return {"name": name, "about": str(shape), "ms": 1e3 * found[PLAIN].fastest} | ratios


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=8.0, help="of each shape's race")
    options = parser.parse_args()
    print(describe())
    rows = [measure(name, options.seconds) for name in CALLS]
    cells = [[f"{row[what][0]:.2f} / {row[what][1]:.2f}" for what in OPTIONS] for row in rows]
    table = [[row["name"], row["about"], row["ms"], *cell] for row, cell in zip(rows, cells, strict=True)]
    show(("shape", "", "ms without", *OPTIONS), table)
    print(f"written: results/{save('options', rows).name}")


if __name__ == "__main__":
    main()
