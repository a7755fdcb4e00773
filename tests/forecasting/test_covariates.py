"""What networks read beside the series: numbers and categories that are known ahead, until now, or at all times."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn

import numpy as np
import pytest

from forecastrnn import Direct, EarlyStopping, Seq2Seq
from forecastrnn.data.covariate_values import Covariate, Covariates
from forecastrnn.data.series import SeriesSet
from forecastrnn.forecasting import paths
from forecastrnn.forecasting.choosing import choose
from forecastrnn.forecasting.covariates import learn_scales, medians
from forecastrnn.forecasting.inputs import build_inputs
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.preparation import prepare
from support.forecaster_cases import quick
from support.naive_covariates import known_first, naive_numbers, naive_scales
from support.series_beside import KNOWN, PAST, beside, split
from support.slow_covariates import slow_beside

H = 6
SMALL = {"hidden_layer_sizes": 8, "context_length": 12, "season_length": 4, "dtype": "float64", "max_steps": 5,
         "long_run_mean": False}  # fmt: skip
SEQ2SEQ, DIRECT = {"strategy": Seq2Seq(6)}, {"strategy": Direct(7)}
ALL = pytest.mark.parametrize("options", [{}, SEQ2SEQ, DIRECT], ids=["recursive", "seq2seq", "direct"])


def fitted(read: SeriesSet, **options: Any) -> Model:
    return quick(**SMALL | options).fit(read)._model


def forecast(model: Model, ahead: Covariates, h: int = H, read: SeriesSet | None = None) -> np.ndarray:
    return model.point(choose(model, read), h, "cpu", ahead)


# Numbers -----------------------------------------------------------------------------------------------------------
def test_scales_equal_the_naive_ones() -> None:
    read, _ = beside()
    numbers = [c for c in KNOWN if c.kind != "category"]
    found = learn_scales(read.covariates, read.offsets)
    series = [read.covariates.numbers[rows] for rows in split(read)]
    centre, spread, gaps = naive_scales(series, [c.role for c in numbers], [c.kind for c in numbers])
    np.testing.assert_allclose(found.centres(read.covariates.numbers, read.offsets), centre, rtol=1e-14)
    np.testing.assert_allclose(found.spread, spread, rtol=1e-12)
    assert found.gaps.tolist() == gaps == [c.name == "holes" for c in numbers]
    assert spread[[c.name for c in numbers].index("still")] == 0.0 and spread[1] == spread[3] == 1.0


def test_medians_leave_out_what_is_missing() -> None:
    values = np.array([3.0, np.nan, 1.0, np.nan, np.nan, 5.0, 2.0, 9.0, 4.0])
    np.testing.assert_array_equal(medians(values, np.array([0, 3, 5, 9])), [2.0, np.nan, 4.5])
    rng = np.random.default_rng(0)
    values = np.where(rng.random(2000) < 0.1, np.nan, rng.normal(size=2000))
    offsets = np.unique([0, *rng.integers(1, 2000, 90), 2000])
    there = [part[np.isfinite(part)] for part in np.split(values, offsets[1:-1])]
    expected = [np.median(part) if len(part) else np.nan for part in there]
    np.testing.assert_allclose(medians(values, offsets), expected, rtol=1e-14)


@pytest.mark.parametrize("scale", [1e-12, 1.0, 1e12])
def test_one_spread_for_all_series(scale: float) -> None:
    """A column that hardly moves in one series stays still there; its unit does not matter."""
    values = np.concatenate([np.tile([0.0, 1.0, 2.0], 5), np.tile([100.0, 100.001, 100.002], 5)])[:, None] * scale
    columns = (Covariate("x", "known", "number"),)
    found = Covariates(columns, values, np.empty((30, 0), np.int64))
    scales = learn_scales(found, np.array([0, 15, 30]))
    numbers, _ = scales.scaled(found, scales.centres(values, np.array([0, 15, 30])).repeat(15, axis=0))
    assert np.abs(numbers[:15]).max() > 0.5 and np.abs(numbers[15:]).max() < 0.01


# Rows --------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("in_encoder", [False, True], ids=["until now", "encoder"])
def test_rows_equal_the_naive_ones(in_encoder: bool) -> None:
    """Known columns a step ahead; past ones with their time, or ahead too for an encoder; leading gaps are dropped."""
    columns = KNOWN + PAST
    read, _ = beside(columns)
    read.values[:3] = np.nan
    plain = prepare(read.values, read.offsets, 4)
    p = plain.with_covariates(read.covariates, read.offsets, in_encoder=in_encoder)
    rows, own = build_inputs(p, "float64"), build_inputs(plain, "float64")
    series = [read.covariates.numbers[rows] for rows in split(read)]
    codes = [read.covariates.codes[rows] for rows in split(read)]
    series[0], codes[0] = series[0][3:], codes[0][3:]
    roles = [c.role for c in columns if c.kind != "category"]
    centre, spread, gaps = naive_scales(series, roles, [c.kind for c in columns if c.kind != "category"])
    roles += [role for role, gap in zip(roles, gaps, strict=True) if gap]
    order = known_first(roles)
    for i in range(p.n_series):
        lo, begin = p.starts[i], p.starts[i] + p.pads[i]
        for t in range(lo, p.starts[i + 1] - 1):
            now = np.zeros(len(roles)) if t < begin else naive_numbers(series[i][t - begin], centre[i], spread, gaps)
            ahead = np.zeros(len(roles))
            if t + 1 >= begin:
                ahead = naive_numbers(series[i][t + 1 - begin], centre[i], spread, gaps)
            static = naive_numbers(series[i][0], centre[i], spread, gaps)
            numbers = [
                static[k] if role == "static" else now[k] if role == "past" and not in_encoder else ahead[k]
                for k, role in ((k, roles[k]) for k in order)
            ]
            code = codes[i][max(t + 1 - begin, 0)].copy()
            code[1] = codes[i][max(t + (1 if in_encoder else 0) - begin, 0), 1]
            expected = np.concatenate([numbers, own[t], np.arcsinh(numbers), code])
            np.testing.assert_allclose(rows[t], expected, atol=1e-12)


# Forecasts ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("options, columns", [
    ({}, KNOWN), ({"id_embedding_dim": 2}, KNOWN[-1:]), ({"global_model": False}, KNOWN), (SEQ2SEQ, KNOWN + PAST),
    (DIRECT, KNOWN + PAST), (DIRECT | {"global_model": False}, KNOWN[-1:]),
], ids=["recursive", "codes", "local", "seq2seq", "direct", "local direct"])  # fmt: skip
def test_forecasts_equal_slow_ones(options: dict[str, Any], columns: tuple[Covariate, ...]) -> None:
    """Of series of fit, and of the same ones given again: numbers, categories, those that fit has not seen."""
    columns = tuple(replace(c, kind="number" if c.name == "price" else c.kind) for c in columns)
    read, ahead = beside((KNOWN[0], *columns) if columns[0].name != "price" else columns)
    ahead.codes[3] = 7
    model = fitted(read, **options)
    expected = slow_beside(model, ahead, H)
    np.testing.assert_allclose(forecast(model, ahead), expected, rtol=1e-10)
    np.testing.assert_allclose(forecast(model, ahead, read=read), expected, rtol=1e-10)


@ALL
def test_no_step_reads_what_lies_behind_it(options: dict[str, Any]) -> None:
    read, ahead = beside()
    model = fitted(read, **options)
    whole = forecast(model, ahead)
    for j in range(1, H):
        other = replace(ahead, numbers=ahead.numbers.copy(), codes=ahead.codes.copy())
        later = np.arange(len(ahead.numbers)) % H >= j
        other.numbers[later], other.codes[later] = other.numbers[later] + 1.0, 0
        found = forecast(model, other)
        np.testing.assert_array_equal(found[:, :j], whole[:, :j])
        assert (found[:, j] != whole[:, j]).all()
        short = ahead.take(np.flatnonzero(~later))
        np.testing.assert_array_equal(forecast(model, short, j), whole[:, :j])


@ALL
def test_a_forecast_follows_the_plan(options: dict[str, Any]) -> None:
    """The target is a covariate of its step, also in series that fit has not seen."""
    columns = (Covariate("price", "known", "number"),)
    read, ahead = beside(columns, lengths=(150, 120))
    y = 10.0 + 3.0 * read.covariates.numbers[:, 0]
    read.values[:] = y
    usual = {"max_steps": 400, "season_length": [1], "dtype": "float32", "batch_size": 64}
    model = fitted(read, **usual | options)
    truth = (10.0 + 3.0 * ahead.numbers[:, 0]).reshape(-1, H)
    naive = np.abs(truth - read.values[read.offsets[1:] - 1, None]).mean()
    assert np.abs(forecast(model, ahead) - truth).mean() < 0.25 * naive
    others, plan = beside(columns, lengths=(100, 90), seed=5)
    others.values[:] = 10.0 + 3.0 * others.covariates.numbers[:, 0]
    truth = (10.0 + 3.0 * plan.numbers[:, 0]).reshape(-1, H)
    assert np.abs(forecast(model, plan, read=others) - truth).mean() < 0.25 * naive


@ALL
def test_the_unit_of_the_series_does_not_matter(options: dict[str, Any]) -> None:
    read, ahead = beside()
    model = fitted(read, **options)
    more = replace(read, values=100.0 * read.values)
    np.testing.assert_allclose(forecast(model, ahead, read=more), 100.0 * forecast(model, ahead, read=read), rtol=1e-9)


@ALL
def test_programs_are_kept(options: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Another plan, series and horizon need no new program."""
    read, ahead = beside()
    model = fitted(read, **options)
    whole = forecast(model, ahead)

    def built(kind: object) -> NoReturn:
        raise AssertionError(f"a program is built for {kind}")

    monkeypatch.setattr(paths, "_build_lane", built)
    np.testing.assert_array_equal(forecast(model, ahead.take(np.arange(18) // 3 * 3), 6)[:, 0], whole[:, 0])
    short = ahead.take(np.flatnonzero(np.arange(18) % 6 < 2))
    np.testing.assert_array_equal(forecast(model, short, 2, read), whole[:, :2])


@pytest.mark.parametrize("options", [{}, SEQ2SEQ, DIRECT, {"global_model": False}],
                         ids=["recursive", "seq2seq", "direct", "local"])  # fmt: skip
def test_columns_that_never_moved_are_not_read(options: dict[str, Any]) -> None:
    """Whatever they hold ahead: weights that nothing has taught must not count."""
    read, ahead = beside(KNOWN[:1] + KNOWN[4:5])
    model = fitted(read, **options)
    ahead.numbers[:, 1] = 1e6
    other = replace(ahead, numbers=ahead.numbers * [1.0, 0.0])
    np.testing.assert_array_equal(forecast(model, ahead), forecast(model, other))


@pytest.mark.parametrize("options", [SEQ2SEQ, DIRECT], ids=["seq2seq", "direct"])
def test_windows_held_out_at_the_end_of_series(options: dict[str, Any]) -> None:
    """Their outputs reach behind the last row of all."""
    read, ahead = beside(KNOWN + PAST)
    model = fitted(read, **options, early_stopping=EarlyStopping(fraction=0.1), max_steps=51)
    assert np.isfinite(model.trained.members[0].validation_scores).all()
    assert np.isfinite(forecast(model, ahead)).all()
