"""What the default forecaster's network reads at each time, from scaled values and their trailing means.

At time t, to forecast t + 1: z_t - a_t, a_t - a_(t-m), a_t - a_(t-L); with lags also the values one season, one
period and two seasons before t + 1, relative to the trailing means; with older means those of blocks of values, one
behind the other from t back, relative to a_t; with the long-run mean that of all values up to t, relative to a_t; two
harmonics of the phase of t + 1; log of the scale, whether the series is linear, log(L / m). First the raw columns (for
the linear skip), then asinh of them. Covariates frame these: the raw ones in front, asinh of them behind, and then
codes of categories.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from forecastrnn.engine.input_formulas import LAGS, PHASE, PLAIN, STATIC

SHORTEST_MEAN = 4  # values of a trailing mean, at least


@dataclass(frozen=True, kw_only=True)
class InputLayout:
    """What the network reads at each time: which columns there are, and how far back they reach.

    season : steps; second_lag : the third of the lags: two seasons, if any period of the series in fit is that long;
    with_lags : whether values of one season ago are among the columns; older_means : length and count of blocks, in
    turn; longer : periods in seasons, beside the season, whose figures are removed; (): one, where it is found.
    covariates, categories : columns of numbers and of codes that are no values of the series; known_ahead : so many
    of both, the first ones, are known ahead; with_long_run : whether the mean of all values so far is among the
    columns; steady : series are prepared for a mean that stays; squashed : the raw columns of linear series are asinh
    of them too: the logarithm of a mean that is in proportion to them would grow without end where it is fed back;
    for_any : networks read series of any season and noise: each in units of its own usual change, so that small changes
    are learned as well as large ones, and with columns of the phase where there is no season as well.
    """

    season: int
    second_lag: int
    with_lags: bool
    older_means: tuple[int, ...] = ()
    longer: tuple[int, ...] = field(default=(), metadata={"later": True})
    covariates: int = field(default=0, metadata={"later": True})
    categories: int = field(default=0, metadata={"later": True})
    known_ahead: tuple[int, int] = field(default=(0, 0), metadata={"later": True})
    with_long_run: bool = field(default=False, metadata={"later": True})
    steady: bool = field(default=False, metadata={"later": True})
    squashed: bool = field(default=False, metadata={"later": True})
    for_any: bool = field(default=False, metadata={"later": True})

    @property
    def long_run_kind(self) -> int:
        """How kernels take all three: 0, 1, or 2 squashed, 3 for any, which go with the long-run mean alone."""
        return 3 if self.for_any else 2 if self.squashed else int(self.with_long_run)

    @property
    def has_covariates(self) -> bool:
        """Whether rows hold what cannot be found from the series themselves."""
        return self.covariates + self.categories > 0

    @property
    def mean_width(self) -> int:
        """Values of a trailing mean."""
        return max(self.season, SHORTEST_MEAN)

    @property
    def n_columns(self) -> int:
        """Raw columns; the network reads as many again, squashed."""
        lags, phase = LAGS if self.with_lags else 0, PHASE if self.season >= 2 or self.for_any else 0
        means = sum(self.older_means[1::2]) + self.with_long_run
        return self.covariates + PLAIN + lags + means + phase + STATIC

    @property
    def reach(self) -> int:
        """Values from a time back that the older means cover."""
        return sum(length * count for length, count in zip(self.older_means[::2], self.older_means[1::2], strict=True))

    def past(self, longest_period: int) -> int:
        """Values of each series that a forecast needs."""
        means = max(longest_period, 2 * self.season) + self.mean_width + 2
        return max(means, self.reach + 1)
