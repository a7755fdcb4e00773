"""A beam search over tables of probabilities."""

from __future__ import annotations

import numpy as np

from forecastrnn.engine.buffers import Argument
from forecastrnn.engine.program import Program


class Search:
    """Beam search of S sources through tables (S, V, V) of scores behind each symbol."""

    def __init__(
        self, tables: np.ndarray, k: int, most: int, alpha: float = 0.0, dtype: str = "float64", device: str = "cpu"
    ) -> None:  # fmt: skip
        self.tables, self.k, self.most = tables.astype(dtype), k, most
        S, V = tables.shape[:2]
        self.program = program = Program(dtype, 1, device=device)
        real = {"out": (S * k, V + 3), "x": (S * k,), "work": (V,)}
        doubles = {"logp": (most + 1, S * k), "scores": (k,), "logs": (k,)}
        whole = {"length": (S * k,), "symbols": (most, S * k), "parents": (most, S * k), "done": (S,), "ends": (k,)}
        self.at = {name: program.buffer(name, shape) for name, shape in real.items()}
        self.at |= {name: program.buffer(name, shape, np.float64) for name, shape in doubles.items()}
        self.at |= {name: program.buffer(name, shape, np.int64) for name, shape in whole.items()}
        self.at["penalty"] = program.bind("penalty", ((5.0 + np.arange(most + 1)) / 6.0) ** alpha)
        program.emit("grow_beams", 0, **self.at, S=S, k=k, V=V, ldo=V + 3, most=most)
        trace = {name: self.at[name] for name in ("length", "symbols", "parents")}
        self.back = Program(dtype, 1, device=device)
        self.found = {n: self.back.buffer(n, (S, most), np.int64) for n in ("rows", "found")}
        self.best = self.back.buffer("best", (S,), np.int64)
        self.back.emit(
            "trace_beams",
            0,
            **trace,
            **self.found,
            best=self.best,
            S=S,
            k=k,
            V=V,
            steps=Argument("taken", np.int64),
            total=most,
        )
        self.at["length"].array[:] = np.where(np.arange(S * k) % k, -1, 0)

    def step(self, t: int) -> None:
        """Scores behind the last symbols, and the beams' growth."""
        last = self.at["x"].array.astype(int).reshape(-1, self.k) if t else np.full((len(self.tables), self.k), -1)
        V = self.tables.shape[1]
        grid = self.tables[np.arange(len(self.tables))[:, None], last]
        self.at["out"].array[:, :V] = grid.reshape(-1, V)
        self.program.run(t, 1, 1)

    def run(self) -> list[tuple[float, tuple[int, ...], bool]]:
        """Log-probability, symbols and whether it has ended, of the hypothesis chosen for each source."""
        for t in range(self.most):
            self.step(t)
        self.back.run(0, 1, 1, taken=self.most)
        best = self.best.array
        ends = self.at["length"].array[best]
        logp = self.at["logp"].array[-1, best]
        sizes = np.where(ends > 0, ends, self.most)
        symbols = [tuple(row[:n].tolist()) for row, n in zip(self.found["found"].array, sizes, strict=True)]
        return list(zip(logp.tolist(), symbols, (ends > 0).tolist(), strict=True))


def tables(S: int, V: int, seed: int = 0, spread: float = 1.5) -> np.ndarray:
    return np.random.default_rng(seed).normal(scale=spread, size=(S, V, V))
