"""Members and local networks trained by workers of joblib: the bits of one process."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from forecastrnn import RNNForecaster
from forecastrnn.forecasting import members, side_by_side
from forecastrnn.networks.likelihoods import LIKELIHOODS, Laplace
from support.forecaster_cases import long_of, monthly, quick

KINDS: dict[str, dict[str, Any]] = {
    "members": {"n_members": 3},
    "members that stop early": {"n_members": 2, "early_stopping": True, "batch_size": 8},
    "local": {"global_model": False, "n_members": 2},
    "local, of counts": {"global_model": False, "loss": "poisson"},
}


@dataclass(frozen=True)
class OwnLaplace(Laplace):
    """A likelihood that a worker's process has not heard of."""


def series(least: float = 0.0) -> pd.DataFrame:
    """Five of different lengths, one of them not positive, or all at least so large."""
    parts = {f"s{k}": (monthly(50 + 5 * k, k) - 100.0 * (k == 4)).round().clip(least or None) for k in range(5)}
    return long_of(parts)


def bits(model: RNNForecaster) -> list[bytes]:
    """All that training leaves."""
    trained = model._model.trained
    moments = [each for one in trained.members for each in one.optimizer.moments.values()]
    return [np.asarray(each).tobytes() for each in (trained.thetas, *trained.curves, *moments)]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("backend", ["threading", pytest.param("loky", marks=pytest.mark.slow)])
def test_workers_change_no_bit(backend: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    y, asked, parallel = series(1.0 if "loss" in KINDS[kind] else 0.0), list[int](), side_by_side.Parallel
    one, many = (quick(**KINDS[kind], warm_start=True) for _ in range(2))
    expected = bits(one.fit(y)), bits(one.fit(y))
    monkeypatch.setattr(side_by_side, "Parallel", lambda n_jobs: asked.append(n_jobs) or parallel(n_jobs=n_jobs))
    monkeypatch.setattr(side_by_side, "worker_count", lambda n_jobs, tasks: min(2, tasks))
    with joblib.parallel_config(backend, n_jobs=2):
        assert (bits(many.fit(y)), bits(many.fit(y))) == expected
    assert asked == [2, 2]
    pd.testing.assert_frame_equal(many.predict(3), one.predict(3), check_exact=True)


@pytest.mark.slow
def test_large_arrays_come_as_files_that_cannot_be_written_to() -> None:
    """Which joblib makes of more than a megabyte, for workers that are processes."""
    values = np.random.default_rng(0).normal(50.0, 1.0, (2500, 20))
    y = pd.DataFrame(values, index=pd.date_range("2015-01-01", periods=2500))
    for options in ({"n_members": 2}, {"global_model": False}):
        expected = quick(**options).fit(y)
        with joblib.parallel_config("loky", n_jobs=2):
            assert bits(quick(**options).fit(y)) == bits(expected)


@pytest.mark.slow
def test_workers_know_a_likelihood_of_ones_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIKELIHOODS, "own", OwnLaplace)
    model = quick(n_members=2, loss="own")
    expected = bits(model.fit(series()))
    with joblib.parallel_config("loky", n_jobs=2):
        assert bits(model.fit(series())) == expected


def test_what_is_watched_or_kept_stays_in_this_process(tmp_path: os.PathLike, monkeypatch: pytest.MonkeyPatch) -> None:
    def not_here(*_: object) -> None:
        raise AssertionError("workers were asked")

    monkeypatch.setattr(members, "side_by_side", not_here)
    looks: list[int] = []
    with joblib.parallel_config("threading", n_jobs=2):
        model = quick(n_members=2)
        model.fit(series(), callback=lambda look: looks.append(look.member))
        model.fit(series(), checkpoint=os.path.join(tmp_path, "kept"))
    quick(n_members=2).fit(series())
    assert set(looks) == {0, 1}
