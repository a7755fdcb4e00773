"""The codes that stand for a series, in fit and in predict: its number among those of fit, its static categories."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from forecastrnn.data.coding import auto_dim
from forecastrnn.data.static_input import StaticCoding
from forecastrnn.networks.network import Embedding


def rows_among(ids: Iterable, known: tuple) -> np.ndarray:
    """The place of each series among `known` ones, behind the last where it is not among them."""
    places = {name: row for row, name in enumerate(known)}
    return np.array([places.get(name, len(known)) for name in ids])


@dataclass(frozen=True)
class SeriesCodes:
    """What the codes of a series say, in the order of their columns.

    n_known : series of fit, where each has a vector of its own, else 0; static : the categories.
    """

    n_known: int
    static: StaticCoding | None

    def embeddings(self, dim: int, covariates: tuple[tuple[int, int], ...] = ()) -> tuple[Embedding, ...]:
        """The vectors that networks read for the codes; those of the series have `dim` numbers.

        covariates : categories and numbers of the vectors of those that change by time, whose codes come first.
        """
        sizes = [*covariates, (self.n_known, dim)] if self.n_known else [*covariates]
        if self.static is not None:
            sizes += [(len(categories), auto_dim(len(categories))) for categories in self.static.categories]
        return tuple(Embedding(column, size, numbers) for column, (size, numbers) in enumerate(sizes))

    @property
    def any(self) -> bool:
        """Whether there are any."""
        return self.n_known > 0 or self.static is not None

    def columns(self, rows: np.ndarray, static: np.ndarray | None) -> np.ndarray | None:
        """Codes (n_series, embeddings) of series: their rows in fit, and what was read of their static categories."""
        parts = [rows[:, None].astype(float)] if self.n_known else []
        if static is not None:
            parts.append(static)
        return np.concatenate(parts, axis=1) if parts else None
