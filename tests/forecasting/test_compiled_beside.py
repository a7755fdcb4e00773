"""A first fit has half of its compiling done beside it, and finds all of it in the cache."""

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from forecastrnn import RNNForecaster
from forecastrnn.forecasting import compiled_beside as module
from forecastrnn.forecasting.every_candidate import CANDIDATES

USUAL = [name for name, candidate in CANDIDATES.items() if candidate.is_usual]


@pytest.fixture
def asked(monkeypatch):
    """What a second process is asked for."""
    found = []

    def note(task, words, *, unless):
        found.append((task, words))
        return module.nullcontext()

    monkeypatch.setattr(module, "compiling_beside", note)
    return found


def fit(**parameters):
    chosen = {"n_members": 1, "max_steps": 1, "hidden_layer_sizes": 4, "intervals": None, "n_jobs": 2}
    return RNNForecaster(**chosen | parameters).fit(np.arange(30.0) % 7)


def test_a_fit_asks_for_its_candidates_in_its_type(asked, monkeypatch):
    monkeypatch.setattr("forecastrnn.estimators.forecast_settings.thread_count", lambda n_jobs: 2)
    fit(candidates=["theta", "season_ago"], dtype="float64")
    assert asked == [("forecastrnn.forecasting.compiled_beside:compile_rest", ["float64", "theta", "season_ago"])]


@pytest.mark.parametrize("parameters", [{"candidates": "network"}, {"n_jobs": 1}], ids=["no formulas", "one thread"])
def test_a_fit_that_does_without(asked, parameters):
    fit(**parameters)
    assert asked == []


def test_what_is_asked_for_can_be_compiled():
    module.compile_rest("float32", *USUAL, "pretrained")


COUNTED = """
import json, sys
from forecastrnn.engine import compiling
names, one = [], compiling._compile

def noted(function, make):
    made = one(function, make)
    names.append((function.__qualname__.rsplit("_", 1)[0], compiling._from_cache(made)))
    return made

compiling._compile = noted
from forecastrnn import RNNForecaster
from forecastrnn.datasets import load_airline
from forecastrnn.forecasting.compiled_beside import compile_rest
if sys.argv[1] == "rest":
    compile_rest("float32", *sys.argv[2:])
else:
    RNNForecaster(random_state=0).fit(load_airline())
print(json.dumps(names))
"""


@pytest.mark.slow
def test_a_fit_compiles_none_of_it_anew(tmp_path):
    def run(*words):
        environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
        done = subprocess.run(
            [sys.executable, "-c", COUNTED, *words], env=environment, capture_output=True, text=True, check=True
        )
        return json.loads(done.stdout.splitlines()[-1])

    made = [name for name, _ in run("rest", *USUAL)]
    found = dict(run("fit"))
    assert len(made) > 15
    assert {name: found.get(name) for name in made} == dict.fromkeys(made, True)  # a fit needs each, and has it
