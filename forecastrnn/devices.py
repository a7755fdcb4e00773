"""Where a program runs: the CPU, or a GPU that CUDA drives. Nothing of CUDA is imported before a GPU is asked for."""

from __future__ import annotations

import importlib.util
import os
import re
import warnings
from typing import Any

CPU = "cpu"
NAMES = ("auto", "cpu", "cuda")
NUMBERED = re.compile(r"cuda:(0|[1-9]\d{0,3})")
INSTALL = 'pip install "forecastrnn[cuda]"'


def is_name(value: object) -> bool:
    """Whether a value names a device: "cpu", "auto", "cuda" or "cuda:1"."""
    return isinstance(value, str) and (value in NAMES or NUMBERED.fullmatch(value) is not None)


def parts_of(device: str) -> list[str]:
    """The devices of a network's layers, which "cpu+cuda:0" joins; one alone is that of all layers."""
    return device.split("+")


def is_device(value: object) -> bool:
    """Whether a value is what `resolve` returns."""
    return isinstance(value, str) and all(is_name(name) for name in parts_of(value))


def is_gpu(device: str) -> bool:
    """Whether everything runs on one GPU."""
    return device != CPU and len(parts_of(device)) == 1


def simulated() -> bool:
    """Whether Numba's CUDA simulator stands for a GPU, as in tests."""
    return os.environ.get("NUMBA_ENABLE_CUDASIM", "0") not in ("", "0")


def resolve(name: str | list[str] | tuple[str, ...]) -> str:
    """The device that a name means: "cpu" or "cuda:0", "cuda:1" and so on; of a list, one for each layer, all joined.

    Raises
    ------
    RuntimeError
        If it is a GPU that is not there.
    """
    if not isinstance(name, str):
        found = [resolve(one) for one in name]
        return found[0] if len(set(found)) == 1 else "+".join(found)
    if name == CPU:
        return CPU
    count, why = gpus()
    if name == "auto":
        return "cuda:0" if count else CPU
    number = int(name.partition(":")[2] or 0)
    if count == 0:
        raise RuntimeError(
            f'device="{name}": CUDA is not available: {why}. '
            'Use device="cpu", or device="auto" to take a GPU where one can be used.'
        )
    if number >= count:
        there = "only cuda:0" if count == 1 else f"cuda:0 to cuda:{count - 1}"
        raise RuntimeError(f'device="{name}": there is no such GPU, this machine has {there}.')
    return f"cuda:{number}"


def resolve_if_there(name: str | list[str] | tuple[str, ...]) -> str:
    """The device that a name means; the CPU where it is a GPU that this machine does not have."""
    try:
        return resolve(name)
    except RuntimeError:
        return CPU


def gpus() -> tuple[int, str]:
    """How many GPUs can be used, and if none, why."""
    if not simulated() and importlib.util.find_spec("numba_cuda") is None:
        return 0, f"numba-cuda is not installed ({INSTALL})"
    cuda = _numba_cuda()
    if not cuda.is_available():
        return 0, "no NVIDIA driver or GPU was found"
    return len(cuda.gpus), ""


def memory_of(device: str) -> int:
    """Bytes of memory of a GPU; 0 if that cannot be told, or where several devices share the work."""
    if simulated() or not is_gpu(device):
        return 0
    cuda = _numba_cuda()
    with cuda.gpus[int(device.partition(":")[2])]:
        return int(cuda.current_context().get_memory_info().total)


def _numba_cuda() -> Any:
    with warnings.catch_warnings():  # of a driver that is too old or missing
        warnings.simplefilter("ignore")
        from numba import cuda

        return cuda
