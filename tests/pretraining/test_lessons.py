"""Lessons: what is known lies before the end, what counts behind it, and forecasts stand where the future would."""

from __future__ import annotations

import numpy as np
import pytest

from forecastrnn.forecasting.start import prepare_for_any
from forecastrnn.pretraining import lessons
from forecastrnn.pretraining.lessons import draw_lesson, lesson_of, scaled

CONTEXT, STEPS = 9, 5


def series(n: int = 6, length: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Values end to end, and what comes behind."""
    rng = np.random.default_rng(0)
    values = 50.0 + np.cumsum(rng.standard_normal((n, length + STEPS)), axis=1) + 9.0 * (np.arange(length + STEPS) % 4)
    values[-1] -= 60.0  # linear
    return values[:, :length], values[:, length:]


def prepared_of(known: np.ndarray) -> object:
    return prepare_for_any(known.reshape(-1), np.arange(len(known) + 1) * known.shape[1], 4, CONTEXT)


def test_scaled_values_are_the_inverse_of_forecasts() -> None:
    known, coming = series()
    prepared = prepared_of(known)
    np.testing.assert_allclose(prepared.inverse(scaled(prepared, coming)), coming, rtol=1e-9)


def test_inputs_do_not_know_what_comes() -> None:
    known, coming = series()
    prepared, path = prepared_of(known), np.zeros_like(coming)
    one, other = (lesson_of(prepared, values, path) for values in (coming, coming * 1.01))
    np.testing.assert_array_equal(one.series.rows, other.series.rows)
    assert (one.truth != other.truth)[np.isfinite(one.truth)].all()


def test_truth_stands_behind_the_end_and_the_path_is_read() -> None:
    known, coming = series()
    prepared = prepared_of(known)
    path = prepared.z[prepared.starts[1:] - 1, None] + np.arange(1.0, STEPS + 1.0)
    lesson = lesson_of(prepared, coming, path)
    ends = lesson.series.prepared.starts[1:]
    behind = ends[:, None] - STEPS + np.arange(STEPS)
    np.testing.assert_allclose(lesson.series.prepared.z[behind], path)
    np.testing.assert_allclose(lesson.truth[behind], scaled(prepared, coming))
    assert np.isfinite(lesson.truth).sum() == coming.size
    np.testing.assert_array_equal(lesson.starts, ends - STEPS - CONTEXT - 1)
    # The first output behind the context is that of the last known value.
    np.testing.assert_allclose(lesson.series.prepared.z[lesson.starts + CONTEXT], prepared.z[prepared.starts[1:] - 1])


def test_what_cannot_be_known_does_not_count() -> None:
    known, coming = series()
    coming = coming.copy()
    coming[0, 2], coming[1] = np.nan, 1e9
    lesson = lesson_of(prepared_of(known), coming, np.full(coming.shape, np.nan))
    behind = lesson.series.prepared.starts[1:, None] - STEPS + np.arange(STEPS)
    counts = np.isfinite(lesson.truth[behind])
    assert counts[0].tolist() == [True, True, False, True, True]
    assert not counts[1].any() and len(lesson.starts) == len(known) - 1
    assert np.isfinite(lesson.series.rows).all()  # a forecast that is no number is not read


@pytest.mark.parametrize("season", [1, 12, 24])
def test_lessons_are_drawn_by_their_seed(monkeypatch: pytest.MonkeyPatch, season: int) -> None:
    monkeypatch.setattr(lessons, "SEASONS", {season: 1.0})
    monkeypatch.setattr(lessons, "VALUES", 8_000)

    def last(prepared: object, steps: int) -> np.ndarray:
        return np.repeat(prepared.z[prepared.starts[1:] - 1, None], steps, axis=1)

    one, same, other = (draw_lesson(np.random.default_rng(seed), CONTEXT, last) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one.series.rows, same.series.rows)
    np.testing.assert_array_equal(one.truth, same.truth)
    assert one.series.rows.shape != other.series.rows.shape or (one.series.rows != other.series.rows).any()
    assert one.series.prepared.layout.season == season and np.isfinite(one.series.rows).all()
