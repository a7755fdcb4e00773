"""The training of a network before there is a series: it learns, goes on where it was stopped, and writes weights."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from forecastrnn.forecasting.start import read_start
from forecastrnn.pretraining import learning, lessons
from forecastrnn.pretraining.learning import Pretraining, begin, learn_lesson, read_learned, read_network, run

PLAN = Pretraining(units=(5,), context=12, updates=60, batch=8, rate=0.01, seed=3)


@pytest.fixture(autouse=True)
def small_lessons(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lessons, "SEASONS", {1: 0.5, 4: 0.5})
    monkeypatch.setattr(lessons, "STEPS", {12: 1.0})
    monkeypatch.setattr(lessons, "LONGEST", 60)
    monkeypatch.setattr(lessons, "VALUES", 3_000)


def test_it_learns_and_goes_on_with_the_same_bits(tmp_path: Path) -> None:
    whole = run(PLAN, tmp_path / "whole")
    assert whole.updates >= PLAN.updates and np.isfinite(whole.mean).all()
    learned = begin(PLAN)
    first = learned.theta.copy()
    for _ in range(2):
        learn_lesson(PLAN, learned)
    assert (learned.theta != first).mean() > 0.8
    learning.write_learned(tmp_path / "part", PLAN, learned)
    again = run(PLAN, tmp_path / "part")
    for name in ("theta", "mean"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    assert (again.lessons, again.updates, again.loss) == (whole.lessons, whole.updates, whole.loss)
    start, seconds = read_network(tmp_path / "part")
    np.testing.assert_array_equal(start.theta, whole.mean)
    assert start.units == PLAN.units and start.updates == whole.updates and seconds > 0.0


def test_its_loss_falls() -> None:
    plan, learned, losses = replace(PLAN, updates=600), begin(PLAN), []
    while learned.updates < 400:
        learned.loss = np.nan  # of this lesson alone
        learn_lesson(plan, learned)
        losses.append(learned.loss)
    assert np.median(losses[-10:]) < 0.97 * np.median(losses[:5])


def test_a_state_of_another_training_is_refused(tmp_path: Path) -> None:
    learning.write_learned(tmp_path / "state", PLAN, begin(PLAN))
    with pytest.raises(ValueError, match=r"it is of another training, .*Name another file"):
        read_learned(tmp_path / "state", replace(PLAN, batch=9))
    assert read_learned(tmp_path / "state", replace(PLAN, n_threads=2)).updates == 0  # which changes no bits
    assert json.loads(str(np.load(tmp_path / "state")["plan"]))["units"] == [5]


def test_the_rate_rises_and_falls() -> None:
    plan = Pretraining(updates=1000)
    rates = [plan.rule(done).learning_rate_init for done in (0, 100, 200, 400, 700, 1000)]
    assert rates[0] < rates[1] < rates[2] < plan.rate and rates[2] > rates[3] > rates[4] > rates[5] > 0.0


@pytest.mark.slow
def test_the_command_writes_weights(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "forecastrnn.pretraining", "weights.rnn", "--units", "5", "--updates", "4"]
    subprocess.run(command, cwd=tmp_path, check=True, env=None)
    assert read_start(tmp_path / "weights.rnn").units == (5,) and (tmp_path / "weights.rnn.state").exists()
