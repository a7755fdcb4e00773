"""generate() against a loop of predict, and streams against predict step by step."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pytest

from forecastrnn import GRU, LSTM, Elman, RNNClassifier, RNNRegressor

TIMES = np.arange(40)[:, None] * 0.3 + np.arange(13) * 0.3
WAVES = np.stack([3 + np.sin(TIMES), np.cos(0.7 * TIMES)], axis=2)  # (n, time, channels)
SETTINGS = {"cell": "gru", "hidden_layer_sizes": 5, "max_iter": 20, "learning_rate_init": 0.02, "random_state": 0}
STACKS = [
    {"cell": "rnn"},
    {"cell": "lstm"},
    {"cell": LSTM(peepholes=True)},
    {"cell": GRU(reset_after=False)},
    {"cell": [Elman("relu"), "lstm", "gru"], "hidden_layer_sizes": [4, 3, 5]},
    {"standardize": False},
]


def fitted(channels: int = 1, **kwargs) -> RNNRegressor:
    """A model whose output at each step is the next value of all channels."""
    data = WAVES[:, :, :channels]
    return RNNRegressor(**{**SETTINGS, **kwargs}).fit(data[:, :-1], data[:, 1:])


@pytest.fixture(scope="module")
def one() -> RNNRegressor:
    return fitted(1)


@pytest.fixture(scope="module")
def two() -> RNNRegressor:
    return fitted(2)


def growing(model: RNNRegressor, prompt: np.ndarray, n_steps: int, context: int | None = None) -> np.ndarray:
    """The plain loop: predict on all values so far, or on the last `context` of them."""
    known = prompt
    for _ in range(n_steps):
        seen = known if context is None else known[:, -context:]
        known = np.concatenate([known, model.predict(seen)[:, -1:]], axis=1)
    return known[:, prompt.shape[1] :]


@pytest.mark.parametrize("context", [None, 6])
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("settings", STACKS, ids=str)
def test_generate_is_a_loop_of_predict(settings, channels, context):
    model, prompt = fitted(channels, **settings), WAVES[:9, :8, :channels]
    paths = model.generate(15, prompt, context_length=context)
    assert paths.shape == (9, 15, channels)
    np.testing.assert_allclose(paths, growing(model, prompt, 15, context), rtol=1e-9, atol=1e-10)


def test_generate_in_float32():
    model = fitted(2, dtype="float32", max_iter=40)
    expected = growing(model, WAVES[:3, :8], 10)
    np.testing.assert_allclose(model.generate(10, WAVES[:3, :8]), expected, rtol=1e-3, atol=1e-3)


def test_generate_for_windows_with_one_target():
    X, y = WAVES[:, :-1, 0], WAVES[:, -1, 0]
    model = RNNRegressor(**SETTINGS).fit(X, y)
    known = X[3]
    for _ in range(10):
        known = np.append(known, model.predict(known[None, -12:]))
    np.testing.assert_allclose(model.generate(10, X[3], context_length=12), known[12:], rtol=1e-9)


def test_the_result_has_the_dimensions_of_the_prompt(one, two):
    path = one.generate(6, WAVES[0, :5, 0])
    assert path.shape == (6,)
    assert np.array_equal(one.generate(6, WAVES[0, :5, 0].tolist()), path)
    assert np.array_equal(one.generate(6, WAVES[0, :5, :1])[:, 0], path)
    assert np.array_equal(one.generate(6, WAVES[:1, :5, :1])[0, :, 0], path)
    assert two.generate(6, WAVES[0, :5]).shape == (6, 2)
    assert two.generate(6, WAVES[:3, :5]).shape == (3, 6, 2)


def test_without_a_prompt_it_begins_at_zero(one, two):
    assert np.array_equal(one.generate(5), one.generate(5, [0.0]))
    assert one.generate(5, n_sequences=3).shape == (3, 5, 1)
    assert two.generate(5).shape == (5, 2)
    many = two.generate(5, n_sequences=4)
    assert many.shape == (4, 5, 2)
    assert (many == many[0]).all()


def test_sequences_do_not_depend_on_their_neighbours_or_on_threads(two):
    prompt = np.tile(WAVES[:, :8], (3, 1, 1))
    for context in (None, 5):
        paths = two.generate(20, prompt, context_length=context)
        alone = np.stack([two.generate(20, p, context_length=context) for p in prompt[:7]])
        assert np.array_equal(paths[:7], alone)
        two.set_params(n_jobs=2)
        assert np.array_equal(two.generate(20, prompt, context_length=context), paths)
        two.set_params(n_jobs=None)


def test_a_long_horizon_is_a_short_one_gone_on(one):
    long = one.generate(10_000, WAVES[0, :8, 0])
    assert np.isfinite(long).all()
    assert np.array_equal(long[:50], one.generate(50, WAVES[0, :8, 0]))
    windows = one.generate(5_000, WAVES[0, :8, 0], context_length=4)
    assert np.array_equal(windows[:50], one.generate(50, WAVES[0, :8, 0], context_length=4))


@pytest.mark.parametrize("known", [None, 1, 5])
@pytest.mark.parametrize("n_steps", [2, 12])
def test_a_context_longer_than_the_prompt_fills_with_what_is_generated(two, known, n_steps):
    """Each value from a pass over the last seven that there are, or over all while there are fewer."""
    values = np.zeros((1, 2)) if known is None else WAVES[0, :known]
    found = two.generate(n_steps, None if known is None else values, context_length=7)
    for value in found:
        np.testing.assert_allclose(value, two.predict(values[None, -7:])[0, -1], rtol=1e-12)
        values = np.concatenate([values, value[None]])


def test_generating_changes_nothing(two):
    prompt = WAVES[:3, :8].copy()
    prompt.flags.writeable = False
    before = pickle.dumps(two)
    two.generate(5, prompt)
    assert pickle.dumps(two) == before
    assert np.array_equal(prompt, WAVES[:3, :8])


@pytest.mark.parametrize(
    ("arguments", "kind", "pattern"),
    [
        ({"n_steps": 0}, ValueError, "n_steps.*>= 1.*Got 0"),
        ({"n_steps": -1}, ValueError, "n_steps.*>= 1.*Got -1"),
        ({"n_steps": 1.5}, TypeError, "n_steps.*int.*Got 1.5"),
        ({"n_steps": True}, TypeError, "n_steps.*int.*Got True"),
        ({"n_steps": 10**12}, ValueError, "n_steps=1000000000000 is too large.*GiB"),
        ({"n_sequences": 0}, ValueError, "n_sequences.*Got 0"),
        ({"n_sequences": "3"}, TypeError, "n_sequences.*Got '3'"),
        ({"n_sequences": 10**12}, ValueError, "too large.*GiB"),
        ({"context_length": 0}, ValueError, "context_length.*Got 0"),
        ({"context_length": 2.0}, TypeError, "context_length.*Got 2.0"),
        ({"prompt": []}, ValueError, "0 sample|at least one step"),
        ({"prompt": 3.0}, ValueError, r"prompt must have shape \(time,\)"),
        ({"prompt": np.ones((3, 4, 2))}, ValueError, r"prompt must have shape.*Got \(3, 4, 2\)"),
        ({"prompt": np.ones((2, 3, 4, 1))}, ValueError, r"prompt must have shape.*Got \(2, 3, 4, 1\)"),
        ({"prompt": np.ones((2, 0, 1))}, ValueError, "at least one step"),
        ({"prompt": [1.0, np.nan]}, ValueError, "prompt contains NaN"),
        ({"prompt": [1.0, np.inf]}, ValueError, "prompt contains infinity"),
        ({"prompt": ["1", "2"]}, ValueError, "could not convert string.*prompt"),
        ({"prompt": np.array(["2020-01-01"], "datetime64[D]")}, TypeError, "prompt holds datetime"),
        ({"prompt": np.ma.masked_equal([1.0, 2.0], 2.0)}, ValueError, "prompt has masked cells.*fill"),
        ({"prompt": (v for v in (1.0, 2.0))}, TypeError, "prompt must be an array"),
        ({"prompt": [1.0 + 1j]}, ValueError, "Complex data not supported"),
    ],
    ids=lambda value: f"{value!s:.40}" if isinstance(value, dict) else "",
)
def test_errors_of_generate(one, arguments, kind, pattern):
    with pytest.raises(kind, match=pattern):
        one.generate(**{"n_steps": 3, **arguments})


def test_generate_refuses_models_that_cannot_go_on():
    both = fitted(1, bidirectional=True, max_iter=1)
    with pytest.raises(ValueError, match="generate needs bidirectional=False"):
        both.generate(3)
    with pytest.raises(ValueError, match="stream needs bidirectional=False"):
        both.stream()
    uneven = RNNRegressor(hidden_layer_sizes=3, max_iter=1).fit(WAVES[:, :-1], WAVES[:, -1, 0])
    with pytest.raises(ValueError, match="1 outputs and 2 channels: fit it on targets"):
        uneven.generate(3)


# Streams ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("settings", STACKS, ids=str)
def test_a_stream_steps_as_predict_does(settings, channels):
    model, series = fitted(channels, **settings), WAVES[5, :, :channels]
    stream = model.stream()
    steps = np.stack([stream.step(x) for x in series])
    np.testing.assert_allclose(steps, model.predict(series[None])[0], rtol=1e-10, atol=1e-12)


def test_a_stream_of_one_channel_takes_numbers(one):
    stream, other = one.stream(), one.stream()
    assert np.array_equal([stream.step(3.1), stream.step(2)], [other.step([3.1]), other.step(np.array([2]))])


@pytest.mark.parametrize("settings", STACKS[:5], ids=str)
def test_a_state_brings_the_stream_back(settings):
    model = fitted(2, **settings)
    stream = model.stream()
    first = [stream.step(x) for x in WAVES[0, :4]]
    state = pickle.loads(pickle.dumps(stream.get_state()))
    rest = [stream.step(x) for x in WAVES[0, 4:]]
    stream.set_state(state)
    assert np.array_equal([stream.step(x) for x in WAVES[0, 4:]], rest)
    other = model.stream()
    other.set_state(state)
    assert all(np.array_equal(a["h"], b["h"]) for (a,), (b,) in zip(other.get_state(), state, strict=True))
    assert np.array_equal([other.step(x) for x in WAVES[0, 4:]], rest)
    fresh = model.stream()
    zero = fresh.get_state()
    assert not any(values.any() for layer in zero for d in layer for values in d.values())
    stream.set_state(zero)
    assert np.array_equal([stream.step(x) for x in WAVES[0, :4]], first)


def test_a_state_is_a_copy(two):
    stream, plain = two.stream(), two.stream()
    stream.step(WAVES[0, 0])
    plain.step(WAVES[0, 0])
    stream.get_state()[0][0]["h"][:] = 9.0
    assert np.array_equal(stream.step(WAVES[0, 1]), plain.step(WAVES[0, 1]))


def test_a_state_goes_on_into_the_outputs_that_were_given_before(two):
    stream = two.stream()
    kept = stream.step(WAVES[0, 0])
    copy = kept.copy()
    stream.step(WAVES[0, 1])
    assert np.array_equal(kept, copy)


def test_two_streams_are_independent(two):
    expected = two.predict(WAVES[:2])
    streams = [two.stream(), two.stream()]
    mixed = np.stack([[stream.step(WAVES[k, t]) for k, stream in enumerate(streams)] for t in range(13)], axis=1)
    np.testing.assert_allclose(mixed, expected, rtol=1e-10)


@pytest.mark.parametrize("again", ["fit", "partial_fit", "warm"])
def test_an_open_stream_keeps_the_model_that_it_was_made_of(again):
    model = fitted(2)
    expected = model.predict(WAVES[:1])[0]
    stream = model.stream()
    early = [stream.step(x) for x in WAVES[0, :5]]
    model.set_params(warm_start=again == "warm", random_state=1)
    train = model.partial_fit if again == "partial_fit" else model.fit
    train(10 * WAVES[:, :-1], 10 * WAVES[:, 1:])
    late = [stream.step(x) for x in WAVES[0, 5:]]
    np.testing.assert_allclose([*early, *late], expected, rtol=1e-10)
    assert not np.allclose(model.predict(WAVES[:1])[0], expected)


def test_a_stream_of_a_classifier_gives_scores():
    model = RNNClassifier(hidden_layer_sizes=3, max_iter=2, random_state=0).fit(WAVES, np.arange(40) % 3)
    stream = model.stream()
    scores = [stream.step(x) for x in WAVES[0]][-1]
    np.testing.assert_allclose(np.exp(scores) / np.exp(scores).sum(), model.predict_proba(WAVES[:1])[0])


@pytest.mark.parametrize(
    ("x", "kind", "pattern"),
    [
        ([1.0], ValueError, "x must be 2 finite numbers"),
        ([1.0, 2.0, 3.0], ValueError, "x must be 2 finite numbers"),
        ([1.0, np.nan], ValueError, "finite.*nan"),
        ([1.0, np.inf], ValueError, "finite.*inf"),
        ([], ValueError, "x must be 2 finite numbers"),
        (None, (ValueError, TypeError), "x must be 2 finite numbers|float"),
        (["a", "b"], ValueError, "could not convert string|x must"),
        ({"a": 1}, TypeError, "x must|dict"),
    ],
    ids=repr,
)
def test_errors_of_step_leave_the_state(two, x, kind, pattern):
    stream, plain = two.stream(), two.stream()
    stream.step(WAVES[0, 0])
    plain.step(WAVES[0, 0])
    with pytest.raises(kind, match=pattern):
        stream.step(x)
    assert np.array_equal(stream.step(WAVES[0, 1]), plain.step(WAVES[0, 1]))


@pytest.mark.parametrize(
    "change",
    [
        lambda s: None,
        lambda s: [],
        lambda s: s + s,
        lambda s: [[{"c": s[0][0]["h"]}]],
        lambda s: [[{"h": s[0][0]["h"][:, :-1]}]],
        lambda s: [[{"h": s[0][0]["h"][0]}]],
        lambda s: [[{"h": np.concatenate([s[0][0]["h"]] * 2)}]],
        lambda s: [[{"h": None}]],
        lambda s: s[0],
        lambda s: [[{"h": s[0][0]["h"] * np.nan}]],
    ],
)
def test_a_state_of_another_network_is_refused(two, change):
    stream = two.stream()
    stream.step(WAVES[0, 0])
    state = stream.get_state()
    with pytest.raises(ValueError, match="state must"):
        stream.set_state(change(state))
    assert np.array_equal(stream.get_state()[0][0]["h"], state[0][0]["h"])


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda stream: pickle.loads(pickle.dumps(stream))])
def test_a_copied_stream_goes_on_by_itself(two, copied):
    stream, alone = two.stream(), two.stream()
    for row in WAVES[0, :4]:
        stream.step(row), alone.step(row)
    other = copied(stream)
    other.step([9.0, -9.0])
    assert np.array_equal(stream.step(WAVES[0, 4]), alone.step(WAVES[0, 4]))
    other.set_state(stream.get_state())
    assert np.array_equal(other.step(WAVES[0, 5]), stream.step(WAVES[0, 5]))


@pytest.mark.parametrize("x", [{"a": 1}, [{"a": 1}, 2.0], "ab", object()])
def test_a_step_of_what_is_no_number_is_told_how_many_there_must_be(two, x):
    with pytest.raises((ValueError, TypeError), match="x must be 2 finite numbers, one a channel"):
        two.stream().step(x)


@pytest.mark.parametrize("value", ["a", None, 1j, np.nan])
def test_a_state_of_no_numbers_is_refused_and_lists_are_read(two, value):
    stream = two.stream()
    with pytest.raises(ValueError, match="state must hold finite numbers only"):
        stream.set_state([[{"h": [[value] * 5]}]])
    stream.set_state([[{"h": [[0.25] * 5]}]])
    assert np.array_equal(stream.get_state()[0][0]["h"], np.full((1, 5), 0.25))


def test_a_prompt_of_another_shape_is_told_the_shapes_of_this_model(one, two):
    with pytest.raises(ValueError, match=r"shape \(time, 2\) or \(n, time, 2\).*Got \(3,\)\."):
        two.generate(2, [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match=r"Got \(4, 8\): several sequences are prompt\[:, :, None\]"):
        one.generate(2, WAVES[:4, :8, 0])
