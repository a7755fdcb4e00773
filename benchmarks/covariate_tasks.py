"""Series with covariates, as plain frames: what all libraries of covariates.py and covariate_peers.py are given.

This module knows pandas and NumPy alone, so that it runs in the environment of the peers too.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import pandas as pd
from holidays import country_holidays

DEGREE, HOLIDAY = 12.0, -150.0  # MW: what the made load gains by a degree, and loses on a holiday
BEGIN, CUTOFF, END = "2021-01-01", "2023-05-01", "2023-05-09"  # of the made load: eight days, with two holidays
ORDINARY = ("2023-05-02", "2023-05-03", "2023-05-04", "2023-05-05")


@dataclass(frozen=True)
class Task:
    """Series known up to some time, what came then, and the covariates of both.

    known, came : long frames (unique_id, ds, y, covariates); season, h : in steps; effects : of a unit of a covariate,
    where they are known.
    """

    known: pd.DataFrame
    came: pd.DataFrame
    covariates: list[str]
    season: int
    h: int
    effects: dict[str, float] = field(default_factory=dict)

    @property
    def plan(self) -> pd.DataFrame:
        """The covariates of the times that are forecast."""
        return self.came.drop(columns="y")

    @property
    def changes(self) -> dict[str, Task]:
        """The same with another plan, where the effects are known: a degree more, or one ordinary day a holiday."""
        if not self.effects:
            return {}
        found = {"temperature": self._with("temperature", self.came["temperature"] + 1.0)}
        days = self.came["ds"].dt.strftime("%Y-%m-%d")
        for day in ORDINARY:
            found[f"holiday {day}"] = self._with("holiday", self.came["holiday"].where(days != day, 1.0))
        return found

    def _with(self, column: str, values: pd.Series) -> Task:
        return replace(self, came=self.came.assign(**{column: values}))


def made_load(seed: int = 0) -> Task:
    """An hourly load: 1,000 MW, a day, a weekend, 12 MW a degree, -150 MW on holidays, and noise that lasts hours.

    Temperatures have a year, a day and weather of some days.
    """
    rng = np.random.default_rng(seed)
    ds = pd.date_range(BEGIN, END, freq="h", inclusive="left")
    hour, day = ds.hour.to_numpy(), ds.dayofyear.to_numpy()
    warm = 12 - 9 * np.cos(2 * np.pi * (day - 20) / 365) - 3 * np.cos(2 * np.pi * (hour - 3) / 24)
    temperature = (warm + lasting(rng, len(ds), share=0.99, deviation=4.0)).round(1)
    holiday = ds.normalize().isin(days_of("FR", ds)).astype(float)
    shape = -120 * np.cos(2 * np.pi * (hour - 4) / 24) + 40 * np.sin(4 * np.pi * hour / 24)
    load = 1000 + shape - 100.0 * (ds.weekday >= 5) + DEGREE * temperature + HOLIDAY * holiday
    y = load + lasting(rng, len(ds), share=0.8, deviation=15.0)
    frame = pd.DataFrame({"unique_id": "load", "ds": ds, "y": y, "temperature": temperature, "holiday": holiday})
    known = frame["ds"] < pd.Timestamp(CUTOFF)
    effects = {"temperature": DEGREE, "holiday": HOLIDAY}
    return Task(frame[known], frame[~known], [*effects], 24, int((~known).sum()), effects)


def lasting(rng: np.random.Generator, n: int, *, share: float, deviation: float) -> np.ndarray:
    """Noise (n,) of which each step keeps a share."""
    weights = share ** np.arange(np.ceil(np.log(1e-3) / np.log(share)))
    steps = rng.normal(0.0, deviation * np.sqrt(1 - share**2), n + len(weights) - 1)
    return np.convolve(steps, weights, "valid")


def days_of(country: str, ds: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """The public holidays of the years of some times."""
    return pd.DatetimeIndex([*country_holidays(*country.split("-"), years=sorted({*ds.year}))])


def cash() -> Task:
    """NN5: what was drawn each day from 111 cash machines in England, with its holidays and the days beside them."""
    folder, name = Path(os.environ["FORECASTRNN_DATA"]), "nn5_daily_imputed"
    starts = pd.read_csv(folder / f"{name}_series.csv", dtype={"unique_id": str}).set_index("unique_id")["start"]
    known = pd.read_csv(folder / f"{name}_train.csv.gz", dtype={"unique_id": str})
    came = pd.read_csv(folder / f"{name}_test.csv.gz", dtype={"unique_id": str})
    length = known.groupby("unique_id")["t"].max()
    came["t"] = came["step"] + came["unique_id"].map(length)
    found = []
    for part in (known, came):
        ds = pd.to_datetime(part["unique_id"].map(starts)) + pd.to_timedelta(part["t"] - 1, unit="D")
        frame = pd.DataFrame({"unique_id": part["unique_id"], "ds": ds, "y": part["y"]})
        days = days_of("GB-ENG", pd.DatetimeIndex(ds))
        for column, away in (("holiday", 0), ("before", -1), ("after", 1)):
            frame[column] = ds.isin(days + pd.Timedelta(days=away)).astype(float)
        found.append(frame)
    about = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    return Task(found[0], found[1], ["holiday", "before", "after"], int(about["m"]), int(about["h"]))


TASKS = {"load": made_load, "nn5": cash}
