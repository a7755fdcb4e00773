"""What a fitted forecaster has learned from, what it is, and how good it was: in words and in numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from forecastrnn.estimators.fitted_forecaster import FittedForecaster
from forecastrnn.estimators.fittedness import check_is_fitted
from forecastrnn.estimators.summary_text import brief_of, text_of
from forecastrnn.forecasting.calibration import COVERED
from forecastrnn.forecasting.earlier_networks import is_held_out
from forecastrnn.networks.traced_cell import cell_name

if TYPE_CHECKING:
    from forecastrnn.forecasting.model import Model


class Summary(dict):
    """A dictionary of sections, each a dictionary, that prints as one screen of text."""

    def __str__(self) -> str:
        return text_of(self)

    __repr__ = __str__


class Summarises(FittedForecaster):
    """`summary`."""

    def summary(self) -> Summary:
        """What the forecaster has learned from, what it is, and how good it was.

        Errors are those of the windows that calibrate intervals, beside the seasonal naive forecast of the same
        windows, both over the mean change of each series within a season, and averaged over series: below 1 is better
        than seasonal naive one step ahead. Of a series whose logarithm is forecast they are errors of the logarithm.

        Returns
        -------
        Summary
            A dict with the sections "data", "season", "inputs", "network", "training", "backtest" and "intervals",
            for programs (`json.dumps` takes it); printed, or shown by a notebook, it is text. "backtest" is None where
            intervals are not calibrated, or by a likelihood, "data" has None for what older model files lack.

        Raises
        ------
        NotFittedError
            Before `fit`.

        Examples
        --------
        >>> from forecastrnn import RNNForecaster
        >>> from forecastrnn.datasets import load_airline
        >>> model = RNNForecaster(n_members=1, max_steps=20, random_state=0).fit(load_airline())
        >>> summary = model.summary()
        >>> summary["data"]["last"], summary["season"]["length"]
        ('1960-12-01', 12)
        >>> print(summary)
        RNNForecaster, fitted on 1 series
        ...
        """
        check_is_fitted(self)
        return Summary(**self._fitted_sections(), backtest=self._backtest(), intervals=self._intervals())

    def _learned(self) -> dict[str, str]:
        return brief_of(self._fitted_sections())

    def _fitted_sections(self) -> dict[str, dict[str, Any]]:
        """What needs no more than the model."""
        model = self._model
        return {
            "data": _data_of(model), "season": _season_of(model),
            "inputs": _inputs_of(model), "network": _network_of(model), "training": self._training(),
        }  # fmt: skip

    def _training(self) -> dict[str, Any]:
        curve = [float(loss) for loss in self.loss_curve_]
        settings = self._model.settings
        loss = settings.any_loss if isinstance(settings.any_loss, str) else repr(settings.any_loss)
        return {
            "loss": loss, "updates": int(self.n_iter_), "first_loss": curve[0], "last_loss": curve[-1],
            "device": self.device_, "dtype": settings.dtype,
        }  # fmt: skip

    def _backtest(self) -> dict[str, Any] | None:
        """Errors of calibration beside seasonal naive."""
        found = self.intervals_
        if found is None or found.compared is None:
            return None
        own, naive = (float(error) for error in found.compared)
        held = is_held_out("auto" if found.held_out is None else found.held_out, self._model, self._model.axis.n_series)
        return {
            "windows": int(found.n_windows), "horizon": int(found.horizon), "held_out": held, "error": own,
            "seasonal_naive": naive, "better": own < naive,
        }  # fmt: skip

    def _intervals(self) -> dict[str, Any] | None:
        kept = self._model.intervals
        if kept is None:
            return None
        covered = () if kept.calibration is None else kept.calibration.coverage
        shares = {f"{level:.0%}": float(share) for level, share in zip(COVERED, covered, strict=False)}
        return {"method": kept.method, "coverage": shares, "why_not": kept.why}


def _data_of(model: Model) -> dict[str, Any]:
    """Series, times, gaps and zeros."""
    axis, seen = model.whole_axis, model.seen
    known = {} if seen is None else vars(seen)
    counts = {name: known.get(name) for name in ("values", "shortest", "longest", "missing", "zeros")}
    return {
        "series": axis.n_series, "name": str(axis.ids[0]) if axis.n_series == 1 and axis.ids[0] is not None else None,
        "step": axis.clock.freqstr, "first": None if seen is None else _time(model, seen.first),
        "last": _time(model, int(axis.last.max())), "first_end": _time(model, int(axis.last.min())), **counts,
        "too_short": len(model.short_ids), "logarithms": int((~model.tail.prepared.linear).sum()),
    }  # fmt: skip


def _time(model: Model, ordinal: int) -> str:
    return model.whole_axis.clock.describe(ordinal).removesuffix(" 00:00:00")


def _season_of(model: Model) -> dict[str, Any]:
    """The season, where it comes from, and the longer ones that some series have."""
    from forecastrnn.data.series import season_of  # brings pandas with it

    season, clock = model.layout.season, model.axis.clock
    guess = "of plain numbers none is guessed" if clock.kind == "integer" else f"guessed from the step {clock.freqstr}"
    why = guess if season == season_of(model.axis) else "found in the series"
    was_given = model.seen is not None and model.seen.season_given  # 1 asks for no season, but one may be found
    periods, counts = np.unique(model.tail.prepared.period_of, return_counts=True)
    longer = {int(p): int(n) for p, n in zip(periods, counts, strict=True) if p > season}
    return {"length": int(season), "why": "given" if was_given else why, "longer": longer}


def _inputs_of(model: Model) -> dict[str, Any]:
    """What the networks read."""
    means = model.layout.older_means
    by_role = {role: [str(one.name) for one in model.given_covariates if one.role == role] for role in
               ("known", "past", "static")}  # fmt: skip
    by_role["static"] += [str(name) for name in model.static.names] if model.static else []
    return {
        "context": int(model.tail.prepared.context), "lags": bool(model.layout.with_lags),
        "older_means": [list(pair) for pair in zip(means[::2], means[1::2], strict=True)],
        "long_run_mean": bool(model.layout.with_long_run), **by_role,
        "calendar": [str(name) for name in model.calendar.columns] if model.calendar else [],
    }  # fmt: skip


def _network_of(model: Model) -> dict[str, Any]:
    """Cells, sizes, and how a forecast is made of networks."""
    layers = model.settings.layers
    return {
        "members": int(model.n_members), "layers": [[cell_name(layer.cell), int(layer.units)] for layer in layers],
        "mixed_with": _mixed_with(model), "strategy": model.strategy, "parameters": int(model.network.size),
        "one_for_all": not model.settings.is_local,
    }  # fmt: skip


def _mixed_with(model: Model) -> dict[str, float]:
    """Mean weight of each candidate that counts; what is left is that of the networks."""
    names, weights = model.weights
    means = zip(names[1:], weights.mean(axis=0)[1:], strict=True)
    return {name: float(weight) for name, weight in means if weight > 0.0}
