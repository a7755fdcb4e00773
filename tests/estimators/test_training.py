"""How the estimators learn: the same bits every time, every rule and loss, shapes of targets, stopping."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, r2_score

from forecastrnn import (
    GRU,
    LSTM,
    SGD,
    Adam,
    AdamW,
    EarlyStopping,
    Elman,
    RMSprop,
    RNNClassifier,
    RNNRegressor,
    Truncated,
)
from forecastrnn.datasets import make_sine

WINDOWS = np.sin(np.arange(60)[:, None] * 0.3 + np.arange(11) * 0.3)
X, Y = WINDOWS[:, :-1], WINDOWS[:, -1]
CUBE, NEXT = X[:, :, None], WINDOWS[:, 1:, None]  # a target at every step: the next value
LENGTHS = np.random.RandomState(0).randint(4, 11, 60)


def regressor(**kwargs) -> RNNRegressor:
    stop = EarlyStopping(None, tol=0.0)
    small = {"cell": "gru", "hidden_layer_sizes": 5, "max_iter": 6, "random_state": 0, "batch_size": 16}
    return RNNRegressor(**{"early_stopping": stop, **small, **kwargs})


def same_weights(a: RNNRegressor, b: RNNRegressor) -> bool:
    pairs = zip(a.weights_, b.weights_, strict=True)
    return all(np.array_equal(one[name], two[name]) for one, two in pairs for name in one)


def flat(model: RNNRegressor) -> np.ndarray:
    kernels = [w[name].ravel() for w in model.weights_ for name in w if name.endswith("kernel")]
    return np.concatenate([*kernels, model.output_weights_["kernel"].ravel()])


# The same bits ----------------------------------------------------------------------------------------
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "peephole_lstm", "gru", GRU(reset_after=False), Elman("relu")])
def test_the_same_seed_gives_the_same_bits_at_any_number_of_threads(cell, dtype):
    one = regressor(cell=cell, dtype=dtype, n_jobs=1, batch_size=32).fit(X, Y)
    for n_jobs in (1, 2, 3):
        other = regressor(cell=cell, dtype=dtype, n_jobs=n_jobs, batch_size=32).fit(X, Y)
        assert other.loss_curve_ == one.loss_curve_
        assert np.array_equal(other.predict(X), one.predict(X))
    assert regressor(cell=cell, dtype=dtype, random_state=1).fit(X, Y).loss_curve_ != one.loss_curve_


def test_n_jobs_with_ragged_rows_clipping_and_directions():
    settings = {"cell": ["lstm", "gru"], "hidden_layer_sizes": [4, 3], "bidirectional": True}
    settings["solver"] = Adam(clip_norm=0.1)
    fits = [regressor(**settings, n_jobs=n).fit(CUBE, Y, lengths=LENGTHS) for n in (1, 2)]
    assert fits[0].loss_curve_ == fits[1].loss_curve_
    assert np.array_equal(*[fit.predict(CUBE, LENGTHS) for fit in fits])


def test_predictions_of_a_row_do_not_depend_on_its_neighbours():
    model = regressor().fit(X, Y)
    alone = np.concatenate([model.predict(X[k : k + 1]) for k in range(len(X))])
    assert np.array_equal(alone, model.predict(X))


# Going on ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize("shuffle", [False, True])
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_warm_start_in_parts_equals_one_long_run(solver, shuffle):
    long = regressor(solver=solver, shuffle=shuffle, max_iter=9).fit(X, Y)
    parts = regressor(solver=solver, shuffle=shuffle, max_iter=3, warm_start=True)
    for count in (3, 6, 9):
        parts.fit(X, Y)
        assert parts.n_iter_ == len(parts.loss_curve_) == count
    assert parts.loss_curve_ == long.loss_curve_
    assert same_weights(parts, long)


def test_partial_fit_is_one_epoch():
    parts = regressor()
    for _ in range(6):
        parts.partial_fit(X, Y)
    whole = regressor().fit(X, Y)
    assert parts.loss_curve_ == whole.loss_curve_
    assert same_weights(parts, whole)


def test_partial_fit_of_a_classifier_knows_classes_to_come():
    model = RNNClassifier(hidden_layer_sizes=4, random_state=0)
    model.partial_fit(X[:5], np.zeros(5, int), classes=[0, 1, 2])
    assert model.predict_proba(X).shape == (60, 3)
    assert model.partial_fit(X, np.arange(60) % 3).n_iter_ == 2


def test_weights_of_an_old_fit_are_not_touched_by_a_new_one():
    model = regressor(warm_start=True).fit(X, Y)
    held, before = model.weights_[0]["kernel"], model.weights_[0]["kernel"].copy()
    model.fit(X, Y)
    assert np.array_equal(held, before)


# Stopping ---------------------------------------------------------------------------------------------
def test_early_stopping_keeps_the_best_weights_and_holds_out_the_last_rows():
    model = regressor(early_stopping=EarlyStopping(0.2, 5, 0.0), max_iter=60, learning_rate_init=0.1)
    model.fit(X, Y)
    scores = model.validation_scores_
    assert len(scores) == model.n_iter_ == len(model.loss_curve_)
    assert model.best_iter_ == int(np.argmax(scores)) + 1
    assert r2_score(Y[-12:], model.predict(X[-12:])) == pytest.approx(max(scores), abs=1e-12)
    changed = Y.copy()
    changed[-12:] = np.random.RandomState(0).permutation(Y[-12:])  # the scaler sees the same values
    other = regressor(**{**model.get_params(deep=False), "early_stopping": EarlyStopping(0.2, 100, 0.0)}).fit(
        X, changed
    )
    count = len(scores)
    assert other.loss_curve_[:count] == pytest.approx(model.loss_curve_, rel=1e-12)
    assert other.validation_scores_[:count] != scores


def test_early_stopping_of_a_classifier_holds_out_some_of_each_class():
    y = np.repeat(["a", "b"], 30)
    rows = X + 4 * (y == "b")[:, None]  # ordered by class: the last rows alone would hold out "b" only
    model = RNNClassifier(cell="gru", hidden_layer_sizes=4, early_stopping=True, max_iter=30, random_state=0)
    model.set_params(learning_rate_init=0.05, early_stopping__fraction=0.3)
    assert accuracy_score(y, model.fit(rows, y).predict(rows)) > 0.9
    assert max(model.validation_scores_) == model.validation_scores_[model.best_iter_ - 1]


def test_scores_of_an_earlier_fit_are_forgotten():
    model = regressor(early_stopping=EarlyStopping(tol=0.0)).fit(X, Y)
    assert not hasattr(model.set_params(early_stopping=False).fit(X, Y), "validation_scores_")


def test_partial_fit_does_not_stop_early():
    with pytest.raises(ValueError, match="partial_fit does not support early_stopping=True"):
        regressor(early_stopping=True).partial_fit(X, Y)


def test_early_stopping_needs_something_to_hold_out():
    with pytest.raises(ValueError, match="early_stopping needs at least 2 sequences, got 1"):
        regressor(early_stopping=True, batch_size="auto").fit(X[:1], Y[:1])


def test_training_stops_when_the_loss_stops_falling():
    model = regressor(early_stopping=EarlyStopping(None, patience=3, tol=1e9), max_iter=100).fit(X, Y)
    assert model.n_iter_ == 4
    assert regressor(max_iter=15).fit(X, Y).n_iter_ == 15


def test_verbose_prints_every_epoch(capsys):
    regressor(verbose=True, max_iter=3, early_stopping=True).fit(X, Y)
    lines = capsys.readouterr().out.splitlines()
    assert [line for line in lines if line.startswith("Iteration 2, loss = ")]
    assert sum(line.startswith("Validation score: ") for line in lines) == 3
    regressor(max_iter=2).fit(X, Y)
    assert capsys.readouterr().out == ""


# Every rule learns ------------------------------------------------------------------------------------
@pytest.mark.parametrize("schedule", ["constant", "invscaling", "cosine", "step", "one_cycle"])
@pytest.mark.parametrize("solver", ["adam", "adamw", "sgd", "rmsprop"])
def test_every_solver_and_schedule_learns(solver, schedule):
    rate = {"sgd": 0.1}.get(solver, 0.02)
    rule = regressor(solver=solver).set_params(solver__learning_rate=schedule, max_iter=30).solver
    model = regressor(solver=rule, learning_rate_init=rate, max_iter=30).fit(X, Y)
    assert model.loss_curve_[-1] < 0.6 * model.loss_curve_[0]


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "peephole_lstm", "gru", GRU(reset_after=False), Elman("logistic")])
def test_every_loss_and_cell_learns(cell, loss):
    model = regressor(cell=cell, loss=loss, learning_rate_init=0.03, max_iter=40).fit(X, Y)
    assert model.loss_curve_[-1] < 0.5 * model.loss_curve_[0]


def test_a_classifier_learns_three_classes():
    y = np.digitize(Y, [-0.5, 0.5])
    model = RNNClassifier(cell="gru", hidden_layer_sizes=8, learning_rate_init=0.03, max_iter=80, random_state=0)
    model.fit(X, y)
    proba = model.predict_proba(X)
    np.testing.assert_allclose(proba.sum(axis=1), 1.0)
    assert model.score(X, y) > 0.9


@pytest.mark.parametrize("initializer", ["glorot", "he", "orthogonal", "uniform"])
def test_every_initializer_learns(initializer):
    model = regressor(initializer=initializer, learning_rate_init=0.03, max_iter=30).fit(X, Y)
    assert model.loss_curve_[-1] < 0.5 * model.loss_curve_[0]


def test_the_loss_is_that_of_the_standardised_targets():
    model = regressor(max_iter=1, learning_rate_init=1e-12, batch_size=60).fit(X, 100 + 7 * Y)
    error = (model.predict(X) - 100 - 7 * Y) / (7 * Y.std())
    assert model.loss_curve_[0] == pytest.approx(np.square(error).mean(), rel=1e-6)


# Truncated backpropagation ----------------------------------------------------------------------------
def test_truncation_at_least_as_long_as_the_series_is_full_backpropagation():
    full = regressor().fit(CUBE, NEXT)
    for steps in (10, 11, 500):
        assert regressor(bptt=Truncated(steps)).fit(CUBE, NEXT).loss_curve_ == full.loss_curve_


@pytest.mark.parametrize(("steps", "cell"), [(50, "gru"), (50, "lstm"), (37, "rnn")])
def test_truncation_learns_a_long_series(steps, cell):
    wave = np.sin(np.arange(601) * 0.25)[None, :, None]
    model = regressor(cell=cell, bptt=Truncated(steps), max_iter=40, learning_rate_init=0.02, batch_size=1)
    model.fit(wave[:, :-1], wave[:, 1:])
    assert model.loss_curve_[-1] < 0.2 * model.loss_curve_[0]
    assert model.score(wave[:, :-1], wave[:, 1:]) > 0.9


@pytest.mark.parametrize("steps", [3, 4, 7])
def test_a_last_window_that_is_cut_short_reads_nothing_behind_the_end(steps):
    """Memory that was just given back holds NaN, which would spread."""
    curves = []
    for _ in range(20):
        for size in (CUBE.nbytes, NEXT.nbytes + 64, 4096):
            np.full(size // 8, np.nan)
        curves.append(
            regressor(bptt=Truncated(steps), max_iter=1, batch_size=3).fit(CUBE[-3:], NEXT[-3:]).loss_curve_[0]
        )
    assert len(set(curves)) == 1


def test_truncation_carries_the_state():
    """With a rate of nearly 0 the loss of all windows is that of one pass over the whole series."""
    whole = regressor(learning_rate_init=1e-12, max_iter=1, batch_size=60).fit(CUBE, NEXT).loss_curve_[0]
    for steps in (2, 5):
        cut = regressor(learning_rate_init=1e-12, max_iter=1, batch_size=60, bptt=Truncated(steps)).fit(CUBE, NEXT)
        assert cut.loss_curve_[0] == pytest.approx(whole, rel=1e-6)


def test_truncation_with_lengths():
    model = regressor(bptt=Truncated(3), max_iter=30, learning_rate_init=0.02).fit(CUBE, NEXT, lengths=LENGTHS)
    assert model.loss_curve_[-1] < 0.3 * model.loss_curve_[0]


# Penalty and clipping ---------------------------------------------------------------------------------
@pytest.mark.parametrize("solver", [Adam(l2=1.0), AdamW(weight_decay=1.0), SGD(l2=0.1), RMSprop(l2=1.0)])
def test_decay_shrinks_the_weights(solver):
    free, held = (regressor(solver=one, max_iter=30).fit(X, Y) for one in (type(solver)(), solver))
    assert np.linalg.norm(flat(held)) < 0.9 * np.linalg.norm(flat(free))


def test_clip_norm_bounds_the_update():
    start = regressor(learning_rate_init=1e-300, max_iter=1, solver="sgd").fit(X, Y)
    plain = SGD(1.0, momentum=0.0, nesterov=False)
    settings = {"max_iter": 1, "batch_size": 60}
    for clip in (1e-3, 1e-2):
        moved = regressor(solver=plain.with_params({"clip_norm": clip}), **settings).fit(X, Y)
        changes = [moved._fitted.progress.theta - start._fitted.progress.theta]
        assert np.linalg.norm(changes) == pytest.approx(clip, rel=1e-6)
    loose = regressor(solver=plain.with_params({"clip_norm": 1e6}), **settings).fit(X, Y)
    assert same_weights(loose, regressor(solver=plain, **settings).fit(X, Y))


# Shapes of inputs and targets -------------------------------------------------------------------------
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru"])
@pytest.mark.parametrize(
    "target",
    [Y, np.stack([Y, -Y], 1), NEXT, np.dstack([NEXT, -NEXT]), NEXT[:, -3:], NEXT[:, -1:]],
    ids=["n", "n-k", "n-time-1", "n-time-2", "last-3", "last-1"],
)
def test_every_shape_of_target(target, cell, bidirectional):
    model = regressor(cell=cell, bidirectional=bidirectional, max_iter=40, learning_rate_init=0.03).fit(CUBE, target)
    guess = model.predict(CUBE)
    assert guess.shape == target.shape
    assert model.loss_curve_[-1] < 0.5 * model.loss_curve_[0]
    outputs = target.shape[-1] if target.ndim > 1 else 1
    truth, columns = target.reshape(-1, outputs), guess.reshape(-1, outputs)
    assert model.score(CUBE, target) == pytest.approx(r2_score(truth, columns), abs=1e-9)


def test_the_last_steps_are_those_of_the_whole_output():
    model = regressor().fit(CUBE, NEXT[:, -3:])
    whole = np.concatenate([model.predict(CUBE[:, : k + 1])[:, -1:] for k in (7, 8, 9)], axis=1)
    np.testing.assert_allclose(model.predict(CUBE), whole, rtol=1e-12)


def test_score_wants_the_shape_of_predict_and_takes_weights():
    model = regressor().fit(CUBE, NEXT[:, -3:])
    with pytest.raises(ValueError, match=r"y must have the shape .*\(60, 3, 1\). Got \(60, 10, 1\)"):
        model.score(CUBE, NEXT)
    keep = np.arange(60) % 2
    some = model.score(CUBE[keep == 1], NEXT[keep == 1, -3:])
    assert model.score(CUBE, NEXT[:, -3:], sample_weight=keep) == pytest.approx(some, rel=1e-12)


def test_ragged_lists_equal_padded_arrays():
    ragged = [CUBE[k, :n] for k, n in enumerate(LENGTHS)]
    padded = CUBE.copy()
    padded[np.arange(10) >= LENGTHS[:, None]] = 1e6  # what lies behind the end is not looked at
    for cell in ("rnn", "lstm", "gru"):
        for both in (False, True):
            one = regressor(cell=cell, bidirectional=both).fit(ragged, Y)
            two = regressor(cell=cell, bidirectional=both).fit(padded, Y, lengths=LENGTHS)
            assert one.loss_curve_ == two.loss_curve_
            assert np.array_equal(one.predict(ragged), two.predict(padded, lengths=LENGTHS))


def test_lists_of_one_dimensional_sequences():
    ragged = [X[k, :n] for k, n in enumerate(LENGTHS)]
    model = regressor().fit(ragged, Y)
    guess = model.predict(ragged)
    assert np.array_equal(guess, regressor().fit(CUBE, Y, lengths=LENGTHS).predict(CUBE, LENGTHS))
    assert np.array_equal(model.predict(ragged[:1]), guess[:1])
    even = [X[k] for k in range(3)]
    assert np.array_equal(model.predict(even), model.predict(CUBE[:3]))
    tables = [sequence[:, None].tolist() for sequence in ragged]
    assert np.array_equal(model.predict(tables), guess)


def test_padding_of_targets_does_not_count():
    junk = NEXT.copy()
    junk[np.arange(10) >= LENGTHS[:, None]] = 1e6
    for bidirectional in (False, True):
        clean = regressor(bidirectional=bidirectional).fit(CUBE, NEXT, lengths=LENGTHS)
        model = regressor(bidirectional=bidirectional).fit(CUBE, junk, lengths=LENGTHS)
        assert model.loss_curve_ == clean.loss_curve_
        guess, expected = model.predict(CUBE, LENGTHS), clean.predict(CUBE, LENGTHS)
        assert np.array_equal(guess.data, expected.data, equal_nan=True)
        assert np.isnan(guess.data[np.arange(10) >= LENGTHS[:, None]]).all()
        assert model.score(CUBE, junk, lengths=LENGTHS) == clean.score(CUBE, NEXT, lengths=LENGTHS)


@pytest.mark.parametrize("bidirectional", [False, True])
def test_the_last_steps_of_rows_of_different_lengths(bidirectional):
    ends = LENGTHS[:, None] - 3 + np.arange(3)
    target = np.take_along_axis(NEXT, ends[:, :, None], axis=1)
    model = regressor(bidirectional=bidirectional, max_iter=40, learning_rate_init=0.03)
    model.fit(CUBE, target, lengths=LENGTHS)
    guess = model.predict(CUBE, LENGTHS)
    assert guess.shape == target.shape
    assert model.loss_curve_[-1] < 0.3 * model.loss_curve_[0]
    for k in (0, 7, 31):
        np.testing.assert_allclose(guess[k], model.predict(CUBE[k : k + 1, : LENGTHS[k]])[0], rtol=1e-9)


def test_stacks_of_different_cells():
    cells = [Elman("relu"), LSTM(peepholes=True), "gru"]
    model = regressor(cell=cells, hidden_layer_sizes=[4, 3, 5], max_iter=40, learning_rate_init=0.03).fit(X, Y)
    assert model.loss_curve_[-1] < 0.3 * model.loss_curve_[0]
    assert [w["kernel"].shape for w in model.weights_] == [(1, 4), (4, 12), (3, 15)]


def test_float32_in_computes_in_float32():
    single = regressor().fit(X.astype(np.float32), Y)
    double = regressor().fit(X, Y)
    assert single.weights_[0]["kernel"].dtype == np.float32
    assert double.weights_[0]["kernel"].dtype == np.float64
    assert regressor(dtype="float64").fit(X.astype(np.float32), Y).weights_[0]["kernel"].dtype == np.float64
    np.testing.assert_allclose(single.predict(X.astype(np.float32)), double.predict(X), rtol=2e-2, atol=2e-3)


# Weights ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", [RNNRegressor, RNNClassifier])
def test_a_weight_of_zero_is_leaving_out(kind):
    y = Y if kind is RNNRegressor else Y > 0
    keep = np.arange(60) % 3 > 0
    settings = {"cell": "gru", "hidden_layer_sizes": 4, "max_iter": 20, "shuffle": False, "random_state": 0}
    weighted = kind(**settings).fit(X, y, sample_weight=keep.astype(float))
    without = kind(**settings).fit(X[keep], y[keep])
    score = "predict" if kind is RNNRegressor else "predict_proba"
    np.testing.assert_allclose(getattr(weighted, score)(X), getattr(without, score)(X), rtol=1e-7)


@pytest.mark.parametrize("target", [Y, NEXT[:, -3:], NEXT], ids=["one", "last-3", "all"])
def test_a_weight_of_two_is_a_copy(target):
    weight = 1.0 + (np.arange(60) % 2)
    twice = np.repeat(np.arange(60), weight.astype(int))
    settings = {"batch_size": 200, "max_iter": 10, "shuffle": False}
    with pytest.warns(UserWarning, match="clipped"):
        weighted = regressor(**settings).fit(CUBE, target, sample_weight=weight)
        copied = regressor(**settings).fit(CUBE[twice], target[twice])
    np.testing.assert_allclose(weighted.predict(CUBE), copied.predict(CUBE), rtol=1e-7, atol=1e-12)


# A whole task -----------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in (1, 2))])
def test_the_sine_curve_is_learnt_in_1500_updates(seed):
    train, later = make_sine(75_000, 20, random_state=seed)
    model = RNNRegressor(
        cell=Elman("relu"), hidden_layer_sizes=100, solver=Adam(1e-3, beta_2=0.99, clip_norm=1.0), batch_size=50,
        max_iter=1, random_state=seed,
    )  # fmt: skip
    model.fit(train, later)
    fresh, truth = make_sine(2_000, 20, random_state=seed + 1000)
    assert float(np.square(model.predict(fresh) - truth).mean()) <= 0.042
