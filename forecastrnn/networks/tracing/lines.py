"""Where a formula stands, for messages: file, line and the line's text."""

from __future__ import annotations

import dis
import linecache
import sys
from collections.abc import Callable
from types import CodeType

_NOT_FORMULAS = ("forecastrnn.formulas", "numpy", __name__.rpartition(".")[0])


def line_here() -> str:
    """The line of the formula that is being run: the nearest one outside of the tracer and NumPy."""
    frame = sys._getframe()
    while frame.f_back is not None and _is_inside(frame.f_globals.get("__name__", "")):
        frame = frame.f_back
    return _described(frame.f_code, frame.f_lineno)


def first_line(formula: Callable) -> str:
    """The line where a formula begins."""
    code = getattr(formula, "__code__", None)
    return "" if code is None else _described(code, code.co_firstlineno)


def last_line(formula: Callable) -> str:
    """The line where a formula returns."""
    code = getattr(formula, "__code__", None)
    if code is None:
        return ""
    returns = [i.positions for i in dis.get_instructions(code) if i.opname.startswith("RETURN_") and i.positions]
    lines = [place.lineno for place in returns if place.lineno is not None and place.lineno > code.co_firstlineno]
    return _described(code, lines[-1] if lines else code.co_firstlineno)


def _is_inside(module: str) -> bool:
    return any(module == name or module.startswith(f"{name}.") for name in _NOT_FORMULAS)


def _described(code: CodeType, line: int) -> str:
    text = linecache.getline(code.co_filename, line).strip()
    return f'\n  File "{code.co_filename}", line {line}, in {code.co_name}' + (f"\n    {text}" if text else "")
