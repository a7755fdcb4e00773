"""The functions on arrays: formulas against plain Python and scikit-learn, edge cases, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as scikit

from forecastrnn import metrics
from support import naive_metrics as naive

RNG = np.random.default_rng(0)
Y, F = RNG.normal(5, 3, 40), RNG.normal(5, 3, 40)
LOW, HIGH = F - 2.0, F + 2.5
TRAIN = RNG.normal(5, 3, 60)
PAST = {"train": TRAIN, "season_length": 7}
GAPS = np.where(RNG.random(40) < 0.3, np.nan, Y)
QUANTILES = np.array([0.1, 0.25, 0.5, 0.9])
BY_QUANTILE = F[:, None] + 3.0 * (QUANTILES - 0.5)
PATHS = F + RNG.normal(0, 2, (25, 40))


def close(found: float, expected: float) -> None:
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("y", [Y, GAPS], ids=["whole", "gaps"])
@pytest.mark.parametrize("name", ["bias", "mape", "smape", "wape"])
def test_point_errors(name: str, y: np.ndarray) -> None:
    close(getattr(metrics, name)(y, F), getattr(naive, name)(y, F))


@pytest.mark.parametrize("y", [Y, GAPS], ids=["whole", "gaps"])
@pytest.mark.parametrize("name", ["mase", "rmsse"])
def test_scaled_errors(name: str, y: np.ndarray) -> None:
    close(getattr(metrics, name)(y, F, **PAST), getattr(naive, name)(y, F, TRAIN, 7))


@pytest.mark.parametrize("y", [Y, GAPS], ids=["whole", "gaps"])
def test_intervals(y: np.ndarray) -> None:
    scale = naive.seasonal(TRAIN, 7)
    close(metrics.coverage(y, LOW, HIGH), naive.coverage(y, LOW, HIGH))
    close(metrics.interval_score(y, LOW, HIGH, level=80), naive.interval_score(y, LOW, HIGH, 80))
    close(metrics.msis(y, LOW, HIGH, level=95, **PAST), naive.interval_score(y, LOW, HIGH, 95) / scale)
    close(metrics.width(LOW, HIGH), 4.5)
    close(metrics.scaled_width(LOW, HIGH, **PAST), 4.5 / scale)


@pytest.mark.parametrize("y", [Y, GAPS], ids=["whole", "gaps"])
def test_distributions(y: np.ndarray) -> None:
    close(metrics.wql(y, BY_QUANTILE, quantiles=QUANTILES), naive.wql(y, dict(zip(QUANTILES, BY_QUANTILE.T))))
    close(metrics.crps(y, PATHS), naive.crps(y, PATHS.tolist()))
    close(metrics.crps(y, PATHS[:1]), naive.mae(y, PATHS[0]))


def test_relative_measures() -> None:
    close(metrics.relative_mae(GAPS, F, TRAIN[:40]), naive.mae(GAPS, F) / naive.mae(GAPS, TRAIN[:40]))
    pairs = [(naive.smape(GAPS, f), naive.mase(GAPS, f, TRAIN, 7)) for f in (F, TRAIN[:40])]
    close(metrics.owa(GAPS, F, TRAIN[:40], **PAST), 0.5 * sum(a / b for a, b in zip(*pairs)))


def test_scikit_learn_has_the_same_numbers() -> None:
    """Where it knows a measure, by another name and unit."""
    weight = RNG.random(40)
    y, f = np.abs(Y) + 1.0, F
    for chosen in ({}, {"sample_weight": weight}):
        close(metrics.mape(y, f, **chosen), 100 * scikit.mean_absolute_percentage_error(y, f, **chosen))
        close(metrics.crps(y, f[None], **chosen), scikit.mean_absolute_error(y, f, **chosen))
        pinball = [scikit.mean_pinball_loss(y, BY_QUANTILE[:, k], alpha=q, **chosen) for k, q in enumerate(QUANTILES)]
        size = np.average(y, weights=chosen.get("sample_weight"))
        close(metrics.wql(y, BY_QUANTILE, quantiles=QUANTILES, **chosen), 2 * np.mean(pinball) / size)
        root = scikit.root_mean_squared_error(y, f, **chosen)
        close(metrics.rmsse(y, f, **PAST, **chosen), root / naive.rmse(TRAIN[7:], TRAIN[:-7]))


@pytest.mark.parametrize("name", ["bias", "mape", "smape", "wape"])
def test_whole_weights_are_rows_repeated(name: str) -> None:
    times = RNG.integers(0, 4, 40)
    measure = getattr(metrics, name)
    close(measure(Y, F, sample_weight=times), measure(np.repeat(Y, times), np.repeat(F, times)))


def test_weights_of_rows_are_for_all_their_values() -> None:
    y, f, weight = Y.reshape(10, 4), F.reshape(10, 4), RNG.random(10)
    close(metrics.smape(y, f, sample_weight=weight), metrics.smape(Y, F, sample_weight=np.repeat(weight, 4)))


def test_any_shape() -> None:
    shape = (4, 10)
    paths = PATHS.reshape(25, *shape)
    close(metrics.crps(GAPS.reshape(shape), paths), metrics.crps(GAPS, PATHS))
    close(metrics.smape(list(Y), list(F)), metrics.smape(Y, F))
    found = metrics.pit(GAPS.reshape(shape), paths)
    assert found.shape == shape
    np.testing.assert_array_equal(np.isnan(found).ravel(), np.isnan(GAPS))


def test_pit_is_a_share_of_paths() -> None:
    np.testing.assert_array_equal(metrics.pit([0.0, 1.0, 9.0, np.nan], [[1.0] * 4, [2.0] * 4]), [0, 0.25, 1, np.nan])


def test_crps_is_fair() -> None:
    """Its mean does not depend on the number of paths: five standard errors."""
    truth, draws = RNG.normal(size=20_000), RNG.normal(size=(20, 20_000))
    few, many = metrics.crps(truth, draws[:3]), metrics.crps(truth, draws)
    assert abs(few - many) < 0.03
    assert abs(many - 1 / np.sqrt(np.pi)) < 0.02


# Edge cases ------------------------------------------------------------------------------------------------------

POINT = (metrics.bias, metrics.smape, metrics.wape, metrics.mape)


@pytest.mark.parametrize("measure", POINT)
def test_no_rows_are_nan(measure: Callable[..., float]) -> None:
    assert np.isnan(measure([], []))
    assert np.isnan(measure([np.nan, np.nan], [1.0, 2.0]))
    assert np.isnan(measure([1.0, 2.0], [1.0, 2.0], sample_weight=[0.0, 0.0]))


def test_no_rows_of_intervals_and_paths_are_nan() -> None:
    assert np.isnan(metrics.coverage([], [], []))
    assert np.isnan(metrics.interval_score([np.nan], [1.0], [2.0], level=80))
    assert np.isnan(metrics.crps([], np.empty((3, 0))))
    assert np.isnan(metrics.mase([], [], **PAST))


def test_zeros() -> None:
    assert metrics.smape([0.0, 1.0], [0.0, 1.0]) == 0.0
    assert metrics.smape([0.0], [1.0]) == metrics.smape([1.0], [-1.0]) == 200.0
    assert np.isnan(metrics.wape([0.0, 0.0], [1.0, 0.0]))
    assert np.isnan(metrics.wql([0.0], [[1.0]], quantiles=[0.5]))
    assert np.isnan(metrics.relative_mae([1.0], [2.0], [1.0]))
    with pytest.warns(UserWarning, match="mape is NaN: 1 of 2 values are 0"):
        assert np.isnan(metrics.mape([0.0, 1.0], [0.0, 1.0]))


@pytest.mark.parametrize("train", [[3.0] * 9, [1.0, 2.0], [], [np.nan] * 9, [1.0, 2.0, np.nan, np.nan]],
                         ids=["constant", "short", "none", "nan", "no pair"])  # fmt: skip
def test_no_scale_is_nan(train: list[float]) -> None:
    """Neither 0 where the error is 0 nor infinity."""
    for f in ([1.0, 2.0], [2.0, 2.0]):
        assert np.isnan(metrics.mase([1.0, 2.0], f, train=train, season_length=2))
        assert np.isnan(metrics.rmsse([1.0, 2.0], f, train=train, season_length=2))


def test_ends_of_an_interval_belong_to_it() -> None:
    assert metrics.coverage([1.0, 2.0, np.nan, 3.0], [1.0] * 4, [2.0] * 4) == pytest.approx(200 / 3, rel=1e-15)


# What is refused -------------------------------------------------------------------------------------------------

REFUSED = [
    (lambda: metrics.smape([1.0, 2.0], [1.0]), ValueError, r"y_pred must have shape \(2\), that of y_true. Got \(1,\)"),
    (lambda: metrics.smape([1.0], [np.nan]), ValueError, "y_pred contains NaN or infinity where y_true is known"),
    (lambda: metrics.smape([np.inf], [1.0]), ValueError, "y_true contains infinity"),
    (lambda: metrics.smape(["a"], [1.0]), TypeError, "y_true must hold numbers. Got list: could not convert .* 'a'"),
    (lambda: metrics.smape([[1.0], [1.0, 2.0]], [1.0]), TypeError, "Got list: its rows are not of one length"),
    (lambda: metrics.bias([1.0], [1.0], sample_weight=[-1.0]), ValueError, "sample_weight must be finite and >= 0"),
    (lambda: metrics.bias([1.0], [1.0], sample_weight=[1.0, 2.0]), ValueError, r"sample_weight must have shape \(1,\)"),
    (lambda: metrics.mase([1.0], [1.0], train=[[1.0]], season_length=1), ValueError, "train must be one series"),
    (lambda: metrics.mase([1.0], [1.0], train=[np.inf], season_length=1), ValueError, "train contains infinity"),
    (lambda: metrics.mase([1.0], [1.0], train=[1.0], season_length=0), ValueError, "season_length must be an int"),
    (lambda: metrics.mase([1.0], [1.0], train=[1.0], season_length=1.5), ValueError, "integer >= 1. Got 1.5"),
    (lambda: metrics.interval_score([1.0], [1.0], [1.0], level=0.8), ValueError, "level is in percent: 80, not 0.8"),
    (lambda: metrics.interval_score([1.0], [1.0], [1.0], level=100), ValueError, "level must be > 0 and < 100"),
    (lambda: metrics.msis([1.0], [1.0], [1.0], level="80", **PAST), TypeError, "level must be a number, in percent"),
    (lambda: metrics.wql([1.0], [[1.0]], quantiles=[1.0]), ValueError, "quantiles must be numbers > 0 and < 1"),
    (lambda: metrics.wql([1.0], [[1.0]], quantiles=[0.1, 0.2]), ValueError, "y_pred has 1 quantiles, but quant"),
    (lambda: metrics.wql([1.0], [1.0], quantiles=[0.1]), ValueError, r"y_pred must have shape \(1, n_quantiles\)"),
    (lambda: metrics.crps([1.0], [1.0]), ValueError, r"paths must have shape \(n_paths, 1\)"),
    (lambda: metrics.crps([1.0], np.empty((0, 1))), ValueError, "paths must hold at least one path"),
    (lambda: metrics.coverage([1.0], [1.0], [np.inf]), ValueError, "upper contains NaN or infinity"),
    (
        lambda: metrics.smape(pd.Series([1.0, 2.0]), pd.Series([1.0, 2.0], index=[1, 2])),
        ValueError,
        "the index of y_pred is not that of y_true: align them, or see evaluate",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "words"), REFUSED)
def test_refused(call: Callable[[], float], kind: type[Exception], words: str) -> None:
    with pytest.raises(kind, match=words):
        call()
