"""Formulas that are compiled here, as text that runs without a compiler: the same source, and names of its own.

Loops that look whether Ctrl-C was pressed lose that, and constants, which some modules call alike, are called by their
module: `LEAST` of `levels` is LEVELS_LEAST.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from importlib import import_module
from inspect import getsource
from types import ModuleType

_CPU, _ENGINE = "forecastrnn.engine.cpu", "forecastrnn.engine."


def text_of(module: ModuleType, names: Iterable[str] = ()) -> str:
    """The functions and constants of a module, or `names` of them."""
    source = getsource(module)
    found, wanted, lines = [], set(names), source.splitlines()
    body = ast.parse(source).body
    for before, node in zip(body, body[1:]):
        if isinstance(node, ast.Import | ast.ImportFrom) or wanted and not wanted & set(_named(node)):
            continue
        begin, end = getattr(node, "decorator_list", None) or [node], node.end_lineno
        first = begin[0].lineno - 1
        while first > (before.end_lineno or 0) and lines[first - 1].startswith("#"):
            first -= 1
        gap = "" if isinstance(node, ast.Assign) and isinstance(before, ast.Assign) else "\n\n"
        found.append(gap + "\n".join(lines[first:end]))
    return without_stops(renamed("\n".join(found), source, module.__name__)).strip("\n")


def without_stops(text: str) -> str:
    """Without decorators and without looks at Ctrl-C."""
    text = re.sub(r"^@(?:jitted|stoppable|scalar)\b.*\n", "", text, flags=re.MULTILINE)
    text = re.sub(r"^ *if stopped\(.*\n *return.*\n", "", text, flags=re.MULTILINE)
    return re.sub(r",\s+stop\b", "", text)


def renamed(text: str, source: str, own: str) -> str:
    """Constants by the names of their modules, those that `source` imports too."""
    names = {name: own for name in _constants(source)}
    for node in ast.parse(source).body:
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_ENGINE):
            names |= {one.name: str(node.module) for one in node.names if one.name.isupper()}
    for name, place in names.items():
        if place.startswith(_ENGINE):
            text = re.sub(rf"\b{name}\b", f"{place.rpartition('.')[2].upper()}_{name}", text)
    return text


def modules_of(candidates: Iterable[str]) -> list[ModuleType]:
    """The modules in which the formulas of candidates by name stand."""
    found = ["mixing"]
    lines = {"damped_trend": "damped_trend", "theta": "theta", "autoregression": "autoregression",
             "seasonal_changes": "autoregression"}  # fmt: skip
    for name in candidates:
        found += ["scaled_lines", lines[name]] if name in lines else ["last_season"]
    return [import_module(f"{_CPU}.{name}") for name in dict.fromkeys(found)]


def _constants(source: str) -> list[str]:
    return [name for node in ast.parse(source).body for name in _named(node) if name.isupper()]


def _named(node: ast.stmt) -> list[str]:
    """What a statement defines."""
    if isinstance(node, ast.FunctionDef):
        return [node.name]
    targets = node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    return [part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)]
