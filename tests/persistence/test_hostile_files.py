"""Files that somebody made to do harm: their checksum is right, and what they say cannot be."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
import pytest

import forecastrnn
from forecastrnn import ModelFileError
from support.forged_files import forge
from support.hostile_files import GOOD, Case, edits_of, faults_among, outcomes, with_numbers
from support.hostile_models import FITS, X3

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="edits are tried in a process that may die")
case_of = cache(Case.of)


def put(*way: Any, value: Any) -> Callable[[bytes], bytes]:
    """An entry of the header set to another value."""

    def change(header: dict) -> None:
        for key in way[:-1]:
            header = header[key]
        header[way[-1]] = value

    return lambda content: forge(content, change)


def number(name: str, value: Any, where: Any = 0) -> Callable[[bytes], bytes]:
    """A number of a tensor set to another one."""

    def write(values: np.ndarray) -> None:
        values[where] = value

    return lambda content: with_numbers(content, name, write)


def bits(name: str, value: float, where: int = 0) -> Callable[[bytes], bytes]:
    """The same where numbers are kept as bits."""
    return number(name, np.float64(value).view(np.int64), where)


NETWORK, SETTINGS = ("state", "network"), ("state", "settings")
HOSTILE: dict[str, tuple[str, Callable[[bytes], bytes], str]] = {
    "a skip without room": ("pairs", put(*NETWORK, "encoder", "n_skip", value=2), "no linear skip"),
    "a skip of a regressor": ("regressor", put(*NETWORK, "n_skip", value=1), "no linear skip"),
    "outputs that read ahead": (
        "regressor",
        put(*NETWORK, "ahead", value={"record": "Ahead", "steps": 2, "numbers": 1, "categories": 0}),
        "no linear skip",
    ),
    "features beside channels": ("two layers", put("state", "n_features", value=3), "features of X must be its"),
    "a vector of many steps": ("vector in", put("state", "repeats", value=2**40), "repeats must be an int from 0"),
    "codes that are scaled": ("categories", number("x.scale", 0.1), "categories of X are not scaled"),
    "a source of many tokens": ("pairs", put("state", "longest", value=2**24), "longest must be an int from 1"),
    "a time that no calendar has": ("hours of trading days", number("last", 2**63 - 1), "do not belong to the freq"),
    "columns of fewer levels": (
        "columns of two levels",
        put("state", "axis", "id_name", value={"tuple": [1]}),
        "names of the columns do not fit",
    ),
    "weights out of range": ("regressor", number("theta", 1e200), "theta must lie within"),
    "devices of no layer": ("frame", put("parameters", "device", value={"tuple": []}), "not a possible .*'device'"),
    "no scale": ("regressor", number("x.scale", 0.0), "x.scale must lie within"),
    "a scale below zero": ("regressor", number("y.scale", -1.0), "y.scale must lie within"),
    "half a character": ("frame", put("written_by", value="\ud800"), "the header is not valid"),
    "long texts": ("attention", put(*NETWORK, "attention", value="a" * 5000), "attention must be one of"),
    "columns without a mean": ("counts", put(*SETTINGS, "with_long_run", value=False), "beside the long-run mean"),
    "a category without a vector": (
        "series",
        put(*SETTINGS, "categories", value=1),
        "each category of covariates has an embedding",
    ),
    "a vector for a number": (
        "vectors of series",
        put(*SETTINGS, "embeddings", "tuple", 0, "column", value=-1),
        "settings of the training",
    ),
    "batches of no rows": ("series", put(*SETTINGS, "batch_size", value=2**62), "settings of the training"),
    "windows without an end": ("series", put("state", "ahead", value=2**40), "ahead must be an int from 1"),
    "updates without an end": ("series", put("state", "updates", value=2**62), "updates must be an int from 1"),
    "a layer that reads backwards": (
        "decoder",
        put(*SETTINGS, "layers", "tuple", 0, "bidirectional", value=True),
        "does not fit together|describes",
    ),
    "a schedule that is not": ("series", put(*SETTINGS, "rule", "learning_rate", value="x"), "does not fit together"),
    "a series of no size": ("series", number("scale", 1e-300), "scale must lie within"),
    "a series out of range": ("recipe", number("shift", -1e300, slice(None)), "figures of the series do not fit"),
    "a season out of range": ("recipe", number("after", 1e300, slice(None)), "after must lie within"),
    "values out of range": ("series", number("z", 1e300), "z must lie within"),
    "a hull out of range": ("series", number("hulls", 1e300, slice(None)), "hulls must lie within"),
    "a period beyond its figure": ("series", number("periods", 10**6), "periods must lie within 7"),
    "a phase behind the season": ("series", number("phase", 7), "figures of the series do not fit"),
    "starts that go back": ("recipe", number("starts", 2**39, 1), "figures of the series do not fit"),
    "places below zero": ("gaps", number("naive.places", -1), "naive.places must lie within 0"),
    "levels out of range": ("own levels", number("intervals.alpha", 0.7), "intervals.alpha must lie within"),
    "errors out of range": ("recipe", number("intervals.scale", 1e308), "figures of the intervals do not fit"),
    "infinite candidates": ("recipe", bits("candidates.states", np.inf), "states has an infinite number"),
    "candidates without a place": ("recipe", bits("candidates.states", 1e9, 5), "the candidate .* do not fit"),
    "candidates of no line": ("recipe", bits("candidates.states", 1.0), "the candidate .* do not fit"),
    "weights below zero": ("recipe", number("candidates.weights", -0.5), "weights must lie within"),
    "a day that is scaled": (
        "calendar",
        put("state", "covariates", "columns", 0, "kind", value="number"),
        "calendar is not that of the covariates",
    ),
    "special days of no channel": ("calendar", number("calendar.special.channel", 9), "special days"),
    "covariates out of range": ("covariates", number("covariates.spread", -1.0), "spread must lie within"),
    "a code that there is not": ("covariates", number("covariates.codes", 5.0), "ends of the series do not fit"),
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_is_refused(name: str) -> None:
    model, edit, message = HOSTILE[name]
    with pytest.raises(ModelFileError, match=message) as refused:
        forecastrnn.load(edit(case_of(model).content))
    assert len(str(refused.value)) < 600


def test_steps_that_no_sequence_has_need_no_room() -> None:
    """The last 16 million steps of four are these four, of any number of rows."""
    model = forecastrnn.load(put("state", "last", value=2**24)(case_of("steps ahead").content))
    assert model.predict(np.tile(X3, (100, 1, 1))).shape == (100 * len(X3), X3.shape[1], 2)


def test_what_could_not_be_read_is_not_written() -> None:
    model = forecastrnn.load(case_of("regressor").content)
    model._fitted.progress.theta[0] = 1e200
    with pytest.raises(ValueError, match="the model is of no use: theta must lie within .* Fit it again, then save"):
        model.save("nowhere.rnn")


def faults_of(name: str, seed: int, most: int | None) -> tuple[list[str], Counter]:
    """What goes wrong with so many edits of a model, and how all of them went."""
    case = case_of(name)
    return faults_among(outcomes(case, edits_of(case, seed, most)), GOOD)


@needs_fork
@pytest.mark.parametrize("name", ["pairs", "recipe"])
def test_no_edit_does_harm(name: str) -> None:
    """Each is refused, or makes a model that forecasts, goes on and learns."""
    faults, counts = faults_of(name, 1, 24)
    assert not faults and counts["refused"] > 8 and counts["equal"] + counts["valid"] > 3


@needs_fork
@pytest.mark.slow
@pytest.mark.parametrize("name", FITS)
def test_no_edit_of_any_model_does_harm(name: str) -> None:
    """Entries of the header and numbers of every tensor, some at a time; `support.hostile_files` tries all of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        faults, _ = faults_of(name, 0, 300)
    assert not faults
