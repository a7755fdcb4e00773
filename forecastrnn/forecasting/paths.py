"""Forecasts of many series by many networks in one call: each path is warmed up and then fed back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.engine.buffers import Argument, Buffer, Field, Place
from forecastrnn.engine.cpu.heads import kernel_of
from forecastrnn.engine.jobs import Jobs, addresses, borrowed
from forecastrnn.engine.program import Program
from forecastrnn.forecasting.input_layout import InputLayout
from forecastrnn.forecasting.states import emit_context_step, emit_first_states, emit_row, first_states
from forecastrnn.networks.head import Head
from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.network import AnyNetwork
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.direction import MatrixView
from forecastrnn.programs.shapes import Shape

MOST_ROWS = 256  # series of a job at most
RAW = "shift", "figure", "unit", "gain"  # of counts and amounts
SLOWEST = 5e-11  # seconds for each parameter and row of a step: a high guess


@dataclass(frozen=True, kw_only=True)
class PathsShape:
    """What a program of paths is built for: network, rows of a job, and how their inputs are made."""

    network: AnyNetwork
    head: Head
    dtype: str
    rows: int
    context: int
    layout: InputLayout
    noisy: bool
    lanes: int
    device: str = "cpu"
    goes_on: bool = False  # from states that are given, not from a reading of the context
    likelihood: Likelihood | None = None  # which draws come from, by shares in place of noise

    def repeats(self, h: int) -> tuple[int, ...]:
        """How often each round of `emit_rounds` runs, for h values."""
        reading = () if self.goes_on else (self.context,)
        between = (1,) if self.network.hands_over else ()
        return 1, *reading, *between, 1 if self.head.at_once else h

    @property
    def rows_at_once(self) -> int:
        """Rows of inputs that one step of a forecast reads: also those of the times that come with it."""
        return 1 + self.network.writer.beyond


@dataclass(frozen=True, kw_only=True)
class Histories:
    """The end of each series, what it is made into inputs with, and the inputs of the context before it.

    z, means (n, known), sums (n, known + 1) or None, static (n, STATIC), phase, period (n,), inputs (n, context,
    columns), first (n,): where in z the series begins. so_far (n, 2): sum and number of all values, where networks read
    their mean. fence (n, FENCE): how far a forecast may lead. ahead (n, h or more, columns): rows in which the
    covariates of each step stand, where there are any. shift, figure (n, h), unit, gain (n,): what counts and
    amounts are made of (`raw_values`).
    """

    z: np.ndarray
    means: np.ndarray
    sums: np.ndarray | None
    static: np.ndarray
    phase: np.ndarray
    period: np.ndarray
    inputs: np.ndarray
    first: np.ndarray
    fence: np.ndarray
    so_far: np.ndarray | None = None
    ahead: np.ndarray | None = None
    shift: np.ndarray | None = None
    figure: np.ndarray | None = None
    unit: np.ndarray | None = None
    gain: np.ndarray | None = None

    @property
    def long_run(self) -> np.ndarray | None:
        """The mean (n,) of all values."""
        return None if self.so_far is None else self.so_far[:, 0] / self.so_far[:, 1]


def means_of(z: np.ndarray, width: int) -> np.ndarray:
    """Trailing means of z (n, known) over `width` values; 0 where there are fewer."""
    out, sums = np.zeros_like(z), sums_of(z)
    out[:, width - 1 :] = (sums[:, width:] - sums[:, :-width]) / width
    return out


def sums_of(z: np.ndarray) -> np.ndarray:
    """Sums (n, known + 1) of the k first values of z (n, known), from 0 on, in float64."""
    return np.cumsum(np.pad(z, ((0, 0), (1, 0))), axis=1, dtype=np.float64)


def with_room(known: np.ndarray, length: int) -> np.ndarray:
    """The values (n, known), and room up to `length`, in which kernels go on."""
    out = np.zeros((len(known), length), known.dtype)
    out[:, : known.shape[1]] = known
    return out


def _build_lane(kind: PathsShape) -> Program:
    """The program of a job, whose arrays and numbers are arguments."""
    program, real = Program(kind.dtype, 1), ("z", "a", "static", "inputs", "noise", "fence", "result", "ahead", *RAW)
    fields: dict[str, Field] = {name: Argument(name, kind.dtype) for name in real}
    fields |= {name: Argument(name) for name in ("phase", "period", "first", "now", "length", "noisy")}
    fields["ahead_starts"] = Argument("ahead_starts", np.int64)
    starts = np.arange(kind.rows) * kind.context + np.arange(kind.context)[:, None]
    fields |= {name: Argument(name, np.float64) for name in ("sums", "long_run")}
    fields["starts"] = program.bind("starts", starts)
    fields["states"] = Argument("states", kind.dtype) if kind.goes_on else None
    emit_rounds(kind, program, fields)
    return program


def emit_rounds(kind: PathsShape, program: Program, fields: dict[str, Field]) -> None:
    """Rounds: states cleared and weights packed; one step of the context; one step of the forecast.

    Between the last two an encoder's states become the decoder's, in a round of their own. Where a forecast `goes_on`
    from states, these are read instead of the context. fields: the arrays of `Histories` and what else a call gives,
    by their names in `cpu.forecast`; starts (context, rows): where in the inputs each row's step is, ahead_starts (h,
    rows): where in `ahead`.
    """
    reader, writer = _assemblies(kind, program)
    columns = reader.network.columns
    x = MatrixView(program.buffer("x", (kind.rows_at_once, kind.rows, columns)).at(0), columns, columns)
    given = fields["states"] if kind.goes_on else None
    emit_first_states(reader, given if isinstance(given, Buffer) else None)
    reader.emit_pack()
    if kind.network.hands_over:
        writer.emit_pack()
    if kind.goes_on:  # codes of the series stay in x as they are in any row
        emit_row(reader, x, fields["inputs"], fields["starts"])
    program.next_round()
    if not kind.goes_on:
        emit_context_step(reader, x, fields)
        program.next_round()
    if kind.network.hands_over:
        for (direction, state), (_, own) in zip(first_states(reader), first_states(writer), strict=True):
            width = direction.Hp
            reader.copy(0, MatrixView(state, width, width), MatrixView(own, width, width), kind.rows)
        program.next_round()
    _emit_forecast_step(writer, x, kind, fields)


def _assemblies(kind: PathsShape, program: Program) -> tuple[Assembly, Assembly]:
    """What reads the context and what forecasts: the same, or encoder and decoder."""
    network, theta = kind.network, Argument("theta", kind.dtype)
    shape = Shape(1, kind.rows, 1, device=kind.device)
    if not network.hands_over:
        build = Assembly(network.reader, theta, shape, program=program)
        return build, build
    return (
        Assembly(network.reader, theta, shape, program=program.part("encoder.")),
        Assembly(network.writer, theta, shape, program=program.part("decoder."), offset=network.writer_offset),
    )


def _emit_forecast_step(build: Assembly, x: MatrixView, kind: PathsShape, fields: dict[str, Field]) -> None:
    """Inputs of the last value, the network, and the next value behind it."""
    stack, program = build.segment(0, 0, 1), build.program
    z, a, now, length = (fields[name] for name in ("z", "a", "now", "length"))
    if kind.layout.has_covariates:  # and what is found from the series is written over
        emit_row(build, x, fields["ahead"], fields["ahead_starts"], kind.rows_at_once)
    sums = emit_inputs(
        program, x.place, kind.layout, z=z, a=a, B=kind.rows, columns=x.width, length=length, now=now,
        **{name: fields[name] for name in ("static", "sums", "long_run", "phase", "period", "first")},
    )  # fmt: skip
    build.forward(stack, x)
    build.head.forward(stack)
    if kind.likelihood is not None:
        emit_draw(program, kind.likelihood, stack.out, **_of_draw(kind, fields))
        if kind.head.at_once:
            return
    elif kind.head.at_once:
        build.copy(0, stack.out, MatrixView(fields["result"], kind.head.steps, stack.out.width), kind.rows)
        return
    build.carry(stack)
    if kind.likelihood is None:
        program.emit(
            "append_value", 0, z=z, a=a, out=stack.out.place, noise=fields["noise"] if kind.noisy else None,
            B=kind.rows, ldo=stack.out.ld, width=kind.layout.mean_width, length=length, now=now,
            noisy=fields["noisy"] if kind.noisy else 0,
        )  # fmt: skip
    program.emit(
        "keep_near", 0, z=z, a=a, fence=fields["fence"], B=kind.rows, width=kind.layout.mean_width, length=length,
        now=now,
    )  # fmt: skip
    if sums is not None:
        program.emit("append_sum", 0, z=z, sums=sums, B=kind.rows, length=length, now=now)


def _of_draw(kind: PathsShape, fields: dict[str, Field]) -> dict[str, Field]:
    """What a draw reads beside the outputs, and where it goes."""
    found: dict[str, Field] = {name: fields[name] for name in ("z", "length", "now")}
    found |= {"h": fields["noisy"], "B": kind.rows, "drawn": int(kind.noisy)}
    found["shares"] = fields["noise"] if kind.noisy else None
    if kind.head.at_once:
        found |= {"result": fields["result"], "steps": kind.head.steps}
    else:
        found |= {"a": fields["a"], "width": kind.layout.mean_width}
    assert kind.likelihood is not None
    return found | ({} if kind.likelihood.is_scaled else {name: fields[name] for name in RAW})


def emit_draw(program: Program, likelihood: Likelihood, out: MatrixView, **fields: Field) -> None:
    """Emit the next value of each row, or those of all steps at once (`result`); medians, where no shares are given."""
    what = "all_values" if "result" in fields else "next_value"
    none: dict[str, Field] = dict.fromkeys(RAW)
    program.emit(kernel_of(likelihood, what), 0, **(none | fields), out=out.place, ldo=out.ld)


def emit_inputs(
    program: Program, x: Place, layout: InputLayout, *, sums: Field, long_run: Field, first: Field, **fields: Field
) -> Field:
    """Emit the inputs of a forecast's step; the sums that older means are made of, None without those."""
    means, with_long_run = layout.older_means, layout.with_long_run
    blocks = program.bind("blocks", np.array(means, np.int64), constant=True) if means else None
    used = sums if means else None
    program.emit(
        "forecast_inputs", 0, x=x.at(layout.covariates), sums=used, first=first if means else None, blocks=blocks,
        groups=len(means) // 2, season=layout.season, second_lag=layout.second_lag, with_lags=int(layout.with_lags),
        long_run=long_run if with_long_run else None, with_long_run=layout.long_run_kind, **fields,
    )  # fmt: skip
    return used


def job_rows(n: int, paths: int, n_threads: int) -> int:
    """Series of a job: few enough that every thread has work, but enough to share packed weights."""
    most = int(np.clip(-(-n * paths // (2 * n_threads)), 16, MOST_ROWS))
    return -(-n // -(-n // most))


class JobArrays:
    """The arrays of the jobs of one call, each a path's chunk of series: kept until it is over, and where they lie."""

    def __init__(self, rows: int, n: int, paths: int, chunks: int) -> None:
        self.series = np.minimum(np.arange(rows * chunks), n - 1)  # the last chunk is filled up
        self.paths, self.chunks, self.filled = paths, chunks, rows * chunks > n
        self.places: dict[str, np.ndarray | int] = {}  # name -> where each job's part begins
        self.kept: list[np.ndarray] = []

    def share(self, name: str, values: np.ndarray) -> None:
        """Values (n, ...) of the series, which all paths read."""
        self.kept.append(np.ascontiguousarray(values[self.series] if self.filled else values))
        self.places[name] = np.tile(addresses(self.kept[-1].reshape(self.chunks, -1)), self.paths)

    def same(self, name: str, values: np.ndarray) -> None:
        """Values that all jobs read."""
        self.kept.append(values)
        self.places[name] = values.ctypes.data

    def own(self, name: str, values: np.ndarray) -> np.ndarray:
        """Values (paths, rows, ...) of each path's own; as they are."""
        self.kept.append(values)
        self.places[name] = addresses(values.reshape(self.paths * self.chunks, -1))
        return values


def run_paths(
    kind: PathsShape, thetas: np.ndarray, which: np.ndarray, histories: Histories, h: int,
    given: dict[str, np.ndarray],
) -> np.ndarray:  # fmt: skip
    """Scaled values (paths, n, h) behind the end of n series.

    thetas (k, size); which (paths, jobs): the network of each path's chunk of `kind.rows` series. given, by name: noise
    (paths, n, h), added to each value before it is fed back, or the shares of draws, where `kind.noisy`; states (paths,
    n, width), where `kind.goes_on`.
    """
    (n, known), (paths, chunks) = histories.z.shape, which.shape
    arrays, length = JobArrays(kind.rows, n, paths, chunks), known + h
    z, a = (arrays.own(name, np.empty((paths, len(arrays.series), length), kind.dtype)) for name in ("z", "a"))
    z[:, :, :known], a[:, :, :known] = histories.z[arrays.series], histories.means[arrays.series]
    for name in ("static", "phase", "period", "inputs", "fence"):
        arrays.share(name, getattr(histories, name))
    if histories.sums is not None:
        arrays.own("sums", np.tile(with_room(histories.sums, length + 1)[arrays.series], (paths, 1, 1)))
        arrays.share("first", histories.first)
    if histories.ahead is not None:
        arrays.share("ahead", histories.ahead)
        steps = histories.ahead.shape[1]
        arrays.same("ahead_starts", np.arange(kind.rows) * steps + np.arange(steps)[:, None])
    for name in ("long_run", *RAW):
        if getattr(histories, name) is not None:
            arrays.share(name, getattr(histories, name))
    for name, values in given.items():
        arrays.own(name, np.ascontiguousarray(values[:, arrays.series], kind.dtype))
    numbers = {"now": known - 1, "length": length, "noisy": h}
    if kind.head.at_once:
        changes = arrays.own("result", np.empty((paths, len(arrays.series), kind.head.steps), kind.dtype))
    _run_jobs(kind, addresses(thetas)[which.reshape(-1)], h, arrays.places | numbers)
    return z[:, :n, known - 1 : known] + changes[:, :n, :h] if kind.head.at_once else z[:, :n, known:]


def _run_jobs(kind: PathsShape, theta: np.ndarray, h: int, arguments: dict[str, np.ndarray | int]) -> None:
    """Run a job for each of theta (jobs,): where the parameters of each begin."""
    repeats = kind.repeats(h)
    seconds = (kind.context + repeats[-1]) * (kind.rows * kind.network.size * SLOWEST + 1e-6) * len(theta)
    with borrowed(kind, lambda: Jobs([_build_lane(kind) for _ in range(kind.lanes)])) as program:
        program.run(len(theta), repeats, kind.lanes, seconds, theta=theta, **arguments)
