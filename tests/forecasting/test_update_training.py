"""update(train=): members learn from new rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import Direct, RNNForecaster, Seq2Seq
from forecastrnn.datasets import load_airline
from forecastrnn.forecasting import further
from support.forecaster_cases import NEW, OLD, SMALL, monthly, panel, quick


@pytest.mark.parametrize("options", [
    {}, {"strategy": Direct(4)}, {"strategy": Seq2Seq(4)}, {"id_embedding_dim": 2},
], ids=["recursive", "direct", "seq2seq", "embeddings"])  # fmt: skip
def test_training_goes_on(options: dict[str, Any], tmp_path: Path) -> None:
    """So many updates more of each member, the same bits each time; states are those of the networks as they are."""
    y = panel()
    model, other, still = (quick(**SMALL | options).fit(y[:OLD]) for _ in range(3))
    model.update(y[OLD:], train=3)
    still.update(y[OLD:])
    assert model.n_iter_ == 23 and len(model.loss_curve_) == 2
    assert [member.optimizer.count for member in model._model.trained.members] == [23, 23]
    assert (still._model.trained.thetas != model._model.trained.thetas).any(axis=-1).all()
    pd.testing.assert_frame_equal(other.update(y[OLD:], train=3).predict(4), model.predict(4), check_exact=True)
    assert model.predict(4).index.equals(still.predict(4).index) and not model.predict(4).equals(still.predict(4))
    model.save(tmp_path / "trained")
    again = RNNForecaster.load(tmp_path / "trained")
    more = monthly(OLD + NEW + 1)[-1:].to_frame("a").assign(b=30.0, c=-5.0)
    found = [one.update(more, train=True).predict(4) for one in (model, again)]
    pd.testing.assert_frame_equal(*found, check_exact=True)
    assert model.n_iter_ == 24 and np.isfinite(found[0]).all(axis=None)


def test_windows_are_those_of_a_longer_series(monkeypatch: pytest.MonkeyPatch) -> None:
    """Inputs and targets of each, restated; old values and new ones, but none that is missing or repeated."""
    seen: list[Any] = []
    monkeypatch.setattr(further, "train", lambda network, progress, source, batches, plan: seen.append(
        (source, batches, plan)) or progress)  # fmt: skip
    y = panel()
    y.iloc[OLD + 2, 0] = np.nan
    model = quick(**SMALL | {"dtype": "float64", "missing": "mask", "n_members": 1}).fit(y[:OLD])
    held = model._model.tail
    moved = model.update(y[OLD:], train=100)._model.tail
    (source, batches, plan), context = seen[0], 12
    length = context + 1 + NEW
    X, target, base = (a.reshape(3, length, -1) for a in (source.X, source.y, source.base))
    for row in range(3):
        np.testing.assert_array_equal(X[row, :context], held.inputs[row])
        np.testing.assert_array_equal(X[row, length - 1 - context : -1], moved.inputs[row])
        np.testing.assert_array_equal(base[row, :, 0], np.append(held.z[row, -context - 1 :], moved.z[row, -NEW:]))
        missing = np.isnan(target[row, :, 0])
        assert missing.tolist() == [row == 0 and k == context + 3 for k in range(length)]
    assert batches.steps == context + NEW and (batches.lo == batches.hi).all()
    assert batches.lo.tolist() == [0, length, 2 * length]
    assert plan.total_updates == 100 and plan.max_iter == 2
    assert plan.rule.rates(0, 3, 9).tolist() == [0.0004] * 3


def test_training_helps_where_series_have_changed() -> None:
    """A process whose sign has turned: networks that go on to learn see it, those that stay do not."""
    rng = np.random.default_rng(0)
    noise, values = rng.normal(size=(260, 8)), np.zeros((260, 8))
    for t in range(1, 260):
        values[t] = (0.9 if t < 160 else -0.9) * values[t - 1] + noise[t]
    y = pd.DataFrame(values).rename(columns=str)
    model, still = (quick(hidden_layer_sizes=8, max_steps=100, season_length=1).fit(y[:160]) for _ in range(2))
    errors: dict[str, list[float]] = {"learns": [], "stays": []}
    for t in range(160, 260, 20):
        errors["learns"].append((model.predict(1) - y[t : t + 1]).abs().mean(axis=None))
        errors["stays"].append((still.predict(1) - y[t : t + 1]).abs().mean(axis=None))
        model.update(y[t : t + 20], train=200)
        still.update(y[t : t + 20])
    assert np.mean(errors["learns"][2:]) < 0.8 * np.mean(errors["stays"][2:])


def test_what_training_refuses() -> None:
    airline = load_airline()
    model = quick(**SMALL).fit(airline[:100])
    held = model._model
    for train in (0, -1, 2.5, "yes", None):
        with pytest.raises(ValueError, match=r"train must be False, True or an int in the range \[1, inf\)"):
            model.update(airline[100:], train=train)
    assert model._model is held
    local = quick(**SMALL, global_model=False).fit(airline[:100])
    with pytest.raises(ValueError, match="train=5 needs global_model=True: of local networks no optimizer is kept"):
        local.update(airline[100:], train=5)

    assert local.predict(1).index[0] == model.predict(1).index[0] == airline.index[100]
