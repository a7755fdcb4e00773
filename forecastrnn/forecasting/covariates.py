"""Covariates as networks read them: numbers in spreads from the centre of their series, categories as codes of fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.data.coding import auto_dim
from forecastrnn.data.covariate_values import Covariate, Covariates

NORMAL = 1.4826  # standard deviations of a normal distribution in the median of its absolute values
FAR = 100.0  # spreads from the centre: what all rows ahead are beyond says that they are in another unit
MOST = 1e6  # spreads: what lies further is read as that
STILL = 1e-6  # of the largest departure of a column: what is less is rounding, not movement


@dataclass(frozen=True, kw_only=True, eq=False)
class CovariateScales:
    """What fit has found of each covariate.

    Units differ between series (the price of a television, of milk), so a series has a centre of its own; yet a column
    that hardly moves in one must not be blown up there, so all share the spread.

    columns : in the order of fit. Of the numbers (k,) among them: centred : those with a centre in each series, its
    median; middle : the centre of the others (static: the median series), and of a series without a value; spread :
    what departures are divided by, 0 where a column never moved, which then reads 0; gaps : those of which fit missed
    a value: they have a further column, 1 where there is one. seen : the sorted codes of fit of each category, those
    that are known ahead first, as among the columns that networks read.
    in_encoder : what is known until now lies beside the step that it belongs to, which a decoder does not read;
    else beside the time before the next value.
    """

    columns: tuple[Covariate, ...]
    centred: np.ndarray
    middle: np.ndarray
    spread: np.ndarray
    gaps: np.ndarray
    seen: tuple[np.ndarray, ...]
    in_encoder: bool = False

    @property
    def width(self) -> int:
        """Columns that the numbers become."""
        return len(self.gaps) + int(self.gaps.sum())

    @property
    def embeddings(self) -> tuple[tuple[int, int], ...]:
        """Categories of each code, and numbers of the vectors that stand for them."""
        return tuple((len(codes), auto_dim(len(codes))) for codes in self.seen)

    @cached_property
    def n_known(self) -> tuple[int, int]:
        """Columns of numbers, and codes, that are known ahead: they come first."""
        return int((self._roles[0] == "known").sum()), int((self._roles[1] == "known").sum())

    @cached_property
    def places(self) -> tuple[np.ndarray, np.ndarray]:
        """Which of numbers and their columns of gaps, and which of the categories, comes at each place."""
        numbers, codes = (roles_of(self.columns, wanted) for wanted in (False, True))
        return known_first(np.concatenate([numbers, numbers[self.gaps]])), known_first(codes)

    @cached_property
    def _roles(self) -> tuple[np.ndarray, np.ndarray]:
        """Of the columns of numbers (width,) and of the codes, at their places."""
        numbers, codes = (roles_of(self.columns, wanted) for wanted in (False, True))
        return np.concatenate([numbers, numbers[self.gaps]])[self.places[0]], codes[self.places[1]]

    def having(self, *roles: str) -> tuple[np.ndarray, np.ndarray]:
        """Which of the columns of numbers (width,) and of the codes have one of these roles."""
        numbers, codes = (np.isin(own, roles) for own in self._roles)
        return numbers, codes

    def centres(self, numbers: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """The centre (n_series, k) of each number (rows, k) in each series."""
        found = np.tile(self.middle, (len(offsets) - 1, 1))
        for column in np.flatnonzero(self.centred):
            own = medians(numbers[:, column], offsets)
            found[:, column] = np.where(np.isfinite(own), own, self.middle[column])
        return found

    def scaled(self, found: Covariates, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Numbers (rows, width) and codes (rows, c) that networks read; centre (rows, k)."""
        known, away = np.isfinite(found.numbers), self._away(found, centre)
        numbers, codes = np.concatenate([away, known[:, self.gaps]], axis=1), np.empty((len(away), len(self.seen)))
        for place, (seen, column) in enumerate(zip(self.seen, self.places[1], strict=True)):
            codes[:, place] = _among(seen, found.codes[:, column])
        return numbers[:, self.places[0]], codes

    def _away(self, found: Covariates, centre: np.ndarray) -> np.ndarray:
        """Departures (rows, k) of numbers from centres, in spreads; 0 where there is none."""
        known = np.isfinite(found.numbers) & (self.spread > 0.0)
        with np.errstate(over="ignore"):
            away = np.where(known, found.numbers - centre, 0.0) / np.where(self.spread > 0.0, self.spread, 1.0)
        return np.asarray(np.clip(away, -MOST, MOST))


@dataclass(frozen=True, kw_only=True, eq=False)
class ScaledCovariates:
    """Scaled covariates of series: a row for each of their values, or, of the ends of series, the last row of each.

    centre (n_series, k), numbers (rows, width), codes (rows, c).
    """

    scales: CovariateScales
    centre: np.ndarray
    numbers: np.ndarray
    codes: np.ndarray

    @classmethod
    def of(cls, scales: CovariateScales, found: Covariates, offsets: np.ndarray) -> ScaledCovariates:
        """Those of series with these rows."""
        centre = scales.centres(found.numbers, offsets)
        numbers, codes = scales.scaled(found, centre.repeat(np.diff(offsets), axis=0))
        return cls(scales=scales, centre=centre, numbers=numbers, codes=codes)

    def warn_of_far(self, found: Covariates) -> None:
        """Tell of the first covariate known ahead of which most rows are far outside what fit has seen."""
        k = found.numbers.shape[1]
        spread = self.scales.spread[:k]
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            away = np.maximum(self.centre.min(axis=0)[:k] - found.numbers, found.numbers - self.centre.max(axis=0)[:k])
            times = np.where((spread > 0.0) & np.isfinite(away), away / spread, 0.0)
        columns = [c for c in found.columns if c.kind != "category"]
        self._warn_of_flat(found.numbers, columns)
        for column, usual in zip(columns, np.median(times, axis=0) if len(times) else (), strict=False):
            if column.role == "known" and usual > FAR:
                warn_caller(
                    f"X: column {column.name!r} lies {usual:.3g} times as far outside as values usually did in fit: "
                    "the networks know nothing of such values. Give it in the unit of fit, or fit anew."
                )
                return

    def _warn_of_flat(self, numbers: np.ndarray, columns: list[Covariate]) -> None:
        """Tell of the first covariate known ahead that changes, as it never did in fit."""
        flat = np.flatnonzero([c.role == "known" and c.kind != "plain" for c in columns])
        for k in flat[self.scales.spread[flat] == 0.0].tolist():
            # Whether a column that stays as it is was 0 or 1 is not kept.
            own = numbers[:, k]
            usual = self.centre[:, k] if self.scales.centred[k] else own[:1]
            changed = own[(own < usual.min(initial=np.inf)) | (own > usual.max(initial=-np.inf))].tolist()
            if changed:
                warn_caller(
                    f"X: column {columns[k].name!r} holds {changed[0]:g}, but did not change in fit: what it does is "
                    "not known, and forecasts do not follow it"
                )
                return

    def last(self, lengths: np.ndarray) -> ScaledCovariates:
        """Their ends, of series with so many rows."""
        rows = np.cumsum(lengths) - 1
        return replace(self, numbers=self.numbers[rows], codes=self.codes[rows])

    def take(self, rows: np.ndarray) -> ScaledCovariates:
        """The ends of some series."""
        return replace(self, centre=self.centre[rows], numbers=self.numbers[rows], codes=self.codes[rows])

    def behind(self, new: Covariates, series: np.ndarray, counts: np.ndarray) -> ScaledCovariates:
        """The ends of series, some of which (m,) went on for so many rows of `new` each."""
        last, moved = (np.cumsum(counts) - 1)[counts > 0], series[counts > 0]
        values, codes = self.scales.scaled(new.take(last), self.centre[moved])
        found = replace(self, numbers=self.numbers.copy(), codes=self.codes.copy())
        static = self.scales.having("static")
        found.numbers[moved] = np.where(static[0], self.numbers[moved], values)
        found.codes[moved] = np.where(static[1], self.codes[moved], codes)
        return found


def learn_scales(found: Covariates, offsets: np.ndarray, *, in_encoder: bool = False) -> CovariateScales:
    """What the rows of the series of a fit say of each covariate."""
    numbers, columns = found.numbers, [c for c in found.columns if c.kind != "category"]
    known, static = np.isfinite(numbers), np.array([c.role == "static" for c in columns], bool)
    kinds = np.array([c.kind for c in columns], dtype=str)
    stays = ((numbers == 0.0) | (numbers == 1.0) | ~known).all(axis=0) | (kinds == "plain")
    first = numbers[offsets[:-1]]  # static: one value a series, however long that is
    middle, spread = np.zeros(len(columns)), np.ones(len(columns))
    for column in range(len(columns)):
        values = first[:, column] if static[column] else numbers[:, column]
        if stays[column]:
            spread[column] = float(_moves(values))
            continue
        own = values if static[column] else medians(values, offsets)
        middle[column] = _median(own)
        centre = middle[column] if static[column] else own.repeat(np.diff(offsets))
        spread[column] = _spread(values - centre)
    return CovariateScales(
        columns=found.columns, centred=~stays & ~static, middle=middle, spread=spread, gaps=~known.all(axis=0),
        seen=tuple(_seen(found.codes[:, code]) for code in known_first(roles_of(found.columns, True))),
        in_encoder=in_encoder,
    )  # fmt: skip


def roles_of(columns: tuple[Covariate, ...], are_categories: bool) -> np.ndarray:
    """Of the categories, or of the others."""
    return np.array([column.role for column in columns if (column.kind == "category") == are_categories], object)


def known_first(roles: np.ndarray) -> np.ndarray:
    """The order in which what is known ahead comes first."""
    return np.argsort(roles != "known", kind="stable")


def medians(values: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """The median (n_series,) of the values of each series that are there, NaN without any.

    Series of about the same length are sorted together, as the rows of an array.
    """
    lengths, found = np.diff(offsets), np.empty(len(offsets) - 1)
    about = np.frexp(lengths)[1]
    for power in np.unique(about):
        rows = np.flatnonzero(about == power)
        step = np.arange(lengths[rows].max())
        inside = step < lengths[rows, None]
        ordered = np.sort(np.where(inside, values[np.where(inside, offsets[rows, None] + step, 0)], np.nan), axis=1)
        count = np.isfinite(ordered).sum(axis=1)  # NaN is last
        each = np.arange(len(rows))
        middle = 0.5 * ordered[each, np.maximum(count - 1, 0) // 2] + 0.5 * ordered[each, count // 2]
        found[rows] = np.where(count > 0, middle, np.nan)
    return found


def _median(values: np.ndarray) -> float:
    """That of the values that are there, 0 without any."""
    there = values[np.isfinite(values)]
    return float(np.median(there)) if len(there) else 0.0


def _moves(values: np.ndarray) -> bool:
    there = values[np.isfinite(values)]
    return len(there) > 0 and bool((there != there[0]).any())


def _spread(away: np.ndarray) -> float:
    """The usual size of departures from the centre, where there are any: that of rare events is not 0."""
    size = np.abs(away[np.isfinite(away)])
    moved = size[size > STILL * size.max(initial=0.0)]
    return NORMAL * float(np.median(moved)) if len(moved) else 0.0


def _seen(codes: np.ndarray) -> np.ndarray:
    """The sorted codes of a category, of which there is one at least, but for -1, which is none."""
    found = np.unique(codes[codes >= 0])
    return found if len(found) else np.zeros(1, np.int64)


def _among(seen: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """The place of each code among those that fit has seen, behind the last where it has not."""
    place = np.minimum(np.searchsorted(seen, codes), len(seen) - 1)
    return np.where(seen[place] == codes, place, len(seen)).astype(float)
