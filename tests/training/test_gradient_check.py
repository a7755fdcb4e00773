"""check_gradients passes what is right, catches what is wrong, and says what it was given."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from forecastrnn import check_gradients
from forecastrnn.networks.losses import LOSSES
from forecastrnn.training.stepping import TrainingProgram
from support.cases import CELLS


@pytest.mark.parametrize("last", ["all", 1, 2])
@pytest.mark.parametrize("name", CELLS)
def test_every_cell_passes(name: str, last: Any) -> None:
    check = check_gradients(CELLS[name].cell, last=last, bidirectional=True, lengths=[6, 2, 4], tolerance=1e-7)
    assert check.ok, str(check)
    assert "layers.0.reverse.recurrent_kernel" in check.errors


@pytest.mark.parametrize("lengths", [None, [3, 6, 5]], ids=["full", "ragged"])
@pytest.mark.parametrize("last", ["all", 1, 3])
@pytest.mark.parametrize("loss", LOSSES)
def test_every_loss_passes(loss: str, last: Any, lengths: Any) -> None:
    check = check_gradients("gru", loss=loss, last=last, lengths=lengths, n_outputs=4, tolerance=1e-7)
    assert check.ok, str(check)


def test_a_stack_of_two_cells_and_many_rows() -> None:
    """Many rows make several shards."""
    check = check_gradients(["rnn", "peephole_lstm"], units=[3, 2], n_sequences=9, lengths=[1, 6, 2, 5, 3, 4, 6, 1, 2])
    assert check.ok, str(check)


def test_it_is_seeded() -> None:
    same, other = check_gradients(random_state=1), check_gradients(random_state=2)
    assert same == check_gradients(random_state=1)
    assert same.loss != other.loss


def spoil(monkeypatch: pytest.MonkeyPatch, stretch: slice, factor: float) -> None:
    """Make the gradient wrong in a stretch of the flat vector."""

    def grad(self: TrainingProgram) -> np.ndarray:
        values = self.step.grad.array.copy()
        values[stretch] *= factor
        return values

    monkeypatch.setattr(TrainingProgram, "grad", property(grad))


@pytest.mark.parametrize("factor", [1.0 + 1e-5, 0.0, -1.0, np.nan])
def test_a_wrong_gradient_is_caught(monkeypatch: pytest.MonkeyPatch, factor: float) -> None:
    spoil(monkeypatch, slice(None), factor)
    check = check_gradients("lstm")
    assert not check.ok
    assert set(check.wrong) == set(check.errors)


def test_the_wrong_parameter_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, slice(0, 3 * 16), 0.5)  # the kernel: 3 inputs, 4 gates of 4 units
    check = check_gradients("lstm")
    assert check.wrong == ["layers.0.kernel"]
    assert check.errors["layers.0.kernel"] == pytest.approx(0.5, rel=1e-4)
    lines = str(check).splitlines()
    assert [line.split()[0] for line in lines if line.endswith("WRONG")] == ["layers.0.kernel"]
    assert lines[-1] == "1 of 5 parameters have a wrong gradient (tolerance 1e-06)"


def test_right_ones_read_so() -> None:
    lines = str(check_gradients("rnn", units=2)).splitlines()
    assert lines[0] == "largest relative error" and lines[-1] == "ok (tolerance 1e-06)"
    assert len(lines) == 2 + 5


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"cell": "elman"}, "cell must be a str among .* Got 'elman'"),
        ({"cell": ["rnn", "gru"]}, "cell and units must name as many layers, at least one. Got 2 and 1"),
        ({"units": []}, "at least one. Got 0 and 0"),
        ({"units": 0}, "units must be an int >= 1. Got 0"),
        ({"n_inputs": 2.5}, "n_inputs must be an int >= 1. Got 2.5"),
        ({"n_steps": True}, "n_steps must be an int >= 1. Got True"),
        ({"n_outputs": 1, "loss": "cross_entropy"}, "needs n_outputs of at least 2"),
        ({"loss": "mse"}, "loss must be one of .*'squared_error'.*, or a Likelihood. Got 'mse'"),
        ({"last": 0}, 'last must be "all" or an int within 1 .. 6, the shortest length. Got 0'),
        ({"last": 3, "lengths": [6, 2, 4]}, "within 1 .. 2, the shortest length. Got 3"),
        ({"lengths": [6, 7, 1]}, r"lengths must be in 1 .. 6. Got 7 in row 1, of 6 steps"),
        ({"lengths": [6, 6]}, "lengths must be 3 integers, one a sequence"),
        ({"lengths": [1.0, 2.0, 3.0]}, "lengths must be 3 integers, one a sequence"),
        ({"bidirectional": "yes"}, "bidirectional must be True or False. Got 'yes'"),
        ({"tolerance": 0.0}, "tolerance must be a finite number above 0. Got 0.0"),
        ({"random_state": -1}, "random_state must be an int >= 0. Got -1"),
    ],
    ids=str,
)
def test_bad_arguments(arguments: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        check_gradients(**arguments)
