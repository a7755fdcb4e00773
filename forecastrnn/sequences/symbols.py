"""Generation of symbols: a classifier of the next symbol draws, and reads what it drew."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from numpy.typing import ArrayLike

from forecastrnn.data.arrays import check_count
from forecastrnn.data.labels import are_texts, codes_of
from forecastrnn.engine.memory import check_fits
from forecastrnn.engine.threads import thread_count
from forecastrnn.masks import refuse_masked
from forecastrnn.networks.draws import drawn
from forecastrnn.programs.inference import forward, write_state
from forecastrnn.programs.step_program import StepProgram
from forecastrnn.sequences.fitting import Fitted
from forecastrnn.sequences.generation import CALL_STEPS, refuse_vectors

VALUE_BYTES = 16  # of a symbol: its chance and its number


@dataclass(frozen=True)
class Drawing:
    """How symbols are drawn; checked."""

    temperature: float
    top_k: int | None
    rng: np.random.RandomState

    def __post_init__(self) -> None:
        t, k = self.temperature, self.top_k
        if isinstance(t, bool) or not isinstance(t, Real) or not 0 <= t <= sys.float_info.max:
            raise ValueError(f"temperature must be a finite number >= 0. Got {t!r:.40}.")
        if k is not None and (isinstance(k, bool) or not isinstance(k, Integral) or k < 1):
            raise ValueError(f"top_k must be None or an int >= 1. Got {k!r}.")


def generate_symbols(
    fitted: Fitted, classes: np.ndarray, n_steps: int, prompt: ArrayLike | None, *, n_sequences: int, drawing: Drawing,
    n_jobs: int | None, device: str,
) -> np.ndarray:  # fmt: skip
    """See `RNNClassifier.generate`."""
    n_steps = check_count(n_steps, "n_steps")
    _check_model(fitted, len(classes))
    feed = SymbolInput.of(fitted, classes)
    advice = "Generate in parts, each prompted by the end of the one before."
    given = None if prompt is None else _labels_of(prompt)
    n = check_count(n_sequences, "n_sequences") if given is None else len(np.atleast_2d(given))
    check_fits(VALUE_BYTES * n_steps * n, f"n_steps={n_steps}: {n} sequences", advice)
    codes = _read_prompt(given, feed.symbols, classes, n_sequences, drawing.rng)
    x = np.ascontiguousarray(feed.inputs(codes), fitted.progress.theta.dtype)
    threads = thread_count(n_jobs)
    step = StepProgram((fitted.network, fitted.progress.theta), len(codes), device=device)
    if x.shape[1] > 1:
        begun = forward(fitted.network, fitted.progress.theta, x[:, :-1], last=1, n_threads=threads, device=device)
        write_state(step.build, begun.states)
    chosen = _run(step, x[:, -1], feed, n_steps, drawing, threads)
    labels = classes[chosen]
    is_one = len(codes) == 1 if given is None else given.ndim == 1
    return labels[0] if is_one else labels


def _check_model(fitted: Fitted, n_classes: int) -> None:
    refuse_vectors(fitted)
    if fitted.last != 0:
        raise ValueError("generate needs a model of the next symbol: fit it on y (n, time), a label at each step.")
    if fitted.coding is not None:
        if fitted.network.n_inputs > 1:
            raise ValueError(
                f"generate feeds symbols back as the only channel of X, but X had {fitted.network.n_inputs} channels."
            )
    elif fitted.network.n_inputs != n_classes:
        raise ValueError(
            f"generate feeds symbols back one-hot, but X had {fitted.network.n_inputs} channels and there are "
            f"{n_classes} classes: each channel must stand for a class, in the order of classes_."
        )
    if any(layer.bidirectional for layer in fitted.network.layers):
        raise ValueError("generate needs bidirectional=False: a bidirectional network reads the future.")


@dataclass(frozen=True)
class SymbolInput:
    """How a symbol becomes an input: one-hot, times gain plus shift; `coded`: shift holds the code of each class."""

    symbols: np.ndarray  # what a prompt may hold
    gain: np.ndarray
    shift: np.ndarray
    coded: bool

    @classmethod
    def of(cls, fitted: Fitted, classes: np.ndarray) -> SymbolInput:
        """For a model whose scores are those of `classes`."""
        n = len(classes)
        if fitted.coding is not None:
            categories = fitted.coding.categories[0]
            if are_texts(categories) != are_texts(classes) or not np.isin(classes, categories).any():
                raise ValueError(
                    "generate feeds symbols back as categories of X, but none of classes_ is among them: X has such as "
                    f"{categories.tolist()[0]!r}, y such as {classes.tolist()[0]!r}."
                )
            return cls(categories, np.ones(n), codes_of(classes, categories), True)
        if fitted.x_scaler is None:
            return cls(classes, np.ones(n), np.zeros(n), False)
        scale = fitted.x_scaler.scale_
        return cls(classes, 1 / scale, -fitted.x_scaler.mean_ / scale, False)

    def inputs(self, codes: np.ndarray) -> np.ndarray:
        """Inputs (n, time, channels) for numbers of `symbols`."""
        return codes[:, :, None] if self.coded else np.eye(len(self.gain))[codes] * self.gain + self.shift


def _read_prompt(
    prompt: np.ndarray | None, symbols: np.ndarray, classes: np.ndarray, n_sequences: int, rng: np.random.RandomState
) -> np.ndarray:
    """Numbers of the prompt's symbols (n, time)."""
    if prompt is None:
        chosen = rng.randint(len(classes), size=(check_count(n_sequences, "n_sequences"), 1))
        return codes_of(classes[chosen[:, 0]], symbols).astype(np.int64)[:, None]
    unknown = ~np.isin(prompt, symbols)
    if unknown.any():
        where, what = np.argwhere(unknown)[0].tolist(), "classes_" if symbols is classes else "categories_"
        label = prompt[unknown].tolist()[0]
        raise ValueError(f"prompt has the label {label!r:.80} at {where}, which is not among {what}.")
    return np.searchsorted(symbols, np.atleast_2d(prompt))


def _labels_of(prompt: ArrayLike) -> np.ndarray:
    """The labels of a prompt (time,) or (n, time)."""
    refuse_masked(prompt, "prompt")
    one_text = f" Give its letters as a list: {list(prompt)!r:.60}." if isinstance(prompt, str) else ""
    try:
        labels = np.asarray(prompt)
    except ValueError:
        raise ValueError(
            "prompt holds sequences of different lengths: give sequences of one length, or each in a call of its own."
        ) from None
    if labels.ndim not in (1, 2) or labels.size == 0:
        raise ValueError(
            f"prompt must be labels of shape (time,) or (n, time), one at least. Got shape {labels.shape}.{one_text}"
        )
    return labels


def _run(
    step: StepProgram, first: np.ndarray, feed: SymbolInput, n_steps: int, drawing: Drawing, n_threads: int
) -> np.ndarray:
    """Numbers of the symbols drawn (n, n_steps), from the first inputs (n, channels)."""
    program, n, F = step.build.program, len(first), len(feed.gain)
    factors = [program.bind(name, getattr(feed, name).astype(first.dtype)) for name in ("gain", "shift")]
    u = program.bind("u", drawn(drawing.rng.random_sample, (n, n_steps)))
    temperature = program.bind("temperature", np.array([float(drawing.temperature)]))
    chosen = program.buffer("chosen", (n, n_steps), np.int64)
    for stack, x in zip(step.build.stacks, step.x, strict=True):
        lo, B = step.build.first_row(stack.batch.shard), stack.batch.rows
        program.emit(
            "draw_symbol", stack.batch.shard, out=stack.out.place, x=x, gain=factors[0], shift=factors[1],
            u=u.at(lo * n_steps), temperature=temperature, chosen=chosen.at(lo * n_steps), B=B, F=F, ldo=stack.out.ld,
            ldx=first.shape[1], total=n_steps, top=min(drawing.top_k or F, F), coded=int(feed.coded),
        )  # fmt: skip
        x.array[0] = first[lo : lo + B]
    for at in range(0, n_steps, CALL_STEPS):
        program.run(at, min(CALL_STEPS, n_steps - at), n_threads)
        _refuse_nonfinite(step, min(at + CALL_STEPS, n_steps))
    return chosen.array


def _refuse_nonfinite(step: StepProgram, drawn: int) -> None:
    """Raise where a network without bounds has blown up: what is drawn from such scores means nothing."""
    for stack in step.build.stacks:
        if not np.isfinite(stack.out.place.part(0, stack.batch.rows * stack.out.ld)).all():
            raise ValueError(
                f"generate: within {drawn} symbols the scores are no finite numbers: the network has no bounds (relu) "
                "and blew up. Generate fewer symbols, or fit a cell whose state is bounded."
            )
