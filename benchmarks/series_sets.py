"""Reading the sets of series, holding out their ends, and drawing series of any number."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

VARIABLE = "FORECASTRNN_DATA"


@dataclass(frozen=True)
class SeriesSet:
    """Series by name: what is known (NaN: missing), what came then, and the set's season.

    naive2: the official reference forecasts of what came, where the set has them.
    """

    name: str
    season: int
    train: dict[str, np.ndarray]
    test: dict[str, np.ndarray]
    naive2: dict[str, np.ndarray] | None = None

    @property
    def horizon(self) -> int:
        """The longest horizon of a series."""
        return max(map(len, self.test.values()))

    def frame(self) -> pd.DataFrame:
        """The known part as a long frame."""
        parts = {name: np.arange(1, len(y) + 1) for name, y in self.train.items()}
        ids = np.repeat(list(parts), [len(t) for t in parts.values()])
        values = np.concatenate(list(self.train.values()))
        return pd.DataFrame({"unique_id": ids, "t": np.concatenate(list(parts.values())), "y": values})

    def validation(self) -> SeriesSet:
        """The same task one horizon earlier: nothing of the test part is left."""
        train = {name: y[: -len(self.test[name])] for name, y in self.train.items()}
        test = {name: y[-len(self.test[name]) :] for name, y in self.train.items()}
        return replace(self, train=train, test=test, naive2=None)


def data_folder() -> Path:
    """The folder that the environment variable names."""
    if not os.environ.get(VARIABLE):
        raise SystemExit(
            f"Set the environment variable {VARIABLE} to the folder with the series: for each set NAME the files "
            "NAME.json (season m), NAME_train.csv.gz (unique_id,t,y) and NAME_test.csv.gz (unique_id,step,y)."
        )
    folder = Path(os.environ[VARIABLE])
    if not folder.is_dir():
        raise SystemExit(f"{VARIABLE}={folder} is not a folder.")
    return folder


def read_set(folder: Path, name: str) -> SeriesSet:
    """Read one set; a missing file is an error that names it."""
    about = json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    train = _by_series(folder / f"{name}_train.csv.gz", "t", "y")
    test = _by_series(folder / f"{name}_test.csv.gz", "step", "y")
    if train.keys() != test.keys():
        raise ValueError(f"{name}: series {sorted(train.keys() ^ test.keys())[:3]} are in one part only.")
    official = folder / f"{name}_naive2.csv.gz"
    naive2 = _by_series(official, "step", "yhat") if official.exists() else None
    return SeriesSet(name, int(about["m"]), train, test, naive2)


def _by_series(path: Path, order: str, column: str) -> dict[str, np.ndarray]:
    """Values of each series, in the order of time."""
    table = pd.read_csv(path, dtype={"unique_id": str}).sort_values(["unique_id", order], kind="stable")
    return {str(name): part.to_numpy(float) for name, part in table.groupby("unique_id", sort=False)[column]}


def seasonal_panel(n: int, length: int = 120) -> pd.DataFrame:
    """n noisy series with a season of 12 in a long frame."""
    rng, t = np.random.default_rng(0), np.arange(length)
    y = 50 + 10 * np.sin(2 * np.pi * (t / 12 + rng.random((n, 1)))) + rng.normal(size=(n, length))
    return pd.DataFrame({"unique_id": np.repeat(np.arange(n), length), "ds": np.tile(t, n), "y": y.ravel()})


def spare_parts(n: int = 300, length: int = 51, horizon: int = 12) -> SeriesSet:
    """Monthly demand that is mostly none, as for the spare parts of cars: two of three months, no season, fading parts.

    A part is wanted in a share of the months that wanders slowly, then in some numbers; drawn with seed 0.
    """
    rng = np.random.default_rng(0)
    wander = rng.normal(-0.9, 1.0, (n, 1)) + np.cumsum(rng.normal(0, 0.12, (n, length)), axis=1)
    wanted = rng.random((n, length)) < 1 / (1 + np.exp(-wander))
    return _drawn("spare_parts", 12, wanted * (1 + rng.poisson(rng.gamma(1.0, 1.0, (n, 1)), (n, length))), horizon)


def slow_sellers(n: int = 100, length: int = 420, horizon: int = 28) -> SeriesSet:
    """Daily sales of goods that are not sold on most days, more at the end of the week; drawn with seed 1."""
    rng = np.random.default_rng(1)
    week = np.log([0.6, 0.6, 0.7, 0.9, 1.3, 1.8, 1.1])[np.arange(length) % 7]
    level = rng.normal(-0.8, 0.7, (n, 1)) + np.cumsum(rng.normal(0, 0.03, (n, length)), axis=1)
    return _drawn("slow_sellers", 7, rng.negative_binomial(1.5, 1.5 / (1.5 + np.exp(level + week))), horizon)


def _drawn(name: str, season: int, values: np.ndarray, horizon: int) -> SeriesSet:
    """Rows of values as a set, its last steps what came."""
    named = {f"{number:03}": row.astype(float) for number, row in enumerate(values)}
    known, came = ({key: row[part] for key, row in named.items()} for part in (np.s_[:-horizon], np.s_[-horizon:]))
    return SeriesSet(name, season, known, came)


DRAWN = {"spare_parts": spare_parts, "slow_sellers": slow_sellers}


def any_set(name: str) -> SeriesSet:
    """A drawn set, or one of the folder that the environment variable names."""
    return DRAWN[name]() if name in DRAWN else read_set(data_folder(), name)
