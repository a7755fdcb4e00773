"""Model files of earlier versions: they load, and predict what they did when they were written."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import forecastrnn
from golden.make_golden import FOLDER, NAMES, SAME_BITS, figures

CLOSE = 1e-6  # of the largest number: another processor or compiler may round otherwise

AT_A_WIDTH = """
import json, forecastrnn
from golden.make_golden import FOLDER, SAME_BITS, figures
print(json.dumps([figures(name, forecastrnn.load(FOLDER / f"{name}.rnn")) for name in SAME_BITS]))
"""


def stored(name: str) -> list:
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["figures"]


def assert_close(found: Any, expected: list) -> None:
    found, expected = np.array(found), np.array(expected)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < CLOSE * np.abs(expected).max()


@pytest.mark.parametrize("name", NAMES)
def test_old_files_predict_what_they_did(name: str) -> None:
    assert_close(figures(name, forecastrnn.load(FOLDER / f"{name}.rnn")), stored(name))


def test_old_files_are_small_and_all_there() -> None:
    files = sorted(path.stem for path in FOLDER.glob("*.rnn"))
    assert files == sorted(NAMES) == sorted(path.stem for path in FOLDER.glob("*.json"))
    assert max(path.stat().st_size for path in FOLDER.glob("*.rnn")) < 10_000


@pytest.mark.parametrize("name", NAMES)
def test_an_old_file_goes_on(name: str, tmp_path: Any) -> None:
    """What was loaded can be saved again by this version, with the same predictions."""
    model = forecastrnn.load(FOLDER / f"{name}.rnn")
    model.save(tmp_path / "again.rnn")
    assert figures(name, forecastrnn.load(tmp_path / "again.rnn")) == figures(name, model)


@pytest.mark.slow
@pytest.mark.parametrize("lanes", ["4", "8", "16"])
def test_every_vector_width_predicts_the_same_bits(lanes: str, run_script: Callable[..., str]) -> None:
    """The sums of a forward pass are added in the same order."""
    here = [figures(name, forecastrnn.load(FOLDER / f"{name}.rnn")) for name in SAME_BITS]
    assert json.loads(run_script(AT_A_WIDTH, FORECASTRNN_LANES=lanes)) == here
