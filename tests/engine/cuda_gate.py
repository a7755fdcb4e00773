"""Compiles every kernel for a GPU of the Hopper kind on a machine without one, and says what must not be in it.

    pip install -e ".[gate]" && python tests/engine/cuda_gate.py

The versions of that extra belong together: an older ptxas rejects what a newer compiler emits. The kernels and the
types of their arguments are those of programs that train and run all cells, losses and update rules, and the largest
for small layers, of which `--scope cells` compiles many more, and `--scope every` all sizes. Refused are local memory
(a stack frame: ptxas counts no spills where the compiler itself has put an array there), spilled registers, more
registers or shared memory than a block can have, and arithmetic in float64 where all numbers are float32.

With `--sass` it also counts the instructions of each kernel's main loop, which needs one more package:
pip install "nvidia-cuda-nvdisasm==13.2.*" (there is none of 13.0, and this one reads what 13.0 makes).
"""

from __future__ import annotations

import argparse
import collections
import importlib.util
import multiprocessing
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from forecastrnn.engine.cuda.build import SIMULATED, DeviceKernel, Handle, Launch, Spot

sys.path.insert(0, str(Path(__file__).parents[1]))  # for `support`, where this is run as a program

CC = (9, 0)
CLOCK = 1755  # MHz of a GPU of the Hopper kind
COUNTED = "FFMA", "LDS", "LDG", "LDL", "BAR"  # with more barriers than a step has, a loop holds two steps
REGISTERS = 65536  # of a multiprocessor
SHARED = 48 * 1024  # bytes that a block may have without asking for more
SCOPES = "largest", "cells", "every"  # of `support.small_layers`


class Result(NamedTuple):
    """What ptxas says of a kernel."""

    name: str
    threads: int
    registers: int
    stack: int
    spills: int
    shared: int
    fp64: int
    allowed: tuple[bool, int]  # float64, and bytes of local memory
    seconds: float
    loop: dict[str, int] | None = None  # instructions of the main loop by kind; None if not looked at, or without one

    @property
    def row(self) -> str:
        """A line of the table."""
        found = [*self[:7], f"{self.seconds:.1f}"]
        if self.loop:
            # Four warps issue an instruction each in a cycle; what they wait for comes on top.
            found += [*self.loop.values(), f"{self.loop['all'] * self.threads / 32 / 4 / CLOCK:.2f}"]
        return "| " + " | ".join(map(str, found)) + " |"

    @property
    def faults(self) -> list[str]:
        """What must not be."""
        found = []
        if self.stack > self.allowed[1]:
            found.append(f"{self.stack} bytes of local memory")
        if self.spills:
            found.append(f"{self.spills} bytes spilled")
        if self.registers * self.threads > REGISTERS:
            found.append(f"{self.registers} registers for each of {self.threads} threads")
        if self.shared > SHARED:
            found.append(f"{self.shared} bytes of shared memory")
        if self.fp64 and not self.allowed[0]:
            found.append(f"{self.fp64} instructions on float64")
        return [f"{self.name}: {fault}" for fault in found]


def missing() -> str:
    """What has to be installed before kernels can be compiled here; empty if nothing."""
    if SIMULATED:
        return "the simulator compiles nothing: unset NUMBA_ENABLE_CUDASIM"
    if importlib.util.find_spec("numba_cuda") is None:
        return "numba-cuda is not installed: pip install -e .[gate]"
    return "" if _tool("ptxas") else "ptxas is not installed: pip install -e .[gate]"


def _tool(name: str) -> str:
    spec = importlib.util.find_spec("nvidia")
    places = spec.submodule_search_locations if spec is not None else []
    found = [path for root in places for path in sorted(Path(root).glob(f"cu*/bin/{name}*"))]
    return str(found[0]) if found else ""


def main_loop(code: str) -> dict[str, int] | None:
    """Instructions of the loop with most multiplications in disassembled code: all, and the kinds in COUNTED."""
    seen: list[str] = []
    labels: dict[str, int] = {}
    loops: list[collections.Counter] = []
    for line in code.splitlines():
        if label := re.match(r"(\.L_x_\d+):", line):
            labels[label[1]] = len(seen)
        elif found := re.match(r"\s+/\*[0-9a-f]+\*/\s+(?:@!?U?P\w+\s+)?([A-Z0-9_]+)(.*)", line):
            seen.append(found[1])
            target = re.search(r"\((\.L_x_\d+)\)", found[2]) if found[1] == "BRA" else None
            if target and target[1] in labels and len(seen) - labels[target[1]] > 1:  # back, and not to itself
                loops.append(collections.Counter(seen[labels[target[1]] :]))
    if not loops:
        return None
    best = max(loops, key=lambda loop: (loop["FFMA"] + loop["DFMA"], -loop.total()))
    return {"all": best.total()} | {kind: best[kind] for kind in COUNTED}


def disassembled(cubin: str) -> str:
    """The machine's instructions."""
    return subprocess.run([_tool("nvdisasm"), "-c", cubin], check=True, capture_output=True, text=True).stdout


def answer_for_driver() -> None:
    """A device function is compiled for the current device, which Numba asks the driver for: answer in its place."""
    from numba.cuda import dispatcher

    class Device:
        compute_capability = CC

    dispatcher.get_current_device = lambda: Device


def types_of(launch: Launch) -> tuple:
    """Numba's types of a launch's arguments."""
    from numba import from_dtype, int64, types

    found: list[Any] = []
    for value in launch.args:
        if isinstance(value, Spot):
            found += [types.Array(from_dtype(value.handle.dtype), 1, "C"), int64]
        else:
            found.append(from_dtype(value.dtype) if isinstance(value, np.generic) else int64)
    return tuple(found)


def compile_one(kernel: DeviceKernel, signature: tuple, keep: str | None = None, sass: bool = False) -> Result:
    """Compile one kernel for its argument types."""
    from numba import cuda, types

    start = time.perf_counter()
    ptx, _ = cuda.compile_ptx(
        kernel.function, signature, cc=CC, launch_bounds=kernel.bounds
    )  # fmt: skip
    real = sorted({str(t.dtype) for t in signature if isinstance(t, types.Array)} & {"float32", "float64"})
    name = f"{kernel.name}[{'+'.join(real)}]"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(keep or folder) / (re.sub(r"\W+", "_", name) + ".ptx")
        path.write_text(ptx)
        cubin = str(Path(folder) / "a.cubin")
        command = [_tool("ptxas"), "-v", f"-arch=sm_{CC[0]}{CC[1]}", str(path), "-o", cubin]
        done = subprocess.run(command, capture_output=True, text=True)
        loop = main_loop(disassembled(cubin)) if sass and not done.returncode else None
    if done.returncode:
        raise RuntimeError(f"{name}: ptxas failed\n{done.stderr}")

    def total(pattern: str) -> int:
        return sum(int(n) for n in re.findall(pattern, done.stderr))

    body = [line for line in ptx.splitlines() if not line.lstrip().startswith((".reg", "//"))]
    return Result(
        name, kernel.threads, max(int(n) for n in re.findall(r"Used (\d+) registers", done.stderr)),
        total(r"(\d+) bytes stack frame"), total(r"(\d+) bytes spill stores") + total(r"(\d+) bytes spill loads"),
        total(r"(\d+) bytes smem"), sum(".f64" in line for line in body), (kernel.double, kernel.stack),
        time.perf_counter() - start, loop,
    )  # fmt: skip


def unique(launches: list[Any]) -> Iterator[tuple[DeviceKernel, tuple]]:
    """Each kernel once for each kind of arguments."""
    seen = set()
    for launch in launches:
        if isinstance(launch, Launch):
            key = id(launch.kernel), types_of(launch)
            if key not in seen:
                seen.add(key)
                yield launch.kernel, key[1]


def launches_of_everything() -> list[Any]:
    """The launches of programs that train and run all cells, losses and update rules in float32."""
    from forecastrnn.programs.shapes import Dropout
    from forecastrnn.training.optimizers import Rule
    from support.cases import draw, layer, program_of

    found: list[Any] = []

    def add(program: Any) -> None:
        found.extend(program.engine.plan().launches)

    options: dict[str, Any] = {"device": "cuda:0"}
    for solver in ("adam", "sgd", "rmsprop"):
        problem = draw((layer("lstm", 40), layer("gru", 70)), n=70, T=3, ragged=True, weighted=True, inputs=40)
        rule = Rule(solver, 0.1, clip_norm=1.0, gradient_noise=0.1)
        add(program_of(problem, "float32", rule=rule, **options).program)
    problem = draw((layer("peephole_lstm", 40), layer("gru_before", 9), layer("tanh", 20)), n=70, T=3, ragged=True)
    dropped = program_of(
        problem, "float32", dropout=Dropout(0.1, 0.1, 0.1), carry=True, input_gradient=True, **options
    )  # fmt: skip
    add(dropped.program)
    problem = draw((layer("lstm", 5, True),), n=70, T=3, steps="last", loss="cross_entropy", ragged=True)
    shared: Any = object()  # never asked for anything: nothing is launched
    add(program_of(problem, "float32", communicator=shared, **options).program)
    names = ("peephole_lstm+norm", "gru+norm", "gru_before+norm", "tanh+norm")
    problem = draw(tuple(layer(name, 40) for name in names), n=70, T=3, ragged=True, loss="cross_entropy", outputs=50)
    add(program_of(problem, "float32", class_order=np.arange(50), n_sampled=20, **options).program)
    found += launches_of_declared_cells() + launches_of_generation() + launches_of_forecasts()
    return found + launches_of_pairs() + launches_of_likelihoods()


def launches_of_likelihoods() -> list[Any]:
    """The losses and draws of all likelihoods."""
    from forecastrnn.networks.likelihoods import LIKELIHOODS, NegativeBinomial
    from support.likelihood_cases import head_program

    every = [*(kind() for kind in LIKELIHOODS.values()), NegativeBinomial(zero_inflated=True)]
    programs = (head_program(likelihood, "float32", "cuda:0") for likelihood in every)
    return [launch for program in programs for launch in program.engine.plan().launches]


def launches_of_forecasts() -> list[Any]:
    """The launches that feed values of series back, with older means and without."""
    from forecastrnn.forecasting.device_paths import DevicePaths
    from forecastrnn.forecasting.input_layout import InputLayout
    from forecastrnn.forecasting.paths import PathsShape
    from forecastrnn.networks.head import Head
    from forecastrnn.networks.network import Network
    from support.cases import layer

    found: list[Any] = []
    for older in ((7, 2), ()):
        layout = InputLayout(season=7, second_lag=14, with_lags=True, older_means=older, with_long_run=bool(older))
        network = Network(layout.n_columns, (layer("gru", 5),), 1, layout.n_columns)
        kind = PathsShape(
            network=network, head=Head(), dtype="float32", rows=70, context=14, layout=layout, noisy=True, lanes=1,
            device="cuda:0",
        )  # fmt: skip
        found += DevicePaths(kind, 70, 30, 3).program.engine.plan().launches
    return found


def launches_of_generation() -> list[Any]:
    """The launches that feed outputs and symbols back."""
    from forecastrnn.engine.cuda.engine import Engine
    from forecastrnn.engine.cuda.memory import fill_with
    from forecastrnn.engine.program import Program

    program = Program("float32", 1, device="cuda:0")
    real = program.buffer("real", (9,))
    double, whole = program.buffer("double", (9,), "float64"), program.buffer("whole", (9,), "int64")
    same = {"out": real, "x": real, "gain": real, "shift": real, "B": 1, "F": 3, "ldo": 3, "ldx": 3, "total": 3}
    program.emit("feed_back", 0, result=real, first=0, **same)
    program.emit("draw_symbol", 0, u=double, temperature=double, chosen=whole, top=2, coded=0, **same)
    del same["x"], same["ldx"]
    program.emit("append_output", 0, result=real, history=real, known=1, **same)
    program.emit("embed", 0, codes=real, table=real, out=real, rows=1, F=1, lds=1, ldo=1)
    sizes = {name: 1 for name in ("T", "B", "F", "size", "lds", "ldd", "ldg", "first", "fresh")}
    program.emit("embed_gradient", 0, codes=real, dout=real, grad=real, valid=whole, **sizes)
    ahead = {name: 1 for name in ("T", "B", "O", "ldo", "every")}
    program.emit("add_ahead", 0, source=real, out=real, lds=1, **ahead)
    program.emit("add_ahead_gradient", 0, dout=real, out=real, ldd=1, **ahead)
    program.emit("gather_ahead", 0, source=real, target=real, out=real, starts=whole, T=1, B=1, F=1, stride=1, first=0)
    launches = Engine(program, "cuda:0", 16).plan().launches
    room = Spot(Handle(9, np.float32))
    return [*launches, Launch(fill_with, (1,), fill_with.threads, (room, np.float32(0), 9))]


def launches_of_pairs() -> list[Any]:
    """The launches that train an encoder with a decoder, for both scores of attention, and decode with it."""
    from forecastrnn.networks.network import Embedding, Network
    from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
    from forecastrnn.sequences.decoding import DecodingShape, Search, _BeamSearch
    from forecastrnn.training.own_inputs import Sampling, own_token
    from support.cases import layer
    from support.pair_cases import draw_pairs, pair_program

    found, layers, gpu = [], (layer("gru", 40),), "cuda:0"
    for attention, sampling in (("dot", None), ("additive", Sampling(own_token(2), 0.5))):
        program = pair_program(draw_pairs(layers, attention), "float32", sampling=sampling, device=gpu).program
        found += program.engine.plan().launches
    sides = (Network(1, layers, outputs, embeddings=(Embedding(0, 9, 5),)) for outputs in (0, 9))
    network = Seq2SeqNetwork(*sides, "additive")
    search = _BeamSearch(DecodingShape(network, "float32", 4, 8, Search(3, 5, attends=True), gpu))
    return found + [one for p in (search.decoder.program, search.back) for one in p.engine.plan().launches]


def launches_of_declared_cells() -> list[Any]:
    """The kernels of a step of cells that only tests declare, which have many sums, states or values."""
    from forecastrnn.networks.network import Layer
    from support.declared_programs import declared_program
    from support.formula_cells import CELLS

    found: list[Any] = []
    for name in ("slstm", "slstm_sigmoid", "six_gates", "shared_between"):
        layers = Layer(CELLS[name], 40), Layer(CELLS[name], 40, layer_norm=True)
        found += declared_program(layers, "float32", device="cuda:0").program.engine.plan().launches
    return found


def main() -> int:
    """Compile all kernels; 1 if one of them is at fault."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--only", default="", help="part of a kernel's name")
    parser.add_argument("--keep", help="folder for the PTX files")
    scopes = "of small layers the largest kernels, those of all cells, or every size (an hour)"
    parser.add_argument("--scope", choices=SCOPES, default=SCOPES[0], help=scopes)
    parser.add_argument("--sass", action="store_true", help="also count the instructions of each main loop")
    args = parser.parse_args()
    if missing():
        parser.error(missing())
    if args.sass and not _tool("nvdisasm"):
        parser.error("nvdisasm is not installed (nvidia-cuda-nvdisasm)")
    wanted = [n for n, (kernel, _) in enumerate(kernels(args.scope)) if args.only in kernel.name]
    faults = []
    columns = "kernel threads registers stack spills shared float64 s".split()
    if args.sass:
        columns += ["loop", *COUNTED, "us at least"]
    print(f"| {' | '.join(columns)} |\n|" + "---|" * len(columns))
    compile_it = partial(compile_nth, scope=args.scope, keep=args.keep, sass=args.sass)
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        for result in pool.map(compile_it, wanted):
            print(result.row, flush=True)
            faults += result.faults
    if not args.only:
        names = {kernel.name for kernel, _ in kernels(args.scope)}
        faults += [f"{name}: no program launches it" for name in sorted(kernels_of_package() - names)]
    for fault in faults:
        print("FAULT", fault)
    return 1 if faults else 0


@cache
def kernels(scope: str) -> list[tuple[DeviceKernel, tuple]]:
    """All kernels and the types of their arguments, in the same order in each process."""
    from forecastrnn.engine.cuda import persistent
    from support.small_layers import launches_of_small_layers

    answer_for_driver()
    persistent.MOST_UNITS = 0  # so that programs hold the kernels of all sizes
    return list(unique(launches_of_everything() + launches_of_small_layers(scope)))


def compile_nth(n: int, scope: str, keep: str | None, sass: bool) -> Result:
    """Compile one of them: what a process of the gate does."""
    return compile_one(*kernels(scope)[n], keep, sass)


def kernels_of_package() -> set[str]:
    """Names of all kernels in the modules of the engine."""
    modules = [module for name, module in sys.modules.items() if name.startswith("forecastrnn.engine.cuda")]
    return {value.name for module in modules for value in vars(module).values() if isinstance(value, DeviceKernel)}


if __name__ == "__main__":
    sys.exit(main())
