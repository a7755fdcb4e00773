"""Does it pay to know more than the past: errors, found effects and seconds with and without, ours and the peers'.

FORECASTRNN_DATA=folder python -m benchmarks.covariates [--peers folder] [--only load nn5]
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import pandas as pd

from benchmarks.covariate_tasks import TASKS, Task
from benchmarks.racing import describe, save, show
from forecastrnn import Calendar, Holidays, RNNForecaster
from forecastrnn.metrics import evaluate

NAME = "RNNForecaster"
HEADER = ("series", "forecaster", "covariates", "MASE", "sMAPE", "a degree, MW", "a holiday, MW", "processor s")
# Hours follow their temperature for days, which takes more updates to tell from the day itself than the default has.
SETTINGS: dict[str, dict] = {"load": {"n_members": 3, "max_steps": 1000}, "nn5": {}}
DATES = {"load": None, "nn5": Calendar(["day_of_month", "day_of_year"], Holidays("GB", "ENG", by="name"))}


def ours(name: str, task: Task, with_covariates: bool, seed: int = 0) -> pd.DataFrame:
    """Forecasts in rows (unique_id, ds, yhat, change, seconds), as `covariate_peers.py` writes them."""
    dates, named = (DATES[name], None if DATES[name] else task.covariates) if with_covariates else (None, None)
    known = task.known[["unique_id", "ds", "y", *(named or [])]]
    begun = time.process_time()
    model = RNNForecaster(
        season_length=task.season, calendar=dates, intervals=None, random_state=seed, n_jobs=1, **SETTINGS[name]
    )
    model.fit(known, X=named)
    found = {"": model.predict(task.h, X=task.plan if named else None)}
    seconds = time.process_time() - begun
    if named:
        found |= {change: model.predict(task.h, X=other.plan) for change, other in task.changes.items()}
    tables = [frame.rename(columns={"RNN": "yhat"}).assign(change=change) for change, frame in found.items()]
    return pd.concat(tables).assign(model=NAME, covariates=with_covariates, seconds=seconds)


def effects(task: Task, forecasts: pd.DataFrame) -> dict[str, float]:
    """What a forecast gains by a unit of each covariate, where the plan was changed."""
    rows = {change: part.set_index(["unique_id", "ds"])["yhat"] for change, part in forecasts.groupby("change")}
    found: dict[str, list[float]] = {column: [] for column in task.effects}
    for change, other in task.changes.items():
        column = change.split()[0]
        moved = (other.came[column] != task.came[column]).to_numpy()
        where = pd.MultiIndex.from_frame(task.came.loc[moved, ["unique_id", "ds"]])
        found[column].append(float((rows[change] - rows[""])[where].mean()))
    return {column: sum(each) / len(each) for column, each in found.items()}


def row(name: str, task: Task, forecasts: pd.DataFrame) -> dict[str, object]:
    """A line of the table."""
    plain = forecasts[forecasts["change"] == ""]
    table = task.came[["unique_id", "ds", "y"]].merge(plain[["unique_id", "ds", "yhat"]], on=["unique_id", "ds"])
    train = task.known[["unique_id", "ds", "y"]]
    scores = evaluate(table, ["mase", "smape"], train=train, season_length=task.season, by=None)
    mase, smape = scores.set_index("metric")["yhat"][["mase", "smape"]]
    with_covariates = bool(plain["covariates"].iloc[0])
    found = effects(task, forecasts) if with_covariates and task.effects else {}
    values = (
        name, plain["model"].iloc[0], "yes" if with_covariates else "no", round(mase, 3), round(smape, 2),
        *(round(found[column], 1) if found else "" for column in ("temperature", "holiday")),
        round(float(plain["seconds"].iloc[0]), 1),
    )  # fmt: skip
    return dict(zip(HEADER, values, strict=True))


def main() -> None:
    """Fit, forecast and compare."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--peers", type=Path, help="folder with what covariate_peers.py wrote, TASK.csv")
    parser.add_argument("--only", nargs="+", choices=TASKS, default=[*TASKS])
    options = parser.parse_args()
    rows = []
    for name in options.only:
        task = TASKS[name]()
        parts = [ours(name, task, with_covariates) for with_covariates in (False, True)]
        if options.peers is not None:
            types = {"unique_id": str, "change": str}
            peers = pd.read_csv(options.peers / f"{name}.csv", dtype=types, parse_dates=["ds"], keep_default_na=False)
            parts += [part for _, part in peers.groupby(["model", "covariates"], sort=False)]
        rows += [row(name, task, part) for part in parts]
    print(describe(), "\n")
    show(HEADER, [[*line.values()] for line in rows])
    if options.only == [*TASKS] and options.peers is not None:
        save("covariates", rows)


if __name__ == "__main__":
    main()
