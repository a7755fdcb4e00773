"""What the parameters of a forecaster ask for, read once, and what they need of the series."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from forecastrnn.data.caller_warnings import warn_caller
from forecastrnn.forecasting.bounds import Rule
from forecastrnn.forecasting.conformal import ConformalPlan
from forecastrnn.forecasting.input_layout import InputLayout
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.period_search import FEWEST, FEWEST_DATED, find_season
from forecastrnn.forecasting.preparation import Prepared
from forecastrnn.forecasting.reading import SHORTEST, ReadingOptions
from forecastrnn.forecasting.settings import Settings
from forecastrnn.forecasting.start import Start
from forecastrnn.forecasting.trained import Trained

if TYPE_CHECKING:
    from forecastrnn.data.calendar import CalendarColumns, CalendarOptions
    from forecastrnn.data.series import SeriesSet


@dataclass(frozen=True, kw_only=True)
class FitPlan:
    """What a forecaster is to learn, and from what.

    members : how they are trained, without the embeddings, which follow from the series; reading, later : how series
    are read in fit, and to be forecast; context, horizon, older_means, long_run : as they were given; seasons : those
    that were given, in steps; random_state : what the seeds of the members are drawn from when all is checked;
    intervals : how they are made; bounds : what forecasts do not pass; calendar : what is read of dates;
    candidates : names of what networks are mixed with; looks : whether a season is looked for where none is named;
    usual_batch : whether the windows of a mini-batch are as many as the series ask for. start : where networks begin,
    None: anew. draws : whether futures may be drawn, for which errors of the networks are kept.
    """

    members: Settings
    strategy: str
    reading: ReadingOptions
    later: ReadingOptions
    context: int | None
    horizon: int | None
    seasons: tuple[int, ...]
    older_means: Literal["auto"] | tuple[int, ...]
    long_run: Literal["auto"] | bool
    n_members: int
    id_embedding_dim: int | None
    random_state: object
    device: str
    intervals: ConformalPlan | Literal["paths"] | None
    bounds: Rule
    calendar: CalendarOptions | None = None
    candidates: tuple[str, ...] = ()
    looks: bool = True
    usual_batch: bool = False
    start: Start | None = None
    draws: bool = True

    def _warn_of_long_seasons(self, read: SeriesSet) -> None:
        """Tell of seasons that were named and are in no series as often as is needed to learn anything of them."""
        longest = int(np.diff(read.offsets).max())
        needed = [("two", 2), *[("three", 3)] * len(self.seasons[1:])]
        for season, (often, times) in zip(self.seasons, needed):
            if longest < times * season:
                warn_caller(f"season_length: no series has {often} seasons of {season} steps, so none is learned")
                return

    def season(self, read: SeriesSet, usual: int, old: Model | None) -> int:
        """The season as it was given, as it was, or `usual` for such times; without any the one that is found."""
        self._warn_of_long_seasons(read)
        season = self.seasons[0] if self.seasons else usual
        if season > 1 or not self.looks:
            return season
        if old:
            return old.layout.season
        is_asked = bool(self.seasons) or read.axis.clock.kind == "integer"
        return find_season(read.values, read.offsets, usual, FEWEST if is_asked else FEWEST_DATED)

    @property
    def learned(self) -> int | None:
        """Steps that a decoder learns behind the context; None: as many as the season asks for."""
        return None if self.strategy != "seq2seq" or self.horizon is None else int(self.horizon)

    @property
    def longer(self) -> tuple[int, ...]:
        """Longer seasons, in seasons."""
        return tuple(period // self.seasons[0] for period in self.seasons[1:])

    def begun(self, old: Model | None, size: int) -> Trained | None:
        """Networks of `size` to go on from: those of the fit before, or pre-trained ones; None: it begins anew."""
        if old is not None:
            return old.trained
        start, members = self.start, self.members
        return None if start is None else start.trained(self.n_members, members.rule, members.dtype, size)

    @property
    def behind_training(self) -> tuple[str, ...]:
        """What is found behind it, with networks of shorter series."""
        weights = ("weights",) if self.candidates else ()
        return (*weights, "calibration") if isinstance(self.intervals, ConformalPlan) else weights

    def calendar_of(
        self, read: SeriesSet, season: int, old: Model | None = None, *, told: bool = False
    ) -> CalendarColumns | None:
        """What networks read of the dates of series, chosen by these alone; in a warm start it stays.

        told : whether a warning tells of what is not used.
        """
        if self.calendar is None or old and old.calendar:
            return old.calendar if self.calendar and old else None
        found = self.calendar.fitted(read, self.seasons or (season,), told=told)
        return found if found.columns else None  # such times have no cycle left, and no day that is special


def check_lengths(plan: FitPlan, read: SeriesSet) -> None:
    """A decoder needs a series that is longer than what it learns."""
    lengths, horizon = np.diff(read.offsets), plan.learned
    longest = int(np.argmax(lengths))
    if horizon is not None and lengths[longest] < horizon + SHORTEST:
        raise ValueError(
            f"horizon={horizon}: the decoder learns so many steps from series of at least {horizon + SHORTEST} values, "
            f"but the longest, {read.ids[longest]!r}, has {lengths[longest]}. Lower horizon; forecasts may go further."
        )


def check_reach(prepared: Prepared, ids: tuple) -> None:
    """Each older mean must be known somewhere before the last value."""
    known, reach = prepared.known, prepared.layout.reach
    if prepared.layout.for_any:  # such a network has learned from series without older means, too
        return
    longest = int(np.argmax(known))
    if reach >= known[longest]:
        raise ValueError(
            f"older_means reaches back {reach} values, but even the longest series, {ids[longest]!r}, has only "
            f"{known[longest]}. Take shorter or fewer blocks."
        )


def check_known(plan: FitPlan, prepared: Prepared, ids: tuple) -> None:
    """Steps learned at once must fit between the first known value and the end."""
    known, least = prepared.known, plan.members.horizon + SHORTEST
    if plan.strategy == "direct" and known.min() < least:
        row = int(np.argmax(known < least))
        raise ValueError(
            f"y: series {ids[row]!r} has {known[row]} values from its first known one on, but horizon="
            f"{plan.horizon} needs at least {least}. Drop the series, or lower horizon."
        )


def _fixed(settings: Settings, layout: InputLayout, n_members: int) -> dict[str, object]:
    """What makes networks what they are, by the parameters that say so."""
    return {
        "cell, hidden_layer_sizes or layer_norm": settings.layers, "start": layout.for_any, "dtype": settings.dtype,
        "strategy or its horizon": (settings.horizon, settings.has_decoder), "global_model": settings.is_local,
        "n_members": n_members, "long_run_mean": layout.with_long_run, "older_means": layout.older_means,
    }  # fmt: skip


def check_same(old: Model, settings: Settings, n_members: int, layout: InputLayout, ids: tuple) -> None:
    """A warm start needs the networks that there are."""
    was, now = old.settings, settings
    if was.any_loss != now.any_loss and (was.likelihood is not None or now.likelihood is not None):
        raise ValueError(f"warm_start=True: loss must be that of the first fit, {was.loss!r}, with its options.")
    before, after = _fixed(was, old.layout, old.n_members), _fixed(now, layout, n_members)
    changed = [name for name, value in after.items() if value != before[name]]
    if changed:
        raise ValueError(
            f"warm_start=True: {', '.join(changed)} must be as in the first fit. Set it back, or warm_start=False."
        )
    if was.embeddings != now.embeddings:
        raise ValueError("warm_start=True: id_embedding_dim, static and its columns must be as in the first fit.")
    if old.codes.n_known and ids != tuple(old.axis.ids):
        raise ValueError("warm_start=True with id_embedding_dim: the series must be those of the first fit.")
    if now.is_local and ids != tuple(old.axis.ids):
        raise ValueError("warm_start=True with global_model=False: the series must be those of the first fit.")
    if layout.season != old.layout.season:
        raise ValueError(f"warm_start=True: the season is {layout.season}, but the first fit had {old.layout.season}.")
    if layout.longer != old.layout.longer:
        raise ValueError("warm_start=True: the seasons in season_length must be those of the first fit.")
