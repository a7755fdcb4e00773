"""A panel in many files is forecast file by file: the forecasts of one call, resumed after a kill, also on Dask."""

import importlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import joblib
import numpy as np
import pandas as pd
import pytest

from forecastrnn import Direct, RNNForecaster
from forecastrnn.forecasting import side_by_side
from forecastrnn.partitions import predict_partitions

SMALL: dict[str, Any] = {"n_members": 2, "max_steps": 5, "random_state": 0, "hidden_layer_sizes": 4, "n_jobs": 1}


def panel() -> pd.DataFrame:
    values = np.random.default_rng(0).normal(10.0, 1.0, (6, 40))
    days = pd.date_range("2024-01-01", periods=40)
    return pd.concat(
        [pd.DataFrame({"unique_id": f"s{k}", "ds": days, "y": each, "shard": k % 3}) for k, each in enumerate(values)],
        ignore_index=True,
    )


@pytest.fixture
def source(tmp_path: Path) -> Path:
    pytest.importorskip("pyarrow")
    panel().to_parquet(tmp_path / "panel", index=False, partition_cols=["shard"])
    return tmp_path / "panel"


@pytest.fixture(scope="module")
def model() -> RNNForecaster:
    return RNNForecaster(**SMALL).fit(panel().drop(columns="shard"))


def check(paths: list[str], model: RNNForecaster) -> None:
    """Each series once, with the bits of one call."""
    expected = model.predict(3, y=panel().drop(columns="shard"), level=80)
    found = pd.concat([pd.read_parquet(path) for path in paths]).sort_values(["unique_id", "ds"], ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_exact=True, check_dtype=False)


@pytest.mark.frames
def test_partitions_are_forecast_as_one_call_and_only_once(
    source: Path, model: RNNForecaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    predict = RNNForecaster.predict
    calls: list[int] = []

    def killed(self: RNNForecaster, *args: object, **given: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return predict(self, *args, **given)  # type: ignore[arg-type]

    monkeypatch.setattr(RNNForecaster, "predict", killed)
    with pytest.raises(KeyboardInterrupt):
        predict_partitions(model, source, out, 3, level=80)
    assert len(os.listdir(out)) == 1
    paths = predict_partitions(model, source, out, 3, level=80)
    assert len(calls) == 4 and [Path(path).name for path in paths] == [f"shard={k}.parquet" for k in range(3)]
    check(paths, model) if len(calls) == 4 else None
    made = [os.stat(path).st_mtime_ns for path in paths]
    first = next((source / "shard=0").iterdir())
    os.utime(first, ns=(0, 0))
    again = [os.stat(path).st_mtime_ns for path in predict_partitions(model, source, out, 3, level=80)]
    assert again[0] != made[0] and again[1:] == made[1:]


@pytest.mark.frames
def test_steps_and_levels_are_what_predict_takes(source: Path, model: RNNForecaster, tmp_path: Path) -> None:
    """Numbers of NumPy and times too, of which the note of a file says what it says of those of Python."""
    made = [
        [pd.read_parquet(path) for path in predict_partitions(model, source, tmp_path / "same", h, level=level)]
        for h, level in ((3, [80]), (np.int64(3), np.array([80])), (np.int8(3), [np.float64(80)]))
    ]
    for frames in made[1:]:
        assert all(one.equals(other) for one, other in zip(made[0], frames, strict=True))
    for number, h in enumerate((np.array([1, 3]), pd.Timestamp("2024-02-11"))):
        found = predict_partitions(model, source, tmp_path / str(number), h)
        assert len(pd.read_parquet(found[0])) == 4  # two steps of two series


def test_what_cannot_be_forecast_with_is_refused_before_a_folder_is_made(model: RNNForecaster, tmp_path: Path) -> None:
    source = tmp_path / "panel"
    for changes, error, said in (
        ({"model": "model.rnn"}, TypeError, "model must be a fitted RNNForecaster. Got 'model.rnn'"),
        ({"model": RNNForecaster}, TypeError, "model must be a fitted RNNForecaster"),
        ({"n_jobs": 0}, ValueError, "n_jobs must be None or an int other than 0. Got 0"),
        ({"n_jobs": "all"}, ValueError, "n_jobs must be None or an int"),
        ({"folder": source}, ValueError, "folder must lie outside of source"),
        ({"folder": source / "out"}, ValueError, "folder must lie outside of source, not be it or lie in it"),
        ({"folder": None}, TypeError, "folder must be a str or an os.PathLike. Got None"),
        ({"source": "a\0"}, ValueError, "source has the character 0 in it"),
    ):
        given: dict[str, Any] = {"model": model, "source": source, "folder": tmp_path / "out", "h": 3} | changes
        with pytest.raises(error, match=said):
            predict_partitions(given.pop("model"), given.pop("source"), given.pop("folder"), given.pop("h"), **given)
    assert not list(tmp_path.iterdir())


@pytest.mark.frames
def test_refused(source: Path, model: RNNForecaster, tmp_path: Path) -> None:
    predict_partitions(model, source, tmp_path / "out", 3)
    with pytest.raises(ValueError, match=r"shard=0.parquet holds forecasts of another model"):
        predict_partitions(model, source, tmp_path / "out", 4)
    (tmp_path / "out" / "shard=0.parquet").write_bytes(b"cut off")
    with pytest.raises(ValueError, match=r"shard=0.parquet is no Parquet file, as one that was damaged: remove it"):
        predict_partitions(model, source, tmp_path / "out", 3)
    with pytest.raises(ValueError, match=r"source, shard=0.*: X must not be given here"):
        predict_partitions(model, source, tmp_path / "other", 3, X=source)
    panel().query("unique_id == 's1'").drop(columns="shard").to_parquet(source / "again.parquet", index=False)
    with pytest.raises(ValueError, match=r"series 's1' is in two partitions, those of again.parquet and shard=1"):
        predict_partitions(model, source, tmp_path / "other", 3)
    with pytest.raises(FileNotFoundError, match="source: there is no Parquet file"):
        predict_partitions(model, tmp_path / "none", tmp_path / "other", 3)


@contextmanager
def dask_cluster() -> Iterator[list[int]]:
    """Two worker processes; their ids."""
    distributed = pytest.importorskip("distributed")
    options: dict[str, Any] = {"threads_per_worker": 1, "processes": True, "dashboard_address": None}
    with (
        distributed.LocalCluster(n_workers=2, **options) as cluster,
        distributed.Client(cluster) as client,
        joblib.parallel_config("dask"),
    ):
        yield list(client.run(os.getpid).values())


@contextmanager
def ray_cluster() -> Iterator[list[int]]:
    """The same of Ray, through the backend that it registers."""
    ray = pytest.importorskip("ray")
    importlib.import_module("ray.util.joblib").register_ray()
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        with joblib.parallel_config("ray", n_jobs=2):
            yield joblib.Parallel()(joblib.delayed(_own_process)() for _ in range(4))
    finally:
        ray.shutdown()


def _own_process() -> int:
    """Its id, behind a moment in which other workers take the next task."""
    time.sleep(0.2)
    return os.getpid()


@pytest.mark.frames
@pytest.mark.slow
@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("cluster", [dask_cluster, ray_cluster])
def test_a_cluster_of_two_processes(
    cluster: Callable[[], Any], source: Path, model: RNNForecaster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Members, local networks, backtests and partitions; those of Dask also when a worker is killed."""
    y, forecaster = panel().drop(columns="shard"), RNNForecaster(**SMALL)
    local, asked, parallel = RNNForecaster(**SMALL, global_model=False), list[int](), side_by_side.Parallel
    both = [one.fit(y).predict(2) for one in (forecaster, local)]
    expected = forecaster.cross_validation(y, 2, n_windows=3)
    with cluster() as pids:
        assert len(set(pids)) == 2 and os.getpid() not in pids
        monkeypatch.setattr(side_by_side, "Parallel", lambda n_jobs: asked.append(n_jobs) or parallel(n_jobs=n_jobs))
        for one, alone in zip((forecaster, local), both, strict=True):
            pd.testing.assert_frame_equal(one.fit(y).predict(2), alone, check_exact=True)
        assert len(asked) >= 2 and set(asked) == {2}
        found = forecaster.cross_validation(y, 2, n_windows=3, n_jobs=-1)
        pd.testing.assert_frame_equal(found, expected, check_exact=True)
        if cluster is dask_cluster:
            os.kill(pids[0], 9)
        check(predict_partitions(model, source, tmp_path / "out", 3, level=80, n_jobs=-1), model)


# Covariates ----------------------------------------------------------------------------------------------------------
def plan() -> pd.DataFrame:
    """A price at all times of the panel and three days more."""
    days = pd.date_range("2024-01-01", periods=43)
    parts = [pd.DataFrame({"unique_id": f"s{k}", "ds": days, "price": np.arange(43) % (3 + k)}) for k in range(6)]
    return pd.concat([part.assign(shard=k % 3) for k, part in enumerate(parts)], ignore_index=True)


def towns() -> pd.DataFrame:
    return pd.DataFrame({"unique_id": [f"s{k}" for k in range(6)], "town": pd.Categorical(list("abbaba"))})


@pytest.mark.frames
@pytest.mark.parametrize("form", ["partitions", "one file"])
def test_covariates(form: str, source: Path, tmp_path: Path) -> None:
    y, X = panel().drop(columns="shard"), plan().drop(columns="shard")
    model = RNNForecaster(**SMALL).fit(y, X=X, static=towns())
    expected = model.predict(3, y=y, X=X, static=towns())
    if form == "partitions":
        plan().assign(note="not read").to_parquet(tmp_path / "plan", index=False, partition_cols=["shard"])
    else:
        X.to_parquet(tmp_path / "plan", index=False)
    towns().to_parquet(tmp_path / "towns.parquet", index=False)
    given = {"X": tmp_path / "plan", "static": str(tmp_path / "towns.parquet")}
    paths = predict_partitions(model, source, tmp_path / "out", 3, **given)
    found = pd.concat([pd.read_parquet(path) for path in paths]).sort_values(["unique_id", "ds"], ignore_index=True)
    pd.testing.assert_frame_equal(found, expected, check_exact=True, check_dtype=False)
    made = [os.stat(path).st_mtime_ns for path in paths]
    changed = tmp_path / "plan" if form == "one file" else next((tmp_path / "plan" / "shard=1").iterdir())
    os.utime(changed, ns=(0, 0))
    again = [os.stat(path).st_mtime_ns for path in predict_partitions(model, source, tmp_path / "out", 3, **given)]
    assert [one != other for one, other in zip(made, again)] == [form == "one file", True, form == "one file"]


@pytest.mark.frames
def test_what_is_known_until_now_lies_among_the_series(tmp_path: Path) -> None:
    pytest.importorskip("pyarrow")
    whole = panel().assign(visits=np.arange(240) % 9)
    whole.to_parquet(tmp_path / "panel", index=False, partition_cols=["shard"])
    y, visits = whole[["unique_id", "ds", "y"]], whole[["unique_id", "ds", "visits"]]
    model = RNNForecaster(**SMALL, strategy=Direct(2)).fit(y, past=visits)
    paths = predict_partitions(model, tmp_path / "panel", tmp_path / "out", 2, past=["visits"])
    found = pd.concat([pd.read_parquet(path) for path in paths]).sort_values(["unique_id", "ds"], ignore_index=True)
    pd.testing.assert_frame_equal(found, model.predict(2, y=y, past=visits), check_exact=True, check_dtype=False)


@pytest.mark.frames
def test_refused_covariates(source: Path, model: RNNForecaster, tmp_path: Path) -> None:
    plan().query("shard != 1").to_parquet(tmp_path / "plan", index=False, partition_cols=["shard"])
    with pytest.raises(ValueError, match="X has some partitions of source, but not 'shard=1': write it with all"):
        predict_partitions(model, source, tmp_path / "out", 3, X=tmp_path / "plan")
    with pytest.raises(TypeError, match=r"static must be the path of a Parquet file .* Got DataFrame: write it"):
        predict_partitions(model, source, tmp_path / "out", 3, static=towns())  # type: ignore[arg-type]
    with pytest.raises(FileNotFoundError, match="past: there is no Parquet file"):
        predict_partitions(model, source, tmp_path / "out", 3, past=tmp_path / "none")
