"""Training that diverges is an error also where the loss is bounded, and honest hard data give no alarm."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Adam, AdamW, RMSprop, RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq
from forecastrnn.exceptions import TrainingDivergedError
from forecastrnn.training.divergence import SMALL, WorstLoss, loss_of_zeros
from support.forecaster_cases import quick

RNG = np.random.default_rng(0)
X = RNG.standard_normal((64, 6, 2))
Y = 5.0 + 3.0 * X[:, :, 0].mean(axis=1)
TEXTS = ["abc", "ca", "bbac", "a"] * 5
FAST: dict[str, Any] = {"cell": "gru", "hidden_layer_sizes": 6, "random_state": 0, "n_jobs": 1}


@pytest.mark.parametrize(
    ("rate", "options"),
    # 10 with batches of 4 ends at an R2 of -.2 to -2, which is on the bar: no case of its own.
    [(10.0, {}), (10.0, {"dropout": 0.3})]
    + [(rate, options) for rate in (50.0, 1e3) for options in ({}, {"batch_size": 4}, {"dropout": 0.3})],
)
def test_a_bounded_loss_that_grew_is_an_error(rate: float, options: dict) -> None:
    given = FAST | {"learning_rate_init": rate, "max_iter": 15} | options
    with pytest.raises(TrainingDivergedError, match=r"diverged.*Lower solver__learning_rate"):
        RNNRegressor(**given).fit(X, Y)
    if rate > 10.0 or not options:
        with pytest.raises(TrainingDivergedError, match=r"diverged.*Lower solver__learning_rate"):
            RNNClassifier(**given).fit(X, Y > 5.0)


def test_so_is_it_of_an_encoder_and_a_decoder() -> None:
    with pytest.raises(TrainingDivergedError, match="diverged"):
        RNNSeq2Seq(**FAST | {"solver": Adam(50.0), "max_iter": 15, "embedding_dim": 3}).fit(TEXTS, TEXTS)


@pytest.mark.parametrize("options", [{"loss": "student_t"}, {"loss": "quantile"}, {"early_stopping": True}], ids=str)
def test_so_is_it_of_heads_and_of_weights_that_were_kept(options: dict) -> None:
    y = pd.Series(50.0 + 10.0 * np.sin(np.arange(90) * 2 * np.pi / 7) + RNG.standard_normal(90))
    model = quick(solver=AdamW(50.0, clip_norm=None), max_steps=50, season_length=7, **options)
    with pytest.raises(TrainingDivergedError, match="diverged"):
        model.fit(y)


def test_pieces_of_another_scale_are_no_divergence() -> None:
    model = RNNRegressor(**FAST | {"dropout": 0.5})
    for factor in (1.0, 1e-3, 10.0, 0.1, 1.0):
        model.partial_fit(X, Y * factor)


HARD = {
    "noise": lambda rng, n: rng.standard_normal(n),
    "heavy tails": lambda rng, n: rng.standard_cauchy(n) ** 3,
    "one large": lambda rng, n: np.where(np.arange(n) == n // 2, 1e6, rng.standard_normal(n)),
    "rare": lambda rng, n: np.where(np.arange(n) == 0, 1.0, 0.0),
}


@pytest.mark.parametrize("kind", HARD)
@pytest.mark.parametrize("rows", [2, 5, 40])
def test_honest_hard_targets_give_no_alarm(kind: str, rows: int) -> None:
    for seed in range(6):
        rng = np.random.default_rng([seed, rows])
        x, y = rng.standard_normal((rows, 4, 1)), HARD[kind](rng, rows)
        options = FAST | {
            "random_state": seed, "max_iter": (1, 5, 30)[seed % 3], "batch_size": min(rows, (1, 2, 8)[seed // 2]),
            "dropout": (0.0, 0.5, 0.9)[seed % 3], "shuffle": bool(seed % 2),
        }  # fmt: skip
        weight = 10.0 ** rng.uniform(-6, 6, rows) if seed % 2 else None
        RNNRegressor(loss=("squared_error", "absolute_error", "huber")[seed % 3], **options).fit(x, y, weight)
        RNNClassifier(**options).fit(x, np.arange(rows) == 0 if kind == "rare" else np.arange(rows) % 2, weight)


@pytest.mark.parametrize("loss", ["absolute_error", "squared_error", "gaussian"])
def test_honest_hard_series_give_no_alarm(loss: str) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        y = pd.DataFrame({
            "noise": rng.standard_normal(50), "rare": 5.0 * (rng.random(50) < 0.1),
            "walk": rng.standard_normal(50).cumsum(),
        })  # fmt: skip
        options = {"batch_size": (1, 4, 64)[seed], "max_steps": (1, 20, 60)[seed], "warm_start": True, "loss": loss}
        model: RNNForecaster = quick(**options | {"random_state": seed}).fit(y)
        model.fit(y)


@pytest.mark.parametrize(
    ("seed", "options"),
    [
        (2, {"loss": "absolute_error", "solver": Adam(5.0)}),  # three times the loss is nine times the squares
        (0, {"loss": "huber", "solver": Adam(5.0)}),
        (3, {"solver": RMSprop(10.0, clip_norm=None), "batch_size": 16, "early_stopping": True}),  # R2 was -71
        (5, {"solver": Adam(10.0, clip_norm=None), "batch_size": 16, "early_stopping": True}),
    ],
    ids=str,
)
def test_errors_are_judged_by_their_squares_and_where_training_blew_up(seed: int, options: dict) -> None:
    model = RNNRegressor(**FAST | {"random_state": seed, "max_iter": 15} | options)
    try:
        assert model.fit(X, Y).score(X, Y) > -1.0
    except TrainingDivergedError as error:
        assert "at first to" in str(error)


def test_what_the_loss_may_be() -> None:
    assert WorstLoss().behind(1.0) == np.inf
    assert WorstLoss(times=3.0, of_zeros=2.0).behind(1.0) == 6.0
    assert WorstLoss(times=3.0).behind(np.array([4.0, 0.0])).tolist() == [12.0, 3 * SMALL]
    assert WorstLoss(times=4.0, of_zeros=2.0, loss="absolute_error").behind(1.0) == 4.0  # errors twice as large
    assert WorstLoss(times=4.0, of_zeros=0.5, loss="huber").behind(0.1) == 1.5  # of errors of 1, then of 2
    assert WorstLoss(times=4.0, of_zeros=0.08, loss="huber").behind(0.0) == pytest.approx(0.32)  # of .4, then .8
    back = WorstLoss(times=3.0, of_zeros=2.0, back=1.5)
    assert back.behind(1.0, back.blew_up([1.0, 19.0], 1.0)) == 6.0
    assert back.behind(1.0, back.blew_up([21.0, 1.0], 1.0)) == 3.0
    assert not back.blew_up([21.0], 9.0) and not back.blew_up([], 9.0)
    assert not WorstLoss(times=3.0).blew_up([1e9], 1.0)  # of a loss of which nobody said it
    densities = WorstLoss(times=2.0, of_zeros=-np.inf, beyond=3.0)
    assert densities.behind(np.array([-1.0, 0.0, 10.0])).tolist() == [2.0, 3.0, 20.0]


def test_the_loss_of_zeros() -> None:
    targets, weight = np.array([[3.0], [np.nan], [-1.0], [9.0]]), np.array([1.0, 1.0, 3.0, 0.0])
    assert loss_of_zeros("squared_error", targets, weight, 1) == 5.0  # more than the 3 with weights
    assert loss_of_zeros("absolute_error", targets[:3], np.ones(3), 1) == 2.0
    assert loss_of_zeros("huber", targets[:3], np.ones(3), 1) == 1.5
    assert loss_of_zeros("cross_entropy", targets, weight, 4) == np.log(4)
    assert loss_of_zeros("not in the table", targets, weight, 1) == SMALL
