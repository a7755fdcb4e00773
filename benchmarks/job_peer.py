"""The job of job.py with AutoETS of statsforecast: `peers/bin/python benchmarks/job_peer.py SERIES.csv PICTURE.png`."""

import sys
from functools import partial

import matplotlib
import pandas as pd
from statsforecast import StatsForecast
from statsforecast.models import AutoETS, SeasonalNaive
from utilsforecast.evaluation import evaluate
from utilsforecast.losses import coverage, mase
from utilsforecast.plotting import plot_series

matplotlib.use("Agg")
df = pd.read_csv(sys.argv[1], parse_dates=["ds"])
models = StatsForecast([AutoETS(season_length=12), SeasonalNaive(season_length=12)], freq="MS", n_jobs=1)
cv = models.cross_validation(df=df, h=12, n_windows=3, step_size=12, level=[80, 95])
names, rows = ["AutoETS", "SeasonalNaive"], []
for cutoff, part in cv.groupby("cutoff"):
    known, part = df[df["ds"] <= cutoff], part.drop(columns="cutoff")
    rows.append(evaluate(part, [partial(mase, seasonality=12)], models=names, train_df=known))
scores = pd.concat(rows)[names].mean().rename("mase").to_frame().T
for level in (80, 95):
    scores.loc[f"coverage_level{level}"] = 100 * coverage(cv, names, level)[names].mean()
print(scores.rename_axis("metric").reset_index().to_csv(index=False))
forecast = models.forecast(df=df, h=12, level=[80, 95])
plot_series(df, forecast, models=["AutoETS"], level=[80, 95], engine="matplotlib").savefig(sys.argv[2])
