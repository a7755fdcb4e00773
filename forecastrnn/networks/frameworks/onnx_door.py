"""The package onnx, which this module alone imports, when it is needed."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

PRODUCER = "forecastrnn"  # by which files that this package has written are known


def load_onnx() -> ModuleType:
    """The package; ImportError says how it is installed."""
    try:
        for name in ("onnx.helper", "onnx.reference"):
            import_module(name)
        return import_module("onnx")
    except ImportError as error:
        raise ImportError('models of ONNX need the package onnx: pip install "forecastrnn[onnx]"') from error
