"""One training step (forward, BPTT, Adam) on a GPU beside cuDNN through PyTorch, and beside this package's CPU engine.

    python -m benchmarks.cuda_training_step [--units 32 64 256] [--rows 32 512] [--steps 168] [--seconds 0.3]

cuDNN runs in IEEE float32, with TF32 products, and in bfloat16 (autocast): three columns, for they are not the same
work; each is the faster of PyTorch's step as it stands and recorded as a CUDA graph. Ours is IEEE float32. Gradients on
the GPU are compared with those of the CPU engine first. Milliseconds of a step, the median of calls of some 50 ms,
as a fit makes them; without a GPU it says so and ends well. PyTorch may be absent: its columns stay empty.
"""

from __future__ import annotations

import argparse
import itertools
import json
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from forecastrnn import GRU, LSTM, Elman
from forecastrnn.engine import devices
from forecastrnn.engine.threads import thread_count
from forecastrnn.networks.network import Layer, Network
from forecastrnn.training.optimizers import OptimizerState, Rule
from forecastrnn.training.sequence_task import TrainingData
from forecastrnn.training.stepping import MAX_STEPS, BatchIndex, TrainingProgram

CELLS = {"LSTM": LSTM(), "peephole LSTM": LSTM(peepholes=True), "GRU": GRU(), "RNN": Elman()}
FIRST = 4  # steps in a call that compiles, records, and tells how long a step is
CALL_SECONDS = 0.05  # of a call: as a fit makes them
TOLERANCE = 1e-4  # of gradients, relative to the largest


class Task:
    """A layer with a dense output, random data, the same for all sides."""

    def __init__(self, cell: str, units: int, rows: int, steps: int, inputs: int) -> None:
        self.cell, self.units, self.rows, self.steps, self.inputs = cell, units, rows, steps, inputs
        rng = np.random.default_rng(0)
        self.x = rng.normal(size=(rows, steps, inputs)).astype(np.float32)
        self.y = rng.normal(size=(rows, 1)).astype(np.float32)
        self.network = Network(inputs, (Layer(CELLS[cell], units),), 1)
        self.theta = self.network.init_theta(0, "float32", "uniform")

    def program(self, device: str, train: bool = True) -> TrainingProgram:
        """Our step."""
        theta = self.theta.copy()
        optimizer = OptimizerState.zeros(theta) if train else None
        source = TrainingData(self.x.reshape(-1, self.inputs), self.y)
        return TrainingProgram(
            self.network, theta, optimizer, source, steps=self.steps, rows=self.rows, loss="squared_error", last=1,
            rule=Rule(), device=device,
        )  # fmt: skip

    def index(self, calls: int) -> BatchIndex:
        """The whole batch, in each step of a call."""
        rows = np.tile(np.arange(self.rows), (calls, 1))
        return BatchIndex(rows * self.steps, rows, rows)

    def error(self) -> float:
        """The largest difference between the gradients of both engines, relative to the largest gradient."""
        found = []
        for device in ("cpu", "cuda:0"):
            program = self.program(device, train=False)
            program.run(self.index(1), 1, thread_count(None))
            found.append(program.grad.astype(float))
        return float(np.abs(found[1] - found[0]).max() / np.abs(found[0]).max())

    def ours(self, device: str, seconds: float) -> float:
        """Milliseconds of our step."""
        program = self.program(device)
        index = self.index(program.most_steps)
        return per_step(
            lambda steps: program.run(index.part(0, steps), 1, thread_count(None)), program.most_steps, seconds
        )

    def cudnn(self, precision: str, seconds: float) -> float | None:
        """Milliseconds of PyTorch's step; None where it is absent or has no such cell."""
        try:
            import torch
        except ImportError:
            return None
        made = {"LSTM": torch.nn.LSTM, "GRU": torch.nn.GRU, "RNN": torch.nn.RNN}.get(self.cell)
        if made is None or not torch.cuda.is_available():
            return None
        torch.backends.cudnn.allow_tf32 = torch.backends.cuda.matmul.allow_tf32 = precision == "TF32"
        torch.manual_seed(0)
        layer, dense = made(self.inputs, self.units).cuda(), torch.nn.Linear(self.units, 1).cuda()
        optimizer = torch.optim.Adam([*layer.parameters(), *dense.parameters()], fused=True, capturable=True)
        x, y = torch.from_numpy(self.x.transpose(1, 0, 2).copy()).cuda(), torch.from_numpy(self.y).cuda()

        def step() -> None:
            optimizer.zero_grad(set_to_none=True)
            with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bfloat16", cache_enabled=False):
                loss = torch.nn.functional.mse_loss(dense(layer(x)[0][-1]), y)
            loss.backward()
            optimizer.step()

        eager = per_step(lambda steps: self._torch_steps(step, steps), MAX_STEPS, seconds)
        try:
            graph = graph_of(step)
        except RuntimeError as error:  # a release that cannot record this layer
            print(f"PyTorch's step is not recorded: {error}", file=sys.stderr)
            return eager
        return min(eager, per_step(lambda steps: self._torch_steps(graph, steps), MAX_STEPS, seconds))

    @staticmethod
    def _torch_steps(step: Callable[[], None], steps: int) -> None:
        import torch

        for _ in range(steps):
            step()
        torch.cuda.synchronize()


def graph_of(step: Callable[[], None]) -> Callable[[], None]:
    """PyTorch's step recorded as a CUDA graph, as ours is."""
    import torch

    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        step()
    return graph.replay


def per_step(run: Callable[[int], Any], most: int, seconds: float) -> float:
    """Median milliseconds of a step, in calls of so many steps as a fit makes, `most` at most."""
    run(FIRST)
    begun = time.perf_counter()
    run(FIRST)
    steps = int(np.clip(CALL_SECONDS * FIRST / (time.perf_counter() - begun), 1, most))
    times, end = [], time.perf_counter() + seconds
    while time.perf_counter() < end or len(times) < 3:
        begun = time.perf_counter()
        run(steps)
        times.append(1e3 * (time.perf_counter() - begun) / steps)
    return float(np.median(times))


def rows_of(args: argparse.Namespace) -> Iterator[dict[str, Any]]:
    """One line for each shape."""
    for cell, units, rows, steps in itertools.product(args.cells, args.units, args.rows, args.steps):
        task = Task(cell, units, rows, steps, args.inputs)
        begun = time.perf_counter()
        error = task.error()
        compiled = time.perf_counter() - begun
        line: dict[str, Any] = {"cell": cell, "units": units, "rows": rows, "steps": steps, "error": error}
        line |= {"first call s": compiled, "GPU": task.ours("cuda:0", args.seconds)}
        line |= {name: task.cudnn(name, args.seconds) for name in ("float32", "TF32", "bfloat16")}
        if not args.no_cpu and rows * units * units * steps < 2**33:
            line["CPU"] = task.ours("cpu", args.seconds)
        yield line


def show(line: dict[str, Any]) -> str:
    """A row of the table; ratios are cuDNN's time over ours."""

    def number(value: float | None, ratio: bool = False) -> str:
        return "" if value is None else f"{value / line['GPU']:.2f}" if ratio else f"{value:.3g}"

    wrong = " WRONG" if not line["error"] < TOLERANCE else ""
    words = [line["cell"], *(str(line[name]) for name in ("units", "rows", "steps")), f"{line['error']:.0e}{wrong}"]
    words += [number(line[name]) for name in ("first call s", "GPU", "float32", "TF32", "bfloat16")]
    words += [number(line.get("CPU")), number(line["float32"], True), number(line["TF32"], True)]
    return "| " + " | ".join(words) + " |"


def main() -> int:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cells", nargs="+", default=list(CELLS), choices=list(CELLS))
    parser.add_argument("--units", nargs="+", type=int, default=[16, 32, 64, 96, 128, 256, 512])
    parser.add_argument("--rows", nargs="+", type=int, default=[32, 128, 512])
    parser.add_argument("--steps", nargs="+", type=int, default=[168])
    parser.add_argument("--inputs", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=0.3)
    parser.add_argument("--no-cpu", action="store_true")
    parser.add_argument("--json", type=Path, help="file for the figures")
    args = parser.parse_args()
    count, why = devices.gpus()
    if count == 0 or devices.simulated():
        print(f"no GPU: {why or 'only the simulator'}")
        return 0
    print(f"{platform.machine()}, Python {platform.python_version()}; cuDNN's columns by precision, then its ratios")
    print("| cell | units | rows | steps | error | first call, s | ours, ms | float32 | TF32 | bf16 | CPU |", end="")
    print(" float32 / ours | TF32 / ours |\n|" + "---|" * 13, flush=True)
    lines = []
    for line in rows_of(args):
        lines.append(line)
        print(show(line), flush=True)
        if args.json:
            args.json.write_text(json.dumps(lines, indent=1))
    return int(any(not line["error"] < TOLERANCE for line in lines))


if __name__ == "__main__":
    sys.exit(main())
