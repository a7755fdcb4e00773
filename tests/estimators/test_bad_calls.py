"""Estimators used out of turn: before fit, after a failed fit, from threads, stopped by Ctrl-C."""

from __future__ import annotations

import copy
import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from support.array_cases import CUBE, N, X, Y, classifier, frame, regressor, with_value

UNFITTED = [
    (regressor, lambda m: m.predict(X)),
    (regressor, lambda m: m.score(X, Y)),
    (regressor, lambda m: m.generate(3)),
    (regressor, lambda m: m.stream()),
    (regressor, lambda m: m.weights_),
    (regressor, lambda m: m.output_weights_),
    (classifier, lambda m: m.predict(X)),
    (classifier, lambda m: m.predict_proba(X)),
    (classifier, lambda m: m.score(X, Y > 0)),
    (classifier, lambda m: m.stream()),
]


@pytest.mark.parametrize(("make", "call"), UNFITTED)
def test_a01_before_fit(make, call):
    with pytest.raises(NotFittedError, match="is not fitted yet. Call .fit."):
        call(make())


@pytest.mark.parametrize("make", [regressor, classifier])
def test_a03_fit_twice(make):
    model = make()
    first = model.fit(X, Y > 0).predict(X)
    assert np.array_equal(model.fit(X, Y > 0).predict(X), first)
    assert len(model.loss_curve_) == 2


BAD_SECOND = [
    lambda m: m.fit(with_value(np.nan), Y),
    lambda m: m.fit(X[:, :2], Y[:-1]),
    lambda m: m.fit(CUBE, Y, lengths=[9] * N),
    lambda m: m.fit(frame(), Y + np.inf),
    lambda m: m.fit(CUBE, Y, sample_weight=np.zeros(N)),
    lambda m: m.set_params(max_iter=0).fit(X, Y),
    lambda m: m.set_params(device="cuda").fit(X, Y),
    lambda m: m.set_params(learning_rate_init=1e30).fit(CUBE, np.stack([Y, Y], 1)),
]


@pytest.mark.parametrize("bad", BAD_SECOND)
def test_a04_a_failed_second_fit_keeps_the_model(bad):
    model = regressor().fit(X, Y)
    before, curve = model.predict(X), list(model.loss_curve_)
    with pytest.raises((ValueError, RuntimeError)):
        bad(model)
    assert np.array_equal(model.predict(X), before)
    assert model.loss_curve_ == curve
    assert not hasattr(model, "feature_names_in_")


def test_a04_a_failed_second_fit_keeps_the_classes():
    model = classifier().fit(X, Y > 0)
    with pytest.raises(ValueError, match="diverged"):
        model.set_params(learning_rate_init=1e30).fit(X, np.arange(N) % 3)
    assert model.classes_.tolist() == [False, True]


def test_a06_a_copy_is_a_model_of_its_own():
    model = regressor(warm_start=True).fit(X, Y)
    before, other = model.predict(X), copy.deepcopy(model)
    other.fit(X, Y)
    assert np.array_equal(model.predict(X), before)
    assert not np.array_equal(other.predict(X), before)


def test_a07_sixteen_threads_predict_the_same_bits():
    model = regressor(cell=["gru", "lstm"], hidden_layer_sizes=[5, 5]).fit(CUBE, Y)
    many = np.tile(CUBE, (20, 1, 1))
    serial, state = model.set_params(n_jobs=1).predict(many), model.__dict__.copy()
    model.set_params(n_jobs=2)
    with ThreadPoolExecutor(16) as pool:
        results = list(pool.map(lambda _: model.predict(many), range(96)))
    assert all(np.array_equal(result, serial) for result in results)
    assert {k: v for k, v in vars(model).items() if k != "n_jobs"} == {k: v for k, v in state.items() if k != "n_jobs"}


def test_a09_two_threads_fit_models_of_their_own():
    serial = regressor(max_iter=10).fit(X, Y).predict(X)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: regressor(max_iter=10).fit(X, Y).predict(X), range(12)))
    assert all(np.array_equal(result, serial) for result in results)


WARM_INTERRUPT = """
import os, signal, threading, time
import numpy as np
from support.array_cases import X, Y, regressor
model = regressor().fit(X, Y)
before = model.predict(X)
model.set_params(max_iter=100_000, warm_start=True, early_stopping__patience=100_000)
pressed = []
def press():
    pressed.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer(0.7, press).start()
try:
    model.fit(np.tile(X, (100, 1)), np.tile(Y, 100))
    raise SystemExit("not interrupted")
except KeyboardInterrupt:
    print(time.perf_counter() - pressed[0])
assert np.array_equal(model.predict(X), before)
assert len(model.loss_curve_) == 2
model.set_params(max_iter=2, warm_start=False)
print(np.array_equal(model.fit(X, Y).predict(X), before))
"""


@pytest.mark.skipif(os.name == "nt", reason="os.kill does not interrupt there")
def test_a12_ctrl_c_stops_a_warm_start_and_keeps_the_old_model(run_script):
    """Fits anew are stopped in `test_threads.py`."""
    late, same = run_script(WARM_INTERRUPT).split()
    assert float(late) < 0.5 and same == "True"


def test_a15_empty_metadata():
    assert regressor().fit(X, Y, sample_weight=None, lengths=None).score(X, Y, sample_weight=None) <= 1.0
