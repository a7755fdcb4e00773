"""Series with vectors of their own, and static categories, in the forecaster."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import forecastrnn
from forecastrnn import AdamW, Direct, ModelFileError, OneCycle, RNNForecaster
from support.forecaster_cases import long_of, monthly, quick

N = 12
IDS = [f"s{k}" for k in range(N)]
STATIC = pd.DataFrame({"kind": np.resize(["down", "up"], N), "size": pd.Categorical(np.arange(N) % 3)}, index=IDS)
WIDE = pd.DataFrame({name: monthly(40, seed) for seed, name in enumerate(IDS)})


def signals(steps: list[list[int]], n: int, seed: int) -> pd.DataFrame:
    """Noise, in which a step up is followed by a larger one, up in every second series and down in the others."""
    values = np.random.default_rng(seed).normal(0, 0.05, (n, N))
    for column, own in enumerate(steps):
        for t in own:
            values[t, column] += 1
            if t + 1 < n:
                values[t + 1, column] += 2 if column % 2 else -2
    return pd.DataFrame(values, columns=IDS)


@pytest.mark.parametrize("given", ["nothing", "ids", "static"])
def test_opposite_answers_to_the_same_context(given: str) -> None:
    """What comes behind a signal depends on the kind of the series, which its last 8 values do not show."""
    rng = np.random.default_rng(0)
    y = signals([np.cumsum(rng.integers(12, 24, 6)).tolist() for _ in range(N)], 150, 1)
    ends = signals([[10, 39]] * N, 40, 2)
    model = RNNForecaster(
        candidates="network", intervals=None, n_members=1, max_steps=150, hidden_layer_sizes=16, context_length=8,
        solver=AdamW(OneCycle(0.02)), loss="squared_error", long_run_mean=False, random_state=0, n_jobs=1,
        id_embedding_dim=2 if given == "ids" else None,
    ).fit(y, static=STATIC[["kind"]] if given == "static" else None)  # fmt: skip
    truth = np.where(np.arange(N) % 2, 2.0, -2.0)
    error = np.abs(model.predict(1, y=ends).to_numpy()[0] - truth).mean()
    assert error > 1.8 if given == "nothing" else error < 1.0  # 2 is the error of the last value as a forecast


def fitted(**options: Any) -> RNNForecaster:
    return quick(id_embedding_dim=3, n_members=2, **options).fit(WIDE, static=STATIC)


@pytest.fixture(scope="module")
def model() -> RNNForecaster:
    return fitted()


def tables(model: RNNForecaster, member: int = 0) -> list[np.ndarray]:
    """Views of the vectors of one member: of the series, and of the columns of static."""
    return model._model.network.embedding_weights(model._model.trained.thetas[member, 0])


def test_what_is_learned(model: RNNForecaster) -> None:
    """A vector for each series and category, and the mean of them; the linear skip reads none of it."""
    network = model._model.network
    assert [table.shape for table in tables(model)] == [(N + 1, 3), (3, 2), (4, 3)]
    for member in range(2):
        for table in tables(model, member):
            np.testing.assert_allclose(table[-1], table[:-1].mean(axis=0), atol=1e-6)
    assert network.n_inputs == network.n_skip + 3
    assert network.layout["output.skip"].shape == (network.n_skip, 1)


def test_known_series_are_known_again(model: RNNForecaster) -> None:
    """In any order, with and without their static categories, in one call or alone."""
    expected, other = model.predict(3), IDS[5:2:-1]
    pd.testing.assert_frame_equal(model.predict(3, y=WIDE[other]), expected[other], check_freq=False)
    np.testing.assert_array_equal(model.predict(3, y=WIDE[other], static=STATIC), expected[other])
    one = model.predict(3, y=WIDE["s4"])
    np.testing.assert_allclose(one, expected["s4"], rtol=1e-5)
    assert (
        model.predict(3, y=WIDE.rename(columns={"s4": "new"}), static=STATIC.rename({"s4": "new"}))["new"] != one
    ).all()


def test_unknown_series_and_categories_read_the_mean(model: RNNForecaster) -> None:
    """A copy whose vectors are all the mean forecasts the known series as if they were new."""
    other = fitted()
    for member in range(2):
        for table in tables(other, member):
            table[:] = table[-1]
    renamed = WIDE.rename(columns=lambda name: f"new {name}")
    strange = pd.DataFrame({"size": 99, "kind": "odd"}, index=renamed.columns)
    found = model.predict(4, y=renamed, static=strange)
    np.testing.assert_array_equal(found, other.predict(4))
    assert np.abs(found.to_numpy() / model.predict(4).to_numpy() - 1).max() > 1e-5


def test_streams_and_paths(model: RNNForecaster) -> None:
    """A stream, a forecast and a generated path of the same series read the same vectors."""
    expected = model.predict(1)
    for name in ("s0", "s7"):
        assert model.stream(name).forecast == pytest.approx(expected[name].iloc[0], rel=1e-5)
    renamed = WIDE[["s3", "s4"]].rename(columns={"s3": "new"})
    static = STATIC.rename({"s3": "new"})
    paths = model.sample_paths(4, 1, y=renamed, static=static, calibrated=False, random_state=0)
    assert paths.shape == (4, 2) and np.isfinite(paths.to_numpy()).all()
    direct = quick(strategy=Direct(4), id_embedding_dim=2).fit(WIDE, static=STATIC)
    assert direct.predict(4).shape == (4, N)


def test_forms_of_static() -> None:
    """An index or a column of ids, texts or pandas categories, rows in any order and more of them: the same bits."""
    long = long_of({name: WIDE[name] for name in IDS[:4]})
    expected = quick().fit(long, static=STATIC.iloc[:4]).predict(2)
    by_column = STATIC.rename_axis("unique_id").reset_index().iloc[::-1]
    for static in (STATIC.astype("category"), by_column, by_column.astype({"kind": "string"})):
        pd.testing.assert_frame_equal(quick().fit(long, static=static).predict(2), expected)
    with pytest.warns(FutureWarning, match="'size' holds integers, which are categories now") as told:
        whole = quick().fit(long, static=by_column.astype({"size": "Int64"}))
    assert told[0].filename == __file__
    pd.testing.assert_frame_equal(whole.predict(2), expected)
    flags = quick().fit(long, static=pd.DataFrame({7: [True, False] * 2}, index=IDS[:4]))
    assert flags._model.static.categories[0].tolist() == [False, True]


def test_saved_and_loaded(model: RNNForecaster, tmp_path: Path) -> None:
    model.save(tmp_path / "m.rnn")
    again = forecastrnn.load(tmp_path / "m.rnn")
    pd.testing.assert_frame_equal(again.predict(3), model.predict(3))
    kinds = pd.DataFrame({"kind": ["up"], "size": 2}, index=["new"])
    new = {"y": WIDE[["s1"]].rename(columns={"s1": "new"}), "static": kinds}
    pd.testing.assert_frame_equal(again.predict(3, **new), model.predict(3, **new))
    wrong = fitted()
    wrong._model.tail.inputs[3, 0, -1] = 17
    wrong.save(tmp_path / "wrong.rnn")
    with pytest.raises(ModelFileError, match="a category that there is not"):
        forecastrnn.load(tmp_path / "wrong.rnn")


def test_warm_start() -> None:
    """Vectors go on from where they are; other series or columns are refused, and the model stays."""
    one = fitted(warm_start=True)
    before, forecast = tables(one)[0].copy(), one.predict(2)
    for change, message in [
        (lambda: one.fit(WIDE.rename(columns={"s1": "new"}), static=STATIC.rename({"s1": "new"})), "the series must"),
        (lambda: one.fit(WIDE), "static and its columns must"),
        (lambda: one.fit(WIDE, static=STATIC[["kind"]]), r"columns of fit, \['kind', 'size'\]"),
    ]:
        with pytest.raises(ValueError, match=message):
            change()
    pd.testing.assert_frame_equal(one.predict(2), forecast)
    one.fit(WIDE, static=STATIC.astype({"size": int}).replace({"size": {2: 5}}).astype({"size": "category"}))
    assert one._model.static.categories[1].tolist() == [0, 1, 2]
    assert (tables(one)[0] != before).all()


def test_a_long_panel_takes_no_more_than_its_columns() -> None:
    """Codes are two numbers more for each time: no table by series and time."""
    plain, coded = quick().fit(WIDE), fitted()
    assert coded._model.tail.inputs.shape[2] == plain._model.tail.inputs.shape[2] + 3


UNFIT: dict[str, tuple[Callable[[], Any], str]] = {
    "a series without a row": (lambda: quick().fit(WIDE, static=STATIC.drop("s3")), "no row for series 's3'"),
    "a series with two": (lambda: quick().fit(WIDE, static=pd.concat([STATIC, STATIC[3:4]])), "2 rows for series 's3'"),
    "no frame": (lambda: quick().fit(WIDE, static={"kind": "a"}), "static must be a DataFrame.*dict"),
    "a Series without a name": (lambda: quick().fit(WIDE, static=STATIC["kind"].rename(None)), "without a name: give"),
    "no columns": (lambda: quick().fit(WIDE, static=STATIC[[]]), "at least one column"),
    "a column twice": (lambda: quick().fit(WIDE, static=STATIC[["kind", "kind"]]), "unique column names.*'kind'"),
    "floats as objects": (
        lambda: quick().fit(WIDE, static=STATIC.assign(w=pd.Series(0.5, IDS, dtype=object))),
        r"column 'w'.*floats, such as 0.5, as categories: astype\(float\).*pandas.cut",
    ),
    "missing": (
        lambda: quick().fit(WIDE, static=STATIC.replace({"kind": {"up": None}})),
        "NaN among .* for series 's1' in column 'kind' of static",
    ),
    "dates": (lambda: quick().fit(WIDE, static=STATIC.assign(w=pd.Timestamp("2024"))), "texts or numbers.*Timestamp"),
    "mixed": (lambda: quick().fit(WIDE, static=STATIC.assign(w=["a", 1] * 6)), "must be texts.*Got 1, .*'s1'"),
    "local static": (lambda: quick(global_model=False).fit(WIDE, static=STATIC), "static needs global_model=True"),
    "local ids": (lambda: quick(global_model=False, id_embedding_dim=2).fit(WIDE), "id_embedding_dim=2 needs global"),
    "no size": (lambda: quick(id_embedding_dim=0).fit(WIDE), "id_embedding_dim.*Got 0"),
    "a bool": (lambda: quick(id_embedding_dim=True).fit(WIDE), "id_embedding_dim.*not a bool"),
    "not asked for": (lambda: quick().fit(WIDE).predict(1, y=WIDE, static=STATIC), "fitted without static"),
}


@pytest.mark.parametrize("name", UNFIT)
def test_refused(name: str) -> None:
    call, message = UNFIT[name]
    with pytest.raises((ValueError, TypeError), match=f"(?s){message}"):
        call()


def test_refused_by_predict(model: RNNForecaster) -> None:
    renamed = WIDE.rename(columns={"s1": "new"})
    with pytest.raises(ValueError, match="static is needed: .*'new' was not in fit"):
        model.predict(1, y=renamed)
    with pytest.raises(ValueError, match="no row for series 'new'"):
        model.predict(1, y=renamed, static=STATIC)
    with pytest.raises(ValueError, match="the series of fit have theirs"):
        model.predict(1, static=STATIC)
    with pytest.raises(ValueError, match=r"must have the columns of fit.*\['colour'\]"):
        model.predict(1, y=WIDE, static=STATIC.assign(colour="red"))
    with pytest.raises(TypeError, match="column 'size' .* such as 'a', but in fit such as 0"):
        model.predict(1, y=WIDE, static=STATIC.assign(size="a"))
