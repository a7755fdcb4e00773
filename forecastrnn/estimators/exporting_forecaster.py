"""export_numpy of a forecaster: all that its forecasts are made of, as arrays and settings."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from forecastrnn.engine.cpu.heads import NEAR
from forecastrnn.estimators.exporting import plain_labels
from forecastrnn.estimators.exporting_covariates import arrays_beside, ends_beside, settings_beside
from forecastrnn.estimators.fitted_forecaster import FittedForecaster
from forecastrnn.estimators.fittedness import check_is_fitted
from forecastrnn.estimators.forecast_settings import bounds_of
from forecastrnn.forecasting import bands, calibration_windows, drawn_places, hulls, preparation, raw_values
from forecastrnn.forecasting.bounds import Rule
from forecastrnn.forecasting.calibrate import FEW
from forecastrnn.forecasting.calibration import KEPT, PRIOR, SMALLEST
from forecastrnn.forecasting.candidates import recent_median
from forecastrnn.forecasting.ends import histories_of
from forecastrnn.forecasting.model import OUTERMOST, Model
from forecastrnn.forecasting.pretrained_candidate import PRETRAINED, kept_of
from forecastrnn.forecasting.pretrained_model import pretrained_beside
from forecastrnn.forecasting.reading import SHORTEST
from forecastrnn.forecasting.seasonal import stages_of
from forecastrnn.numpy_predictor.forecaster_text import ExportedForecaster


class ForecasterToNumpy(FittedForecaster):
    """Gives a forecaster `export_numpy`."""

    alias: str

    def export_numpy(self, folder: str | os.PathLike) -> Path:
        """Write the fitted forecaster as a Python module and an archive of arrays, for places that have NumPy alone.

        The module's `predict(h, y=None, ids=None, level=None, X=None, times=None)` forecasts the series of `fit`, or
        values that it is given: an array (time,), or several. It has the formulas of this package, those of compiled
        code too, as text: levels, seasonal figures, networks, and the candidates that count in a forecast. It imports
        NumPy and nothing else, no forecastrnn, and reads the archive beside it, in which there is no code.

        Parameters
        ----------
        folder : str or path
            Where `predictor.py` and `weights.npz` are written; made if it is not there. What has these names is
            replaced. A model that is mixed with the network of the package has it beside them, as `pretrained.py` and
            `pretrained.npz`.

        Returns
        -------
        Path
            Of the module.

        Raises
        ------
        NotFittedError
            Before `fit`.
        OSError
            If the files cannot be written.

        Notes
        -----
        Covariates are a dict of arrays by the names of columns, a calendar reads `times`. Intervals are conformal ones,
        or those of draws from a likelihood; those of an adaptive model are refused. The module gives values, without
        their times, in the order of the series.

        Examples
        --------
        >>> import runpy, tempfile, numpy as np
        >>> from forecastrnn import RNNForecaster
        >>> from forecastrnn.datasets import load_airline
        >>> model = RNNForecaster(n_members=1, max_steps=20, random_state=0).fit(load_airline())
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     predictor = runpy.run_path(str(model.export_numpy(folder)))
        >>> bool(np.allclose(predictor["predict"](12), model.predict(12), rtol=1e-4))
        True
        """
        check_is_fitted(self)
        exported = exported_of(self._model, type(self).__name__, self.alias, bounds_of(self))
        return exported.write(folder)


def exported_of(model: Model, title: str, alias: str, bounds: Rule) -> ExportedForecaster:
    """What is written of a forecaster."""
    names = _counting(model)
    ends = {f"ends.{name}": values for name, values in (_ends(model, names) | ends_beside(model)).items()}
    arrays = _thetas(model) | ends | _tables(model) | _naive(model) | arrays_beside(model)
    some = model.layout.steady and model.settings.likelihood is None and model.strategy != "direct"
    arrays |= {"residuals": model.residuals} if some else {}
    settings = _network_settings(model) | _series_settings(model) | _predict_settings(model, alias, bounds)
    settings |= settings_beside(model)
    beside = None
    if PRETRAINED.name in names:
        beside = exported_of(pretrained_beside(model), PRETRAINED.name, alias, None)
        settings |= {"LAST_VALUES": kept_of(model.layout.season), "FEWEST_KNOWN": SHORTEST}
    return ExportedForecaster(
        title=title, network=model.network.writer, arrays=arrays, settings=settings, candidates=names, beside=beside,
        likelihood=model.settings.likelihood,
    )  # fmt: skip


def _counting(model: Model) -> tuple[str, ...]:
    """The candidates that count in some series, or in one that fit has not seen."""
    if model.mixture is None or model.tail.candidates is None:
        return ()
    counts = model.tail.candidates.counts | (model.mixture.usual[1:] > 0.0)
    return tuple(name for name, some in zip(model.mixture.names, counts, strict=True) if some)


def _thetas(model: Model) -> dict[str, np.ndarray]:
    """All networks' parameters by name, one behind the other."""
    views = [model.network.views(theta) for theta in model.flat_thetas]
    return {f"theta.{name}": np.stack([view[name] for view in views]) for name in views[0]}


def _ends(model: Model, names: tuple[str, ...]) -> dict[str, np.ndarray]:
    """The ends of the series of fit, with all that is mixed into their forecasts, and the spread of their errors."""
    tail, n = model.tail, model.tail.n_series
    p, past = tail.prepared, histories_of(model.tail, model.settings.dtype)
    found = {name: getattr(past, name) for name in ("z", "means", "static", "phase", "period", "inputs", "first")}
    found |= {name: getattr(p, name) for name in ("scale", "level", "linear", "after")}
    found |= {} if past.sums is None else {"sums": past.sums}
    found["fence"], found["shift"] = past.fence, np.zeros(n) if p.shift is None else p.shift
    found["long_run"] = np.zeros(n) if past.long_run is None else past.long_run
    found["floors"] = np.zeros(n, bool) if model.floors is None else model.floors
    found["guessed"] = np.zeros(n, int) if tail.guessed is None else tail.guessed
    if tail.carried is not None and tail.carried.has_states:
        found["states"] = tail.carried.states.transpose(1, 0, 2)
    if names and model.mixture is not None and tail.candidates is not None:
        kept = [model.mixture.names.index(name) for name in names]
        found["weights"] = tail.candidates.weights[:, [0, *(1 + k for k in kept)]]
        found |= {f"candidate.{name}": tail.candidates.states[k] for name, k in zip(names, kept, strict=True)}
    spread = model.intervals.calibration.spread if model.intervals and model.intervals.calibration else None
    if spread is not None:
        found |= {"band.scale": spread.scale, "band.low": spread.low, "band.high": spread.high}
    return found


def _tables(model: Model) -> dict[str, np.ndarray]:
    """Names of series, codes and weights of each and of one that fit has not seen, and the table of intervals."""
    n, names, categories = model.tail.n_series, _counting(model), model.layout.categories
    codes = model.tail.inputs[:, -1, 2 * model.layout.n_columns + categories :]
    unknown = np.array([e.size for e in model.settings.embeddings[categories:]], codes.dtype)
    ids = plain_labels(np.array([*model.whole_axis.ids, None], object)[:-1])
    found = {"ids": ids, "codes": np.vstack([codes, unknown]), "rows": rows_of(model)}
    known = model.static.categories if model.static else ()
    found |= {f"static.{k}": plain_labels(each) for k, each in enumerate(known)}
    weights = np.ones((n + 1, 1))
    if names and model.mixture is not None and model.tail.candidates is not None:
        kept = [0, *(1 + model.mixture.names.index(name) for name in names)]
        weights = np.vstack([model.tail.candidates.weights, model.mixture.usual])[:, kept]
    calibration = model.intervals.calibration if model.intervals else None
    if calibration is not None:
        found |= {"bands.table": calibration.table, "bands.growth": calibration.growth}
        found |= {"bands.starts": calibration.starts, "bands.usual": np.array(calibration.usual)}
        found |= {"bands.excess": calibration.excess}
    return found | {"weights": weights}


def rows_of(model: Model) -> np.ndarray:
    """Where each series of fit stands among those that networks have learned from; behind the last if it does not."""
    found = np.full(model.n_series + 1, model.tail.n_series)
    places = np.arange(model.n_series)
    learned = places if model.naive is None else np.delete(places, model.naive.places)
    found[learned] = np.arange(len(learned))
    return found


def _naive(model: Model) -> dict[str, np.ndarray]:
    """Those that were too short to learn from."""
    own = model.naive
    return {} if own is None else {f"naive.{name}": getattr(own, name) for name in ("places", "figure", "floors")}


def _network_settings(model: Model) -> dict[str, object]:
    layout, both, means = model.layout, model.network.hands_over, model.layout.older_means
    return {
        "READER": "encoder." if both else "", "WRITER": "decoder." if both else "", "MEMBERS": model.n_members,
        "IS_LOCAL": model.trained.is_local, "AT_ONCE": model.settings.head.at_once, "COLUMNS": layout.n_columns,
        "CODES": len(model.settings.embeddings), "CATEGORIES": layout.categories, "SEASON": layout.season,
        "MEAN_WIDTH": layout.mean_width, "SECOND_LAG": layout.second_lag, "WITH_LAGS": layout.with_lags,
        "LONG_RUN": layout.long_run_kind, "OLDER_MEANS": tuple(zip(means[::2], means[1::2], strict=True)),
        "IS_STEADY": layout.steady and model.settings.likelihood is None and model.strategy != "direct",
        "NUMBERS": model.settings.likelihood.n_numbers if model.settings.likelihood else 1,
    }  # fmt: skip


def _series_settings(model: Model) -> dict[str, object]:
    layout, p, own = model.layout, model.tail.prepared, model.settings
    return {
        "DOMAIN": own.likelihood.domain if own.likelihood is not None and own.is_raw else "", "ABOVE": own.least,
        "LEAST_MEAN": raw_values.LEAST, "NEAR": NEAR, "DTYPE": own.dtype, "CONTEXT": p.context, "AHEAD": p.ahead,
        "REACH_BACK": layout.reach, "LONGER": layout.longer, "STAGES": stages_of(layout.longer),
        "IS_MEAN": layout.steady, "NOISE": preparation.NOISE, "FLOOR": preparation.FLOOR,
        "QUIETEST": preparation.QUIETEST, "FINEST": preparation.FINEST,
        "FENCE_REACH": hulls.REACH, "FENCE_FREE": hulls.FREE, "FENCE_MOST": hulls.MOST,
        "SHORTEST": recent_median.SHORTEST, "ZEROS": recent_median.ZEROS,
    }  # fmt: skip


def _predict_settings(model: Model, alias: str, bounds: Rule) -> dict[str, object]:
    kept, reading = model.intervals, model.reading
    calibration = kept.calibration if kept else None
    why, of_y = _no_levels(model)
    scored = model.settings.likelihood is not None
    return {
        "ALIAS": alias, "MOST_STEPS": model.settings.horizon if model.strategy == "direct" else 0,
        "LEAST": reading.least, "MISSING": reading.missing, "SHORT": reading.short, "BOUNDS": bounds,
        "NO_LEVEL": why, "NO_LEVEL_OF_Y": of_y, "SYMMETRIC": calibration is None or calibration.symmetric,
        "IS_ONE": model.axis.form in ("series", "array", "dated"), "KEPT": KEPT,
        "FURTHEST": drawn_places.FURTHEST if scored else bands.FURTHEST, "NEXT": drawn_places.SMALLEST,
        "WINDOWS": FEW, "SMALLEST": SMALLEST, "PRIOR": PRIOR, "DRAWS": bands.PATHS, "DONORS": bands.MOST,
        "WINDOW_DRAWS": calibration_windows.DRAWS, "OUTERMOST": OUTERMOST, "IS_CALIBRATED": calibration is not None,
        "STATIC_COLUMNS": tuple(map(str, model.static.names)) if model.static else (),
    }  # fmt: skip


def _no_levels(model: Model) -> tuple[str, str]:
    """Why there are no intervals of the series of fit, and of others; "": there are."""
    kept = model.intervals
    calibration = kept.calibration if kept else None
    if calibration is None:
        why = "the model was fitted without intervals that are calibrated; fit with intervals='conformal'"
        why = "" if kept and kept.method == "paths" and model.settings.likelihood is not None else why
        return why, why
    adaptive = "intervals of an adaptive model move with new values; fit with Conformal(adaptive=False)"
    alone = "only series of fit have errors of their own; fit with Conformal(pool='auto'), or leave y out"
    others = alone if calibration.by_series and not model.trained.is_local else ""
    return adaptive if calibration.adaptive is not None else "", others
