"""The estimators inside scikit-learn: its own checks, pipelines, searches, copies."""

from __future__ import annotations

import io
import pickle

import joblib
import numpy as np
import pytest
import sklearn
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, TimeSeriesSplit
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_checks

from forecastrnn import GRU, LSTM, EarlyStopping, Elman, RNNClassifier, RNNRegressor

QUICK = {"hidden_layer_sizes": 8, "learning_rate_init": 0.03, "max_iter": 100}


def failures(estimator) -> list:
    results = estimator_checks.check_estimator(estimator, on_skip=None, on_fail=None)
    assert len(results) > 50
    return [(r["check_name"], repr(r["exception"])) for r in results if r["status"] not in ("passed", "skipped")]


QUICK_ONES = [RNNRegressor(cell="gru", layer_norm=True, **QUICK), RNNClassifier(**QUICK)]


@pytest.mark.parametrize("model", QUICK_ONES, ids=["regressor", "classifier"])
def test_every_scikit_learn_check_passes(model):
    assert failures(model) == []


@pytest.mark.slow  # the checks know nothing of cells
@pytest.mark.parametrize("cell", ["rnn", "lstm", "gru", "peephole_lstm", GRU(reset_after=False), Elman("relu")])
@pytest.mark.parametrize("kind", [RNNRegressor, RNNClassifier])
def test_every_scikit_learn_check_passes_by_default(kind, cell):
    assert failures(kind(cell=cell)) == []


@pytest.mark.parametrize("name", ["check_dataframe_column_names_consistency", "check_param_validation"])
@pytest.mark.parametrize("kind", [RNNRegressor, RNNClassifier])
@pytest.mark.filterwarnings("ignore:X (does not|has feature)")
def test_checks_that_check_estimator_leaves_out(kind, name):
    check = getattr(estimator_checks, name, None)
    if check is None:
        pytest.skip(f"this scikit-learn has no {name}")
    check(kind.__name__, kind(hidden_layer_sizes=4, max_iter=2))


@pytest.fixture(scope="module")
def waves():
    t = np.arange(130)[:, None] * 0.2 + np.arange(9) * 0.2
    return np.sin(t[:, :-1]), np.sin(t[:, -1])


def small(**kwargs) -> RNNRegressor:
    settings = {
        "cell": "gru",
        "hidden_layer_sizes": 6,
        "max_iter": 15,
        "random_state": 0,
        "early_stopping": EarlyStopping(None, tol=0.0),
    }
    return RNNRegressor(**{**settings, **kwargs})


def test_pipeline(waves):
    X, y = waves
    model = make_pipeline(StandardScaler(), small(max_iter=60)).fit(X, y)
    assert model.predict(X).shape == y.shape
    assert model.score(X, y) > 0.9


def test_grid_search_with_a_time_series_split(waves):
    grid = {"rnn__hidden_layer_sizes": [3, (4, 3)], "rnn__cell": ["rnn", LSTM(peepholes=True)]}
    pipeline = make_pipeline(StandardScaler(), small())
    pipeline.set_params(steps=[("scale", StandardScaler()), ("rnn", small())])
    search = GridSearchCV(pipeline, grid, cv=TimeSeriesSplit(3), error_score="raise").fit(*waves)
    assert len(search.cv_results_["params"]) == 4
    assert np.isfinite(search.best_score_)


def test_clone_keeps_parameters_and_forgets_the_fit(waves):
    cells = [Elman("relu"), GRU()]
    fitted = small(cell=cells, hidden_layer_sizes=[3, 4]).fit(*waves)
    copy = clone(fitted)
    assert copy.get_params()["cell"] == cells
    assert not hasattr(copy, "n_features_in_")
    assert np.array_equal(copy.fit(*waves).predict(waves[0]), fitted.predict(waves[0]))


@pytest.mark.parametrize("kind", [RNNRegressor, RNNClassifier])
def test_pickle_and_joblib_keep_every_bit(waves, kind):
    X, y = waves
    model = kind(cell=["lstm", "gru"], hidden_layer_sizes=[3, 3], bidirectional=True, max_iter=3, random_state=0)
    model.fit(X, y if kind is RNNRegressor else y > 0)
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    for copy in (pickle.loads(pickle.dumps(model)), joblib.load(file)):
        assert np.array_equal(copy.predict(X), model.predict(X))
        assert np.array_equal(copy.output_weights_["kernel"], model.output_weights_["kernel"])


def test_a_pickled_model_trains_on_with_the_same_bits(waves):
    model = small(warm_start=True).fit(*waves)
    copy = pickle.loads(pickle.dumps(model))
    assert np.array_equal(copy.fit(*waves).predict(waves[0]), model.fit(*waves).predict(waves[0]))


def test_metadata_routing_of_sample_weight(waves):
    X, y = waves
    weight = np.linspace(0, 1, len(y))
    with sklearn.config_context(enable_metadata_routing=True):
        model = small().set_fit_request(sample_weight=True).set_score_request(sample_weight=True)
        search = GridSearchCV(model, {"hidden_layer_sizes": [2, 3]}, cv=TimeSeriesSplit(2), error_score="raise")
        search.fit(X, y, sample_weight=weight)
    direct = small(**search.best_params_).fit(X, y, sample_weight=weight)
    assert np.array_equal(search.predict(X), direct.predict(X))


def test_get_params_gives_back_what_was_stored_untouched():
    sizes, cell = [3, 4], [LSTM(), "gru"]
    model = RNNRegressor(hidden_layer_sizes=sizes, cell=cell)
    assert model.get_params()["hidden_layer_sizes"] is sizes
    assert model.cell is cell


def test_feature_names_are_checked(waves):
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame(waves[0], columns=[f"lag{k}" for k in range(8)])
    model = small().fit(X, waves[1])
    assert model.feature_names_in_.tolist() == list(X.columns)
    with pytest.raises(ValueError, match="Feature names must be in the same order"):
        model.predict(X[X.columns[::-1]])
