"""From raw series to what the network learns: level, season and scale removed; and back again."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.data.row_ranges import rows_between
from forecastrnn.engine.cpu.levels import read_levels
from forecastrnn.engine.cpu.series import mean_changes, pad_left
from forecastrnn.engine.memory import check_fits
from forecastrnn.forecasting.covariates import CovariateScales, ScaledCovariates, learn_scales
from forecastrnn.forecasting.input_layout import SHORTEST_MEAN, InputLayout
from forecastrnn.forecasting.seasonal import longest_multiple, remove_figures

if TYPE_CHECKING:
    from forecastrnn.data.covariate_values import Covariates

NOISE = 0.1  # scale = sqrt(NOISE * mean change over a period): the network still sees how noisy a series is
FLOOR = 1e-4  # of the scale: a constant series stays finite
QUIETEST = 1e-5  # mean change of a series, at least, where that is the scale
MOST_LOG = 30.0  # a series of logarithms is not forecast further than e^30 times its level, or less than e^-30
FINEST = 2.0**-20  # of scaled values of linear series: what rounding of another unit or level leaves is the same
VALUE_BYTES = 128  # for one scaled value: itself, whether it counts, what the network reads


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Scaled series end to end, each behind `pads[i]` values that repeat its first season.

    layout : what networks read of them; z : (total,) scaled, without season; observed : (total,) whether a value counts
    in the loss; starts : (n_series + 1,) where each begins in z; level, shift, linear : y = level * exp(z), or shift +
    level * z, None: no series has a shift;
    after : (n_series, room) seasonal figure behind the end, repeating with `period_of`; context, ahead : steps of a
    window; covariates : of each value without padding, None: there are none; figure
    (total,) : of series that are learned as they are, the seasonal figure that was removed.
    """

    layout: InputLayout
    context: int
    ahead: int
    z: np.ndarray
    observed: np.ndarray
    starts: np.ndarray
    pads: np.ndarray
    period_of: np.ndarray
    scale: np.ndarray
    level: np.ndarray
    linear: np.ndarray
    after: np.ndarray
    n_observations: int
    covariates: ScaledCovariates | None = None
    figure: np.ndarray | None = None
    shift: np.ndarray | None = None

    @property
    def n_series(self) -> int:
        """Number of series."""
        return len(self.period_of)

    @property
    def static(self) -> np.ndarray:
        """Columns that stay the same for a series: (n_series, 3)."""
        in_seasons = np.log(self.period_of / self.layout.season)
        return np.stack([np.log(self.scale) + 3.0, self.linear.astype(float), in_seasons], axis=1)

    @property
    def known(self) -> np.ndarray:
        """Values of each series without its padding: (n_series,)."""
        return np.diff(self.starts) - self.pads

    @property
    def size(self) -> np.ndarray:
        """About how large the values of each series are: (n_series,)."""
        return self.level if self.shift is None else np.maximum(self.level, np.abs(self.shift))

    def read_with(
        self, *, lags: bool = False, older_means: tuple[int, ...] = (), long_run: bool = False
    ) -> Prepared:  # fmt: skip
        """The same series, for networks that read these columns too."""
        layout = replace(self.layout, with_lags=lags, older_means=older_means, with_long_run=long_run)
        return replace(self, layout=replace(layout, squashed=self.figure is not None))

    def with_covariates(
        self, found: Covariates, offsets: np.ndarray, scales: CovariateScales | None = None, *, in_encoder: bool = False
    ) -> Prepared:
        """The same series beside these covariates, a row for each value; scales: those of a fit, None: this is one."""
        rows, own = rows_between(offsets[1:] - self.known, offsets[1:])  # leading gaps are gone
        found = found.take(rows)
        scales = scales or learn_scales(found, own, in_encoder=in_encoder)
        layout = replace(self.layout, covariates=scales.width, categories=len(scales.seen), known_ahead=scales.n_known)
        return replace(self, layout=layout, covariates=ScaledCovariates.of(scales, found, own))

    def others(
        self, values: np.ndarray, offsets: np.ndarray, covariates: Covariates | None = None, *, is_raw: bool = False,
        least: float = 0.0,
    ) -> Prepared:  # fmt: skip
        """Other series, prepared as these were, for the same networks."""
        layout = self.layout
        found = prepare(
            values, offsets, layout.season, self.context, self.ahead, longer=layout.longer, steady=layout.steady,
            is_raw=is_raw, least=least, for_any=layout.for_any,
        )  # fmt: skip
        found = replace(found, layout=layout)
        if self.covariates is None:
            return found
        assert covariates is not None
        return found.with_covariates(covariates, offsets, self.covariates.scales)

    def part(self, lo: int, hi: int) -> Prepared:
        """Series lo .. hi alone, without covariates: what is read of these is made before."""
        begin, end = self.starts[[lo, hi]]
        observed = self.observed[begin:end]
        return replace(
            self, z=self.z[begin:end], observed=observed, starts=self.starts[lo : hi + 1] - begin,
            pads=self.pads[lo:hi], period_of=self.period_of[lo:hi], scale=self.scale[lo:hi], level=self.level[lo:hi],
            linear=self.linear[lo:hi], after=self.after[lo:hi], n_observations=int(observed.sum()), covariates=None,
            figure=None if self.figure is None else self.figure[begin:end],
            shift=None if self.shift is None else self.shift[lo:hi],
        )  # fmt: skip

    def season_ahead(self, h: int) -> np.ndarray:
        """The seasonal figure of the h steps behind the end of each series: (n_series, h)."""
        found: np.ndarray = np.take_along_axis(self.after, np.arange(h)[None, :] % self.period_of[:, None], axis=1)
        return found

    def inverse(self, paths: np.ndarray) -> np.ndarray:
        """Scaled paths (..., n_series, h) behind the end of each series, in the series' own unit."""
        z = paths * self.scale[:, None] + self.season_ahead(paths.shape[-1])
        curved = np.exp(np.clip(np.where(self.linear[:, None], 0.0, z), -MOST_LOG, MOST_LOG))
        found = np.where(self.linear[:, None], z, curved) * self.level[:, None]
        return found if self.shift is None else found + self.shift[:, None]


def bridge(z: np.ndarray, known: np.ndarray, offsets: np.ndarray) -> None:
    """Gaps in line between the known values around them, level behind the last; each series begins with one."""
    gaps, places = np.flatnonzero(~known), np.flatnonzero(known)
    following = gaps - np.arange(len(gaps))  # so many values before a gap are known
    before, after = places[following - 1], places[np.minimum(following, len(places) - 1)]
    end = offsets[np.searchsorted(offsets, gaps, side="right")]
    inside = (after > gaps) & (after < end)
    share = np.where(inside, gaps - before, 0) / np.where(inside, after - before, 1)
    z[gaps] = z[before] + share * (z[after] - z[before])


def check_memory(n_values: int, n_series: int, season: int, window: int) -> None:
    """Refuse what cannot fit into memory before anything is allocated for it; `window`: steps that were asked for."""
    asked = f" and {window} more steps asked for" if window else ""
    what = f"y: {n_values} values in {n_series} series with a season of {season} steps{asked}"
    advice = "Take fewer or shorter series, or a shorter season_length."
    check_fits(VALUE_BYTES * (n_values + n_series * (3 * season + window)), what, advice)


def drop_leading_gaps(values: np.ndarray, offsets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Series without their leading NaN, and the new offsets."""
    finite = np.flatnonzero(np.isfinite(values))
    first = finite[np.searchsorted(finite, offsets[:-1])]
    series = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    keep = np.arange(len(values)) >= first[series]
    return values[keep], np.concatenate([[0], np.cumsum(offsets[1:] - first)])


def usual_context(season: int) -> int:
    """Steps that networks read before a forecast, where series are long enough."""
    return int(np.clip(2 * season, 24, 72))


def window_steps(season: int, longest: int) -> tuple[int, int]:
    """Steps of context, and steps more, that training windows have; fewer where all series are short."""
    context, ahead = usual_context(season), int(np.clip(2 * season, 18, 48))
    if longest < context + ahead + 2 * season:
        context = max(8, longest - ahead - 2 * season)
    return context, ahead


def prepare(
    values: np.ndarray, offsets: np.ndarray, season: int, context: int | None = None, ahead: int | None = None, *,
    longer: tuple[int, ...] = (), steady: bool = False, is_raw: bool = False, least: float = 0.0, for_any: bool = False,
) -> Prepared:  # fmt: skip
    """Remove level, season and scale from each series.

    Parameters
    ----------
    values : (total,) float64, all series end to end; NaN is missing
    offsets : (n_series + 1,)
    season : season length, at least 1
    context : context length of windows; default from the season
    ahead : steps of a window behind its context; default from the season
    longer : longer seasons, of so many seasons; () : one is looked for
    steady : as a mean asks for that stays where it is: no logarithm, and the figure by squared errors
    is_raw : values are learned as they are: the figures are kept
    least : a series becomes logarithms whose values all are above this
    for_any : for networks that read any series, each in units of its own usual change

    Returns
    -------
    Prepared

    Raises
    ------
    ValueError
        If the series would not fit into memory.
    """
    check_memory(len(values), len(offsets) - 1, season, (context or 0) + (ahead or 0) + season * max(longer, default=0))
    values, offsets = drop_leading_gaps(values, offsets)
    count, width = len(offsets) - 1, max(season, SHORTEST_MEAN)
    z, removed = values.copy(), np.empty(len(values))
    level, shift, scale = np.empty((3, count))
    linear, periods = np.empty(count, bool), np.empty(count, np.int64)
    longest = int(np.diff(offsets).max())
    after = np.empty((count, longest_multiple(longest, season, longer) * season))
    known = np.isfinite(values)
    bridge(z, known, offsets)
    read_levels(z, offsets, (width, np.inf if steady else least, is_raw), (level, shift, linear))
    remove_figures(z, offsets, season, removed, after, periods, longer=longer, steady=steady)
    z -= removed
    bridge(z, known, offsets)  # again: a line between two seasons is not one without them
    mean_changes(z, offsets, periods, scale)
    scale = np.maximum(scale, QUIETEST if for_any else 1e-9)
    scale = scale if for_any else np.maximum(np.sqrt(NOISE * scale), FLOOR)
    usual = window_steps(season, longest)
    context, ahead = context or usual[0], ahead or usual[1]
    pads = np.maximum(periods, 2 * season) + width + context + ahead + 1
    starts = np.concatenate([[0], np.cumsum(np.diff(offsets) + pads)])
    padded, observed = np.empty(starts[-1]), np.zeros(starts[-1], bool)
    pad_left((z, known, offsets), periods, scale, (pads, starts), (padded, observed))
    if not is_raw:
        rows = np.repeat(linear, np.diff(starts))
        padded[rows] = np.round(padded[rows] / FINEST) * FINEST
    layout = InputLayout(
        season=season, second_lag=second_lag(season, periods, for_any=for_any), with_lags=False, longer=longer,
        steady=steady, for_any=for_any,
    )  # fmt: skip
    return Prepared(
        layout=layout, context=context, ahead=ahead, z=padded, observed=observed, starts=starts, pads=pads,
        period_of=periods, scale=scale, level=level, linear=linear, after=after, n_observations=int(known.sum()),
        figure=_padded(removed, offsets, starts, pads) if is_raw else None, shift=shift if shift.any() else None,
    )  # fmt: skip


def second_lag(season: int, periods: np.ndarray, *, for_any: bool) -> int:
    """The third of the lags: two seasons if any period is that long; always, where other series are to come."""
    return 2 * season if for_any else min(2 * season, int(periods.max()))


def _padded(values: np.ndarray, offsets: np.ndarray, starts: np.ndarray, pads: np.ndarray) -> np.ndarray:
    """Values of series where they lie behind their padding, which is 0."""
    out = np.zeros(starts[-1])
    out[rows_between(starts[:-1] + pads, starts[1:])[0]] = values
    return out
