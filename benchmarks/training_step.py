"""One training step beside PyTorch: forward, full BPTT, Adam; squared error of the last output, one dense output.

python -m benchmarks.training_step [--seconds 12] [--only W5]
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import partial

import numpy as np
import torch

from benchmarks.racing import Timing, Variant, best, describe, race, save, show
from forecastrnn import GRU, LSTM, Elman
from forecastrnn.cells import Cell
from forecastrnn.network import Layer, Network
from forecastrnn.optimizers import OptimizerState, Rule
from forecastrnn.stepping import Index, Source, TrainingProgram
from forecastrnn.training import CALL_SECONDS

MOST_STEPS = 8  # steps of one call of ours; fewer where they would take longer than the estimators allow a call
ADAM = {"plain": {"foreach": False}, "foreach": {"foreach": True}, "fused": {"fused": True}}
TOLERANCE = 1e-4  # of the gradients, relative to the largest entry
HEADER = ("shape", "", "PyTorch ms, fastest / median", "its best", "forecastrnn ms, fastest / median", "threads",
          "1 thread ms", "ratio at fastest", "ratio at median", "target")  # fmt: skip


@dataclass(frozen=True)
class Shape:
    """A task: cell, time steps, inputs, units, batch, layers; the ratio to reach."""

    cell: Cell
    T: int
    I: int
    H: int
    B: int
    target: float
    layers: int = 1

    def __str__(self) -> str:
        kind = f"{self.cell.activation} RNN" if isinstance(self.cell, Elman) else type(self.cell).__name__
        depth = f" x {self.layers}" if self.layers > 1 else ""
        return f"{kind}{depth}, T{self.T} I{self.I} H{self.H} B{self.B}"


SHAPES = {
    "W1": Shape(Elman("relu"), 20, 1, 100, 50, 6.0),
    "W2": Shape(Elman(), 28, 28, 150, 150, 3.0),
    "W3": Shape(LSTM(), 28, 28, 256, 100, 1.8),
    "W4": Shape(LSTM(), 28, 28, 100, 50, 2.0),
    "W5": Shape(LSTM(), 168, 1, 64, 32, 2.5),
    "W6": Shape(GRU(), 48, 8, 32, 64, 13.0, layers=2),
    "W7": Shape(LSTM(), 512, 16, 128, 64, 3.2),
    "W8": Shape(LSTM(), 24, 1, 32, 32, 7.0),
    "W9": Shape(LSTM(), 50, 16, 512, 64, 1.35),
    "W10": Shape(GRU(), 168, 1, 64, 32, 12.0),
    "W11": Shape(Elman(), 168, 1, 64, 32, 12.0),
}


class TorchNet(torch.nn.Module):
    """PyTorch's network of the same shape: the best that its users would write."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        if isinstance(shape.cell, Elman):
            make = partial(torch.nn.RNN, nonlinearity=shape.cell.activation)
        else:
            make = torch.nn.LSTM if isinstance(shape.cell, LSTM) else torch.nn.GRU
        self.cell = make(shape.I, shape.H, shape.layers, batch_first=True)
        self.dense = torch.nn.Linear(shape.H, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.dense(self.cell(x)[0][:, -1])

    def places(self) -> dict[str, torch.nn.Parameter]:
        """Our parameter names -> its parameters, which are transposed; where we have one bias, its first."""
        names = {"kernel": "weight_ih", "recurrent_kernel": "weight_hh", "bias": "bias_ih", "recurrent_bias": "bias_hh"}
        found = {
            f"layers.{layer}.{ours}": getattr(self.cell, f"{theirs}_l{layer}")
            for layer in range(self.cell.num_layers)
            for ours, theirs in names.items()
        }
        return found | {"output.kernel": self.dense.weight, "output.bias": self.dense.bias}


class Task:
    """Data and parameters of a shape, the same for both sides."""

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        rng = np.random.default_rng(0)
        self.x = rng.normal(size=(shape.B, shape.T, shape.I)).astype(np.float32)
        self.y = rng.normal(size=(shape.B, 1)).astype(np.float32)
        self.network = Network(shape.I, (Layer(shape.cell, shape.H),) * shape.layers, 1)
        self.theta = self.network.init_theta(0, "float32", "uniform")

    def program(self, *, train: bool = True) -> TrainingProgram:
        """Our program of a step, on parameters of its own."""
        theta, s = self.theta.copy(), self.shape
        optimizer = OptimizerState.zeros(theta) if train else None
        source = Source(self.x.reshape(-1, s.I), self.y)
        return TrainingProgram(
            self.network, theta, optimizer, source, steps=s.T, rows=s.B, loss="squared_error", last=1, rule=Rule()
        )  # fmt: skip

    def index(self, steps: int) -> Index:
        """The whole batch, in each of some steps."""
        rows = np.tile(np.arange(self.shape.B), (steps, 1))
        return Index(rows * self.shape.T, rows, rows)

    def torch_net(self) -> TorchNet:
        """PyTorch's network with our parameters."""
        net, own = TorchNet(self.shape), self.network.views(self.theta)
        with torch.no_grad():
            for name, place in net.places().items():
                values = own.get(name)
                place.copy_(torch.zeros(()) if values is None else torch.from_numpy(values.T.copy()))
        return net

    def check_gradients(self) -> float:
        """The largest difference of the gradients, relative to the largest entry; too large a one is an error."""
        ours = self.program(train=False)
        ours.run(self.index(1), 1, 1)
        net = self.torch_net()
        torch.nn.functional.mse_loss(net(torch.from_numpy(self.x)), torch.from_numpy(self.y)).backward()
        views, places = self.network.views(ours.grad), net.places()
        size = max(float(np.abs(view).max()) for view in views.values())
        error = max(float(np.abs(view.T - places[n].grad.numpy()).max()) for n, view in views.items()) / size
        if not error < TOLERANCE:
            raise AssertionError(f"{self.shape}: gradients differ by {error:.1e} of the largest entry.")
        return error


def torch_step(task: Task, options: dict[str, bool]) -> Callable[[], None]:
    """One step of PyTorch's, as its users write it."""
    net, x, y = task.torch_net(), torch.from_numpy(task.x), torch.from_numpy(task.y)
    loss, optimizer = torch.nn.MSELoss(), torch.optim.Adam(net.parameters(), lr=1e-3, **options)

    def step() -> None:
        optimizer.zero_grad()
        loss(net(x), y).backward()
        optimizer.step()

    return step


def our_variant(task: Task, threads: int) -> Variant:
    """A call of several steps, bounded in time as the estimators bound theirs."""
    program, first = task.program(), task.index(1)
    program.run(first, 1, threads)
    begun = race({"": Variant(lambda: program.run(first, 1, threads))}, 0.0)[""].fastest
    steps = int(np.clip(CALL_SECONDS / begun, 1, MOST_STEPS))
    index = task.index(steps)
    return Variant(lambda: program.run(index, 1, threads), steps)


def variants_of(task: Task) -> dict[str, Variant]:
    """All that take part: ours and each of PyTorch's optimizers, with one thread and with two."""
    found = {}
    for threads in (1, 2):
        found[f"ours {threads}"] = our_variant(task, threads)
        for name, options in ADAM.items():
            step = torch_step(task, options)
            found[f"torch {name} {threads}"] = Variant(step, prepare=partial(torch.set_num_threads, threads))
    return found


def measure(name: str, shape: Shape, seconds: float) -> dict[str, object]:
    """Check, race and summarise one shape; times in ms."""
    task = Task(shape)
    error = task.check_gradients()
    timings = race(variants_of(task), seconds)
    theirs, their_name = best(timings, "torch")
    ours, our_name = best(timings, "ours")
    ratios = Timing(theirs.fastest / ours.fastest, theirs.median / ours.median)
    scaled = {key: [1e3 * t.fastest, 1e3 * t.median] for key, t in timings.items()}
    return {
        "name": name, "shape": str(shape), "target": shape.target, "ratio": asdict(ratios), "ours": our_name,
        "torch": their_name, "gradient_difference": error, "ms": scaled,
    }  # fmt: skip


def table_row(row: dict) -> list[object]:
    """The columns of HEADER."""
    ms = row["ms"]
    theirs, ours = (
        [min(t[k] for n, t in ms.items() if n.startswith(who)) for k in (0, 1)] for who in ("torch", "ours")
    )
    pair = "{:.3g} / {:.3g}".format
    return [row["name"], row["shape"], pair(*theirs), row["torch"][6:], pair(*ours), row["ours"][5:],
            ms["ours 1"][1], row["ratio"]["fastest"], row["ratio"]["median"], row["target"]]  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=12.0, help="of each shape's race")
    parser.add_argument("--only", nargs="+", choices=list(SHAPES), help="shapes; results are then not written")
    options = parser.parse_args()
    print(describe("torch"))
    rows = []
    for name in options.only or SHAPES:
        rows.append(measure(name, SHAPES[name], options.seconds))
        ratio = rows[-1]["ratio"]
        print(f"{name}: {ratio['fastest']:.2f} / {ratio['median']:.2f}, target {rows[-1]['target']}", flush=True)
    show(HEADER, [table_row(row) for row in rows])
    if not options.only:
        print(f"written: results/{save('training_step', rows, 'torch').name}")


if __name__ == "__main__":
    main()
