"""A cell in a user's own file works wherever a built-in one does, with the bits of the built-in one that it copies."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from joblib.externals.loky import get_reusable_executor
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

import forecastrnn
from forecastrnn import RNNRegressor, check_gradients
from forecastrnn.functional import dynamic_rnn, static_rnn
from forecastrnn.networks.traced_cell import TracedCell
from forecastrnn.parallel import fit_parallel
from support.user_cells import LAST, MATRIX, STEPS, X, shown, user_module, values

pytestmark = pytest.mark.filterwarnings("ignore:.* did not end within")
OPTIONS = {"hidden_layer_sizes": 4, "max_iter": 2, "random_state": 0, "dtype": "float64"}


@pytest.fixture(scope="module")
def mine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ModuleType]:
    """The user's module."""
    with user_module(tmp_path_factory.mktemp("user")) as module:
        yield module


@pytest.fixture(scope="module")
def fitted(mine: ModuleType) -> Callable[[str, str], Any]:
    """Name of a case and of a cell -> the model, fitted once."""
    found: dict[tuple[str, str], Any] = {}

    def get(name: str, cell: str) -> Any:
        if (name, cell) not in found:
            found[name, cell] = MATRIX[name][0](getattr(mine, cell)())
        return found[name, cell]

    return get


@pytest.mark.parametrize("name", MATRIX)
def test_a_copy_of_a_cell_has_its_bits(fitted: Callable[[str, str], Any], name: str) -> None:
    make, asked = MATRIX[name]
    np.testing.assert_array_equal(values(fitted(name, "Memory").predict(asked)), values(make("lstm").predict(asked)))


@pytest.mark.parametrize("name", MATRIX)
def test_it_is_saved_and_goes_on(fitted: Callable[[str, str], Any], name: str, tmp_path: Path) -> None:
    """What comes back has another cell, which is the same to the bit, also where it is trained anew."""
    make, asked = MATRIX[name]
    model = fitted(name, "Counted")
    model.save(tmp_path / "model.rnn")
    again = forecastrnn.load(tmp_path / "model.rnn")
    assert type(again.cell) is TracedCell
    expected = values(model.predict(asked))
    np.testing.assert_array_equal(values(again.predict(asked)), expected)
    np.testing.assert_array_equal(values(make(again.cell).predict(asked)), expected)
    again.save(tmp_path / "again.rnn")
    assert (tmp_path / "again.rnn").read_bytes() == (tmp_path / "model.rnn").read_bytes()


OTHER_PROCESS = """
import sys
import forecastrnn
from support.user_cells import MATRIX, MODULE, STEPS, X, shown
for name, (_, asked) in MATRIX.items():
    print(shown(forecastrnn.load(f"{folder}/{{name}}.rnn"), asked))
model = forecastrnn.load("{folder}/at each step.rnn").set_params(warm_start=True)
print(shown(model.fit(X, STEPS), X))
assert MODULE not in sys.modules
"""


def test_files_load_and_train_where_the_class_is_not(
    fitted: Callable[[str, str], Any], run_script: Callable[..., str], tmp_path: Path
) -> None:
    expected = []
    for name, (_, asked) in MATRIX.items():
        model = fitted(name, "Counted")
        model.save(tmp_path / f"{name}.rnn")
        expected.append(shown(model, asked))
    model = copy.deepcopy(fitted("at each step", "Counted")).set_params(warm_start=True)
    expected.append(shown(model.fit(X, STEPS), X))
    assert run_script(OTHER_PROCESS.format(folder=tmp_path)).splitlines() == expected


# What is not fit, predict and save --------------------------------------------------------------------------------
def test_gradients(mine: ModuleType) -> None:
    check = check_gradients(
        [mine.Counted(), mine.Memory()], units=[4, 3], bidirectional=True, lengths=[6, 2, 4], tolerance=1e-6
    )
    assert check.ok, str(check)


@pytest.mark.parametrize("cell", ["Memory", "Counted"])
def test_streams_and_generation(fitted: Callable[[str, str], Any], cell: str) -> None:
    """Step by step as all at once."""
    model = fitted("at each step", cell)
    stream, expected = model.stream(), model.predict(X[:1])[0]
    found = [stream.step(row) for row in X[0]]
    np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)
    assert np.isfinite(model.generate(4)).all()
    model = fitted("recursive", cell)
    stream = model.stream("a")
    path = [stream.forecast, stream.step(stream.forecast)]
    np.testing.assert_allclose(path, model.predict(2)["a"], rtol=1e-9)


def test_the_bare_recurrence_begins_at_the_start_and_goes_on(mine: ModuleType) -> None:
    """States are those of the formula, wherever they are handed in or out."""
    cell = mine.Counted()
    weights = cell.init_weights(2, 4, random_state=0)
    outputs, (n, h) = dynamic_rnn(cell, X, weights)
    begin = np.ones((12, 4)), np.zeros((12, 4))
    np.testing.assert_array_equal(dynamic_rnn(cell, X, weights, initial_state=begin)[0], outputs)
    _, half = dynamic_rnn(cell, X[:, :3], weights)
    rest, (n_then, h_then) = dynamic_rnn(cell, X[:, 3:], weights, initial_state=half)
    stepwise, _ = static_rnn(cell, list(X.swapaxes(0, 1)), weights)
    pairs = (rest, outputs[:, 3:]), (n_then, n), (h_then, h), (np.stack(stepwise, axis=1), outputs)
    for found, expected in pairs:
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-13)


def test_a_state_of_its_own_start_is_the_formulas(mine: ModuleType) -> None:
    """One step in NumPy, from a state that begins at 1."""
    cell, rng = mine.Counted(scale=0.25), np.random.default_rng(0)
    w = {name: rng.normal(size=shape) for name, shape in cell.parameter_shapes(2, 4).items()}
    both, late, inputs = np.split(X[:, 0] @ w["kernel"] + w["bias"], 3, axis=1)
    both_bias, state = np.split(w["recurrent_bias"], 2)
    n, h = cell.step(both + both_bias, late, state, inputs, 1.0, *w["diagonal"])
    _, found = dynamic_rnn(cell, X[:, :1], w)
    np.testing.assert_allclose(found, [n, h], rtol=1e-12, atol=1e-13)


# As a value ---------------------------------------------------------------------------------------------------------
def test_it_is_copied_pickled_and_shown(mine: ModuleType) -> None:
    cell = mine.Counted(scale=0.25)
    model = RNNRegressor(cell=[cell, "gru"], hidden_layer_sizes=(4, 3))
    assert "cell=[Counted(scale=0.25), 'gru']" in repr(model)
    for again in (copy.deepcopy(cell), pickle.loads(pickle.dumps(cell)), clone(model).cell[0]):
        assert again == cell and hash(again) == hash(cell) and again.graph is cell.graph
    assert cell != mine.Counted() and mine.Counted() != mine.Memory()


def test_a_fitted_model_is_pickled(fitted: Callable[[str, str], Any]) -> None:
    model = fitted("stack", "Counted")
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict(X), model.predict(X))
    assert again.cell == model.cell


def test_other_processes_search_over_it(mine: ModuleType) -> None:
    """Class and options go to them, as those of a built-in cell."""
    cells = [mine.Memory(), mine.Counted(), "lstm"]
    get_reusable_executor().shutdown(wait=True)  # processes of other tests do not look where the module is
    search = GridSearchCV(RNNRegressor(**OPTIONS), {"cell": cells}, cv=2, n_jobs=2).fit(X, LAST)
    scores = search.cv_results_["mean_test_score"]
    assert np.isfinite(scores).all() and scores[0] == scores[2] != scores[1]


def test_processes_share_its_training(mine: ModuleType) -> None:
    options = OPTIONS | {"batch_size": 6}
    alone = RNNRegressor(cell=mine.Counted(), **options).fit(X, LAST)
    shared = fit_parallel(RNNRegressor(cell=mine.Counted(), **options), X, LAST, devices=["cpu", "cpu"])
    np.testing.assert_array_equal(shared.predict(X), alone.predict(X))
