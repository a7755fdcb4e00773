"""Decoding: sequences of symbols from an encoder-decoder, each symbol fed back, by beam search in compiled code."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.engine.buffers import Argument, Buffer
from forecastrnn.engine.devices import memory_of
from forecastrnn.engine.jobs import borrowed
from forecastrnn.engine.memory import check_fits
from forecastrnn.engine.program import Program
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.programs.assembly import Assembly
from forecastrnn.programs.direction import Batch
from forecastrnn.programs.seq2seq_inference import Decoding, encode, rows_at_once
from forecastrnn.programs.shapes import ShardPass, shards_of

CALL_STEPS = 16  # symbols in one call: between two calls it is seen whether all have ended
DECODED_BYTES = 16  # of a symbol: as it is found, and in the order of the sources
MOST_ROWS = 512  # hypotheses of a chunk, fewer if sources are long
STEP_GRAIN = 8  # source steps of a program are a multiple: fewer programs are made


@dataclass(frozen=True)
class Search:
    """How symbols are chosen.

    width : hypotheses kept for a source; 1 is greedy decoding. most : symbols at most, the end included. penalty : the
    exponent alpha of ((5 + symbols) / 6)^alpha, by which log-probabilities are divided before they are compared (Wu
    et al. 2016, arXiv:1609.08144, equation 14). attends : keep the weights of attention.
    """

    width: int
    most: int
    penalty: float = 0.0
    attends: bool = False


@dataclass(frozen=True)
class Found:
    """Symbols (n, most), how many before the end, log-probabilities (n,), whether they ended, weights or None.

    weights (n, most, source steps): of attention, behind each symbol that was chosen; zero past the ends of both.
    """

    symbols: np.ndarray
    sizes: np.ndarray
    log_probabilities: np.ndarray
    ended: np.ndarray
    weights: np.ndarray | None

    def take(self, rows: np.ndarray | slice) -> Found:
        """Those of some sources."""
        weights = None if self.weights is None else self.weights[rows]
        return Found(self.symbols[rows], self.sizes[rows], self.log_probabilities[rows], self.ended[rows], weights)


@dataclass(frozen=True)
class DecodingShape:
    """What a program of decoding is built for."""

    network: Seq2SeqNetwork
    dtype: str
    sources: int
    steps: int
    search: Search
    device: str


class _Shard:
    """The search of one shard's sources: what is kept of it, and the operations of a step."""

    def __init__(self, program: Program, batch: Batch, x: Buffer, kind: DecodingShape) -> None:
        self.program, self.batch, self.x, self.kind = program, batch, x, kind
        k, self.B, most = kind.search.width, batch.rows, kind.search.most
        self.S, self.V = batch.rows // k, kind.network.decoder.n_outputs
        self.logp = self._room("logp", (most + 1, self.B), np.float64)
        self.length, self.done = self._room("length", (self.B,), np.int64), self._room("done", (self.S,), np.int64)
        self.symbols, self.parents = (self._room(name, (most, self.B), np.int64) for name in ("symbols", "parents"))
        self.rows, self.found = (self._room(name, (self.S, most), np.int64) for name in ("rows", "found"))
        self.best = self._room("best", (self.S,), np.int64)
        self.weights: Buffer | None = None

    def _room(self, name: str, shape: tuple[int, ...], dtype: type | None = None) -> Buffer:
        return self.program.buffer(f"{name}[{self.batch.shard}]", shape, dtype)

    def emit_growth(self, stack: ShardPass, penalty: Buffer) -> None:
        """Emit: the scores of a step become the next hypotheses and their symbols."""
        k = self.kind.search.width
        self.program.emit(
            "grow_beams", self.batch.shard, out=stack.out.place, x=self.x, work=self._room("work", (stack.out.ld,)),
            logp=self.logp, penalty=penalty, scores=self._room("scores", (k,), np.float64),
            logs=self._room("logs", (k,), np.float64), length=self.length, symbols=self.symbols, parents=self.parents,
            done=self.done, ends=self._room("ends", (k,), np.int64), S=self.S, k=k, V=self.V, ldo=stack.out.ld,
            most=self.kind.search.most,
        )  # fmt: skip

    def emit_carry(self, build: Assembly, stack: ShardPass) -> None:
        """Emit: each hypothesis goes on from the states of the one that it continues."""
        for number, layer in enumerate(build.network.layers):
            for name in layer.cell.states:
                (run,), (last,) = stack.runs[number], build.last_states(stack, number, name)
                self.program.emit(
                    "select_rows", self.batch.shard, source=last.place, out=run.states[name], which=self.parents,
                    B=self.B, F=last.ld, lds=last.ld, ldo=last.ld,
                )  # fmt: skip

    def emit_keep(self, weights: Buffer, J: int, Jp: int) -> None:
        """Emit: the weights of attention (B, 1, Jp) of a step are kept."""
        self.weights = self._room("kept_weights", (self.kind.search.most, self.B, J))
        self.program.emit("keep_step", self.batch.shard, source=weights, out=self.weights, B=self.B, F=J, lds=Jp)

    def emit_trace(self, back: Program) -> None:
        """Emit, in a program of its own, the way back from the best hypotheses."""
        search = self.kind.search
        back.emit(
            "trace_beams", self.batch.shard, length=self.length, symbols=self.symbols, parents=self.parents,
            rows=self.rows, found=self.found, best=self.best, S=self.S, k=search.width, V=self.V,
            steps=Argument("taken", np.int64), total=search.most,
        )  # fmt: skip

    def begin(self) -> None:
        """One empty hypothesis a source."""
        self.x.array[:], self.logp.array[0], self.done.array[:] = self.V - 1, 0.0, 0
        self.length.array[:] = np.where(np.arange(self.B) % self.kind.search.width, -1, 0)

    @property
    def has_settled(self) -> bool:
        """Whether none of the sources' best hypotheses can change any more."""
        return bool(self.done.part(0, self.S).all())

    def result(self, steps: int) -> Found:
        """What `steps` steps have found; one that has not ended is cut before its last symbol."""
        best, most = self.best.array, self.kind.search.most
        ends = self.length.array[best]
        ended = ends > 0
        sizes = np.where(ended, ends, most) - 1
        before = self.logp.array[most - 1, self.rows.array[:, -1]]
        logp = np.where(ended, self.logp.array[steps, best], before)
        weights = None
        if self.weights is not None:
            weights = self.weights.array[np.arange(most), self.rows.array]
            weights[np.arange(most) >= sizes[:, None]] = 0
        return Found(self.found.array.copy(), sizes, logp, ended, weights)


class _BeamSearch:
    """The programs that decode a chunk of sources: the decoder's with the search behind each step, and the way back."""

    def __init__(self, kind: DecodingShape) -> None:
        self.kind, shards = kind, shards_of(kind.sources, kind.device)
        rows = kind.sources * kind.search.width
        self.decoder = Decoding(kind.network, kind.dtype, rows, kind.steps, shards=shards, device=kind.device)
        self.penalty = self.decoder.program.buffer("penalty", (kind.search.most + 1,), np.float64)
        self.shards = [self._emit_search(stack) for stack in self.decoder.stacks]
        self.back = Program(kind.dtype, shards, device=kind.device)
        for shard in self.shards:
            shard.emit_trace(self.back)
        self.nbytes = self.decoder.nbytes

    def _emit_search(self, stack: ShardPass) -> _Shard:
        shard, attention = stack.batch.shard, self.decoder.attention
        own = _Shard(self.decoder.program, stack.batch, self.decoder.x[shard], self.kind)
        own.emit_growth(stack, self.penalty)
        own.emit_carry(self.decoder.decoder, stack)
        if attention and self.kind.search.attends:
            own.emit_keep(attention.weights(shard), self.kind.steps, attention.Jp)
        return own

    def run(self, theta: np.ndarray, codes: np.ndarray, lengths: np.ndarray, n_threads: int) -> Found:
        """Decode `kind.sources` sources, codes (n, kind.steps)."""
        network, search = self.kind.network, self.kind.search
        codes_in = codes[:, :, None].astype(theta.dtype)
        encoded = encode(network, theta, codes_in, lengths, n_threads, self.kind.device)
        self.decoder.start(theta, encoded.take(np.repeat(np.arange(len(codes)), search.width)), n_threads)
        self.penalty.array[:] = ((5.0 + np.arange(search.most + 1)) / 6.0) ** search.penalty
        for shard in self.shards:
            shard.begin()
        steps = 0
        while steps < search.most and not all(shard.has_settled for shard in self.shards):
            count = min(CALL_STEPS, search.most - steps)
            self.decoder.program.run(steps, count, n_threads, theta=theta)
            steps += count
        self.back.run(0, 1, n_threads, taken=steps)
        return joined([shard.result(steps) for shard in self.shards])


def joined(parts: list[Found]) -> Found:
    """Of consecutive sources, put together."""
    weights = [p.weights for p in parts if p.weights is not None]
    return Found(
        np.concatenate([p.symbols for p in parts]),
        np.concatenate([p.sizes for p in parts]),
        np.concatenate([p.log_probabilities for p in parts]),
        np.concatenate([p.ended for p in parts]),
        np.concatenate(weights) if weights else None,
    )


def decode_codes(
    network: Seq2SeqNetwork, theta: np.ndarray, codes: np.ndarray, lengths: np.ndarray, search: Search, n_threads: int,
    device: str = "cpu",
) -> Found:  # fmt: skip
    """Decode sources given as codes (n, steps), each as its encoder reads it; chunks are of like length."""
    n, order = len(codes), np.argsort(lengths, kind="stable")
    rows = min(MOST_ROWS, rows_at_once(network, codes.shape[1], 1, theta.dtype.name))
    size = max(1, rows // search.width)
    chunks = [order[lo : lo + size] for lo in range(0, n, size)]
    check_fits(
        DECODED_BYTES * n * search.most, f"X: {n} sequences of up to {search.most} symbols",
        "Decode fewer at a time, or set max_length.",
    )  # fmt: skip
    attends = search.attends and network.attention is not None
    if attends:
        need = n * search.most * codes.shape[1] * theta.itemsize
        check_fits(need, f"return_attention: weights of attention for {n} sequences", "Decode fewer at a time.")
    parts = [
        _decode_chunk(network, theta, codes[rows], lengths[rows], search, n_threads=n_threads, device=device)
        for rows in chunks
    ]
    if attends:
        parts = [_widened(part, codes.shape[1]) for part in parts]
    return joined(parts).take(np.argsort(order))


def _widened(part: Found, steps: int) -> Found:
    """With weights of as many source steps as there are in the whole."""
    assert part.weights is not None
    wide = np.zeros((*part.weights.shape[:2], steps), part.weights.dtype)
    count = min(steps, part.weights.shape[2])
    wide[:, :, :count] = part.weights[:, :, :count]
    return Found(part.symbols, part.sizes, part.log_probabilities, part.ended, wide)


def _decode_chunk(
    network: Seq2SeqNetwork, theta: np.ndarray, codes: np.ndarray, lengths: np.ndarray, search: Search, n_threads: int,
    device: str,
) -> Found:  # fmt: skip
    """Some sources; others like the last one fill up the shards."""
    n = len(codes)
    shards = shards_of(n, device)
    own = np.minimum(np.arange(-(-n // shards) * shards), n - 1)
    steps = min(-(-int(lengths.max()) // STEP_GRAIN) * STEP_GRAIN, codes.shape[1])
    kind = DecodingShape(network, theta.dtype.name, len(own), steps, search, device)
    with borrowed(kind, lambda: _made(kind)) as programs:
        found = programs.run(theta, codes[own, :steps], lengths[own], n_threads)
    return found.take(slice(n))


def _made(kind: DecodingShape) -> _BeamSearch:
    made = _BeamSearch(kind)
    width, rows = kind.search.width, kind.sources * kind.search.width
    what = f"beam_width={width}: {rows} hypotheses of {kind.search.most} symbols"
    check_fits(made.nbytes, what, "Lower beam_width or max_length.", memory_of(kind.device))
    return made
