"""Behind new rows, in streams, files and calibration, covariates are those of their times."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecastrnn import Conformal, Direct, RNNForecaster, Seq2Seq
from forecastrnn.data.covariate_values import Covariate, Covariates
from forecastrnn.exceptions import ModelFileError
from forecastrnn.forecasting import calibrate
from forecastrnn.forecasting.bands import quantiles_of_all
from forecastrnn.forecasting.calibration_windows import Windows, errors_of
from forecastrnn.forecasting.choosing import choose
from forecastrnn.forecasting.covariates import learn_scales
from forecastrnn.forecasting.fit import _scales_of
from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.sampling import sample_paths
from forecastrnn.forecasting.updating import updated
from support.forecaster_cases import quick
from support.forged_files import forge
from support.series_beside import KNOWN, PAST, behind, beside, between

H, NEW = 6, 9
HELD_OUT = Conformal(horizon=4, n_windows=3, held_out=True)
SMALL = {"hidden_layer_sizes": 8, "context_length": 12, "season_length": 4, "n_members": 2, "max_steps": 5}
SEQ2SEQ, DIRECT = {"strategy": Seq2Seq(6)}, {"strategy": Direct(6)}
OTHERS = pytest.mark.parametrize("options, columns", [({}, KNOWN), (SEQ2SEQ, KNOWN + PAST), (DIRECT, KNOWN + PAST)],
                                 ids=["recursive", "seq2seq", "direct"])  # fmt: skip


def steps_of(ahead: Covariates, j: int) -> Covariates:
    """Of each series, the step j."""
    return ahead.take(np.arange(j, len(ahead.numbers), H))


def loaded(model: RNNForecaster, path: Path) -> RNNForecaster:
    model.save(path)
    return RNNForecaster.load(path)


@pytest.mark.parametrize("options", [{}, {"global_model": False}, {"id_embedding_dim": 2}, {"older_means": [(6, 2)]}],
                         ids=["default", "local", "ids", "older means"])  # fmt: skip
def test_same_bits_in_pieces_and_streams(options: dict[str, Any], tmp_path: Path) -> None:
    """In one call, in pieces, or value by value; also after a file."""
    read, ahead = beside()
    read.values[read.offsets[1:2] - 4] = np.nan  # its forecast reads what is known of its time
    fit = quick(**SMALL | options, missing="mask").fit(between(read, 0, NEW))
    model, other = fit._model, loaded(fit, tmp_path / "fitted")._model
    whole = updated(model, behind(read, NEW, 0), None)
    for begin, end in ((9, 8), (8, 5), (5, 0)):
        other = updated(other, behind(read, begin, end), None)
    fit._model = other
    other = loaded(fit, tmp_path / "updated")._model
    expected = whole.point(choose(whole, None), H, "cpu", ahead)
    np.testing.assert_array_equal(other.point(choose(other, None), H, "cpu", ahead), expected)
    for k in (1, 2):
        new = between(read, NEW, 0)
        rows, first = np.arange(new.offsets[k], new.offsets[k + 1]), ahead.take(np.array([k * H]))
        plan = [new.covariates.take(rows[j : j + 1]) for j in range(NEW)] + [first]
        stream = model.stream(read.ids[k], None, plan[0], read=lambda row: row)
        found = [stream.step(value, row) for value, row in zip(new.values[rows], plan[1:], strict=True)]
        assert found[-1] == expected[k, 0] == other.stream(read.ids[k], None, first, lambda row: row).forecast


@OTHERS
def test_ends_are_those_of_longer_series(options: dict[str, Any], columns: tuple[Covariate, ...]) -> None:
    """What networks have read behind new rows is what they read of whole series, with the same scales."""
    read, _ = beside(columns)
    model = quick(**SMALL | options, dtype="float64").fit(between(read, 0, NEW))._model
    moved, k, ends = (
        updated(model, behind(read, NEW, 0), None).tail,
        model.layout.covariates,
        2 * model.layout.n_columns,
    )
    old, own = model.tail.prepared, model.tail.prepared.covariates
    numbers, codes = own.scales.scaled(read.covariates, own.centre.repeat(np.diff(read.offsets), axis=0))
    until_now = [past if options == DIRECT else past & False for past in own.scales.having("past")]
    for i, end in enumerate(read.offsets[1:]):
        at = np.arange(end - old.context, end)  # the row of the time before each
        expected = np.where(until_now[0], numbers[at - 1], numbers[at])
        np.testing.assert_allclose(moved.inputs[i, :, :k], expected, rtol=1e-12, atol=1e-15)
        np.testing.assert_allclose(moved.inputs[i, :, ends - k : ends], np.arcsinh(expected), rtol=1e-12, atol=1e-15)
        expected = np.where(until_now[1], codes[at - 1], codes[at])
        np.testing.assert_array_equal(moved.inputs[i, :, ends : ends + codes.shape[1]], expected)
        np.testing.assert_array_equal(moved.prepared.covariates.numbers[i], numbers[end - 1])


@OTHERS
def test_same_bits_in_pieces(options: dict[str, Any], columns: tuple[Covariate, ...], tmp_path: Path) -> None:
    """Also where networks read the context anew, and where they learn from the new rows."""
    read, ahead = beside(columns)
    fit = quick(**SMALL | options).fit(between(read, 0, NEW))
    whole, other = updated(fit._model, behind(read, NEW, 0), None), loaded(fit, tmp_path / "fitted")._model
    for begin, end in ((9, 8), (8, 5), (5, 0)):
        other = updated(other, behind(read, begin, end), None)
    found = [one.point(choose(one, None), H, "cpu", ahead) for one in (whole, other)]
    np.testing.assert_array_equal(*found)
    learned = updated(fit._model, behind(read, NEW, 0), None, updates=3)
    after = learned.point(choose(learned, None), H, "cpu", ahead)
    assert np.isfinite(after).all() and (after != found[0]).all()


@pytest.mark.parametrize("options", [SEQ2SEQ, DIRECT], ids=["seq2seq", "direct"])
def test_what_is_known_until_now_counts(options: dict[str, Any]) -> None:
    """The last value that is known of it moves the forecast."""
    read, ahead = beside(KNOWN + PAST)
    model = quick(**SMALL | options).fit(read)._model
    other = replace(read.covariates, numbers=read.covariates.numbers.copy())
    other.numbers[read.offsets[1:] - 1, -1] += 100.0
    found = [
        model.point(choose(model, replace(read, covariates=one)), H, "cpu", ahead) for one in (read.covariates, other)
    ]
    assert (found[0] != found[1]).all()


def test_streams_want_what_they_forecast_with() -> None:
    read, ahead = beside(KNOWN[:1])
    model = quick(**SMALL).fit(read)._model
    with pytest.raises(ValueError, match=r"stream: the model was fitted with X, \['price'\]; give"):
        model.stream("s1")
    stream = model.stream("s1", None, ahead.take(np.array([H])), lambda row: row)
    before = stream.forecast
    with pytest.raises(ValueError, match=r"step: the model was fitted with X, \['price'\]; give their values at the"):
        stream.step(50.0)
    assert stream.forecast == before
    plain = quick(**SMALL).fit(replace(read, covariates=None))._model.stream("s1")
    with pytest.raises(ValueError, match="step: X must not be given here"):
        plain.step(50.0, [1.0])


# Files and fits that go on -------------------------------------------------------------------------------------------
@pytest.mark.parametrize("options", [{}, SEQ2SEQ, DIRECT], ids=["recursive", "seq2seq", "direct"])
def test_files_keep_them(options: dict[str, Any], tmp_path: Path) -> None:
    columns = KNOWN + PAST if options else KNOWN
    columns = (*columns, Covariate(("a", 1), "known", "category", ("x", "y"), True))
    read, ahead = beside(columns[:-1])
    twice = [*range(ahead.codes.shape[1]), 0]
    own, ahead = (replace(one, columns=columns, codes=one.codes[:, twice]) for one in (read.covariates, ahead))
    model = quick(**SMALL | options).fit(replace(read, covariates=own))
    again = loaded(model, tmp_path / "kept")._model
    assert again.covariates == columns
    chosen = choose(model._model, None)
    np.testing.assert_array_equal(
        again.point(choose(again, None), H, "cpu", ahead), model._model.point(chosen, H, "cpu", ahead)
    )
    others, _ = beside(columns[:-1], seed=3)
    others = replace(others, covariates=own)
    found = [one.point(choose(one, others), H, "cpu", ahead) for one in (again, model._model)]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("change, words", [
    (lambda own: own["columns"][0].update(role="future"), "a role and a kind that there are"),
    (lambda own: own["columns"].pop(), "those that the networks read"),
    (lambda own: own["columns"][0].update(kind="category"), "those that the networks read"),
    (lambda own: own["columns"][-1].update(categories=[None]), "categories are texts"),
    (lambda own: own["columns"][0].pop("name"), "a covariate must have name"),
    (lambda own: own["columns"][0].update(role="past"), "must be those that the networks read"),
    (lambda own: own.update(in_encoder=3), "in_encoder must be true or false"),
])  # fmt: skip
def test_damaged_files_are_refused(change: Callable, words: str, tmp_path: Path) -> None:
    quick(**SMALL).fit(beside()[0]).save(tmp_path / "good")
    bad = forge((tmp_path / "good").read_bytes(), lambda header: change(_covariates_of(header)))
    (tmp_path / "bad").write_bytes(bad)
    with pytest.raises(ModelFileError, match=words):
        RNNForecaster.load(tmp_path / "bad")


def _covariates_of(part: dict) -> dict:
    """Where they stand in a header."""
    found = (_covariates_of(one) for one in part.values() if isinstance(one, dict))
    return part["covariates"] if isinstance(part.get("covariates"), dict) else next((one for one in found if one), {})


def test_a_warm_start_keeps_their_scales() -> None:
    read, ahead = beside()
    model = quick(**SMALL, warm_start=True).fit(read)
    before = model._model.tail.prepared.covariates.scales
    more = replace(read, covariates=replace(read.covariates, numbers=3.0 * read.covariates.numbers))
    model.fit(more)
    after = model._model.tail.prepared.covariates.scales
    np.testing.assert_array_equal(after.spread, before.spread)
    assert np.isfinite(model._model.point(choose(model._model, None), H, "cpu", ahead)).all()
    for other in (beside(KNOWN[:3])[0], replace(read, covariates=None)):
        with pytest.raises(ValueError, match="warm_start=True: X, past and static must have the columns of the first"):
            _scales_of(model._model, other)
    with pytest.raises(ValueError, match="the model was fitted with X"):
        model.fit(replace(read, covariates=None))
    assert model._model.tail.prepared.covariates.scales is after


# Intervals and futures ------------------------------------------------------------------------------------------------
def test_windows_are_forecast_with_what_was_known_of_them() -> None:
    """Errors equal those of forecasts by hand; of what lies behind a cutoff only the plan is read."""
    read, _ = beside()
    model = quick(**SMALL).fit(read)._model
    windows = Windows(4, np.array([7, 2]), np.ones((3, 2), bool))
    linear = np.ones(3, bool)
    found = errors_of(model, read, windows, linear, "cpu")
    for w, start in enumerate(windows.starts):
        for i in range(3):
            known = between(read, 0, int(start)).where(np.arange(3) == i)
            count, end = min(4, int(start)), int(read.offsets[i + 1])
            at = np.arange(end - start, end - start + count)
            forecast = model.point(choose(model, known), count, "cpu", read.covariates.take(at))[0]
            np.testing.assert_allclose(found[i, w, :count], read.values[at] - forecast, rtol=1e-4, atol=1e-3)
            assert np.isnan(found[i, w, count:]).all()


@pytest.mark.parametrize("options", [
    {"intervals": "paths"}, {"intervals": HELD_OUT}, DIRECT | {"intervals": HELD_OUT},
], ids=["paths", "conformal", "direct"])  # fmt: skip
def test_intervals_and_futures_follow_the_plan(options: dict[str, Any]) -> None:
    """Around a forecast of another plan lie another band and other futures; short series have theirs, too."""
    read, ahead = beside(lengths=(60, 47, 7))
    model = quick(**SMALL | options, short="naive")
    with pytest.warns(UserWarning, match="too short"):
        model = model.fit(read)._model
    chosen, shares = choose(model, None), np.array([0.1, 0.9])
    chosen = replace(chosen, spread=model.intervals.calibration.spread if model.intervals.calibration else None)
    found = []
    for plan in (ahead, replace(ahead, numbers=ahead.numbers + 1.0)):
        point = model.point(chosen, H, "cpu", plan)
        low, high = quantiles_of_all(model, chosen, point, shares, "cpu", ahead=plan)
        assert ((low <= point) & (point <= high)).all()
        rng = np.random.RandomState(0)
        calibrated = model.intervals.calibration is not None
        paths = sample_paths(model, chosen, H, 3, calibrated=calibrated, rng=rng, device="cpu", ahead=plan)
        assert paths.shape == (3, 3, H) and np.isfinite(paths).all()
        found.append((low[:2], high[:2], paths[:, :2]))
    assert all((one != other).mean() > 0.5 for one, other in zip(*found, strict=True))  # bands end where series do


def test_what_is_known_until_now_is_not_read_behind_a_cutoff() -> None:
    read, _ = beside(PAST)
    model = quick(**SMALL | SEQ2SEQ).fit(read)._model
    windows, later = Windows(4, np.array([4]), np.ones((3, 1), bool)), read.offsets[1:, None] - np.arange(1, 5)
    garbage = replace(read.covariates, numbers=read.covariates.numbers.copy(), codes=read.covariates.codes.copy())
    garbage.numbers[later], garbage.codes[later] = 1e9, -1
    found = [errors_of(model, replace(read, covariates=one), windows, np.ones(3, bool), "cpu") for one in
             (read.covariates, garbage)]  # fmt: skip
    np.testing.assert_array_equal(*found)


def test_adaptive_bands_hold_the_plan_of_the_first_step() -> None:
    """In one call and in pieces the same: of what comes behind the next value an update says nothing."""
    read, ahead = beside()
    adaptive = replace(HELD_OUT, adaptive=True)
    model = quick(**SMALL, intervals=adaptive).fit(between(read, 0, NEW))._model
    whole, other = updated(model, behind(read, NEW, 0), None), model
    for begin, end in ((9, 8), (8, 5), (5, 0)):
        other = updated(other, behind(read, begin, end), None)
    np.testing.assert_array_equal(
        whole.intervals.calibration.adaptive.alpha, other.intervals.calibration.adaptive.alpha
    )
    assert (whole.intervals.calibration.adaptive.count == NEW).all()


def test_networks_that_calibrate_scale_by_what_they_have_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows behind the cutoff of windows held out have no part in centres, spreads and categories."""
    read, _ = beside()
    later = np.concatenate([np.arange(end - 6, end) for end in read.offsets[1:]])  # three windows, one step apart
    read.covariates.numbers[later, 0], read.covariates.codes[later] = 1e6, 9
    seen: list[Model] = []

    def noted(model: Model, *others: Any) -> np.ndarray:
        seen.append(model)
        return errors_of(model, *others)

    monkeypatch.setattr(calibrate, "errors_of", noted)
    quick(**SMALL, intervals=replace(HELD_OUT, step_size=1)).fit(read)
    (by,), before = seen, between(read, 0, 6)
    found, expected = by.tail.prepared.covariates.scales, learn_scales(before.covariates, before.offsets)
    np.testing.assert_array_equal(found.spread, expected.spread)
    np.testing.assert_array_equal(found.seen[0], [0, 1, 2])
    centre = expected.centres(before.covariates.numbers, before.offsets)
    np.testing.assert_array_equal(by.tail.prepared.covariates.centre, centre)
