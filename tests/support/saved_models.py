"""What two models hold, field by field."""

from __future__ import annotations

import dataclasses
from copy import copy
from typing import Any

import numpy as np

from forecastrnn.estimators.groups.group import Group
from forecastrnn.estimators.old_names import modernise


def assert_same(a: Any, b: Any, where: str = "") -> None:
    """All that is inside, to the bit: types, dtypes, values."""
    assert type(a) is type(b), where
    if dataclasses.is_dataclass(a):
        for field in dataclasses.fields(a):
            if field.name == "naive_errors":  # which files lack
                continue
            assert_same(getattr(a, field.name), getattr(b, field.name), f"{where}.{field.name}")
    elif isinstance(a, np.ndarray):
        assert a.dtype == b.dtype and a.shape == b.shape and b.flags.writeable and b.flags.c_contiguous, where
        assert (a == b).all() if a.dtype == object else a.tobytes() == b.tobytes(), where
    elif isinstance(a, list | tuple):
        assert len(a) == len(b), where
        for k, pair in enumerate(zip(a, b)):
            assert_same(*pair, f"{where}[{k}]")
    elif isinstance(a, dict):
        assert a.keys() == b.keys(), where
        for key in a:
            assert_same(a[key], b[key], f"{where}.{key}")
    else:
        assert a == b, where


def plain(model: Any) -> dict[str, Any]:
    """Its attributes; parameters come back in groups, their NumPy numbers and arrays as Python's."""
    model = copy(model)
    modernise(model)
    found = dict(vars(model))
    for name in model.get_params(deep=False):
        found[name] = _in_python(found[name])
    return found


def _in_python(value: Any) -> Any:
    if isinstance(value, Group):
        return type(value)(**{name: _in_python(one) for name, one in value.get_params(deep=False).items()})
    return value.tolist() if isinstance(value, np.ndarray | np.generic) else value
