"""sktime's own checks, all of them, over all adapters."""

from __future__ import annotations

import pytest

from forecastrnn import sktime_adapter

checks = pytest.importorskip("sktime.utils.estimator_checks")
pytestmark = [pytest.mark.sktime, pytest.mark.slow, pytest.mark.filterwarnings("default")]
LEAST = {"SktimeClassifier": 250, "SktimeForecaster": 1200, "SktimeRegressor": 140}  # checks of sktime 1.2.0


@pytest.mark.parametrize("name", sktime_adapter.__all__)
def test_all_checks_pass(name: str) -> None:
    found = checks.check_estimator(getattr(sktime_adapter, name), raise_exceptions=True, verbose=False)
    assert len(found) >= LEAST[name]
    assert set(found.values()) == {"PASSED"}
