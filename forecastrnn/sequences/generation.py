"""Free-running generation and step-by-step streaming: whole horizons in one call of compiled code."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils import check_array

from forecastrnn.data.arrays import check_count, refuse_odd_types
from forecastrnn.data.boxes import is_sequence
from forecastrnn.data.numbers import AXES, floats_of, in_words, refuse_non_finite, refuse_non_numbers
from forecastrnn.engine.buffers import Buffer
from forecastrnn.engine.cpu.stepper import UNSTOPPED, stepper
from forecastrnn.engine.memory import check_fits
from forecastrnn.engine.threads import thread_count
from forecastrnn.masks import refuse_masked
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.direction import MatrixView
from forecastrnn.programs.inference import State, forward, forward_pass, read_states, write_state
from forecastrnn.programs.shapes import Shape, shards_of
from forecastrnn.programs.step_program import StepProgram
from forecastrnn.sequences.fitting import Fitted, cast_inputs, refuse_nonfinite

if TYPE_CHECKING:
    from forecastrnn.data.standardize import ArrayScaler

CALL_STEPS = 4096  # steps in one call, so that Ctrl-C is heard soon
VALUE_BYTES = 24  # of a generated value: as it is computed, in the user's unit, and on the way
WINDOW_BYTES = 8  # where the window of a value begins


class Generator:
    """Feeds outputs back as inputs for many steps: states from a warm-up, then one call for the whole horizon."""

    def __init__(self, fitted: Fitted, rows: int, n_steps: int, device: str) -> None:
        network, theta = fitted.network, fitted.progress.theta
        self.step = StepProgram((network, theta), rows, device=device)
        program, F = self.step.build.program, network.n_outputs
        self.result = program.buffer("result", (rows, n_steps, F))
        gain, shift = _output_to_input(fitted)
        self.gain = program.bind("gain", np.ascontiguousarray(gain, theta.dtype))
        self.shift = program.bind("shift", np.ascontiguousarray(shift, theta.dtype))
        for stack, x in zip(self.step.build.stacks, self.step.x, strict=True):
            lo = self.step.build.first_row(stack.batch.shard)
            program.emit(
                "feed_back", stack.batch.shard, out=stack.out.place, result=self.result.at(lo * n_steps * F), x=x,
                gain=self.gain, shift=self.shift, B=stack.batch.rows, F=F, ldo=stack.out.ld, ldx=F, total=n_steps,
                first=0,
            )  # fmt: skip
        self.n_steps = n_steps

    def run(self, first_input: np.ndarray, state: State, n_threads: int) -> np.ndarray:
        """Outputs (rows, n_steps, outputs), from the first input (rows, channels) and the state before it."""
        write_state(self.step.build, state)
        for shard, x in enumerate(self.step.x):
            x.array[0] = first_input[self.step.rows_of(shard)]
        for at in range(0, self.n_steps, CALL_STEPS):
            self.step.build.program.run(at, min(CALL_STEPS, self.n_steps - at), n_threads)
        return self.result.array


def _output_to_input(fitted: Fitted) -> tuple[np.ndarray, np.ndarray]:
    """Gain and shift that turn a scaled output into a scaled input of the same value."""
    n = fitted.network.n_outputs
    if fitted.x_scaler is None or fitted.y_scaler is None:
        return np.ones(n), np.zeros(n)
    x, y = fitted.x_scaler, fitted.y_scaler
    return y.scale_ / x.scale_, (y.mean_ - x.mean_) / x.scale_


def refuse_vectors(fitted: Fitted) -> None:
    """Raise for a model that reads the same vector at every step."""
    if fitted.repeats:
        raise ValueError(
            "generate feeds outputs back as inputs, but a model fitted with vector_input=True reads the same vector at "
            "every step. Use predict, with n_steps for longer sequences."
        )


def _check_size(n_steps: int, n_sequences: int, n_outputs: int, more: int = 0) -> None:
    """Refuse what would not fit into memory before anything is allocated."""
    what = f"n_steps={n_steps} is too large: {n_sequences} sequences of {n_outputs} values a step"
    advice = "Generate in parts, each prompted by the end of the one before."
    check_fits((VALUE_BYTES * n_outputs + more) * n_steps * n_sequences, what, advice)


def _read_prompt(fitted: Fitted, prompt: ArrayLike | None, n_sequences: int) -> tuple[np.ndarray, int]:
    """The prompt as (n, time, channels), and its number of dimensions."""
    channels = fitted.network.n_inputs
    if prompt is None:
        count = check_count(n_sequences, "n_sequences")
        return np.zeros((count, 1, channels)), 3 if count > 1 else (1 if channels == 1 else 2)
    refuse_odd_types(prompt, "prompt")
    refuse_non_numbers(prompt, "prompt")
    if np.asarray(prompt).dtype == object and any(map(is_sequence, np.asarray(prompt).flat)):
        raise TypeError("prompt holds sequences in its cells, where numbers are wanted: give an array of one shape.")
    numbers = floats_of(np.atleast_1d(prompt), "prompt")
    refuse_non_finite(numbers, "prompt", in_words(AXES[-numbers.ndim :]), "Fill it, or begin behind it.")
    array = check_array(numbers, ensure_2d=False, allow_nd=True, dtype=np.float64, input_name="prompt")
    ndim = np.ndim(prompt)
    if ndim == 1 and channels == 1:
        array = array[None, :, None]
    elif ndim == 2:
        array = array[None]
    if array.ndim != 3 or array.shape[2] != channels or 0 in array.shape:
        flat, several = ("(time,), ", ": several sequences are prompt[:, :, None]") if channels == 1 else ("", "")
        raise ValueError(
            f"prompt must have shape {flat}(time, {channels}) or (n, time, {channels}), with at least one step. "
            f"Got {np.shape(prompt)}{several if ndim == 2 else ''}."
        )
    return array, ndim


def generate(
    fitted: Fitted, n_steps: int, prompt: ArrayLike | None, *, n_sequences: int, context_length: int | None,
    n_jobs: int | None, device: str,
) -> np.ndarray:  # fmt: skip
    """See `RNNRegressor.generate`."""
    n_steps = check_count(n_steps, "n_steps")
    refuse_vectors(fitted)
    if fitted.coding is not None:
        raise ValueError(
            f"generate feeds outputs back as inputs, but channel {fitted.coding.columns[0]} of X is categorical: an "
            "output is a number, not a category. RNNClassifier.generate draws categories."
        )
    if fitted.network.n_outputs != fitted.network.n_inputs:
        raise ValueError(
            f"generate feeds outputs back as inputs, but the model has {fitted.network.n_outputs} outputs and "
            f"{fitted.network.n_inputs} channels: fit it on targets that are the next values of all channels."
        )
    if any(layer.bidirectional for layer in fitted.network.layers):
        raise ValueError("generate needs bidirectional=False: a bidirectional network reads the future.")
    if prompt is None:
        _check_size(n_steps, check_count(n_sequences, "n_sequences"), fitted.network.n_outputs)
    given, ndim = _read_prompt(fitted, prompt, n_sequences)
    _check_size(n_steps, len(given), fitted.network.n_outputs, 0 if context_length is None else WINDOW_BYTES)
    threads = thread_count(n_jobs)
    if context_length is None:
        paths = _from_state(fitted, given, n_steps, threads, device)
    else:
        context = check_count(context_length, "context_length")
        paths = _from_contexts(fitted, given, n_steps, context, threads, device)
    refuse_nonfinite(paths, "prompt")
    return paths if ndim == 3 else paths[0] if ndim == 2 else paths[0, :, 0]


def _scaled(scaler: ArrayScaler | None, values: np.ndarray, inverse: bool = False) -> np.ndarray:
    if scaler is None:
        return values
    method = scaler.inverse if inverse else scaler.transform
    return method(values.reshape(-1, values.shape[-1])).reshape(values.shape)


def _from_state(fitted: Fitted, given: np.ndarray, n_steps: int, threads: int, device: str) -> np.ndarray:
    theta = fitted.progress.theta
    inputs = cast_inputs(_scaled(fitted.x_scaler, given), theta.dtype, "prompt")
    if inputs.shape[1] > 1:
        state = forward(fitted.network, theta, inputs[:, :-1], last=1, n_threads=threads, device=device).states
    else:
        state = [[{n: np.zeros((len(given), d.units)) for n in d.cell.states}] for d in fitted.network.layers]
    paths = Generator(fitted, len(given), n_steps, device).run(inputs[:, -1], state, threads)
    return _scaled(fitted.y_scaler, paths.astype(np.float64), inverse=True)


def _from_contexts(
    fitted: Fitted, given: np.ndarray, n_steps: int, context: int, threads: int, device: str
) -> np.ndarray:
    """Each output from the last `context` values: from all of them by the state, as long as there are fewer."""
    early = min(max(context - given.shape[1], 0), n_steps)
    if early == 0:
        return _from_windows(fitted, given, n_steps, context, threads, device)
    begun = refuse_nonfinite(_from_state(fitted, given, early, threads, device), "prompt")
    if early == n_steps:
        return begun
    so_far = np.concatenate([given, begun], axis=1)
    return np.concatenate([begun, _from_windows(fitted, so_far, n_steps - early, context, threads, device)], axis=1)


def _from_windows(
    fitted: Fitted, given: np.ndarray, n_steps: int, context: int, threads: int, device: str
) -> np.ndarray:
    """Each output from a fresh pass over the last `context` values, which are there, in one call as well."""
    theta, (n, _, F) = fitted.progress.theta, given.shape
    shape = Shape(context, n, 1, shards=shards_of(n, device), device=device)
    build = Assembly(fitted.network, theta, shape, free=True)
    build.pack_once()
    history = build.program.buffer("history", (n, context + n_steps, F))
    history.array[:, :context] = cast_inputs(_scaled(fitted.x_scaler, given[:, -context:]), theta.dtype, "prompt")
    starts = np.arange(n)[None, :] * (context + n_steps) + np.arange(n_steps)[:, None]
    index = build.program.bind("starts", np.ascontiguousarray(starts, np.int64))
    result = build.program.buffer("result", (n, n_steps, F))
    _emit_window_steps(fitted, build, history, index, result, n_steps)
    for at in range(0, n_steps, CALL_STEPS // context + 1):
        build.program.run(at, min(CALL_STEPS // context + 1, n_steps - at), threads)
    return _scaled(fitted.y_scaler, result.array.astype(np.float64), inverse=True)


def _emit_window_steps(
    fitted: Fitted, build: Assembly, history: Buffer, index: Buffer, result: Buffer, n_steps: int
) -> None:
    program, F, context = build.program, fitted.network.n_outputs, build.shape.steps
    factors = _output_to_input(fitted)
    gain, shift = (
        program.bind(name, np.ascontiguousarray(values, build.dtype))
        for name, values in zip(("gain", "shift"), factors, strict=True)
    )
    for stack in build.stacks:
        batch, lo = stack.batch, build.first_row(stack.batch.shard)
        x = program.buffer(f"x[{batch.shard}]", (context, batch.rows, F))
        program.emit(
            "gather", batch.shard, source=history, out=x, starts=index.at(lo), T=context, B=batch.rows, F=F, lds=F,
            stride=build.shape.rows, every=1,
        )  # fmt: skip
        forward_pass(build, stack, MatrixView(x.at(0), F, F))
        program.emit(
            "append_output", batch.shard, out=stack.out.place, result=result.at(lo * n_steps * F),
            history=history.at(lo * (context + n_steps) * F), gain=gain, shift=shift, B=batch.rows, F=F,
            ldo=stack.out.ld, total=n_steps, known=context,
        )  # fmt: skip


def _shapes(state: object) -> list | None:
    """Layer, direction, name and shape of every array of a state; None if it is not nested so."""
    if not isinstance(state, list) or not all(isinstance(layer, list) for layer in state):
        return None
    if not all(isinstance(d, dict) for layer in state for d in layer):
        return None
    return [[{name: np.shape(d[name]) for name in sorted(d)} for d in layer] for layer in state]


def _factors(scaler: ArrayScaler | None, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Shift and scale of n columns."""
    if scaler is None:
        return np.zeros(n), np.ones(n)
    return np.ascontiguousarray(scaler.mean_, np.float64), np.ascontiguousarray(scaler.scale_, np.float64)


class Stream:
    """One sequence, one step at a time; the state is kept between calls.

    Not for several threads at once: make a stream for each. A copy, by `copy` or pickle, goes on by itself.
    """

    def __init__(self, fitted: Fitted, names: list | None = None) -> None:
        if any(layer.bidirectional for layer in fitted.network.layers):
            raise ValueError("stream needs bidirectional=False: a bidirectional network reads the future.")
        network, theta = fitted.network, fitted.progress.theta.copy()
        self._names = names  # of the channels
        self._fitted = replace(fitted, progress=replace(fitted.progress, theta=theta))
        self._step = StepProgram((network, theta), 1, 1)
        program, stack, F = self._step.build.program, self._step.build.stacks[0], network.n_inputs
        factors = [_factors(fitted.x_scaler, F), _factors(fitted.y_scaler, stack.out.width)]
        (x_shift, x_scale), (y_shift, y_scale) = (
            [program.bind(f"{side}_{k}", values) for k, values in enumerate(pair)]
            for side, pair in zip("xy", factors, strict=True)
        )
        operations = program.rounds[0][0]
        given, result = (program.buffer(n, (k,), np.float64) for n, k in (("given", F), ("result", stack.out.width)))
        program.emit("scale_in", 0, given=given, shift=x_shift, scale=x_scale, x=self._step.x[0], F=F)
        operations.insert(0, operations.pop())
        program.emit(
            "scale_out", 0, out=stack.out.place, shift=y_shift, scale=y_scale, result=result, F=stack.out.width
        )
        self._words, self._run = program.prepare().words, stepper()
        self._given, self._result, self._shape = given.array, result.array, given.shape
        self._coding = fitted.coding
        found = fitted.coding.categories if fitted.coding else ()
        self._codes = [dict(zip(labels.tolist(), range(len(labels)), strict=True)) for labels in found]

    def __reduce__(self) -> tuple:
        return _stream_at, (self._fitted, self._names, self.get_state())

    def _check_names(self, x: Any) -> None:
        """Raise for a row of pandas whose names are not those of the channels."""
        found = list(x.columns if hasattr(x, "columns") else x.index)
        if found != self._names and all(isinstance(name, str) for name in found):
            raise ValueError(
                f"x has the channels {found!r:.200}, but fit had {self._names!r:.200}: give them in its order."
            )

    def _coded(self, x: object) -> object:
        """The input with codes in its categorical channels."""
        values = np.array(x, dtype=object).reshape(-1)
        assert self._coding is not None
        if values.size != self._shape[0]:
            raise ValueError(f"x must be {self._shape[0]} finite numbers or categories, one a channel. Got {x!r}.")
        for column, codes in zip(self._coding.columns, self._codes, strict=True):
            label, known = values[column], next(iter(codes))
            if isinstance(label, str) != isinstance(known, str) or label is None or label != label:
                raise ValueError(f"channel {column} of x must be a category such as {known!r}. Got {label!r}.")
            values[column] = codes.get(label, len(codes))
        return values

    def step(self, x: object) -> np.ndarray:
        """Outputs (n_outputs,) for one step's input x (channels,), or a number or a category for one channel."""
        refuse_masked(x, "x")
        if self._names is not None and hasattr(x, "iloc"):
            self._check_names(x)
        given = x if self._coding is None else self._coded(x)
        try:
            values = np.asarray(given, np.float64)
        except (OverflowError, ValueError):  # an int that no float64 is as large as, or a text
            values = np.array([])
        except TypeError:
            raise TypeError(
                f"x must be {self._shape[0]} finite numbers, one a channel. Got {type(x).__name__}."
            ) from None
        if values.size == self._shape[0]:
            self._given[:] = values.reshape(-1)
            if self._run(self._words, UNSTOPPED, self._given):
                if not np.isfinite(self._result).all():
                    raise ValueError(
                        f"the outputs of the stream are no finite numbers: x is too far outside of what fit has seen, "
                        f"or the network has no bounds (relu). Begin a new stream, or set_state. Got {x!r}."
                    )
                return self._result.copy()
        raise ValueError(f"x must be {self._shape[0]} finite numbers, one a channel. Got {x!r}.")

    def get_state(self) -> State:
        """A copy of the state: layer, direction, name -> array (1, units)."""
        return [[{k: v.copy() for k, v in d.items()} for d in layer] for layer in self._read()]

    def _read(self) -> State:
        return read_states(self._step.build, self._step.finals)

    def set_state(self, state: State) -> None:
        """Go on from a state that `get_state` gave."""
        refuse_masked(state, "state")
        now = self._read()
        if _shapes(state) != _shapes(now):
            raise ValueError(f"state must be what get_state gave for this network, with the shapes {_shapes(now)}.")
        kept = [[{name: np.asarray(d[name]) for name in d} for d in layer] for layer in state]
        arrays = [array for layer in kept for d in layer for array in d.values()]
        if not all(array.dtype.kind in "fiub" and np.isfinite(array).all() for array in arrays):
            raise ValueError("state must hold finite numbers only. Give what get_state gave.")
        write_state(self._step.build, kept, (0, 1))  # also where `get_state` reads


def _stream_at(fitted: Fitted, names: list | None, state: State) -> Stream:
    """A stream that goes on from a state: the copy of another."""
    stream = Stream(fitted, names)
    stream.set_state(state)
    return stream
