"""Warnings that point at the line of the caller's program, however deep the package is when it has cause for one."""

from __future__ import annotations

import sys
import warnings

_PACKAGES = ("forecastrnn", "sklearn", "joblib")


def warn_caller(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn at the first line that is not of this package, nor of those that call it."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and _package(frame.f_globals) in _PACKAGES:
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def _package(names: dict) -> str:
    return str(names.get("__name__", "")).partition(".")[0]
