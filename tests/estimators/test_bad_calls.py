"""Estimators used out of turn: before fit, after a failed fit, from threads, behind a fork, stopped by Ctrl-C."""

from __future__ import annotations

import copy
import os
import subprocess
import sys
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


PREPARE = """
import io, os, signal, sys, threading, time
import numpy as np
from forecastrnn import RNNRegressor
rng = np.random.RandomState(0)
X, Y = rng.normal(size=(64, 30)), rng.normal(size=64)
model = RNNRegressor(hidden_layer_sizes=8, max_iter=2, random_state=0, n_jobs=2).fit(X, Y)
before = model.predict(X)
"""

FORK = """
child = os.fork()
if child == 0:
    same = np.array_equal(model.predict(X), before)
    again = RNNRegressor(hidden_layer_sizes=8, max_iter=2, random_state=0, n_jobs=2).fit(X, Y).predict(X)
    os._exit(0 if same and np.array_equal(again, before) else 1)
deadline = time.time() + 20
while time.time() < deadline:
    done, status = os.waitpid(child, os.WNOHANG)
    if done:
        break
    time.sleep(0.01)
else:
    os.kill(child, signal.SIGKILL)
    sys.exit("the child hangs")
assert os.WIFEXITED(status) and os.WEXITSTATUS(status) == 0, status
assert np.array_equal(model.predict(X), before)
"""

INTERRUPT = """
big, steps = rng.normal(size=(2000, 200)), rng.normal(size=2000)
model.set_params(max_iter=100_000, hidden_layer_sizes=32, warm_start={warm})
if {warm}:
    model.set_params(hidden_layer_sizes=8)
    big, steps = np.tile(X, (100, 1)), np.tile(Y, 100)
if {small}:
    model.set_params(early_stopping__patience=100_000)
    big, steps = X, Y
pressed = []
def press():
    pressed.append(time.perf_counter())
    os.kill(os.getpid(), signal.SIGINT)
threading.Timer(0.7, press).start()
try:
    model.fit(big, steps)
except KeyboardInterrupt:
    late = time.perf_counter() - pressed[0]
else:
    sys.exit("not interrupted")
assert late < 0.5, late
assert np.array_equal(model.predict(X), before)
assert model.n_iter_ == 2 and model.n_features_in_ == 30
model.set_params(max_iter=2, hidden_layer_sizes=8, warm_start=False)
assert np.array_equal(model.fit(X, Y).predict(X), before)
"""


def run_script(text: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-W", "ignore:This process:DeprecationWarning", "-c", text],
        capture_output=True, text=True, timeout=60, check=False, cwd=os.getcwd(),
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_a10_predict_and_fit_in_a_forked_child():
    run_script(PREPARE + FORK)


@pytest.mark.skipif(os.name == "nt", reason="os.kill does not interrupt there")
@pytest.mark.parametrize(("warm", "small"), [(False, False), (True, False), (False, True)])
def test_a12_ctrl_c_stops_soon_and_keeps_the_old_model(warm, small):
    """Also where many epochs are one call, `small`."""
    run_script(PREPARE + INTERRUPT.format(warm=warm, small=small))


def test_a15_empty_metadata():
    assert regressor().fit(X, Y, sample_weight=None, lengths=None).score(X, Y, sample_weight=None) <= 1.0
