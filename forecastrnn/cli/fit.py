"""`forecastrnn fit`: a file of series becomes a model file."""

from __future__ import annotations

from argparse import Namespace
from dataclasses import dataclass
from typing import Any

import pandas as pd

from forecastrnn.cli.failures import USAGE, Failure, of_file
from forecastrnn.cli.models import new_forecaster, talking
from forecastrnn.cli.paths import check_inputs, check_output
from forecastrnn.cli.picture import check_picture, write_picture
from forecastrnn.cli.reading import check_numbers, read_table, with_dates, with_times
from forecastrnn.data.frame_columns import Names

ID_COL = "unique_id"


def run(args: Namespace) -> None:
    """Fit and save."""
    check_inputs(args.data, args.static)
    if args.output == "-":
        raise Failure(USAGE, "-o must be the name of a file: a model cannot go to standard output")
    check_output(args.output, args.force)
    check_picture(args.plot, args.force)
    model = new_forecaster(args)
    given = read_given(args)
    with of_file(args.data), talking(args, model):
        model.fit(given.y, X=args.future_cols, past=args.past_cols, static=given.static,
                  checkpoint=args.checkpoint, **given.columns)  # fmt: skip
    model.save(args.output)
    if args.plot:
        from forecastrnn.plotting import LossCurveDisplay  # brings Matplotlib with it

        write_picture(LossCurveDisplay.from_estimator(model), args.plot)


@dataclass(frozen=True, kw_only=True)
class GivenFiles:
    """Series, what stays the same for each, and the names of their columns."""

    y: pd.DataFrame
    static: pd.DataFrame | None
    columns: dict[str, Any]


def read_given(args: Namespace) -> GivenFiles:
    """The files that a fit reads; one without a column of ids is one series."""
    id_col = args.id_col or ID_COL
    y = read_table(args.data, args, time_col=args.time_col, id_col=id_col, numbers=[args.target_col])
    with of_file(args.data):
        y = with_dates(y, args) if args.time_col not in y else y
        names = Names(id_col if id_col in y or args.id_col else None, args.time_col, args.target_col)
        found = names.of_frame(y, "the file")
        if found is None:
            raise ValueError("no column holds dates: name that of the times, and that of the values, by --time-col "
                             "and --target-col; --date-format %Y%m reads numbers such as 202412")  # fmt: skip
        y = with_times(y, str(found.time_col), args)
        check_numbers(y[found.target_col])
    return GivenFiles(y=y, static=read_static(args.static, args, id_col), columns=dict(vars(found)))


def read_static(path: str | None, args: Namespace, id_col: str) -> pd.DataFrame | None:
    """What stays the same for each series: a row for each."""
    return read_table(path, args, time_col="", id_col=id_col) if path else None
