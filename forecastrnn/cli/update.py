"""`forecastrnn update`: a model file takes new rows in."""

from __future__ import annotations

from argparse import Namespace

import pandas as pd

from forecastrnn.cli.failures import of_file
from forecastrnn.cli.fit import ID_COL
from forecastrnn.cli.models import columns_of, covariates_of, id_column, talking
from forecastrnn.cli.paths import check_inputs, check_output
from forecastrnn.cli.reading import read_table
from forecastrnn.estimators.forecaster import RNNForecaster


def run(args: Namespace) -> None:
    """Read, update and save; without -o into the same file, at once."""
    check_inputs(args.data)
    check_output(args.output, args.force)
    model = RNNForecaster.load(args.model)
    columns = columns_of(model)
    y = read_table(
        args.data, args, time_col=columns["time_col"], id_col=id_column(model), numbers=[columns["target_col"]]
    )
    known, past = covariates_of(model, "known"), covariates_of(model, "past")
    with of_file(args.data), talking(args, model):
        model.update(_in_form_of(model, y), known, past=past, train=args.train)
    model.save(args.output or args.model)


def _in_form_of(model: RNNForecaster, y: pd.DataFrame) -> pd.DataFrame | pd.Series:
    """New rows in the form of the series of the fit: a program may have fitted others than files have."""
    form, columns = model._model.axis.form, columns_of(model)
    ids, time, target = columns["id_col"] or ID_COL, columns["time_col"], columns["target_col"]
    if form == "wide":
        return y.pivot(index=time, columns=ids, values=target)
    if form in ("multi_series", "multi_frame"):
        rows = y.set_index([ids, time])
        return rows[target] if form == "multi_series" else rows
    if form == "series":
        return y.set_index(time if time in y else y.columns[0])[target if target in y else y.columns[1]]
    return y
