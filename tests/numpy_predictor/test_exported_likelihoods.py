"""Losses that say how values are distributed, in a module that `export_numpy` writes: medians, quantiles of draws."""

from __future__ import annotations

import runpy
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Direct, NegativeBinomial, Poisson, RNNForecaster, Tweedie
from forecastrnn.engine import quantile_formulas
from forecastrnn.networks.likelihoods import LIKELIHOODS
from support.exported_cases import OPTIONS, Y
from support.exported_likelihoods import AMOUNTS, COUNTS, Skewed

CASES: dict[str, tuple[pd.DataFrame, dict[str, Any]]] = {
    "gaussian": (Y, {"loss": "gaussian", "n_members": 2}),
    "student_t": (Y, {"loss": "student_t", "strategy": Direct(4), "intervals": "paths"}),
    "quantile": (Y, {"loss": "quantile", "strategy": "seq2seq"}),
    "own": (Y, {"loss": "skewed", "strategy": Direct(4)}),
    "poisson": (COUNTS, {"loss": Poisson(zero_inflated=True)}),
    "negative_binomial": (COUNTS, {"loss": NegativeBinomial(), "strategy": Direct(4)}),
    "tweedie": (AMOUNTS, {"loss": Tweedie(1.4), "intervals": None, "global_model": False}),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:level")
@pytest.mark.parametrize("case", CASES)
def test_medians_and_quantiles(case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the series of fit, and of values with new ones behind them."""
    monkeypatch.setitem(LIKELIHOODS, "skewed", Skewed)
    y, options = CASES[case]
    model = RNNForecaster(**OPTIONS | {"candidates": "network"} | options).fit(y[:88])
    predict = runpy.run_path(str(model.export_numpy(tmp_path)))["predict"]
    near = partial(np.testing.assert_allclose, rtol=1e-8, atol=1e-8)
    near(predict(4), model.predict(4).T)
    near(predict(2, y.to_numpy().T, ids=list(y)), model.predict(2, y=y).T)
    if model.intervals is None:
        return
    for given in (None, y[5:]):
        wide = model.predict(3, y=given, level=[50, 90])
        values = None if given is None else given.to_numpy().T
        for name, found in predict(3, values, ids=list(y), level=[50, 90]).items():
            near(found, wide.xs(name, axis=1, level=1).T)


@pytest.mark.parametrize("loss", ["student_t", "negative_binomial", "tweedie"])
def test_formulas_of_single_numbers(loss: str, tmp_path: Path) -> None:
    """As text they give what the compiled ones give, at the ends of what they are for, too."""
    options = OPTIONS | {"candidates": "network", "intervals": None, "max_steps": 1}
    model = RNNForecaster(**options, loss=loss).fit(COUNTS[["few"]])
    module = runpy.run_path(str(model.export_numpy(tmp_path)))
    more: dict[str, tuple[float, ...]] = {"negative_binomial_quantile": (1.3,), "tweedie_quantile": (1.3, 1.5)}
    names = {"student_t": ["normal_quantile", "student_quantile"], "tweedie": ["tweedie_quantile"]}
    for name in names.get(loss, ["poisson_quantile", "negative_binomial_quantile", "gamma_quantile"]):
        for share in (1e-6, 0.3, 0.5, 1.0 - 1e-6):
            for mean in (1e-8, 0.7, 300.0, 1e6):
                given = (share,) if name == "normal_quantile" else (share, mean, *more.get(name, ()))
                expected = getattr(quantile_formulas, name)(*given)
                assert module[name](*given) == pytest.approx(expected, rel=1e-12)


def test_what_a_module_of_counts_refuses(tmp_path: Path) -> None:
    options = OPTIONS | {"candidates": "network", "intervals": None, "max_steps": 1, "loss": "poisson"}
    predict = runpy.run_path(str(RNNForecaster(**options).fit(COUNTS["few"]).export_numpy(tmp_path)))["predict"]
    for wrong in (-1.0, 0.5):
        values = COUNTS["few"].to_numpy().copy()
        values[7] = wrong
        with pytest.raises(
            ValueError, match=rf"y\[0\] must be of whole numbers from 0 on, as in fit\. Got {wrong} at 7"
        ):
            predict(3, values)
