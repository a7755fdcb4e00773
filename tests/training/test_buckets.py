"""Mini-batches of sequences of like length: which rows they hold, and that training is what it was."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from forecastrnn import SGD, EarlyStopping, RNNClassifier, RNNRegressor, Truncated
from forecastrnn.training.batches import ArrayBatches

LENGTHS = np.clip(np.random.default_rng(0).lognormal(3.0, 0.9, 205), 5, 200).astype(np.int64)
LENGTHS[17] = 200
BATCHES = ArrayBatches(
    n=205, steps=200, target_steps=1, batch=16, shuffle=True, seed=3, lengths=LENGTHS, buckets=True
)  # fmt: skip
X = [np.random.default_rng(k).normal(size=(length, 2)) for k, length in enumerate(LENGTHS)]


def test_the_ladder_halves_down_to_the_shortest() -> None:
    assert BATCHES.ladder[:, 0].tolist() == [7, 13, 25, 50, 100, 200]
    assert replace(BATCHES, lengths=np.maximum(LENGTHS, 60)).ladder[:, 0].tolist() == [50, 100, 200]
    assert replace(BATCHES, buckets=False).ladder[:, 0].tolist() == [200]
    assert replace(BATCHES, lengths=None).ladder[:, 0].tolist() == [200]


def test_windows_of_truncated_bptt_have_one_program() -> None:
    """Of whole mini-batches, and of what is left."""
    assert replace(BATCHES, window=50).sizes == [(16, 50), (13, 50)]


@pytest.mark.parametrize("shuffle", [True, False])
def test_each_row_comes_once_an_epoch(shuffle: bool) -> None:
    indices = replace(BATCHES, shuffle=shuffle).epoch(4)
    rows = np.concatenate([index.sample.ravel() for index in indices])
    assert np.sort(rows).tolist() == list(range(205))
    for index in indices:
        np.testing.assert_array_equal(index.lengths, LENGTHS[index.sample])
        np.testing.assert_array_equal(index.x, index.sample * 200)
    assert indices[-1].sample.shape == (1, 205 % 16)


def test_rows_of_a_mini_batch_have_like_length() -> None:
    mixed = 0
    for index in BATCHES.epoch(0)[:-1]:
        steps = BATCHES.steps_of(index)
        assert (index.lengths <= steps).all()
        assert (index.lengths.max(axis=1) > steps // 2).all()  # no mini-batch could have run on a shorter program
        mixed += ((index.lengths <= steps // 2).any(axis=1)).sum()
    assert mixed <= len(BATCHES.ladder) - 1  # only where one bucket ends and the next begins


def test_the_order_is_drawn_anew_each_epoch_from_the_seed() -> None:
    def sets(batches: ArrayBatches, number: int) -> list[frozenset]:
        return [frozenset(row) for index in batches.epoch(number)[:-1] for row in index.sample.tolist()]

    assert sets(BATCHES, 0) == sets(BATCHES, 0)
    assert set(sets(BATCHES, 0)) != set(sets(BATCHES, 1))  # other rows together
    assert set(sets(BATCHES, 0)) != set(sets(replace(BATCHES, seed=4), 0))
    longest = [LENGTHS[list(rows)].max() for rows in sets(BATCHES, 0)]
    assert longest != sorted(longest)  # mini-batches in random order, not the short ones first
    assert set(BATCHES.epoch(0)[-1].sample[0].tolist()) != set(BATCHES.epoch(1)[-1].sample[0].tolist())


def test_programs_are_few_and_their_memory_is_counted() -> None:
    counted = set(BATCHES.sizes)
    used = {(i.sample.shape[1], BATCHES.steps_of(i)) for number in range(20) for i in BATCHES.epoch(number)}
    assert used <= counted and BATCHES.sizes[0] == (16, 200) and len(counted) <= 2 * len(BATCHES.ladder)


def fit(kind: type, y: np.ndarray, **settings: object) -> object:
    settings = {"cell": "gru", "hidden_layer_sizes": 6, "batch_size": 16, "random_state": 0, **settings}
    return kind(**settings).fit(X, y)


@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_loss_of_an_epoch_does_not_depend_on_buckets(cell: str, bidirectional: bool) -> None:
    y, still = np.arange(205) % 3, {"learning_rate_init": 1e-14, "max_iter": 1, "cell": cell}
    runs = [
        fit(RNNClassifier, y, bucket_by_length=on, bidirectional=bidirectional, **still).loss_ for on in (False, True)
    ]
    np.testing.assert_allclose(runs[1], runs[0], rtol=1e-11)  # float64; the weights moved by 1e-14 an update


@pytest.mark.parametrize("last", [0, 1, 4])
def test_gradients_do_not_depend_on_the_steps_of_the_program(last: int) -> None:
    """Plain SGD on mini-batches that both cut alike: rows of 30 steps, padded to 64 or run on 32, then rows of 64."""
    rng = np.random.default_rng(1)
    padded, lengths = rng.normal(size=(40, 64, 2)), np.append(np.full(32, 30), np.full(8, 64))
    k = {0: 64, 1: 1}.get(last, last)
    y = rng.normal(size=(40, k, 1))
    settings = {"cell": "lstm", "hidden_layer_sizes": 5, "batch_size": 8, "shuffle": False,
                "solver": SGD(0.1, momentum=0.0), "max_iter": 3, "random_state": 0}  # fmt: skip
    models = [RNNRegressor(bucket_by_length=on, **settings).fit(padded, y, lengths=lengths) for on in (False, True)]
    plain, bucketed = (model._fitted.progress.theta for model in models)
    np.testing.assert_allclose(bucketed, plain, rtol=1e-9, atol=1e-12)


def test_rows_of_one_length_are_trained_as_without_buckets() -> None:
    rows, y = np.random.default_rng(0).normal(size=(50, 12)), np.arange(50.0)
    models = [RNNRegressor(max_iter=3, random_state=0, bucket_by_length=on).fit(rows, y) for on in (False, True)]
    np.testing.assert_array_equal(models[0].predict(rows), models[1].predict(rows))


def test_truncated_sequences_are_bucketed_too() -> None:
    rows = np.zeros((205, 200, 2))
    for row, x in zip(rows, X, strict=True):
        row[: len(x)] = x
    y, still = rows[:, :, :1] + 1.0, {"learning_rate_init": 1e-14, "max_iter": 1, "bptt": Truncated(20)}
    runs = [
        RNNRegressor(hidden_layer_sizes=4, batch_size=16, random_state=0, bucket_by_length=on, **still)
        .fit(rows, y, lengths=LENGTHS).loss_ for on in (False, True)
    ]  # fmt: skip
    np.testing.assert_allclose(runs[1], runs[0], rtol=1e-11)
    plain, bucketed = (
        sum(index.steps for index in replace(BATCHES, window=20, buckets=on).epoch(0)) for on in (False, True)
    )
    assert bucketed < 0.6 * plain  # windows behind the end of all rows are left out


def test_threads_change_no_bit() -> None:
    y = np.arange(205) % 2
    models = [
        fit(RNNClassifier, y, bucket_by_length=True, max_iter=2, n_jobs=n, learning_rate_init=0.01) for n in (1, 2)
    ]
    np.testing.assert_array_equal(models[0]._fitted.progress.theta, models[1]._fitted.progress.theta)


@pytest.mark.parametrize("value", ["yes", 2, None])
def test_the_parameter_is_a_bool(value: object) -> None:
    with pytest.raises(ValueError, match="bucket_by_length"):
        RNNRegressor(bucket_by_length=value).fit(np.eye(4), np.arange(4.0))


def fastest_epoch(lengths: np.ndarray, **settings: object) -> float:
    """Seconds of the fastest of ten epochs on rows of these lengths."""
    rows, y, times = np.zeros((len(lengths), 500, 3), np.float32), np.arange(len(lengths)) % 2, []
    rows[:] = np.random.default_rng(1).normal(size=rows.shape)
    RNNClassifier(
        cell="gru", max_iter=11, batch_size=64, random_state=0, n_jobs=1,
        early_stopping=EarlyStopping(None, patience=99), **settings,
    ).fit(rows, y, lengths=lengths, callback=lambda epoch: times.append(time.perf_counter()))  # fmt: skip
    return float(np.diff(times).min())


@pytest.mark.slow
def test_time_grows_with_the_sum_of_the_lengths_and_not_with_the_longest() -> None:
    lengths = np.clip(np.random.default_rng(0).lognormal(3.4, 1.0, 1024), 5, 500).astype(np.int64)
    lengths[0] = 500
    assert lengths.mean() < 55
    plain, bucketed = fastest_epoch(lengths), fastest_epoch(lengths, bucket_by_length=True)
    assert bucketed < 0.6 * plain  # measured: 0.3
    assert bucketed < 0.4 * fastest_epoch(np.full(1024, 500))  # 0.1 of the steps; measured: 0.15
