"""`forecastrnn plot`: the end of each series and its forecast, as a picture."""

from __future__ import annotations

from argparse import Namespace

from forecastrnn.cli.failures import of_file
from forecastrnn.cli.picture import check_picture, write_picture
from forecastrnn.cli.predict import horizon_of, opened


def run(args: Namespace) -> None:
    """Forecast, and draw that."""
    check_picture(args.output, args.force)
    model, given = opened(args)
    with of_file(args.model):
        display = model.plot(
            horizon_of(args, model), level=args.level or "auto", quantiles=args.quantiles, n_paths=args.paths,
            random_state=args.seed, **given,
        )  # fmt: skip
    write_picture(display, args.output)
