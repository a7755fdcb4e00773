"""A trained forecaster: what it keeps, and how it forecasts and draws futures."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from forecastrnn.data.static_input import StaticCoding
from forecastrnn.engine.memory import check_fits
from forecastrnn.forecasting.bounds import Rule, limits_of
from forecastrnn.forecasting.calibration import Intervals
from forecastrnn.forecasting.ends import SeriesEnds, rows_ahead, take
from forecastrnn.forecasting.forecasts import forecast
from forecastrnn.forecasting.input_layout import InputLayout
from forecastrnn.forecasting.mixture import NETWORK, Mixture
from forecastrnn.forecasting.naive_series import Chosen, NaiveSeries
from forecastrnn.forecasting.raw_values import as_domain, middle_of
from forecastrnn.forecasting.reading import ReadingOptions
from forecastrnn.forecasting.seen import Seen
from forecastrnn.forecasting.series_codes import SeriesCodes
from forecastrnn.forecasting.settings import Settings
from forecastrnn.forecasting.steady import NoisyPaths, steady_mean
from forecastrnn.forecasting.stream import ForecastStream
from forecastrnn.forecasting.stream_plan import StreamPlan
from forecastrnn.forecasting.trained import Trained
from forecastrnn.naming import is_among
from forecastrnn.networks.draws import drawn
from forecastrnn.networks.network import AnyNetwork

if TYPE_CHECKING:
    from forecastrnn.data.calendar import CalendarColumns
    from forecastrnn.data.covariate_values import Covariate, Covariates
    from forecastrnn.data.series import SeriesSet, TimeAxis

OUTERMOST = 1e-6  # share of a draw from 0 and 1, at least: float32 can tell them apart
AT_ONCE = 2**22  # values of paths that are drawn together
PATH_BYTES = 16  # of a value of a path: as it is found, and in the unit of its series
VALUE_BYTES = 40  # of a drawn value: its residual, itself, and what is between


@dataclass(frozen=True, kw_only=True)
class Model:
    """All that a fitted forecaster holds: replaced in one assignment when a fit has succeeded.

    naive_errors : mean absolute error of the seasonal naive forecast in each series of fit, which model files lack.
    tail, residuals, axis : of the series that the networks have learned from; naive : those too short for it;
    floors : which series never were negative and yet could be forecast so, None: there is none. calendar : what is read
    of dates, whose columns lie behind those of other covariates. mixture : what the networks are mixed with. recent
    (all series, values): the last ones as they were given, for pictures; None in files from before there were any.
    seen : what all series of fit were like, which older files do not say. library : whose frames forecasts are.
    """

    network: AnyNetwork
    trained: Trained
    settings: Settings
    tail: SeriesEnds
    residuals: np.ndarray  # (members, n_series, RESIDUALS), scaled
    axis: TimeAxis
    reading: ReadingOptions
    strategy: str
    static: StaticCoding | None = None
    naive_errors: np.ndarray | None = None
    intervals: Intervals | None = None
    naive: NaiveSeries | None = None
    floors: np.ndarray | None = None
    calendar: CalendarColumns | None = None
    mixture: Mixture | None = None
    recent: np.ndarray | None = None
    seen: Seen | None = None
    library: str = "pandas"

    @property
    def layout(self) -> InputLayout:
        """What the networks read."""
        return self.tail.prepared.layout

    @property
    def weights(self) -> tuple[tuple[str, ...], np.ndarray]:
        """Names of what is mixed, the networks first, and how much each counts in each series: (n_series, 1 + k)."""
        if self.mixture is None or self.tail.candidates is None:
            return (NETWORK,), np.ones((self.tail.n_series, 1))
        return (NETWORK, *self.mixture.names), self.tail.candidates.weights

    @property
    def covariates(self) -> tuple[Covariate, ...]:
        """What it reads beside the series; (): nothing."""
        return self.tail.prepared.covariates.scales.columns if self.tail.prepared.covariates else ()

    @property
    def given_covariates(self) -> tuple[Covariate, ...]:
        """Those that callers give: all but the columns of the calendar."""
        made = self.calendar.columns if self.calendar else ()
        return self.covariates[: len(self.covariates) - len(made)]

    def dated(self, read: SeriesSet) -> SeriesSet:
        """Series with the columns of the calendar, if there is one."""
        return read if self.calendar is None else self.calendar.beside(read)

    @property
    def codes(self) -> SeriesCodes:
        """What the codes of a series say: there are more embeddings than categories where it has a vector."""
        categories = self.layout.categories + (len(self.static.names) if self.static else 0)
        has_vectors = len(self.settings.embeddings) > categories
        return SeriesCodes(self.tail.n_series if has_vectors else 0, self.static)

    @property
    def whole_axis(self) -> TimeAxis:
        """Of all series that it forecasts."""
        return self.naive.axis if self.naive else self.axis

    @property
    def n_series(self) -> int:
        """Series that it forecasts."""
        return self.whole_axis.n_series

    @property
    def short_ids(self) -> list:
        """Names of the series of fit that were too short to learn from."""
        return [self.naive.axis.ids[place] for place in self.naive.places.tolist()] if self.naive else []

    @property
    def n_members(self) -> int:
        """Networks that forecast each series."""
        return len(self.trained.thetas)

    @property
    def flat_thetas(self) -> np.ndarray:
        """The parameters (k, size) of all networks."""
        return self.trained.thetas.reshape(-1, self.trained.thetas.shape[2])

    def networks_of(self, own: np.ndarray, member: np.ndarray | None = None) -> np.ndarray:
        """Which of them each member (k,) is, all in turn; of local networks, for each series of fit `own`: (k, n)."""
        member = np.arange(self.n_members) if member is None else member
        return member[:, None] * self.trained.thetas.shape[1] + own if self.trained.is_local else member

    def paths(
        self, tail: SeriesEnds, own: np.ndarray, h: int, member: np.ndarray, device: str, *,
        ahead: Covariates | None, noise: np.ndarray | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Paths (len(member), n_series, h) in the unit of the series; `own`: the row of each series in fit.

        ahead : covariates (n_series * h rows) of the times that are forecast; None: as in the last one that is known.
        """
        check_paths(h, len(member), tail.n_series, self.layout.covariates)
        which = self.networks_of(own, member)
        states = tail.carried.states[member] if tail.carried is not None and tail.carried.has_states else None
        found = forecast(
            self.network, self.flat_thetas, tail, self.settings, h, which, noise=noise, states=states, device=device,
            ahead=rows_ahead(tail, h, ahead, self.settings.horizon),
        )  # fmt: skip
        return as_domain(tail.prepared.inverse(found), self.settings.likelihood)

    def mixed_as(self, other: Model) -> Model:
        """It, mixed with candidates as the model of the same series whose forecasts are wanted."""
        return replace(self, mixture=other.mixture, tail=replace(self.tail, candidates=other.tail.candidates))

    def check_recursive(self, method: str, why: str) -> None:
        """Refuse a method that the direct strategy does not have."""
        if self.strategy == "direct":
            raise ValueError(f'{method} needs strategy="recursive" or "seq2seq": {why}.')

    def check_horizon(self, last: int, argument: str = "h") -> None:
        """Refuse a step that the direct strategy has not learned."""
        horizon = self.settings.horizon
        if self.strategy == "direct" and last > horizon:
            raise ValueError(
                f'{argument}={last} is more than horizon={horizon}, which strategy="direct" was trained for. Fit '
                "with a larger horizon, or use another strategy."
            )

    def check_learned(self, ids: Iterable[Hashable], method: str) -> None:
        """Refuse series of fit that no network has learned from."""
        short = set(self.short_ids)
        found = next((name for name in ids if is_among(name, short)), None)
        if found is not None:
            raise ValueError(
                f"{method}: series {found!r} was too short to learn from in fit, and is forecast by its seasonal naive "
                "value, which does not go on value by value. Fit again with its whole history when it is long enough."
            )

    def point(self, chosen: Chosen, h: int, device: str, ahead: Covariates | None = None) -> np.ndarray:
        """The forecast (n_series, h) of all series of a call; ahead : covariates (n_series * h rows) of these times."""
        tail, own = chosen.tail, chosen.ahead_of_learned(ahead, h)
        found = self.median(tail, chosen.own, h, device, own) if tail.n_series else np.empty((0, h))
        return chosen.clip(chosen.whole(found))

    def median(
        self, tail: SeriesEnds, own: np.ndarray, h: int, device: str, ahead: Covariates | None = None
    ) -> np.ndarray:
        """The forecast (n_series, h) of series, in their unit: the members' median, mixed with candidates."""
        network = self.network_median(tail, own, h, device, ahead)
        return network if self.mixture is None else self._mixed(self.mixture, network, tail)

    def _mixed(self, mixture: Mixture, network: np.ndarray, tail: SeriesEnds) -> np.ndarray:
        assert tail.candidates is not None
        return mixture.mixed(network, tail.candidates, ~tail.prepared.linear)

    def network_median(
        self, tail: SeriesEnds, own: np.ndarray, h: int, device: str, ahead: Covariates | None = None
    ) -> np.ndarray:
        """The members' median forecast (n_series, h), in the unit of the series."""
        if h > 1 and self.layout.steady and self.strategy != "direct" and self.settings.likelihood is None:
            given = NoisyPaths(self.paths, self.residuals, self.tail.prepared.scale)
            return steady_mean(given, tail, own, h, device, ahead)
        found = self.paths(tail, own, h, np.arange(self.n_members), device, ahead=ahead)
        return middle_of(found, is_counted=self.settings.is_counted)

    def futures(
        self, chosen: Chosen, h: int, count: int, *, rng: np.random.RandomState, known: bool, device: str,
        ahead: Covariates | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Paths (count, n_series, h) of all series of a call, as `draw` makes them; ahead as in `point`."""
        tail, own, naive = chosen.tail, chosen.own, chosen.naive
        check_size(h, count, tail.n_series)
        found = np.empty((count, 0, h))
        if tail.n_series:
            ahead = chosen.ahead_of_learned(ahead, h)
            found = self.draw(tail, own, h, count, rng=rng, known=known, device=device, ahead=ahead)
        borrowed = None if naive is None else self._borrowed(naive, h, count, rng, device)
        return chosen.clip(chosen.whole(found, borrowed))

    def _borrowed(self, naive: NaiveSeries, h: int, count: int, rng: np.random.RandomState, device: str) -> np.ndarray:
        """Futures (count, n, h) of series too short for errors of their own: those of series of fit, in proportion."""
        n = len(naive.places)
        check_size(h, count, n)
        donors = _places(rng, self.tail.n_series, (count * n,))
        tail = take(self.tail, donors)
        paths = self.draw(tail, donors, h, 1, rng=rng, known=True, device=device)[0]
        errors = (paths - self.median(tail, donors, h, device)) / tail.prepared.size[:, None]
        return naive.with_errors(errors.reshape(count, n, h))

    def draw(
        self, tail: SeriesEnds, own: np.ndarray, h: int, count: int, *, rng: np.random.RandomState,
        known: bool, device: str, ahead: Covariates | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Paths (count, n_series, h), each with residuals fed back, from one member in turn.

        `known`: the series are those of fit, so each has residuals of its own. With a likelihood, draws are fed back.
        """
        check_size(h, count, tail.n_series)
        if self.settings.likelihood is not None:
            shares = drawn(rng.random_sample, (count, tail.n_series, h))
            return self._drawn(tail, own, shares, device, ahead)
        n, known = tail.n_series, known or self.trained.is_local
        source = np.tile(own, (count, 1)) if known else _places(rng, len(self.residuals[0]), (count, n))
        pick = _places(rng, self.residuals.shape[2], (count, n, h))
        return self._with_residuals(tail, own, source, pick, device, ahead)

    def draw_alike(
        self, tail: SeriesEnds, own: np.ndarray, h: int, count: int, *, known: bool, device: str,
        ahead: Covariates | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Paths (count, n_series, h) as those of `draw`, of the same draws for all series, however many steps."""
        check_size(h, count, tail.n_series)
        if self.settings.likelihood is not None:
            shares = np.broadcast_to(even_shares(count, h)[:, None], (count, tail.n_series, h))
            return self._drawn(tail, own, shares, device, ahead)
        rng, shape = np.random.RandomState(0), (count, tail.n_series)
        donors = rng.randint(len(self.residuals[0]), size=(count, 1))
        source = np.broadcast_to(own if known or self.trained.is_local else donors, shape)
        pick = rng.randint(self.residuals.shape[2], size=(h, count)).T[:, None]
        return self._with_residuals(tail, own, source, np.broadcast_to(pick, (*shape, h)), device, ahead)

    def _drawn(
        self, tail: SeriesEnds, own: np.ndarray, shares: np.ndarray, device: str, ahead: Covariates | None
    ) -> np.ndarray:
        """Paths by the shares (count, n_series, h) of their draws, each from one member in turn."""
        member, found = np.arange(len(shares)) % self.n_members, np.empty(shares.shape)
        for part in slices(len(shares), shares[0].size):
            inside = np.clip(shares[part], OUTERMOST, 1.0 - OUTERMOST)
            found[part] = self.paths(tail, own, shares.shape[2], member[part], device, ahead=ahead, noise=inside)
        return found

    def _with_residuals(
        self, tail: SeriesEnds, own: np.ndarray, source: np.ndarray, pick: np.ndarray, device: str,
        ahead: Covariates | None,
    ) -> np.ndarray:  # fmt: skip
        """Paths with residual pick (count, n_series, h) of series source (count, n_series) at each step."""
        member, move = np.arange(len(pick)) % self.n_members, self._to_mixture(tail, own, pick.shape[2], device, ahead)
        found = np.empty(pick.shape)
        for part in slices(len(pick), pick[0].size):
            noise = np.take_along_axis(self.residuals[member[part, None], source[part]], pick[part], axis=2)
            found[part] = move(self.paths(tail, own, pick.shape[2], member[part], device, ahead=ahead, noise=noise))
        return found

    def _to_mixture(
        self, tail: SeriesEnds, own: np.ndarray, h: int, device: str, ahead: Covariates | None
    ) -> Callable[[np.ndarray], np.ndarray]:
        """Moves paths about the networks' median to the mixture: by their ratio where the series is of logarithms."""
        if self.mixture is None:
            return lambda paths: paths
        network = self.network_median(tail, own, h, device, ahead)
        mixed, linear = self._mixed(self.mixture, network, tail), tail.prepared.linear[:, None]
        change, ratio = mixed - network, np.where(linear, 1.0, mixed / network)
        return lambda paths: np.where(linear, paths + change, paths * ratio)

    def stream(
        self, series: Hashable, rule: Rule = None, ahead: Covariates | None = None,
        read: Callable[[object], Covariates] | None = None,
    ) -> ForecastStream:  # fmt: skip
        """A stream that goes on from the end of one series of fit; rule: of what its forecasts do not pass.

        ahead : covariates (1 row) of the first time behind the end; read : makes those of a later one of what `step` is
        given.
        """
        self.check_learned([series], "stream")
        if series is None and self.tail.n_series > 1:
            raise ValueError(
                f"series must name one of the {self.tail.n_series} series of fit, for example {self.axis.ids[0]!r}."
            )
        row = self.axis.position([series]) if series is not None else np.array([0])
        column = row[0] if self.trained.is_local else 0
        thetas = list(self.trained.thetas[:, column])
        floors = np.zeros(1, bool) if self.floors is None else self.floors[row]
        tail, limits = take(self.tail, row), limits_of(rule, floors)
        dates = None if self.calendar is None else self.calendar.along(self.axis.take(row))
        known_ahead = StreamPlan(tail, ahead, read, dates)
        return ForecastStream(
            self.network, thetas, tail, self.settings, limits=limits, plan=known_ahead, mixture=self.mixture
        )


def _places(rng: np.random.RandomState, of: int, shape: tuple[int, ...]) -> np.ndarray:
    """Whole numbers below `of`, by chance."""
    return drawn(partial(rng.randint, of), shape, np.int64)


def slices(count: int, each: int) -> list[slice]:
    """Parts of `count` paths of so many values: what is between takes little memory, and Ctrl-C is heard soon."""
    step = max(1, AT_ONCE // max(each, 1))
    return [slice(at, at + step) for at in range(0, count, step)]


def even_shares(count: int, h: int) -> np.ndarray:
    """Shares (count, h) that are even at each step, in an order of its own: those of the first steps are always so."""
    rng = np.random.RandomState(0)
    return np.stack([(rng.permutation(count) + 0.5) / count for _ in range(h)], axis=1)


def check_size(h: int, n_paths: int, n_series: int, copies: int = 1) -> None:
    """Refuse more values than memory can hold, so many times."""
    what = f"n_paths={n_paths} is too large: {h} steps of {n_series} series"
    check_fits(VALUE_BYTES * h * n_paths * n_series * copies, what, "Draw fewer paths at once.")


def check_paths(h: int, n_paths: int, n_series: int, columns: int) -> None:
    """Refuse forecasts, and rows of so many covariates before them, that memory cannot hold."""
    need = h * n_series * (PATH_BYTES * n_paths + 8 * columns)
    check_fits(need, f"h={h}: {n_paths} paths of {n_series} series", "Forecast fewer steps or series at a time.")
