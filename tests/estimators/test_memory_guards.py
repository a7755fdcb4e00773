"""What would not fit into memory is refused before it is allocated, by the parameter that makes it large."""

from __future__ import annotations

import sys
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Conformal, RNNClassifier, RNNForecaster, RNNRegressor, RNNSeq2Seq
from forecastrnn.engine import memory
from support.forecaster_cases import monthly, quick

FREE = 2**24
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((40, 6)), RNG.standard_normal(40)
PAIRS = ["abc", "bca", "cab", "acb"], ["cba", "acb", "bac", "bca"]
PANEL = pd.DataFrame({f"s{k}": monthly(40) for k in range(3)})


def regressor(**options: object) -> RNNRegressor:
    return RNNRegressor(**({"hidden_layer_sizes": 4, "max_iter": 1, "random_state": 0} | options))


def next_values() -> RNNRegressor:
    return regressor().fit(X[:, :-1, None], X[:, 1:, None])


def symbols() -> RNNClassifier:
    codes = np.arange(24).reshape(4, 6) % 3
    model = RNNClassifier(hidden_layer_sizes=4, max_iter=1, random_state=0, categorical_features=[0])
    return model.fit(codes[:, :-1], codes[:, 1:])


def translator(**options: object) -> RNNSeq2Seq:
    return RNNSeq2Seq(**({"hidden_layer_sizes": 4, "embedding_dim": 2, "max_iter": 1, "random_state": 0} | options))


def forecaster() -> RNNForecaster:
    return quick().fit(monthly(60))


Job = Callable[[object], object]
FITTED: dict[str, tuple[Callable[[], object], Job, str]] = {
    "mini-batches": (
        lambda: np.broadcast_to(X[:1], (3000, 6)),
        lambda x: regressor(batch_size=3000, hidden_layer_sizes=32).fit(x, np.zeros(3000)),
        r"batch_size=3000: mini-batches of 3000 sequences of 6 steps need .* free\. About \d+ such sequences fit\. ",
    ),
    "units": (
        lambda: X, lambda x: regressor(hidden_layer_sizes=2000).fit(x, Y),
        r"hidden_layer_sizes=2000: a network of \d+ parameters, with gradient and moments, need .*Take fewer units",
    ),
    "units of layers": (
        lambda: X, lambda x: regressor(hidden_layer_sizes=(10**9, 4)).fit(x, Y), r"hidden_layer_sizes=\(10{9}, 4\): a",
    ),
    "units of pairs": (
        lambda: PAIRS, lambda pairs: translator(hidden_layer_sizes=3000).fit(*pairs), "hidden_layer_sizes=3000: a netw",
    ),
    "embeddings": (
        lambda: PAIRS, lambda pairs: translator(embedding_dim=10**6).fit(*pairs),
        "embedding_dim=1000000: a network .*Take shorter vectors",
    ),
    "vectors of a series": (
        lambda: PANEL, lambda y: quick(id_embedding_dim=10**7).fit(y), "embedding_dim=10000000: a network of",
    ),
    "members of a start": (
        lambda: monthly(60), lambda y: RNNForecaster.pretrained(n_members=1000).fit(y), "n_members=1000 networks of",
    ),
    "samples": (
        lambda: regressor(dropout=0.3).fit(X, Y), lambda model: model.predict(X, n_samples=10**6),
        "n_samples=1000000: outputs of 40 sequences need .*Take fewer samples",
    ),
    "members": (
        lambda: monthly(60), lambda y: quick(n_members=10**5, hidden_layer_sizes=32).fit(y),
        r"hidden_layer_sizes=32: n_members=100000 networks of \d+ parameters, .*or fewer members",
    ),
    "networks of series": (
        lambda: PANEL,
        lambda y: quick(global_model=False, max_steps=10**6).fit(y),
        r"global_model=False: \d networks of \d+ parameters for each of 3 series need",
    ),
    "inputs": (
        lambda: regressor().fit(X, Y), lambda model: model.predict(np.broadcast_to(X[:1], (10**6, 6))),
        r"X: copies of 1000000 sequences of 6 steps and 1 channels need .* at a time",
    ),
    "outputs": (
        lambda: regressor().fit(X, RNG.standard_normal((40, 60))),
        lambda model: model.predict(np.broadcast_to(X[:1], (20_000, 6))), "X: 20000 predictions of 1 steps and 60 out",
    ),
    "steps generated": (next_values, lambda model: model.generate(10**6), "n_steps=1000000 is too large"),
    "windows of steps generated": (
        next_values, lambda model: model.generate(6 * 10**5, X[0], context_length=3), "n_steps=600000 is too large",
    ),
    "symbols": (symbols, lambda model: model.generate(10, n_sequences=10**9), "n_steps=10: 1000000000 sequences"),
    "tokens": (
        lambda: translator().fit(*PAIRS), lambda model: model.decode(["abc"] * 3, max_length=10**6), "symbols need",
    ),
    "padding": (
        lambda: translator().fit(*PAIRS), lambda model: model.predict(["a"] * 999 + ["ab" * 1000]),
        r"X or y: 1000 sequences, padded to the 2000 tokens of the longest, need .*cut the longest",
    ),
    "paths": (
        forecaster, lambda model: model.sample_paths(4, 10**6, calibrated=False), "n_paths=1000000 is too large",
    ),
    "steps ahead": (
        lambda: quick().fit(np.arange(60.0) % 12), lambda model: model.predict(2 * 10**6),
        "h=2000000: 1 paths of 1 series need .*Forecast fewer",
    ),
    "calibration": (
        lambda: np.arange(3000.0),
        lambda y: quick(intervals=Conformal(n_windows=500, horizon=1000), season_length=1).fit(y),
        r"intervals: errors of 1 series in 500 windows of 1000 steps need .*Conformal\(n_windows",
    ),
    "windows of a backtest": (
        lambda: np.arange(6e5), lambda y: quick().cross_validation(y, 3, n_windows=10**7, step_size=1),
        "n_windows=10000000: the places",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FITTED)
def test_what_would_not_fit_is_refused(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine with 16 MiB free."""
    begun, job, message = FITTED[name]
    given = begun()
    monkeypatch.setattr(memory, "free_memory", lambda: FREE)
    with pytest.raises(ValueError, match=message):
        job(given)


def test_a_refused_fit_leaves_the_old_model(monkeypatch: pytest.MonkeyPatch) -> None:
    model = regressor().fit(X, Y)
    before = model.predict(X)
    monkeypatch.setattr(memory, "free_memory", lambda: FREE)
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        model.set_params(hidden_layer_sizes=3000).fit(X, Y)
    assert (model.predict(X) == before).all()


LIMITED = """
import re, resource
import numpy as np
from unittest import mock
from forecastrnn import RNNRegressor
from forecastrnn.engine.free_memory import _sizes
from pathlib import Path

def fit(rows):
    x = np.zeros((rows, 50), np.float32)
    RNNRegressor(hidden_layer_sizes=64, batch_size=rows, max_iter=1, random_state=0).fit(x, np.zeros(rows))

def need(rows):
    "GiB of a mini-batch"
    with mock.patch("forecastrnn.training.training.check_fits") as asked:
        asked.side_effect = KeyError
        try:
            fit(rows)
        except KeyError:
            return asked.call_args.args[0]

fit(100)  # compiled
each = (need(4000) - need(2000)) / 2000
used = _sizes(Path("/proc/self/status"))["VmSize"]
resource.setrlimit(resource.RLIMIT_AS, (used + 2**30, -1))
for share in (0.6, 1.2, 20.0):
    try:
        fit(int(share * 2**30 / each))
        print(share, "fits")
    except ValueError as error:
        print(share, "refused", "batch_size=" in str(error) or "X: copies" in str(error))
"""


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="limits of the address space are counted on Linux")
def test_what_fits_into_a_limit_passes_and_what_does_not_is_refused(run_script: Callable[..., str]) -> None:
    """Where `ulimit -v` leaves a GiB: mini-batches of 60% of it are trained on, no larger ones break off."""
    found = [line.split() for line in run_script(LIMITED).splitlines()]
    assert found[0] == ["0.6", "fits"]
    assert [line[1:] for line in found[1:]] == [["refused", "True"]] * 2
