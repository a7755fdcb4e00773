"""An optimizer's moments: named in the header only where they are not those that all files had at first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from forecastrnn.exceptions import ModelFileError
from forecastrnn.training.optimizers import MOMENTS

LATER_MOMENTS: dict[str, Any] = {"moments": list(MOMENTS)}  # of a file that does not name them


def described_moments(names: Iterable[str]) -> dict[str, Any]:
    """What the header says of them."""
    found = {"moments": list(names)}
    return {} if found == LATER_MOMENTS else found


def moment_tensors(names: Any) -> dict[str, str]:
    """Name of each moment's tensor, from what a header says; those of other rules cannot be taken for other tensors."""
    if not isinstance(names, list) or not all(isinstance(name, str) and name.isidentifier() for name in names):
        raise ModelFileError(f"moments must be a list of names. Got {str(names)[:80]}")
    if len(set(names)) != len(names):
        raise ModelFileError(f"moments must be named once each. Got {str(names)[:80]}")
    return {name: name if name in MOMENTS else f"moments.{name}" for name in names}


def pack_moments(moments: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Values of the tensors."""
    tensors = moment_tensors(list(moments))
    return {tensors[name]: moment for name, moment in moments.items()}


def unpack_moments(names: Any, values: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The moments that `pack_moments` was given."""
    return {name: values[tensor] for name, tensor in moment_tensors(names).items()}
