"""The job of job.py with this package: `python benchmarks/job_ours.py SERIES.csv PICTURE.png REFIT`."""

import sys

import pandas as pd

from forecastrnn import RNNForecaster
from forecastrnn.metrics import evaluate

df = pd.read_csv(sys.argv[1], parse_dates=["ds"])
model, windows = RNNForecaster(random_state=0), {"n_windows": 3, "refit": sys.argv[3] == "refit"}
cv = model.cross_validation(df, 12, level=[80, 95], baselines="seasonal_naive", **windows)
print(evaluate(cv, ["mase", "coverage"], train=df, by=None).to_csv(index=False))
model.fit(df).plot(12, level=[80, 95]).figure_.savefig(sys.argv[2])
