"""The adapter where sktime is not installed, and that nothing else imports it."""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import forecastrnn
from forecastrnn import sktime_adapter

IMPORTS = """
import sys
import forecastrnn, forecastrnn.sktime_adapter
from forecastrnn import RNNForecaster
print("sktime" in sys.modules, "skbase" in sys.modules)
"""
ROOM = Path(sktime_adapter.__file__).parent
LEFT_OUT = {"warm_start", "alias", "vector_input"}  # parameters that mean nothing in sktime
OTHER_DEFAULT = {"missing": "mask"}


def test_sktime_comes_with_the_first_use(run_script: Callable[..., str]) -> None:
    assert run_script(IMPORTS).split() == ["False", "False"]


@pytest.mark.parametrize("name", sktime_adapter.__all__)
def test_what_is_lacking_says_how_to_install_it(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [known for known in sys.modules if known.startswith(("forecastrnn.sktime_adapter.", "sktime."))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.delitem(vars(sktime_adapter), name, raising=False)
    monkeypatch.setitem(sys.modules, "sktime", None)
    with pytest.raises(ImportError, match=rf"{name} needs sktime.*pip install 'forecastrnn\[sktime\]'"):
        getattr(sktime_adapter, name)


def test_other_names_are_refused() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'RNNForecaster'"):
        sktime_adapter.RNNForecaster  # noqa: B018
    assert set(sktime_adapter.__all__) <= set(dir(sktime_adapter))


@pytest.mark.parametrize("kind", ["Forecaster", "Classifier", "Regressor"])
def test_parameters_and_defaults_are_those_of_the_estimator_within(kind: str) -> None:
    """Read from the source, so that a parameter that is added is missed here, with sktime or without."""
    tree = ast.parse((ROOM / f"{kind.lower()}.py").read_text(encoding="utf-8"))
    (init,) = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "__init__"]
    found = {arg.arg: ast.literal_eval(value) for arg, value in zip(init.args.kwonlyargs, init.args.kw_defaults)}
    of = inspect.signature(getattr(forecastrnn, f"RNN{kind}").__init__).parameters
    expected = {name: one.default for name, one in of.items() if name not in {"self", *LEFT_OUT}}
    if kind == "Forecaster":
        expected |= OTHER_DEFAULT
    assert found == expected
