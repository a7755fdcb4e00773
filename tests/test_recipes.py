"""A cell, losses and update rules that are made outside the package work in every estimator, in files and in checks.

`support/toys.py` makes them as CONTRIBUTING.md says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import make_dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from sklearn.utils._param_validation import InvalidParameterError

import forecastrnn
from forecastrnn import Dropout, ModelFileError, RNNForecaster, RNNRegressor, RNNSeq2Seq, check_gradients
from forecastrnn.functional import dynamic_rnn
from forecastrnn.networks.cells import cell_classes
from forecastrnn.networks.losses import LOSSES
from forecastrnn.persistence import codec, fitted_records
from forecastrnn.training.optimizers import SOLVERS, Rule
from support import naive_training
from support.cases import CELLS as CELL_CASES
from support.cases import draw, index_of, layer, program_of
from support.forecaster_cases import monthly, quick
from support.model_cases import WIDE, X, classifier, figures, regressor
from support.paper_cells import CELLS as PAPER_CELLS
from support.registration import TABLES, registered
from support.update_checks import RULES

TOYS = "support.toys"
Array = np.ndarray


@pytest.fixture
def toys() -> Iterator[ModuleType]:
    """All of them registered, for one test."""
    with registered(TOYS) as module:
        yield module


# The cell -------------------------------------------------------------------------------------------------
def sigmoid(x: Array) -> Array:
    return 1.0 / (1.0 + np.exp(-x))


def leaky(sums: Array, h: Array, w: dict[str, Array], delay: int) -> Array:
    return h + sigmoid(w["share"][0]) / delay * (np.tanh(sums) - h)


def coupled(sums: Array, h: Array, w: dict[str, Array]) -> Array:
    f, n = sigmoid(sums[:5]), np.tanh(sums[5:])
    return f * h + (1.0 - f) * n


@pytest.mark.parametrize(
    ("name", "options", "step"),
    [("Leaky", {"delay": 1}, leaky), ("Leaky", {"delay": 3}, leaky), ("Coupled", {}, coupled)],
)
def test_the_cell_is_its_formula(toys: ModuleType, name: str, options: dict, step: Callable[..., Array]) -> None:
    cell, rng = getattr(toys, name)(**options), np.random.default_rng(0)
    x, lengths = rng.standard_normal((3, 6, 2)), np.array([6, 2, 4])
    w = cell.init_weights(2, 5, random_state=0)
    w = {key: one if key.endswith("kernel") else rng.standard_normal(one.shape) for key, one in w.items()}
    outputs, state = dynamic_rnn(cell, x, w, lengths=lengths)
    for row, end in enumerate(lengths):
        h = np.zeros(5)
        for t in range(end):
            h = step(x[row, t] @ w["kernel"] + h @ w["recurrent_kernel"] + w["bias"], h, w, **options)
            np.testing.assert_allclose(outputs[row, t], h, rtol=0.0, atol=1e-14)
        np.testing.assert_allclose(state[row], h, rtol=0.0, atol=1e-14)


@pytest.mark.parametrize("last", ["all", 1])
@pytest.mark.parametrize("cell", ["leaky", "coupled", "an instance", "a list"])
def test_gradients_of_the_cell(toys: ModuleType, cell: str, last: Any) -> None:
    given = {"an instance": toys.Leaky(3), "a list": ["leaky", "coupled"]}.get(cell, cell)
    check = check_gradients(given, units=[4, 17], lengths=[6, 2, 4], bidirectional=True, last=last, tolerance=1e-7)
    assert check.ok, str(check)


@pytest.mark.parametrize("cell", ["leaky", "coupled"])
def test_layer_normalisation(toys: ModuleType, cell: str) -> None:
    check = check_gradients(cell, units=[4, 17], lengths=[6, 2, 4], layer_norm=True, tolerance=1e-7)
    assert check.ok, str(check)


# The losses -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("loss", ["log_cosh", "squared_hinge"])
def test_gradients_of_the_losses(toys: ModuleType, loss: str) -> None:
    check = check_gradients(loss=loss, n_outputs=3, last=2, lengths=[6, 2, 4], tolerance=1e-7)
    assert check.ok, str(check)


def test_the_loss_is_its_formula(toys: ModuleType) -> None:
    model = regressor(loss="log_cosh", max_iter=1, standardize=False, batch_size=len(X), shuffle=False).fit(X, X)
    before = regressor(loss="log_cosh", max_iter=1, standardize=False, learning_rate_init=1e-300).fit(X, X)
    assert model.loss_ == pytest.approx(np.log(np.cosh(before.predict(X) - X)).mean(), rel=1e-12)


def test_a_loss_is_offered_for_its_tasks(toys: ModuleType) -> None:
    with pytest.raises(InvalidParameterError, match="'log_cosh'.* Got 'squared_hinge'"):
        RNNRegressor(loss="squared_hinge").fit(X, X)
    with pytest.raises(InvalidParameterError, match="'log_cosh'.* Got 'cross_entropy'"):
        RNNForecaster(loss="cross_entropy").fit(np.arange(40.0))


# The update rules -------------------------------------------------------------------------------------------
def lion(w: Array, g: Array, moments: dict[str, Array], rate: float, decay: float) -> Array:
    mean = 0.9 * moments["m"] + 0.1 * g
    moments["m"] = 0.999 * moments["m"] + 0.001 * g
    return (1.0 - rate * decay) * w - rate * np.sign(mean)


def amsgrad(w: Array, g: Array, moments: dict[str, Array], rate: float, decay: float) -> Array:
    g = g + decay * w
    moments["m"] = 0.9 * moments["m"] + 0.1 * g
    moments["v"] = 0.999 * moments["v"] + 0.001 * g**2
    moments["top"] = np.maximum(moments["top"], moments["v"])
    return w - rate * moments["m"] / (np.sqrt(moments["top"]) + 1e-8)


@pytest.mark.parametrize(("rule", "names"), [(lion, "m"), (amsgrad, "m v top")], ids=["lion", "amsgrad"])
def test_the_rule_is_its_formula(toys: ModuleType, rule: Callable[..., Array], names: str) -> None:
    """Update by update, from the gradients that the engine says; decay and L2 act on matrices."""
    asked = Rule(rule.__name__, 0.01, learning_rate="cosine", alpha=0.1)
    problem = draw((layer("lstm", 5),), n=4, T=3)
    program = program_of(problem, "float64", rule=asked)
    assert program.optimizer is not None
    assert list(program.optimizer.moments) == names.split()
    moments = {name: np.zeros_like(program.theta) for name in names.split()}
    decay = np.zeros_like(program.theta)
    for parameter in problem.network.layout.values():
        parameter.view(decay)[...] = 0.1 * parameter.is_matrix
    for step, rate in enumerate(asked.rates(0, 5, 5)):
        before = program.theta.copy()
        program.run(index_of(problem, program, np.arange(4)[None]), 5, 2)
        expected = rule(before, program.grad, moments, rate, decay)
        np.testing.assert_allclose(program.theta, expected, rtol=0.0, atol=1e-15, err_msg=str(step))
    for name, moment in moments.items():
        np.testing.assert_allclose(program.optimizer.moments[name], moment, rtol=0.0, atol=1e-15)


def test_a_warm_start_keeps_the_moments_of_other_rules(toys: ModuleType) -> None:
    model = regressor(solver="lion", warm_start=True).fit(X, X)
    assert list(model._fitted.progress.optimizer.moments) == ["m"]
    kept = model.set_params(solver="amsgrad").fit(X, X)._fitted.progress.optimizer.moments["top"].copy()
    model.set_params(solver="adam").fit(X, X)
    assert list(model._fitted.progress.optimizer.moments) == ["m", "v", "top"]
    assert np.array_equal(model._fitted.progress.optimizer.moments["top"], kept)


# All together ---------------------------------------------------------------------------------------------
SOURCES = ["ab", "ba", "aab", "bba"]
PAIRS = RNNSeq2Seq(cell="leaky", solver="lion", hidden_layer_sizes=4, max_iter=2, random_state=0)
ALL = {"cell": "leaky", "loss": "log_cosh", "solver": "amsgrad"}
FITTED: dict[str, tuple[Callable[[], Any], Any]] = {  # how it is fitted, what is predicted
    "one moment": (lambda: regressor(cell="leaky", solver="lion").fit(X, X), X),
    "three moments": (lambda: regressor(**ALL | {"cell": ["leaky"]}, warm_start=True).fit(X, X), X),
    "dropout": (lambda: regressor(**ALL, dropout=Dropout(between=0.2, recurrent=0.2)).fit(X, X[:, -1]), X),
    "float32": (lambda: regressor(**ALL, dtype="float32", bidirectional=True).fit(X, X), X),
    "classifier": (lambda: classifier(["a", "b"], cell="leaky", solver="lion"), X),
    "forecaster": (lambda: quick(**ALL, n_members=2).fit(monthly(60)), 5),
    "shared loops": (lambda: regressor(**ALL | {"cell": "coupled"}, layer_norm=True).fit(X, X), X),
    "local": (lambda: quick(**ALL, global_model=False).fit(WIDE), 5),
    "decoder": (lambda: quick(**ALL | {"solver": "lion"}, strategy="seq2seq").fit(WIDE), 5),
    "pairs": (lambda: PAIRS.fit(SOURCES, SOURCES), SOURCES),
}


@pytest.mark.filterwarnings("ignore:.* did not end within")
@pytest.mark.parametrize("name", FITTED)
def test_fitted_saved_and_loaded(toys: ModuleType, name: str, tmp_path: Path) -> None:
    make, asked = FITTED[name]
    model = make()
    model.save(tmp_path / "model.rnn")
    again = forecastrnn.load(tmp_path / "model.rnn")
    np.testing.assert_array_equal(again.predict(asked), model.predict(asked))
    again.save(tmp_path / "again.rnn")
    assert (tmp_path / "again.rnn").read_bytes() == (tmp_path / "model.rnn").read_bytes()


def test_a_loaded_model_goes_on_with_the_same_bits(toys: ModuleType, tmp_path: Path) -> None:
    model = regressor(cell=toys.Leaky(3), loss="log_cosh", solver="amsgrad", warm_start=True).fit(X, X)
    model.save(tmp_path / "model.rnn")
    thetas = [one.fit(X, X)._fitted.progress.theta for one in (RNNRegressor.load(tmp_path / "model.rnn"), model)]
    assert thetas[0].tobytes() == thetas[1].tobytes()


def test_it_learns(toys: ModuleType) -> None:
    for solver, rate in (("lion", 3e-3), ("amsgrad", 2e-2)):
        model = regressor(**ALL | {"solver": solver}, learning_rate_init=rate, max_iter=60, hidden_layer_sizes=16)
        curve = model.fit(X, X).loss_curve_
        assert curve[-1] < 0.5 * curve[0]


OTHER_PROCESS = """
import forecastrnn, support.toys
from support.model_cases import figures
for name in ("regressor", "forecaster"):
    print(figures(forecastrnn.load(f"{folder}/{{name}}.rnn")))
"""


def test_another_process_gets_the_same_figures(
    toys: ModuleType, run_script: Callable[..., str], tmp_path: Path
) -> None:
    models = {"regressor": regressor(**ALL).fit(X, X), "forecaster": quick(**ALL, n_members=2).fit(monthly(60))}
    for name, model in models.items():
        model.save(tmp_path / f"{name}.rnn")
    printed = run_script(OTHER_PROCESS.format(folder=str(tmp_path))).split("\n")
    assert printed[:-1] == [figures(model) for model in models.values()]


def test_a_cell_whose_annotations_are_classes(
    toys: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As those of a module are that does not postpone them."""
    kind = make_dataclass("Plain", [("delay", int, 1)], bases=(toys.Leaky,), frozen=True)
    monkeypatch.setitem(toys.CELLS, "plain", kind())
    regressor(cell=kind(2)).fit(X, X).save(tmp_path / "model.rnn")
    assert RNNRegressor.load(tmp_path / "model.rnn").cell == kind(2)


# Without the module that makes them --------------------------------------------------------------------------
MISSING = [
    ({"cell": "leaky"}, {}, "cell 'leaky'"),
    ({"loss": "log_cosh"}, {}, "loss 'log_cosh'"),
    ({"solver": "lion"}, {}, "update rule 'lion'"),
    ({"cell": "leaky"}, {"cell": "rnn"}, "'Leaky'"),  # other parameters since the fit
    ({"loss": "log_cosh"}, {"loss": "huber"}, "loss 'log_cosh'"),
]


@pytest.mark.parametrize(("given", "later", "named"), MISSING, ids=str)
def test_a_file_names_what_is_not_registered(given: dict, later: dict, named: str, tmp_path: Path) -> None:
    path = tmp_path / "model.rnn"
    for make, data in ((regressor, (X, X)), (quick, (monthly(60),))):
        with registered(TOYS):
            make(**given).fit(*data).set_params(**later).save(path)
        with pytest.raises(ModelFileError, match=f"{named}.* import the module that defines it"):
            forecastrnn.load(path)


def test_a_forecasters_rule_is_not_registered(tmp_path: Path) -> None:
    with registered(TOYS):
        quick(solver="lion").fit(monthly(60)).set_params(solver="adam").save(tmp_path / "model.rnn")
    with pytest.raises(ModelFileError, match="update rule 'lion'.* import the module that defines it"):
        forecastrnn.load(tmp_path / "model.rnn")


def test_names_of_moments_are_checked() -> None:
    for names in ("m", ["m", "m"], ["m", 3], ["a.b"]):
        with pytest.raises(ModelFileError, match="moments must be"):
            fitted_records.OPTIMIZER.walk(codec.Part({"moments": names}, "the model"), "", None)


def test_nothing_stays_registered() -> None:
    before = [list(table) for table in TABLES]
    with registered(TOYS):
        assert [list(table) for table in TABLES] != before
    assert [list(table) for table in TABLES] == before
    with pytest.raises(InvalidParameterError, match="'loss' parameter"):
        RNNRegressor(loss="log_cosh").fit(X, X)
    with pytest.raises(ValueError, match="instance of Elman, LSTM, GRU, CIFG, .*, IndRNN. Got 'leaky'"):
        check_gradients("leaky")


def test_the_oracle_has_all_that_the_package_has() -> None:
    compared = {type(case.cell) for case in CELL_CASES.values()} | {type(cell) for cell, *_ in PAPER_CELLS.values()}
    assert compared == set(cell_classes().values())
    assert naive_training.LOSSES.keys() == LOSSES.keys()
    assert {rule.solver for rule, _ in RULES.values()} == SOLVERS.keys()
