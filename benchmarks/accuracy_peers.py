"""AutoETS, AutoTheta and CES of statsforecast, and LightGBM through mlforecast: the file that accuracy.py scores.

They want an environment of their own (pandas < 3):

python -m venv peers && peers/bin/pip install lightgbm "mlforecast==1.1.0" "statsforecast==2.1.1" "pandas<3"
FORECASTRNN_DATA=folder OMP_NUM_THREADS=1 peers/bin/python benchmarks/accuracy_peers.py SET  > forecasts/SET.csv

One thread, seconds of the processor, compilation not counted. Gaps are filled in line.
"""

from __future__ import annotations

import argparse
import sys
import time
import warnings
from collections.abc import Callable
from importlib import import_module

import pandas as pd
from series_sets import SeriesSet, any_set

HIGHEST = 24  # the longest season that AutoETS takes
REACH = 5000  # values of a series that the models of statsforecast read: more takes them minutes a series
Predict = Callable[[pd.DataFrame, int, int], pd.DataFrame]  # of known values, season and horizon


def statistical(name: str) -> Predict:
    """A model of statsforecast, fitted to each series alone."""

    def predict(known: pd.DataFrame, season: int, h: int) -> pd.DataFrame:
        models, core = import_module("statsforecast.models"), import_module("statsforecast")
        season = 1 if name == "AutoETS" and season > HIGHEST else season
        model = getattr(models, name)(season_length=season, alias="yhat")
        return core.StatsForecast([model], freq=1, n_jobs=1).forecast(df=known.groupby("unique_id").tail(REACH), h=h)

    return predict


def lightgbm(known: pd.DataFrame, season: int, h: int) -> pd.DataFrame:
    """One model of all scaled series: lags of a season and multiples of it, a mean of the last season.

    It learns the absolute error, and changes of a value where not most are zero: that was better on held-out ends
    than seasonal differences, none, or squared error.
    """
    light, core = import_module("lightgbm"), import_module("mlforecast")
    transforms, means = import_module("mlforecast.target_transforms"), import_module("mlforecast.lag_transforms")
    changes = [] if (known["y"] == 0).mean() > 0.5 else [transforms.Differences([1])]
    shortest = int(known.groupby("unique_id").size().min())
    lags = {lag for lag in (*range(1, min(season, 24) + 1), season, 2 * season, 7 * season) if lag < shortest / 2}
    model = core.MLForecast(
        {"yhat": light.LGBMRegressor(n_estimators=300, objective="l1", verbose=-1, n_jobs=1, random_state=0)},
        freq=1, lags=sorted(lags), lag_transforms={1: [means.RollingMean(max(season, 4), min_samples=1)]},
        target_transforms=[*changes, transforms.LocalStandardScaler()],
    )  # fmt: skip
    return model.fit(known, static_features=[]).predict(h)


PEERS: dict[str, Predict] = {name: statistical(name) for name in ("AutoETS", "AutoTheta", "AutoCES")}
PEERS |= {"LightGBM": lightgbm}


def known_values(data: SeriesSet) -> pd.DataFrame:
    """The known part as these libraries read it, without gaps."""
    frame = data.frame().rename(columns={"t": "ds"})
    frame["y"] = frame.groupby("unique_id")["y"].transform(lambda y: y.interpolate(limit_direction="both"))
    return frame


def main() -> None:
    """Forecast with all peers and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--only", nargs="+", choices=PEERS, default=[*PEERS])
    parser.add_argument("--validation", action="store_true", help="forecast the end of the training part, held out")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    data = any_set(options.name)
    data = data.validation() if options.validation else data
    known, parts = known_values(data), []
    for name in options.only:
        PEERS[name](known[known["unique_id"] == next(iter(data.train))], data.season, 1)  # compiles
        begun = time.process_time()
        found = PEERS[name](known, data.season, data.horizon).reset_index(drop=True)
        seconds = time.process_time() - begun
        found["step"] = found.groupby("unique_id").cumcount() + 1
        parts.append(found[["unique_id", "step", "yhat"]].assign(model=name, seconds=seconds))
        print(f"{options.name}, {name}: {seconds:.1f} s", file=sys.stderr)
    pd.concat(parts).to_csv(sys.stdout, index=False, float_format="%.8g")


if __name__ == "__main__":
    main()
