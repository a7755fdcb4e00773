"""What a picture of states draws, and that gates are those with which a layer came to its states."""

from __future__ import annotations

import matplotlib.dates as dates
import numpy as np
import pandas as pd
import pytest

import forecastrnn as rnn
from forecastrnn import RNNForecaster
from forecastrnn.functional import dynamic_rnn
from forecastrnn.networks.gate_values import gate_values, inputs_of_step
from forecastrnn.plotting import StateDisplay
from support.forecaster_cases import monthly, panel, quick

CELLS = {
    "peepholes": (rnn.LSTM(peepholes=True), ["i", "f", "g", "o"]), "reset after": (rnn.GRU(), ["r", "z", "n"]),
    "reset before": (rnn.GRU(reset_after=False), ["r", "z", "n"]), "elman": (rnn.Elman(), ["s"]),
}  # fmt: skip


@pytest.fixture(scope="module")
def y() -> pd.Series:
    return monthly(60)


@pytest.fixture(scope="module")
def model(y: pd.Series) -> RNNForecaster:
    return quick(context_length=12, cell="gru").fit(y)


@pytest.mark.parametrize("name", CELLS)
def test_a_step_from_these_gates_gives_the_states(name: str) -> None:
    cell, gates = CELLS[name]
    rng = np.random.default_rng(0)
    weights = {key: w + 0.2 * rng.normal(size=w.shape) for key, w in cell.init_weights(3, 5, random_state=0).items()}
    x = rng.normal(size=(9, 3))
    _, found = dynamic_rnn(cell, np.broadcast_to(x, (9, 9, 3)), weights, lengths=np.arange(1, 10))
    states = dict(zip(cell.states, found if isinstance(found, tuple) else (found,), strict=True))
    after = cell.graph.compute(inputs_of_step(cell, weights, x, states), cell.graph.outputs)
    np.testing.assert_allclose(after, list(states.values()), atol=1e-12)
    values = gate_values(cell, weights, x, states)
    assert list(values) == gates
    if name == "reset after":
        old = np.concatenate([np.zeros((1, 5)), states["h"][:-1]])
        np.testing.assert_allclose((1 - values["z"]) * values["n"] + values["z"] * old, states["h"], atol=1e-12)


def test_states_and_gates_are_drawn_over_the_context(model: RNNForecaster, y: pd.Series) -> None:
    display, found = StateDisplay.from_estimator(model, unit=3), model.states_while_reading()
    over, heat, gates = display.axes_
    np.testing.assert_array_equal(found.index, y.index[-13:-1])
    x, values = over.lines[0].get_data()
    np.testing.assert_array_equal(x, dates.date2num(y.index[-13:-1]))
    np.testing.assert_array_equal(values, y[-13:-1])
    drawn = heat.collections[0].get_array()
    np.testing.assert_array_equal(drawn, found[0]["h"].to_numpy().T[display.units_])
    assert sorted(display.units_) == list(range(8))
    for line, gate in zip(gates.lines, ("gate r", "gate z", "gate n"), strict=True):
        assert line.get_label() == gate
        np.testing.assert_array_equal(line.get_ydata(), found[0][gate][3])


@pytest.mark.parametrize(
    "options", [{"layer_norm": True}, {"id_embedding_dim": 3}, {"hidden_layer_sizes": (8, 5)}], ids=str
)
def test_a_step_from_the_gates_of_a_forecaster_gives_its_states(options: dict) -> None:
    model = quick(context_length=12, cell="gru", max_steps=20, global_model=True, **options).fit(panel())
    found = model.states_while_reading("b")
    for _, own in found.T.groupby(level="layer"):
        own = own.T.droplevel("layer", axis=1)
        z, n, h = own["gate z"], own["gate n"], own["h"]
        np.testing.assert_allclose((1 - z) * n + z * h.shift(fill_value=0.0), h, atol=1e-5)
    assert len(StateDisplay.from_estimator(model, "b").axes_) == 3


def test_one_of_several_series_is_read_by_its_name() -> None:
    model = quick(context_length=12).fit(panel())
    display = StateDisplay.from_estimator(model, "b")
    np.testing.assert_array_equal(display.values, panel()["b"][-13:-1])
    with pytest.raises(ValueError, match="series must name one of the 3 series of fit"):
        StateDisplay.from_estimator(model)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"layer": 1}, r"layer must be one of -1 \.\. 0. Got 1"),
        ({"state": "c"}, r"state must be one of \['h'\]. Got 'c'"),
        ({"unit": [1]}, r"unit must be one of 0 \.\. 7. Got \[1\]"),
        ({"layer": "a"}, r"layer must be one of -1 \.\. 0. Got 'a'"),
        ({"unit": 8}, r"unit must be one of 0 \.\. 7. Got 8"),
        ({"member": 1}, r"member must be one of 0 \.\. 0. Got 1"),
        ({"series": "x"}, "unknown series: 'x'; the known series are 's0'"),
    ],
)
def test_what_is_not_there_is_refused(model: RNNForecaster, options: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        StateDisplay.from_estimator(model, **options)
    with pytest.raises(TypeError, match="a series is named as in fit, such as 's0'. Got a Series"):
        StateDisplay.from_estimator(model, pd.Series([1.0]))
