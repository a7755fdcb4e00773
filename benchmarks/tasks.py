"""The shapes of the training step benchmark, and each of them built here and in PyTorch with the same numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from forecastrnn import GRU, LSTM, Cell, Elman
from forecastrnn.networks.network import Layer, Network
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import BatchIndex, TrainingProgram

TOLERANCE = 1e-4  # of the gradients, relative to the largest entry


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

    @property
    def flops(self) -> int:
        """Of a step's products, with the true sizes: forward, weight gradients, gradients by states and inputs.

        Gates are not counted, nor what no gradient needs: those by the first state and by the data.
        """
        gates, total, inputs = len(self.cell.frame.input_gates), 0, self.I
        for number in range(self.layers):
            columns = gates * self.H
            total += 2 * self.T * (inputs + self.H) * columns + (self.T - 1) * columns * self.H
            total += self.T * columns * inputs if number else 0
            inputs = self.H
        return 2 * self.B * (total + 3 * self.H)

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
    """PyTorch's network of the same shape, as its users write it."""

    def __init__(self, shape: Shape) -> None:
        super().__init__()
        if isinstance(shape.cell, Elman):
            make = partial(torch.nn.RNN, nonlinearity=shape.cell.activation)
        else:
            make = torch.nn.LSTM if isinstance(shape.cell, LSTM) else torch.nn.GRU
        self.cell = make(shape.I, shape.H, shape.layers, batch_first=True)
        self.dense = torch.nn.Linear(shape.H, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Outputs (B, 1) behind the last step."""
        return self.dense(self.cell(x)[0][:, -1])

    def places(self) -> dict[str, torch.nn.Parameter]:
        """Our parameter names -> its parameters, which are transposed; where we have one bias, its first."""
        names = {
            "kernel": "weight_ih",
            "recurrent_kernel": "weight_hh",
            "bias": "bias_ih",
            "recurrent_bias": "bias_hh",
        }
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
        source = TrainingData(self.x.reshape(-1, s.I), self.y)
        return TrainingProgram(
            self.network, theta, optimizer, source, steps=s.T, rows=s.B, loss="squared_error", last=1, rule=Rule()
        )  # fmt: skip

    def index(self, steps: int) -> BatchIndex:
        """The whole batch, in each of some steps."""
        rows = np.tile(np.arange(self.shape.B), (steps, 1))
        return BatchIndex(rows * self.shape.T, rows, rows)

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
