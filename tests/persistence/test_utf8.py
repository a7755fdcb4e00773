"""Half of a surrogate pair is no character: a model with one is not written, and says why."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from forecastrnn import RNNClassifier, load
from support.forecaster_cases import quick

BROKEN, Y = "ab\ud800c", np.arange(40.0) % 7 + 1.0


def classifier() -> RNNClassifier:
    X, labels = np.random.default_rng(0).normal(size=(8, 3, 1)), np.array(["a", BROKEN] * 4)
    return RNNClassifier(hidden_layer_sizes=2, max_iter=1).fit(X, labels)


@pytest.mark.parametrize(
    ("make", "named"),
    [
        (lambda: quick().fit(pd.DataFrame({"a": Y, BROKEN: Y})), "the text"),
        (lambda: quick().fit(pd.DataFrame({1: Y, BROKEN: Y})), "the name"),
        (lambda: quick().fit(pd.DataFrame({("a", 1): Y, (BROKEN, 2): Y})), "the name"),
        (lambda: quick().fit(pd.Series(Y), X=pd.DataFrame({BROKEN: Y})), "the name"),
        (lambda: quick(alias=BROKEN).fit(Y), "alias:"),
        (lambda: quick().fit(pd.Series(Y, name=BROKEN)), "the"),
    ],
)
def test_it_is_said_before_anything_is_written(make: Callable, named: str, tmp_path: Path) -> None:
    path = tmp_path / "model.rnn"
    path.write_bytes(b"of before")
    with pytest.raises(ValueError, match=rf"^{named}.* 'ab\\ud800c.*' cannot be saved: half of a surrogate pair"):
        make().save(path)
    assert path.read_bytes() == b"of before" and len(list(tmp_path.iterdir())) == 1


def test_classes_are_kept_as_code_points(tmp_path: Path) -> None:
    model = classifier()
    model.save(tmp_path / "model.rnn")
    assert load(tmp_path / "model.rnn").classes_.tolist() == model.classes_.tolist()
