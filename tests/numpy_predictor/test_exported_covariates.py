"""What is known beside series, and dates, in a module that `export_numpy` writes."""

from __future__ import annotations

import runpy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Calendar, RNNForecaster
from support.exported_beside import CALENDARS, COVARIATES, PAST, STATIC, TIMES, X, dated, long, series, wall_of, wide
from support.exported_cases import NETWORK, OPTIONS, Y

CLOSE = partial(np.testing.assert_allclose, rtol=1e-9, atol=1e-9)
BEHIND = X[X.index.get_level_values(1) > Y.index[87]]  # the end of fit


def exported(model: RNNForecaster, folder: Path) -> Any:
    """`predict` of the module of a model."""
    return runpy.run_path(str(model.export_numpy(folder)))["predict"]


def arrays(frame: pd.DataFrame, steps: int) -> dict[str, np.ndarray]:
    """Columns (series, steps)."""
    return {name: wide(frame, name, steps) for name in frame}


def columns(frame: pd.DataFrame, name: str = "RNN") -> np.ndarray:
    """Forecasts (series, h)."""
    return frame.pivot(index="ds", columns="unique_id", values=name)[list(Y)].to_numpy().T


@pytest.mark.filterwarnings("ignore:level")
@pytest.mark.parametrize("case", COVARIATES)
def test_covariates(case: str, tmp_path: Path) -> None:
    """Of series of fit, and of values with new ones: known ahead, until now and static; numbers and categories."""
    y, given, options = COVARIATES[case]
    past = {} if options.get("strategy") is None else {"past": PAST}
    options = OPTIONS | NETWORK | {"intervals": None if case in ("gaps", "mixed") else "conformal"} | options
    model, end = RNNForecaster(**options), Y.index[87]
    model.fit(series(y[:88]), long(given, end), **{k: long(v, end) for k, v in past.items()}, static=STATIC)
    predict, level = exported(model, tmp_path), None if options["intervals"] is None else 80
    ahead = model.predict(5, X=long(X, TIMES[92]), level=level)
    found = predict(5, X=arrays(BEHIND, 5), level=level)
    for name, values in ({"RNN": found} if level is None else found).items():
        CLOSE(values, columns(ahead, name))
    own = arrays(given, 103) | {name: wide(PAST, name, 100) for name in PAST if past} | {"area": STATIC["area"]}
    later = {name: long(frame, Y.index[-1]) for name, frame in past.items()}
    expected = model.predict(3, y=series(y), X=long(given, TIMES[102]), **later, static=STATIC, level=level)
    found = predict(3, y.to_numpy().T, ids=list(y), X=own, level=level)
    for name, values in ({"RNN": found} if level is None else found).items():
        CLOSE(values, columns(expected, name))


@pytest.mark.parametrize("kind", CALENDARS)
def test_calendars(kind: str, tmp_path: Path) -> None:
    """Of the clock of the wall, before 1970, across leap days and into summer time."""
    index, calendar = CALENDARS[kind]
    y = dated(index)
    options = OPTIONS | NETWORK | {"season_length": 1, "calendar": calendar, "intervals": None}
    model = RNNForecaster(**options).fit(y[:-20])
    predict, expected = exported(model, tmp_path), model.predict(9, y=y)
    CLOSE(predict(9, times=wall_of(index[-20:])[:9]), model.predict(9).T)
    times = wall_of(index.append(expected.index))
    ids = {"ids": list(y)} if isinstance(calendar, Calendar) else {}
    CLOSE(predict(9, y.to_numpy().T, times=times, **ids), expected.T)
    texts = [str(time) for time in times.tolist()]
    CLOSE(predict(9, y.to_numpy().T[1:], times=[texts, texts], **{k: list("bc") for k in ids}), expected[["b", "c"]].T)
    if ids:
        with pytest.raises(ValueError, match="times: holidays are known from 1968-01-01 to .*, but not for 2018"):
            predict(9, times=times[:9] + np.timedelta64(50 * 366, "D"))


def test_static_categories_of_new_series(tmp_path: Path) -> None:
    """In place of those of fit, where they are given; one that fit has not seen is unknown."""
    model = RNNForecaster(**OPTIONS | NETWORK | {"id_embedding_dim": 2, "intervals": None})
    static = STATIC[["shop"]].assign(size=["b", "a", "a"])
    predict = exported(model.fit(Y[:88], static=static), tmp_path)
    given, y = {"shop": ["y", "z", "x"], "size": np.array(["a", "c", "a"])}, Y.to_numpy().T
    for names in (list(Y), ["a", "b", "c"]):
        newer = pd.DataFrame(given, pd.Index(names, name="unique_id"))
        CLOSE(predict(3, y, ids=names, X=given), model.predict(3, y=Y.set_axis(names, axis=1), static=newer).T)
    CLOSE(predict(3, y, ids=list(Y)), model.predict(3, y=Y).T)
    CLOSE(predict(3, y[0], X={"shop": "y", "size": ["a"]}), predict(3, y[:1], X={"shop": ["y"], "size": ["a"]})[0])
    for message, wrong in {
        "X must have all static categories, or none of them. It lacks 'size'": {"shop": ["x"] * 3},
        r"X\['shop'\] must have a value for each series. Got 1": given | {"shop": ["x"]},
        "X: the model was fitted without": given | {"price": [1.0]},
    }.items():
        with pytest.raises(ValueError, match=message):
            predict(3, y, X=wrong)


def test_columns_are_named_as_they_are(tmp_path: Path) -> None:
    """Also those in whose names a number seems to stand; one series has a row of its own."""
    rows = pd.DataFrame({"inflation": X["price"].to_numpy()[:103], "nan": X["day"].to_numpy()[:103]}, TIMES[:103])
    model = RNNForecaster(**OPTIONS | NETWORK | {"intervals": None}).fit(Y["grows"], rows[:100])
    found = exported(model, tmp_path)(3, X={name: rows[name].to_numpy()[100:] for name in rows})
    CLOSE(found, model.predict(3, X=rows))


def test_what_is_refused(tmp_path: Path) -> None:
    model = RNNForecaster(**OPTIONS | NETWORK | {"intervals": None, "calendar": ["month"], "season_length": 1})
    model.fit(series(Y), long(X, Y.index[-1]), static=STATIC[["area"]])
    predict, own, times = exported(model, tmp_path), arrays(BEHIND, 3), TIMES[100:103].to_numpy()
    y, price = Y.to_numpy().T, own["price"]
    for message, (given, when) in {
        r"names of columns, which here are 'price' \(known\), .*Got one that lacks 'price'": (None, times),
        "Got one that has 'prices'": (own | {"prices": price}, times),
        "Got one that is ndarray": (price, times),
        r"X\['price'\] must have 3 values \(h\) for series 0\. Got \(2,\)": (own | {"price": price[:, :2]}, times),
        r"X\['price'\] must have values for each series. It has none for series 2": (own | {"price": price[:2]}, times),
        r"X\['price'\] must be of finite numbers\. Series 0 has 'a'": (own | {"price": [["a", "b", "c"]] * 3}, times),
        r"X\['price'\] must be of finite numbers\. Series 0 has inf": (own | {"price": price + np.inf}, times),
        r"X\['price'\]: value 0 of series 0 is missing: give one": (own | {"price": price * np.nan}, times),
        r"times must be 3 dates \(h\) on the clock of the wall, .* Got None for series 0": (own, None),
        r"times must be 3 dates .* Got array\(\[1, 2, 3\]\)": (own, np.array([1, 2, 3])),
        r"times must be 3 dates .* Got \['today', .* for series 0": (own, ["today", "b", "c"]),
    }.items():
        with pytest.raises(ValueError, match=message):
            predict(3, X=given, times=when)
    with pytest.raises(ValueError, match=r"which here are .*'area' \(static\).* Got one that lacks 'area'"):
        predict(3, y, X=own, times=times)
    alone = exported(RNNForecaster(**OPTIONS | NETWORK | {"intervals": None}).fit(Y["grows"]), tmp_path)
    for name, given in {"X": own, "times": times}.items():
        with pytest.raises(ValueError, match=f"{name}: the model was fitted without, and reads .*: leave it out"):
            alone(3, **{name: given})
