"""The inputs of all times of prepared series, column by column as `InputLayout` says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from forecastrnn.engine.cpu.series import fill_inputs
from forecastrnn.engine.memory import check_fits
from forecastrnn.forecasting.covariate_rows import of_all_times, put, without_past
from forecastrnn.forecasting.preparation import Prepared


@dataclass(frozen=True)
class SeriesInputs:
    """Prepared series, and what networks read at all of their padded times: rows (total, 2 columns + k)."""

    prepared: Prepared
    rows: np.ndarray

    @classmethod
    def of(cls, prepared: Prepared, dtype: str, codes: np.ndarray | None = None) -> SeriesInputs:
        """Those of prepared series; codes (n_series, k) are the last columns of their rows."""
        return cls(prepared, build_inputs(prepared, dtype, codes))

    def part(self, lo: int, hi: int) -> SeriesInputs:
        """Series lo .. hi alone, for networks that read what is here."""
        places = slice(*self.prepared.starts[[lo, hi]])
        return SeriesInputs(self.prepared.part(lo, hi), self.rows[places])

    def with_room(self, beyond: int) -> SeriesInputs:
        """The same with so many empty rows behind the last, where outputs ahead read the rows of their times."""
        if not beyond or self.prepared.covariates is None:
            return self
        return SeriesInputs(self.prepared, np.pad(self.rows, ((0, beyond), (0, 0))))

    @property
    def of_decoder(self) -> np.ndarray:
        """The rows as a decoder reads them."""
        own = self.prepared.covariates
        return self.rows if own is None else without_past(self.rows, own, self.prepared.layout)


def build_inputs(prepared: Prepared, dtype: str, codes: np.ndarray | None = None) -> np.ndarray:
    """Input rows (total, 2 columns + k) of all padded times; codes (n_series, k) come last."""
    layout, p = prepared.layout, prepared
    columns = 2 * layout.n_columns + layout.categories + (0 if codes is None else codes.shape[1])
    kinds = (("older_means", "blocks"), ("X", "columns"), ("y", "or shorter series"))
    what, less = kinds[0 if layout.older_means else 1 if layout.has_covariates else 2]
    need = len(p.z) * (columns * np.dtype(dtype).itemsize + 8)  # and the trailing means
    check_fits(need, f"{what}: {columns} inputs of {len(p.z)} values", f"Take fewer {less}.")
    out = np.zeros(len(p.z) * columns, dtype)
    blocks = np.array(layout.older_means, np.int64)
    scratch = np.zeros(len(p.z)), np.zeros(np.diff(p.starts).max() + 1 if layout.older_means else 0)
    numbers = (
        layout.season, layout.mean_width, layout.second_lag, layout.with_lags, blocks, layout.long_run_kind,
    )  # fmt: skip
    place = columns, layout.covariates
    fill_inputs((p.z, p.starts, p.pads, p.period_of, p.static.reshape(-1)), numbers, scratch, out, place)
    rows = out.reshape(-1, columns)
    if layout.has_covariates:
        put(rows, layout, *of_all_times(p))
    if codes is not None:
        rows[:, columns - codes.shape[1] :] = np.repeat(codes, np.diff(p.starts), axis=0)
    return rows
