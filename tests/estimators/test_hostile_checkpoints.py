"""Checkpoints that somebody made to do harm: their checksum is right, and what they say cannot be."""

from __future__ import annotations

import os
import warnings
from collections import Counter
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forecastrnn as rnn
from forecastrnn import ModelFileError, RNNRegressor, TrainingDivergedError
from forecastrnn.exceptions import CheckpointError
from support.forged_files import forge
from support.hostile_checkpoints import GOOD, NAMES, Case, edits_of, outcome, rebuilt
from support.hostile_files import faults_among, outcomes, with_numbers
from support.resume_cases import SMALL, digest
from support.same_bits import WEIGHT, X, Y

needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="edits are tried in a process that may die")
case_of = cache(Case.of)
Change = Callable[[bytes], bytes]


def entry(*way: Any, value: Any) -> Change:
    """An entry of the header set to another value."""

    def change(header: dict) -> None:
        for key in way[:-1]:
            header = header[key]
        header[way[-1]] = value

    return lambda content: forge(content, change)


def number(name: str, value: float, where: Any = 0) -> Change:
    """A number of a vector set to another one."""

    def write(values: np.ndarray) -> None:
        values[where] = value

    return lambda content: with_numbers(content, name, write)


def vector(record: str, key: str, values: Any) -> Change:
    """Another vector under this name."""
    return lambda content: rebuilt(content, lambda found: found.update({(record, key): np.asarray(values)}))


COUNT, IS_OVER, SINCE_START, BEST_ITER = 1, 2, 3, 4  # places in the counts of a training
HOSTILE: dict[str, tuple[str, Change, str]] = {
    "a type that is a list": ("early, late", entry("records", "1", "drawn", 0, value=[]), "no types or lengths"),
    "a length that is true": ("early, late", entry("records", "1", "drawn", 1, value=True), "no types or lengths"),
    "a length without an end": ("early, late", entry("records", "1", "drawn", 1, value=2**62), "no types or lengths"),
    "one vector twice": ("early, late", vector("1/a", "theta", [1.0]), "names with strokes"),
    "no record": ("early, late", entry("records", "1", value=[]), "no types or lengths"),
    "words that are none": ("early, late", entry("parameters", "cell", value=[1, 2]), "a parameter has no words"),
    "words without an end": ("early, late", entry("parameters", "cell", value=["a" * 9999, ""]), "(?s)^.{,300}$"),
    "a seed out of range": ("early, late", number("1/drawn", 2**62), r"drawn does not lie within 0 .. 2147483646"),
    "a seed below zero": ("early, late", number("1/drawn", -1), "drawn does not lie within 0"),
    "a row held out twice": ("pairs early, late", number("2/dealt", 3, slice(2)), "the rows held out are not some of"),
    "a row that is not": ("pairs early, late", number("2/dealt", 10**9), "the rows held out are not some of"),
    "epochs without an end": ("together, early", number("2/counts", 2**39, COUNT), "549755813888 epochs are running"),
    "more epochs than there are": ("regressor, early", vector("2", "loss_curve", np.ones(9)), "of more than 6 epochs"),
    "neither over nor not": ("regressor, early", number("2/counts", 2, IS_OVER), "counts are wrong"),
    "over before it began": ("calibrated, late", vector("2", "loss_curve", []), "it is over, and has never begun"),
    "updates below zero": ("regressor, early", number("2/counts", -5, SINCE_START), "counts does not lie within 0"),
    "updates that were not made": ("regressor, early", number("2/counts", 0, SINCE_START), "more updates are under"),
    "more updates than there are": (
        "regressor, early",
        lambda content: vector("2", "step_losses", np.ones(9))(vector("2", "step_weights", np.ones(9))(content)),
        "more updates are under way|9 updates are made in 1 epochs",
    ),
    "best of no epoch": ("early, late", number("3/counts", 900, BEST_ITER), "it waits for more epochs than there are"),
    "a loss that is none": ("early, late", number("3/loss_curve", np.nan), "loss_curve has non-finite values"),
    "an infinite loss": ("regressor, late", number("2/step_losses", np.inf), "step_losses has non-finite values"),
    "a weight below zero": ("regressor, late", number("2/step_weights", -1.0), "step_weights does not lie within 0"),
    "scores without epochs": ("early, late", vector("3", "scores", [1.0]), "loss_curve and scores do not fit"),
    "no best weights": ("early, late", vector("3", "kept", []), "kept is not there, or of another size or type"),
    "an infinite moment": ("regressor, late", number("2/moment m", np.inf), "moment m has non-finite values"),
    "weights out of range": ("regressor, late", number("2/theta", 1e19), r"theta does not lie within -1e\+18"),
    "best weights out of range": ("early, late", number("3/kept", -1e19), r"kept does not lie within -1e\+18"),
    "weights of another type": ("regressor, late", vector("2", "theta", np.ones(9)), "theta is not there, or of"),
    "states out of range": ("carried, late", number("2/carried 0", 1e19), r"carried 0 does not lie within -1e\+18"),
    "states of another size": ("carried, late", vector("2", "carried 0", np.ones(9)), "carried 0 is not there, or of"),
    "states that nobody reads": ("carried, late", vector("2", "carried 9", np.ones(9)), "carried 8 is not there"),
    "vectors that nobody reads": ("regressor, late", vector("2", "more", [1.0]), "vectors that nobody asks for"),
    "local weights out of range": ("local, late", number("2/thetas", 1e19), r"thetas does not lie within -1e\+18"),
    "more local networks": ("local, late", vector("2", "losses", np.ones(10**5)), "losses of more networks than"),
    "a part of a network": ("local, late", vector("2", "losses", np.ones(7)), "losses of more networks than"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_cannot_be_is_refused(name: str, tmp_path: Path) -> None:
    kind, change, message = HOSTILE[name]
    case, path = case_of(kind), tmp_path / "run.ckpt"
    path.write_bytes(change(case.content))
    written = path.read_bytes()
    with pytest.raises((CheckpointError, ModelFileError), match=message) as refused:
        case.fit(path)
    assert "checkpoint: " in str(refused.value) and "run.ckpt" in str(refused.value)
    assert "delete it or name another" in str(refused.value) and len(str(refused.value)) < 400
    assert path.read_bytes() == written and len(list(tmp_path.iterdir())) == 1


def test_the_old_model_is_whole(tmp_path: Path) -> None:
    """Though it is found when the training has begun."""
    solver, path = rnn.AdamW("one_cycle", clip_norm=0.5), tmp_path / "run.ckpt"
    model = RNNRegressor(**SMALL | {"solver": solver}).fit(X, Y, sample_weight=WEIGHT)
    before = digest(model)
    path.write_bytes(number("2/counts", 2**39, COUNT)(case_of("regressor, late").content))
    with pytest.raises(CheckpointError, match="epochs are running together"):
        model.fit(X, Y, sample_weight=WEIGHT, checkpoint=path)
    assert digest(model) == before


def test_weights_that_no_file_holds_are_no_model(tmp_path: Path) -> None:
    """A moment may be large; the weights that it leads to may not."""
    case, path = case_of("warm, late"), tmp_path / "run.ckpt"
    path.write_bytes(number("1/moment m", 1e38)(case.content))
    with pytest.raises(TrainingDivergedError, match="became larger than can be computed with|the loss"):
        case.fit(path)


def faults_of(name: str, seed: int, most: int | None) -> tuple[list[str], Counter]:
    """What goes wrong with so many edits of a checkpoint, and how all of them went."""
    case = case_of(name)
    return faults_among(outcomes(case, edits_of(case, seed, most), outcome), GOOD)


@needs_fork
@pytest.mark.parametrize("name", ["early, late", "local, late"])
def test_no_edit_does_harm(name: str) -> None:
    """Each is refused, or leads to a model that can be saved and used."""
    faults, counts = faults_of(name, 1, 30)
    assert not faults and counts["refused"] > 8 and counts["equal"] + counts["valid"] > 2


@needs_fork
@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_no_edit_of_any_checkpoint_does_harm(name: str) -> None:
    """Some of each; `support.hostile_checkpoints` tries all of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        faults, _ = faults_of(name, 0, 300)
    assert not faults
