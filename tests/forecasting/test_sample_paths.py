"""Joint futures: their spread at each step is that of the intervals, their order that of the draws, in every form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from forecastrnn import Direct, RNNForecaster
from forecastrnn.metrics import evaluate
from support import forecaster_cases
from support.forecaster_cases import long_of, monthly

SERIES = {"b": monthly(70, 1), "a": monthly(60, 2), "c": monthly(80, 3) - 90.0}
OPTIONS: dict[str, dict[str, Any]] = {
    "recursive": {}, "seq2seq": {"strategy": "seq2seq"}, "local": {"global_model": False},
    "direct": {"strategy": Direct(6)},
}  # fmt: skip
SHARES = (np.arange(100) + 0.5) / 100


def quick(**options: Any) -> RNNForecaster:
    return forecaster_cases.quick(**{"intervals": "conformal"} | options)


def wide(n: int = 3) -> pd.DataFrame:
    return pd.DataFrame({f"s{k}": monthly(72, k) for k in range(n)})


@pytest.fixture(scope="module")
def models() -> dict[str, RNNForecaster]:
    return {name: quick(bounds=None, **options).fit(long_of(SERIES)) for name, options in OPTIONS.items()}


@pytest.mark.parametrize("name", OPTIONS)
def test_quantiles_of_the_paths_are_those_of_the_intervals(models: dict[str, RNNForecaster], name: str) -> None:
    paths = models[name].sample_paths(6, random_state=0, output="array")
    expected = models[name].predict(6, quantiles=SHARES.tolist()).filter(like="_ql").to_numpy()
    assert paths.shape == (100, 3, 6)
    np.testing.assert_allclose(np.sort(paths, axis=0), expected.T.reshape(100, 3, 6), rtol=1e-12)


@pytest.mark.parametrize("name", OPTIONS)
def test_steps_go_together(models: dict[str, RNNForecaster], name: str) -> None:
    """So a total spreads more than one of steps that know nothing of each other."""
    paths = models[name].sample_paths(6, 400, random_state=0, output="array")
    assert np.mean([np.corrcoef(paths[:, k, 2], paths[:, k, 3])[0, 1] for k in range(3)]) > 0.3
    total, apart = paths.sum(axis=2).std(axis=0), np.sqrt(paths.var(axis=0).sum(axis=1))
    assert (total > 1.2 * apart).all()


def test_calibration_keeps_the_order_of_the_draws(models: dict[str, RNNForecaster]) -> None:
    model = models["recursive"]
    drawn, stretched = (
        model.sample_paths(9, 150, calibrated=calibrated, random_state=3, output="array")
        for calibrated in (False, True)
    )
    ordered = np.take_along_axis(stretched, np.argsort(drawn, axis=0, kind="stable"), axis=0)
    assert (np.diff(ordered, axis=0) >= 0).all()
    assert not np.allclose(drawn.std(axis=0), stretched.std(axis=0), rtol=0.05)


def test_many_paths_lie_between_the_quantiles_that_are_kept(models: dict[str, RNNForecaster]) -> None:
    """1000 paths: ten lie at the outermost, 0.5% and 99.5%, where bands end; others also between two that are kept."""
    paths = models["recursive"].sample_paths([2, 3], 1000, random_state=0, output="array")
    ends = models["recursive"].predict([2, 3], quantiles=[0.005, 0.995]).filter(like="_ql")
    ends = ends.to_numpy().T.reshape(2, 3, 2)
    assert (paths >= ends[0]).all() and (paths <= ends[1]).all()
    inside = np.sort(paths[:, 0], axis=0)[300:700]  # of "b", whose bands end nowhere near
    assert all(len(np.unique(column)) == 400 for column in inside.T)


def test_one_path_is_a_draw_and_not_the_median(models: dict[str, RNNForecaster]) -> None:
    found = [models["recursive"].sample_paths(6, 1, random_state=seed, output="array")[0] for seed in range(30)]
    median = models["recursive"].predict(6)["RNN"].to_numpy().reshape(3, 6)
    assert 0.2 < (np.array(found) > median).mean() < 0.8


@pytest.mark.parametrize("form", ["series", "array", "dated", "wide", "wide, levels", "long", "multi"])
def test_forms(form: str) -> None:
    """The columns of each, which hold the array, and which `evaluate` takes."""
    table, h = wide(), 4
    long = long_of({name: table[name] for name in table}).rename(columns={"y": "sold"})
    data: dict[str, Any] = {
        "series": table["s0"], "array": table["s0"].to_numpy(), "wide": table,
        "dated": table[["s0"]].rename_axis("month").reset_index(), "long": long,
        "wide, levels": table.set_axis(pd.MultiIndex.from_tuples([("x", 1), ("x", 2), ("y", 1)]), axis=1),
        "multi": long.set_index(["unique_id", "ds"]),
    }  # fmt: skip
    model = quick().fit(data[form], **({"target_col": "sold"} if form == "long" else {}))
    frame = model.sample_paths(h, 5, random_state=0)
    array = model.sample_paths(h, 5, random_state=0, output="array")
    n = array.shape[1]
    assert array.shape == (5, n, h)
    if form in ("long", "multi", "dated"):
        keys = ["month"] if form == "dated" else ["unique_id", "ds"]
        assert list(frame.columns) == [*keys, "path", "RNN"] and frame["path"].tolist() == [0, 1, 2, 3, 4] * h * n
        np.testing.assert_array_equal(frame["RNN"].to_numpy().reshape(n, h, 5), array.transpose(1, 2, 0))
        assert frame[keys].drop_duplicates().equals(frame[keys][::5])
    else:
        assert frame.columns.names[-1] == "path" and frame.columns.get_level_values(-1).tolist() == [0, 1, 2, 3, 4] * n
        np.testing.assert_array_equal(frame.to_numpy().reshape(h, n, 5), array.transpose(2, 1, 0))
        assert frame.index.equals(model.predict(h).index)


def test_evaluate_takes_every_form() -> None:
    """The same score of the same futures, whatever frame they come in."""
    table = wide()
    long, wide_model = long_of({name: table[name] for name in table}), quick().fit(table[:-6])
    by_long = quick().fit(long[long["ds"] < table.index[-6]])
    given: dict[str, Any] = {"random_state": 0}
    scores = [
        evaluate(by_long.sample_paths(6, 20, **given), "crps", truth=long, how="inner")["RNN"].to_numpy(),
        evaluate(wide_model.sample_paths(6, 20, **given), "crps", truth=table, how="inner")["RNN"].to_numpy(),
    ]
    paths = wide_model.sample_paths(6, 20, output="array", **given)
    truth = table[-6:].to_numpy().T
    away, apart = np.abs(paths - truth).mean(axis=(0, 2)), np.abs(paths[:, None] - paths).mean(axis=(0, 1, 3))
    np.testing.assert_allclose(scores, [away - apart / 2 * 20 / 19] * 2, rtol=1e-9)
    alone = wide_model.sample_paths(6, 20, y=table["s1"][:-6], **given)
    assert evaluate(alone, "crps", truth=table["s1"], how="inner")["RNN"].notna().all()


def test_steps_ids_other_series_and_times(models: dict[str, RNNForecaster]) -> None:
    model, given = models["recursive"], {"random_state": 0, "calibrated": False}
    every = model.sample_paths(6, 3, **given, output="array")
    np.testing.assert_array_equal(model.sample_paths([6, 2], 3, **given, output="array"), every[..., [1, 5]])
    some = model.sample_paths(6, 3, ids=["c", "b"], **given)
    assert some["unique_id"].unique().tolist() == ["c", "b"] and len(some) == 2 * 6 * 3
    until = model.sample_paths("2021-10", 3, **given)
    assert until.groupby("unique_id")["ds"].max().dt.strftime("%Y-%m").unique().tolist() == ["2021-10"]
    assert until.groupby("unique_id").size().to_dict() == {"a": 66, "b": 36, "c": 6}
    other = model.sample_paths(3, 4, y=monthly(50, 7) * 3.0, random_state=0)
    assert other.shape == (3, 4) and other.columns.tolist() == [0, 1, 2, 3]
    np.testing.assert_allclose(other.median(axis=1), model.predict(3, y=monthly(50, 7) * 3.0), rtol=0.5)


def test_seeds(models: dict[str, RNNForecaster]) -> None:
    one, same, other = (models["recursive"].sample_paths(4, 10, random_state=seed) for seed in (1, 1, 2))
    pd.testing.assert_frame_equal(one, same, check_exact=True)
    assert (one["RNN"] != other["RNN"]).mean() > 0.8


def test_a_file_draws_the_same_futures(models: dict[str, RNNForecaster], tmp_path: Path) -> None:
    for name in ("recursive", "direct"):
        models[name].save(tmp_path / "model.rnn")
        again = RNNForecaster.load(tmp_path / "model.rnn")
        paths = (model.sample_paths(6, 7, random_state=0) for model in (models[name], again))
        pd.testing.assert_frame_equal(*paths, check_exact=True)


def test_bounds_hold_for_paths() -> None:
    y = np.random.default_rng(0).poisson(0.8, 90)
    model = quick(season_length=7).fit(y)
    for given in ({"calibrated": True}, {"calibrated": False}):
        held = model.set_params(bounds=(0.1, 2.9)).sample_paths(6, random_state=0, **given)
        free = model.set_params(bounds=None).sample_paths(6, random_state=0, **given)
        pd.testing.assert_frame_equal(held, free.clip(0.1, 2.9), check_exact=True)
        assert free.min().min() < 0.1 and free.max().max() > 2.9


@pytest.mark.parametrize(("options", "out"), [
    ({"intervals": None}, "were not calibrated in fit.*or take calibrated=False"),
    ({"intervals": "paths"}, "were not calibrated in fit.*Fit with intervals='conformal'"),
    ({"intervals": None, "strategy": Direct(3)}, "were not calibrated.*or another strategy"),
], ids=str)  # fmt: skip
def test_without_calibrated_intervals(options: dict, out: str) -> None:
    model = quick(**options).fit(monthly(60))
    with pytest.raises(ValueError, match=f"sample_paths: futures get their spread from intervals, which {out}"):
        model.sample_paths(3)
    if not isinstance(options.get("strategy"), Direct):
        assert model.sample_paths(3, 5, calibrated=False).shape == (3, 5)
    else:
        with pytest.raises(ValueError, match=out):
            model.sample_paths(3, calibrated=False)


def test_bad_calls(models: dict[str, RNNForecaster]) -> None:
    cases: list[tuple[dict[str, Any], type, str]] = [
        ({"n_paths": 0}, ValueError, "n_paths.*>= 1"), ({"n_paths": 1.5}, TypeError, "n_paths"),
        ({"n_paths": True}, TypeError, "n_paths"), ({"n_paths": 10**12}, ValueError, "n_paths=1000000000000 is too"),
        ({"output": "list"}, ValueError, "output must be 'frame' or 'array'. Got 'list'"),
        ({"h": 0}, ValueError, "h must be"), ({"ids": ["z"]}, ValueError, "unknown series: 'z'"),
    ]  # fmt: skip
    for given, error, message in cases:
        with pytest.raises(error, match=message):
            models["recursive"].sample_paths(**{"h": 3} | given)
    with pytest.raises(ValueError, match="h=7 is more than horizon=6"):
        models["direct"].sample_paths(7)
    with pytest.raises(NotFittedError):
        RNNForecaster().sample_paths(3)


def test_generate_is_its_former_name(models: dict[str, RNNForecaster]) -> None:
    with pytest.warns(FutureWarning, match=r"sample_paths\(h, n_paths, y=prompt, calibrated=False\)"):
        found = models["recursive"].generate(5, n_sequences=3, random_state=0)
    paths = models["recursive"].sample_paths(5, 3, calibrated=False, random_state=0, output="array")
    np.testing.assert_array_equal(found.filter(like="RNN-path").to_numpy().T, paths.reshape(3, -1))


@pytest.mark.filterwarnings("ignore:.*times as far from the values beside it")
@pytest.mark.parametrize("strategy", ["recursive", Direct(horizon=6)])
@pytest.mark.parametrize(("places", "most"), [([70], 4e4), ([98], 4e4), (range(80, 100), 4e6)])
def test_futures_of_a_series_with_a_broken_value_stay_where_it_was(places: Any, most: float, strategy: Any) -> None:
    """One value is as far as they go; a level that was kept may rise as much once more."""
    y = pd.Series(40.0 + np.random.default_rng(0).normal(size=100))
    y[list(places)] *= 1000.0
    paths = quick(strategy=strategy, intervals="conformal").fit(y).sample_paths(6, random_state=0)
    assert paths.max().max() <= 1.2 * max(y.max(), most)
