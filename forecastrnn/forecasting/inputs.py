"""The inputs of all times of prepared series, column by column as `InputLayout` says."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from forecastrnn.engine.cpu.series import fill_inputs
from forecastrnn.engine.memory import check_fits
from forecastrnn.forecasting.covariate_rows import of_all_times, put, without_past
from forecastrnn.forecasting.input_layout import InputLayout
from forecastrnn.forecasting.preparation import Prepared


@dataclass(frozen=True)
class SeriesInputs:
    """Prepared series, and what networks read at their padded times, which is made when it is wanted.

    codes (n_series, k) are the last columns of their rows; given : rows that were made elsewhere.
    """

    prepared: Prepared
    dtype: str
    codes: np.ndarray | None = None
    given: np.ndarray | None = None

    @cached_property
    def rows(self) -> np.ndarray:
        """Those of all times: (total, 2 columns + k)."""
        return build_inputs(self.prepared, self.dtype, self.codes) if self.given is None else self.given

    def at(self, times: np.ndarray) -> np.ndarray:
        """Those of times of any shape (..., 2 columns + k), made for these alone where there are no others."""
        if not self.can_be_few or "rows" in vars(self):
            return self.rows[times]
        rows = build_inputs(self.prepared, self.dtype, self.codes, times.reshape(-1))
        return rows.reshape(*times.shape, rows.shape[1])

    @property
    def can_be_few(self) -> bool:
        """Whether rows of some times are made without those of all; covariates are put beside all at once."""
        return self.given is None and not self.prepared.layout.has_covariates

    def part(self, lo: int, hi: int) -> SeriesInputs:
        """Series lo .. hi alone, for networks that read what is here."""
        places = slice(*self.prepared.starts[[lo, hi]])
        return SeriesInputs(self.prepared.part(lo, hi), self.dtype, given=self.rows[places])

    def with_room(self, beyond: int) -> SeriesInputs:
        """The same with so many empty rows behind the last, where outputs ahead read the rows of their times."""
        if not beyond or self.prepared.covariates is None:
            return self
        return SeriesInputs(self.prepared, self.dtype, given=np.pad(self.rows, ((0, beyond), (0, 0))))

    @property
    def of_decoder(self) -> np.ndarray:
        """The rows as a decoder reads them."""
        own = self.prepared.covariates
        return self.rows if own is None else without_past(self.rows, own, self.prepared.layout)


def build_inputs(
    prepared: Prepared, dtype: str, codes: np.ndarray | None = None, times: np.ndarray | None = None
) -> np.ndarray:
    """Input rows (total, 2 columns + k) of all padded times, or of `times` (m,); codes (n_series, k) come last."""
    layout, p = prepared.layout, prepared
    count, columns = len(p.z) if times is None else len(times), _columns(layout, codes)
    kinds = (("older_means", "blocks"), ("X", "columns"), ("y", "or shorter series"))
    what, less = kinds[0 if layout.older_means else 1 if layout.has_covariates else 2]
    need = count * columns * np.dtype(dtype).itemsize + 8 * len(p.z)  # and the trailing means
    check_fits(need, f"{what}: {columns} inputs of {count} values", f"Take fewer {less}.")
    out, order = np.zeros(count * columns, dtype), np.empty(0, np.int64)
    if times is not None:
        order = np.argsort(times, kind="stable")
    blocks = np.array(layout.older_means, np.int64)
    scratch = np.zeros(len(p.z)), np.zeros(np.diff(p.starts).max() + 1 if layout.older_means else 0)
    numbers = (
        layout.season, layout.mean_width, layout.second_lag, layout.with_lags, blocks, layout.long_run_kind,
    )  # fmt: skip
    wanted, place = (times is None, order if times is None else times[order], order), (columns, layout.covariates)
    fill_inputs((p.z, p.starts, p.pads, p.period_of, p.static.reshape(-1)), numbers, scratch, wanted, out, place)
    rows = out.reshape(-1, columns)
    if layout.has_covariates:
        assert times is None
        put(rows, layout, *of_all_times(p))
    if codes is not None:
        own = np.repeat(codes, np.diff(p.starts), axis=0) if times is None else codes[_series_at(p, times)]
        rows[:, columns - codes.shape[1] :] = own
    return rows


def _columns(layout: InputLayout, codes: np.ndarray | None) -> int:
    """Numbers in a row."""
    return 2 * layout.n_columns + layout.categories + (0 if codes is None else codes.shape[1])


def _series_at(prepared: Prepared, times: np.ndarray) -> np.ndarray:
    """The series that each of these padded times belongs to."""
    found: np.ndarray = np.searchsorted(prepared.starts, times, side="right") - 1
    return found
