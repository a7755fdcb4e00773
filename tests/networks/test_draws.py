"""Numbers drawn in parts are those of one call, whose time has no end that Ctrl-C could wait for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from forecastrnn.networks import draws
from forecastrnn.networks.draws import drawn
from support.forecaster_cases import quick

OLD = np.random.RandomState
DRAWS: dict[str, Callable[[OLD], Callable[..., np.ndarray]]] = {
    "places": lambda rng: partial(rng.randint, 1000),
    "places of one": lambda rng: partial(rng.randint, 1),
    "shares": lambda rng: rng.random_sample,
    "normal": lambda rng: partial(rng.normal, 1.0, 2.0),  # which come in pairs, of which one waits
    "uniform": lambda rng: partial(rng.uniform, -3.0, 3.0),
}


@pytest.mark.parametrize("shape", [(7, 5, 3), (105,), (0, 4), (1, 100)])
@pytest.mark.parametrize("name", DRAWS)
def test_parts_are_the_whole(monkeypatch: pytest.MonkeyPatch, name: str, shape: tuple[int, ...]) -> None:
    at_once, in_parts, asked = OLD(4), OLD(4), []
    expected = DRAWS[name](at_once)(size=shape)
    monkeypatch.setattr(draws, "AT_ONCE", 11)

    def draw(size: int) -> np.ndarray:
        asked.append(size)
        return DRAWS[name](in_parts)(size=size)

    found = drawn(draw, shape, expected.dtype)
    assert found.dtype == expected.dtype and max(asked, default=0) <= 11
    np.testing.assert_array_equal(found, expected)
    assert in_parts.random_sample() == at_once.random_sample()


class Watched(OLD):
    """Tells how many numbers it was asked for at most."""

    most = 0

    def randint(self, *args: int, size: int | tuple[int, ...] = 1) -> np.ndarray:
        self.most = max(self.most, int(np.prod(size)))
        return super().randint(*args, size=size)


def test_futures_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A million futures of many series are some billion numbers."""
    model, rng = quick(max_steps=2).fit(np.sin(np.arange(40.0))), Watched(1)
    expected = model.sample_paths(5, 90, calibrated=False, random_state=OLD(1))
    monkeypatch.setattr(draws, "AT_ONCE", 64)
    np.testing.assert_array_equal(model.sample_paths(5, 90, calibrated=False, random_state=rng), expected)
    assert rng.most == 64
