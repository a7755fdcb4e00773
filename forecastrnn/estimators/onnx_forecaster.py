"""to_onnx of a forecaster: past values in, forecasts out."""

from __future__ import annotations

from typing import Any

from forecastrnn.data.arrays import check_count
from forecastrnn.estimators.exporting_covariates import covariates_of
from forecastrnn.estimators.exporting_forecaster import exported_of
from forecastrnn.estimators.fitted_forecaster import FittedForecaster
from forecastrnn.estimators.fittedness import check_is_fitted
from forecastrnn.estimators.forecast_settings import bounds_of
from forecastrnn.estimators.interval_settings import wanted_of
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.start import usual_start
from forecastrnn.forecasting.steady import PATHS
from forecastrnn.networks.exported import ExportedForecasts
from forecastrnn.numpy_predictor.forecaster_text import ExportedForecaster
from forecastrnn.onnx_models.forecasters import model_of_forecaster
from forecastrnn.persistence.model_file import place_of, write_blocks


class ForecasterToOnnx(FittedForecaster):
    """Gives a forecaster `to_onnx`."""

    alias: str

    def to_onnx(self, path: Any, *, horizon: int | None = None, level: object = None) -> None:
        """Write the fitted forecaster as an ONNX file (opset 17), which ONNX Runtime runs without this package.

        All of a forecast is in the file: level, scale and seasonal figure are found from the values that are given,
        as `predict(h, y=values)` does, the members read them, and their median is mixed with the candidates that count,
        which are fitted in the graph too.

        Parameters
        ----------
        path : str, os.PathLike or binary file
            File to write, at once; one that is there is replaced.
        horizon : int, optional
            Steps ahead, fixed in the file. None: each call says them, as `h`.
        level : float or list of float, optional
            In percent, of conformal intervals that are put out as well, as `lo-80` and `hi-80`: they rest on forecasts
            of the last windows of the values that are given, which takes up to four times as long again.

        Raises
        ------
        NotFittedError
            Before `fit`.
        ImportError
            Without the package onnx.
        ValueError
            For what such a file cannot do, with the setting that it takes: a recursive `"squared_error"` without
            `horizon`, and covariates named as another input; for a `horizon` beyond that of a direct strategy; and for
            a `level` that is none, has no intervals, or stands beside a loss that says how values are distributed.
        TypeError, OSError
            For another `path`, and if the file cannot be written.

        Notes
        -----
        Inputs are `y`, float64 (series, time), past values, oldest first, NaN before the first value of a series; `h`,
        int64 (1,), steps ahead; and where the model knows the series of `fit` apart, by their vectors, networks or
        weights of candidates, `ids`, int64 (series,), which of them these are, -1 for others. Covariates are inputs by
        the names of their columns: (series, time + h) what is known ahead, (series, time) what is known until now,
        (series,) what is static, float64 or texts; a calendar reads `times`, int64 (series or 1, time + h), seconds
        since 1970 on the clock of the wall. Series and time are free. The output is `forecast`, float64 (series, h).
        Networks compute in float32, all else in float64.

        Examples
        --------
        >>> from forecastrnn import RNNForecaster
        >>> from forecastrnn.datasets import load_airline
        >>> model = RNNForecaster(n_members=1, max_steps=5, random_state=0).fit(load_airline())
        >>> model.to_onnx("airline.onnx")  # doctest: +SKIP
        """
        check_is_fitted(self)
        place = place_of(path)
        model = self._model
        steps = None if horizon is None else _checked_horizon(model, horizon)
        found = exported_of(model, type(self).__name__, self.alias, bounds_of(self))
        exported = ExportedForecasts(
            title=found.title, network=model.network, thetas=list(model.flat_thetas),
            arrays=found.arrays, settings={**found.settings, "PATHS": PATHS}, candidates=found.candidates,
            horizon=steps, shares=_shares_of(level), beside=_beside(found), likelihood=model.settings.likelihood,
            covariates=covariates_of(model),
        )  # fmt: skip
        write_blocks(path, place, [model_of_forecaster(exported)])


def _beside(found: ExportedForecaster) -> ExportedForecasts | None:
    """The network of the package, where that is a candidate."""
    if found.beside is None:
        return None
    own, thetas = found.beside, [usual_start().theta]
    return ExportedForecasts(
        title=own.title, network=own.network, thetas=thetas, arrays=own.arrays, settings=own.settings
    )


def _checked_horizon(model: Model, horizon: object) -> int:
    """Steps that are fixed in a file."""
    steps = check_count(horizon, "horizon")
    model.check_horizon(steps, "horizon")
    return steps


def _shares_of(level: object) -> dict[str, float]:
    """The quantiles of levels, by name."""
    wanted = wanted_of(level, None, "")
    return {} if wanted is None else dict(zip((name[1:] for name in wanted.names), wanted.shares.tolist(), strict=True))
