"""Modules that put entries into the package's tables, for a while."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

from forecastrnn.engine.cpu.build import KERNELS
from forecastrnn.networks.cells import CELLS
from forecastrnn.networks.losses import LOSSES
from forecastrnn.training.optimizers import SOLVERS

TABLES: tuple[dict[Any, Any], ...] = (CELLS, LOSSES, SOLVERS, KERNELS)


@contextmanager
def registered(name: str) -> Iterator[ModuleType]:
    """The module of that name, imported anew; behind it all tables are as they were."""
    kept = [dict(table) for table in TABLES]
    try:
        yield importlib.import_module(name)
    finally:
        sys.modules.pop(name, None)
        for table, before in zip(TABLES, kept, strict=True):
            table.clear()
            table.update(before)
