"""The formulas of a likelihood as text that runs without a compiler, and all functions of single numbers they call."""

from __future__ import annotations

import re
from inspect import getsource
from types import ModuleType

from forecastrnn.engine import quantile_formulas, scalar_formulas
from forecastrnn.networks.likelihood import Likelihood
from forecastrnn.networks.tracing.head_text import VALUE
from forecastrnn.numpy_predictor.kernel_text import text_of

_SOURCES = (scalar_formulas, quantile_formulas)
# A module has functions of arrays by these names, of which cells are made: those of single numbers get another one.
_OF_ARRAYS = "|".join(("exp", "log", "sqrt", "tanh", "sigmoid", "maximum", "minimum", "relu", "positive"))


def text_of_likelihood(likelihood: Likelihood) -> str:
    """Its quantile, `value_at`, behind what that calls, and `normal_quantile`, by which draws are placed."""
    quantile = likelihood.text[likelihood.text.index(f"def {VALUE}(") :].strip("\n")
    names = _called(quantile) | _called("normal_quantile")
    parts = [text_of(module, names) for module in _SOURCES]
    return _renamed("\n\n\n".join([*filter(None, parts), quantile]))


def _called(text: str) -> set[str]:
    """Names of all functions and constants of the formulas that a text calls, by way of others too."""
    own = {name: one for module in _SOURCES for name, one in vars(module).items() if _is_of(one, name, module)}
    found, new = set[str](), {text}
    while new:
        words = {word for part in new for word in re.findall(r"(?<![.\w])\w+", part)}
        names = words & own.keys() - found
        found |= names
        new = {getsource(own[name]) for name in names if callable(own[name])}
    return found


def _is_of(one: object, name: str, module: ModuleType) -> bool:
    """Whether a name of a module is a constant, or a function of its own."""
    return name.isupper() or getattr(one, "__module__", "") == module.__name__


def _renamed(text: str) -> str:
    return re.sub(rf"(?<![.\w])({_OF_ARRAYS})\(", r"\1_of(", text)
