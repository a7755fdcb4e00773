"""python -m forecastrnn.pretraining WEIGHTS [--units 64] [--updates 100000] ...: train, or go on where it stopped."""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from forecastrnn.forecasting.start import write_start
from forecastrnn.pretraining.learning import Learned, Pretraining, run


def tell(learned: Learned) -> None:
    """One line."""
    print(f"{learned.updates} updates, {learned.seconds / 60:.1f} minutes, loss {learned.loss:.4f}", flush=True)


def main() -> None:
    """Train, and write the weights."""
    usual = Pretraining()
    parser = argparse.ArgumentParser(prog="python -m forecastrnn.pretraining", description=__doc__)
    parser.add_argument("weights", type=Path, help="file to write; beside it lies FILE.state, to go on from")
    parser.add_argument("--units", type=int, nargs="+", default=list(usual.units), help="of the layers")
    parser.add_argument("--minutes", type=float, default=np.inf, help="of the clock, after which to stop for now")
    for name in ("updates", "batch", "context", "seed", "n_threads"):
        parser.add_argument(f"--{name}", type=int, default=getattr(usual, name))
    parser.add_argument("--rate", type=float, default=usual.rate, help="the highest learning rate")
    asked = vars(parser.parse_args())
    weights, minutes = asked.pop("weights"), asked.pop("minutes")
    plan = Pretraining(**{**asked, "units": tuple(asked["units"])})
    learned = run(plan, weights.with_name(weights.name + ".state"), minutes=minutes, told=tell)
    tell(learned)
    write_start(weights, learned.start(plan))


if __name__ == "__main__":
    main()
