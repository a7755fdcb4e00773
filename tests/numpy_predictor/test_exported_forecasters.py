"""A module that `export_numpy` writes of a forecaster forecasts what the forecaster forecasts."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError

from forecastrnn import Direct, RNNForecaster
from support.exported_cases import CASES, NETWORK, OPTIONS, T, Y

UPDATED = ("mixed", "seq2seq", "older", "steady", "pretrained")  # networks go on from states, or means are kept
LEVELS_OF_Y = ("mixed", "direct", "local", "static", "pretrained", "zero")


def exported(model: Any, folder: Path) -> dict[str, Any]:
    """The names of the module of a model."""
    return runpy.run_path(str(model.export_numpy(folder)))


def near(found: np.ndarray, expected: pd.DataFrame, tolerance: float = 1e-10) -> None:
    np.testing.assert_allclose(found, expected.to_numpy().T, rtol=tolerance, atol=tolerance)


@pytest.mark.filterwarnings("ignore:level")
@pytest.mark.parametrize("case", CASES)
def test_forecasts_and_intervals(case: str, tmp_path: Path) -> None:
    """Of the series of fit, of their values with new ones, of other series, and after an update."""
    y, options, given = CASES[case]
    model = RNNForecaster(**OPTIONS | options).fit(y[:88], **given)
    module = exported(model, tmp_path)
    close = partial(near, tolerance=3e-6 if case.startswith("pretrained") else 1e-10)  # that network is of float32
    close(module["predict"](6), model.predict(6))
    close(module["predict"](3, ids=["counts", "grows"]), model.predict(3, ids=["counts", "grows"]))
    wide = model.predict(6, level=[50, 80])
    for name, found in module["predict"](6, level=[80, 50]).items():
        close(found, wide.xs(name, axis=1, level=1))
    close(module["predict"](6, y.to_numpy().T, ids=list(y)), model.predict(6, y=y))
    if case in LEVELS_OF_Y:
        wide = model.predict(6, y=y[7:], level=[50, 80])
        for name, found in module["predict"](6, y[7:].to_numpy().T, ids=list(y), level=[50, 80]).items():
            close(found, wide.xs(name, axis=1, level=1))
    if case in ("local", "static"):
        has = "a network of each" if case == "local" else "their categories: or give .'kind',. in X"
        with pytest.raises(ValueError, match=rf"y\[0\] must be a series of fit, which `ids` names, .* has {has}"):
            module["predict"](6, y.to_numpy().T)
    else:
        close(module["predict"](6, list(y.to_numpy().T)), model.predict(6, y=y.add_prefix("new ")))
    if case not in UPDATED:
        return
    model.update(y[88:])
    close(exported(model, tmp_path)["predict"](6), model.predict(6))


def test_one_series(tmp_path: Path) -> None:
    """An array (h,), in single precision; the weights that are written are those that forecast."""
    y = Y["grows"]
    model = RNNForecaster(**OPTIONS | NETWORK | {"dtype": "float32"}).fit(y[:88])
    module = exported(model, tmp_path)
    assert module["predict"](6).shape == (6,) and set(module["predict"](6, level=80)) == {
        "RNN",
        "RNN-lo-80",
        "RNN-hi-80",
    }
    np.testing.assert_allclose(module["predict"](6), model.predict(6), rtol=1e-6)
    np.testing.assert_allclose(module["predict"](6, y.to_numpy()), model.predict(6, y=y), rtol=1e-6)
    np.testing.assert_allclose(module["predict"](6, y.tolist()), model.predict(6, y=y), rtol=1e-6)
    np.testing.assert_allclose(module["predict"](6, y), model.predict(6, y=y), rtol=1e-6)  # where pandas is, too
    with pytest.warns(UserWarning, match="calibrated for 19 steps"):
        wide = model.predict(30, y=y[60:], level=80)
    for name, found in module["predict"](30, y[60:].to_numpy(), level=80).items():
        np.testing.assert_allclose(found, wide[name], rtol=1e-5)
    before = module["predict"](6)
    module["WEIGHTS"]["theta.output.bias"] += 0.1
    assert np.abs(module["predict"](6) - before).max() > 1e-3


def test_numpy_alone(tmp_path: Path) -> None:
    """In a process of its own, and the module has neither marks of Ctrl-C nor code of a compiler."""
    model = RNNForecaster(**OPTIONS | {"intervals": None}).fit(Y[:88])
    path = model.export_numpy(tmp_path)
    others = {"numba", "pandas", "sklearn", "scipy", "forecastrnn"}
    code = (
        f"import runpy, sys; print(runpy.run_path({str(path)!r})['predict'](2).tolist()); "
        f"print(*{{name.partition('.')[0] for name in sys.modules}} & {others})"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd="/")
    assert done.stdout.split("\n")[1] == "", done.stderr
    assert not {"stopped", "jitted", "stoppable"} & set(path.read_text().replace("(", " ").split())


def test_four_files_are_written_or_none(tmp_path: Path) -> None:
    options = OPTIONS | {"candidates": ["auto", "pretrained"], "n_members": 1, "max_steps": 2, "intervals": None}
    model = RNNForecaster(**options).fit(Y["grows"])
    (tmp_path / "predictor.py").mkdir()
    with pytest.raises(IsADirectoryError, match="predictor.py"):
        model.export_numpy(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["predictor.py"]


def test_what_a_module_refuses(tmp_path: Path) -> None:
    model = RNNForecaster(**OPTIONS | NETWORK | {"strategy": Direct(3), "intervals": None}).fit(Y[:88])
    predict, values = exported(model, tmp_path)["predict"], Y["grows"].to_numpy()
    for message, call in {
        r"h must be an int from 1 to 3, the horizon of fit\. Got 4": lambda: predict(4),
        r"h must be an int .* Got 2\.5": lambda: predict(2.5),
        r"y must be an array \(time,\), or several .* Got \[\]": lambda: predict(3, []),
        "fit with intervals='conformal'": lambda: predict(3, level=80),
        "unknown series: 'none'": lambda: predict(3, ids=["none"]),
        "ids must have a name for each series of y: 1. Got 2": lambda: predict(3, [values], ids=["a", "b"]),
        r"h must be an int .* Got True": lambda: predict(True),
        r"y must be an array \(time,\), or several .* Got \{": lambda: predict(3, {"a": values}),
        r"y\[1\] must be an array \(time,\) that ends .* Got nan there": lambda: predict(3, [values, [1.0, np.nan]]),
        r"y\[0\] must be an array \(time,\) of numbers .* Got '7' at 1": lambda: predict(3, [1.0, "7", 3.0]),
        r"y\[0\] must be an array \(time,\) of numbers .* Got the shape \(2, 1\)": lambda: predict(3, [[[1.0], [2.0]]]),
        r"y\[0\] has a value that is missing or infinite, nan at 5: fill it in, or fit with missing": (
            lambda: predict(3, np.where(values == values[5], np.nan, values))
        ),
        r"y\[0\] has a value that is missing or infinite, inf at 5": (
            lambda: predict(3, np.where(values == values[5], np.inf, values))
        ),
        r"y\[0\] is too short: it needs 4 values, .* Got 3, 3 of them known": lambda: predict(3, values[:3]),
    }.items():
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.filterwarnings("ignore:level", "ignore:y of predict")
@pytest.mark.parametrize("loss", ["absolute_error", "gaussian"])
def test_series_that_are_too_short(loss: str, tmp_path: Path) -> None:
    """Among those of fit, and of those that are given, with intervals as those of others are."""
    y = Y.assign(short=Y["grows"].where(T > 84), shorter=Y["signed"].where(T > 80))
    model = RNNForecaster(**OPTIONS | NETWORK | {"short": "naive", "missing": "mask", "loss": loss})
    with pytest.warns(UserWarning, match="too short"):
        model.fit(y[:88])
    predict = exported(model, tmp_path)["predict"]
    for ids in (None, ["short"], ["signed", "shorter"]):
        wide = model.predict(5, ids=ids, level=80)
        for name, found in predict(5, ids=ids, level=80).items():
            near(found, wide.xs(name, axis=1, level=1)[ids or list(y)])
    newer = y[:99].iloc[:, [3, 0]].assign(new=Y["counts"].where(T > 95)[:99])
    near(predict(5, newer.to_numpy().T, ids=list(newer)), model.predict(5, y=newer))
    wide = model.predict(5, y=newer[["new"]], level=80)
    for name, found in predict(5, newer[["new"]].to_numpy().T, level=80).items():
        near(found, wide.xs(name, axis=1, level=1))


def test_intervals_of_series_that_begin_later(tmp_path: Path) -> None:
    """What went before the first value is none of its range, but of the length that range is told by."""
    y = Y.assign(grows=Y["grows"].where(T > 45), signed=(Y["signed"] + 0.2 * T).where(T > 20))
    model = RNNForecaster(**OPTIONS | NETWORK | {"missing": "mask", "max_steps": 1}).fit(Y[:88])
    wide = model.predict(18, y=y, level=95)
    for name, found in exported(model, tmp_path)["predict"](18, y.to_numpy().T, ids=list(y), level=95).items():
        near(found, wide.xs(name, axis=1, level=1))


def test_before_fit(tmp_path: Path) -> None:
    with pytest.raises(NotFittedError, match="not fitted"):
        RNNForecaster().export_numpy(tmp_path)
