"""What `cross_validation` costs beyond its fits and predictions: 3 windows of 12 months on many series.

python -m benchmarks.backtests [--series 1000] [--repeats 3]
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from typing import Any, ClassVar

from benchmarks.racing import describe
from benchmarks.series_sets import seasonal_panel
from forecastrnn import RNNForecaster

H, WINDOWS = 12, 3


class Timed(RNNForecaster):
    """Adds up the seconds of its fits and predictions, of all copies."""

    spent: ClassVar[Counter[str]] = Counter()

    def fit(self, y: Any, **options: Any) -> Timed:
        """Learn, timed."""
        begin = time.perf_counter()
        super().fit(y, **options)
        self.spent["fit"] += time.perf_counter() - begin
        return self

    def predict(self, h: Any, **options: Any) -> Any:
        """Forecast, timed."""
        begin = time.perf_counter()
        found = super().predict(h, **options)
        self.spent["predict"] += time.perf_counter() - begin
        return found


def measure(model: Timed, y: Any, refit: bool) -> tuple[float, float, float]:
    """Seconds of a backtest, of its fits, and of its predictions."""
    Timed.spent.clear()
    begin = time.perf_counter()
    model.cross_validation(y, H, n_windows=WINDOWS, refit=refit, baselines="seasonal_naive")
    return time.perf_counter() - begin, Timed.spent["fit"], Timed.spent["predict"]


def main() -> None:
    """Measure and print the fastest of some runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--series", type=int, default=1000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(describe())
    long = seasonal_panel(options.series)
    wide = long.pivot(index="ds", columns="unique_id", values="y")
    model = Timed(season_length=12, n_members=1, random_state=0)
    model.cross_validation(long, H, n_windows=1)  # compiles
    print("| form | refit | s | fits | predictions | rest |\n|---|---|---|---|---|---|")
    for form, y in (("wide", wide), ("long", long)):
        for refit in (True, False):
            total, fits, predictions = min(measure(model, y, refit) for _ in range(options.repeats))
            rest = total - fits - predictions
            print(
                f"| {form} | {refit} | {total:.2f} | {fits:.2f} | {predictions:.2f} | {rest:.3f} ({rest / total:.1%}) |"
            )


if __name__ == "__main__":
    main()
