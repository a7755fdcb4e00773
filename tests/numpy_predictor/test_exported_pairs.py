"""A module that `export_numpy` writes of an encoder and a decoder decodes what the estimator decodes."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecastrnn import Beam, RNNSeq2Seq

RNG = np.random.RandomState(0)
X = ["".join(RNG.choice([*"abcd"], size=RNG.randint(1, 6))) for _ in range(60)]
OPTIONS: dict[str, Any] = {"hidden_layer_sizes": 8, "max_iter": 8, "random_state": 0, "dtype": "float64"}
CASES: dict[str, dict[str, Any]] = {
    "additive": {},
    "dot": {"attention": "dot", "bidirectional": True, "cell": "lstm", "decoding": Beam(3, length_penalty=0.7)},
    "none": {"attention": None, "hidden_layer_sizes": (6, 5), "layer_norm": True, "reverse_source": False},
}


@pytest.mark.parametrize("case", CASES)
def test_texts(case: str, tmp_path: Path) -> None:
    """By beams too, and cut where they have not ended."""
    model = RNNSeq2Seq(**OPTIONS | CASES[case]).fit(X, [x[::-1] for x in X])
    predict = runpy.run_path(str(model.export_numpy(tmp_path)))["predict"]
    assert predict(X) == model.predict(X) and len(set(predict(X))) > 3
    assert predict(X, max_length=2) == model.decode(X, max_length=2).sequences
    for message, given in {
        r"X\[1\] has a token that fit has not seen, 'x' at 1: leave it out": (["a", "ax"],),
        r"X\[0\] is empty": ([""],),
        "X must be a list of sources. Got 'ab'": ("ab",),
        "max_length must be an int, 1 or more. Got 0": (["a"], 0),
    }.items():
        with pytest.raises(ValueError, match=message):
            predict(*given)


def test_lists_and_unknown_tokens(tmp_path: Path) -> None:
    numbers = [[ord(letter) for letter in x] for x in X]
    model = RNNSeq2Seq(**OPTIONS, unknown="mean").fit(numbers, [x[::-1] for x in numbers])
    predict = runpy.run_path(str(model.export_numpy(tmp_path)))["predict"]
    assert predict([*numbers[:9], [1, 97]]) == [list(map(int, x)) for x in model.predict([*numbers[:9], [1, 97]])]
