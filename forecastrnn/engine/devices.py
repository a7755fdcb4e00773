"""Where a program runs: the CPU, or a GPU that CUDA drives. Nothing of CUDA is imported before a GPU is asked for."""

from __future__ import annotations

import importlib.util
import logging
import os
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from types import ModuleType

CPU = "cpu"
NAMES = ("auto", "cpu", "cuda")
NUMBERED = re.compile(r"cuda:(0|[1-9]\d{0,3})")
INSTALL = 'pip install "forecastrnn[cuda]"'
ADVICE = 'Use device="cpu", or device="auto" to take a GPU where one can be used.'
LEAST = (7, 5)  # compute capability: Turing, 2018; CUDA 13 compiles for no older one


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

    Where "auto" does not find a GPU, the reason is logged, once.

    Raises
    ------
    RuntimeError
        If it is a GPU that is not there, or one that is too old.
    """
    if not isinstance(name, str):
        found = [resolve(one) for one in name]
        return found[0] if len(set(found)) == 1 else "+".join(found)
    if name == CPU:
        return CPU
    count, why = gpus()
    if name == "auto":
        return _first_of(count, why)
    number = int(name.partition(":")[2] or 0)
    if count == 0:
        raise RuntimeError(f'device="{name}": CUDA is not available: {why}. {ADVICE}')
    if number >= count:
        there = "only cuda:0" if count == 1 else f"cuda:0 to cuda:{count - 1}"
        raise RuntimeError(f'device="{name}": there is no such GPU, this machine has {there}.')
    if fault := fault_of(number):
        raise RuntimeError(f'device="{name}": {fault}. {ADVICE}')
    return f"cuda:{number}"


def _first_of(count: int, why: str) -> str:
    """The first of so many GPUs that can be used, or the CPU."""
    faults = [fault_of(number) for number in range(count)]
    if "" in faults:
        return f"cuda:{faults.index('')}"
    log_once(f'device="auto" takes the CPU: {faults[0] if faults else why}')
    return CPU


def resolve_if_there(name: str | list[str] | tuple[str, ...]) -> str:
    """The device that a name means; the CPU, with a warning in the log, where it is a GPU that is not there."""
    try:
        return resolve(name)
    except RuntimeError as error:
        log_once(f"predictions take the CPU: {error}", logging.WARNING)
        return CPU


@cache
def log_once(text: str, level: int = logging.INFO) -> None:
    """A line of the log, the first time that it is to be said."""
    logging.getLogger("forecastrnn").log(level, text)


def gpus() -> tuple[int, str]:
    """How many GPUs can be used, and if none, why."""
    if not simulated() and importlib.util.find_spec("numba_cuda") is None:
        return 0, f"numba-cuda is not installed ({INSTALL})"
    try:
        cuda = _numba_cuda()
        available = cuda.is_available()
    except Exception as error:  # of packages that do not belong together
        return 0, f"numba-cuda cannot be used: {type(error).__name__}: {error} (install it anew: {INSTALL})"
    return (len(cuda.gpus), "") if available else (0, _why_not(cuda))


def _why_not(cuda: ModuleType) -> str:
    """Why CUDA says that it is not available."""
    said = cuda.cuda_error()
    if said is None:
        return f"the driver was found, but not the compiler of CUDA, NVVM ({INSTALL})"
    text, hidden = " ".join(str(said).split()), os.environ.get("CUDA_VISIBLE_DEVICES")
    if "NO_DEVICE" in text:
        hint = "" if hidden is None else f': CUDA_VISIBLE_DEVICES is "{hidden}"'
        return f"the NVIDIA driver finds no GPU{hint}"
    if "cannot be found" in text or "not found" in text:
        return "no NVIDIA driver was found; nvidia-smi shows whether there is one"
    return f"the NVIDIA driver says: {text}. A newer one may help"


def fault_of(number: int) -> str:
    """Why a GPU that is there cannot be used; empty if it can."""
    if simulated():
        return ""
    device = _numba_cuda().gpus[number]
    has, name = tuple(device.compute_capability), device.name
    if has >= LEAST:
        return ""
    name = name.decode() if isinstance(name, bytes) else name
    needs, found = (".".join(map(str, version)) for version in (LEAST, has))
    return f"cuda:{number} is a {name} of compute capability {found}, and CUDA 13 needs {needs} or more"


def memory_of(device: str) -> int:
    """Bytes of memory of a GPU; 0 if that cannot be told, or where several devices share the work."""
    if simulated() or not is_gpu(device):
        return 0
    cuda = _numba_cuda()
    with explained(device), cuda.gpus[int(device.partition(":")[2])]:
        return int(cuda.current_context().get_memory_info().total)


def _numba_cuda() -> ModuleType:
    with warnings.catch_warnings():  # of a driver that is too old or missing
        warnings.simplefilter("ignore")
        from numba import cuda

        return cuda


# Errors -----------------------------------------------------------------------------------------------
_OF_CUDA = set(  # names, as nothing of CUDA is imported here
    "CudaAPIError CudaDriverError CudaRuntimeError CudaSupportError NvvmError NvrtcError NvvmSupportError "
    "NvrtcSupportError CCSupportError LinkerError CUDARuntimeError CUDADriverError CUBLASError NcclError "
    "CUDAError nvvmError nvJitLinkError GraphError".split()
)
_FULL = ("OUT_OF_MEMORY", "out of memory", "ALLOC_FAILED")


@contextmanager
def explained(device: str) -> Iterator[None]:
    """Errors of CUDA inside say which device failed, and what to do.

    Raises
    ------
    MemoryError
        If its memory is full.
    RuntimeError
        For all else that CUDA or its compiler says.
    """
    try:
        yield
    except Exception as error:
        kinds, text = {kind.__name__ for kind in type(error).__mro__}, " ".join(str(error).split())
        if "OutOfMemoryError" in kinds or kinds & _OF_CUDA and any(part in text for part in _FULL):
            raise MemoryError(
                f'the memory of "{device}" is full: {text}. Lower batch_size, set bptt=Truncated(...) where '
                "there is one, or end what else uses the GPU: nvidia-smi shows it."
            ) from error
        if kinds & {"NvvmSupportError", "NvrtcSupportError"}:
            raise RuntimeError(
                f'device="{device}": the compiler of CUDA was not found: {text}. It comes with {INSTALL}; or use '
                'device="cpu".'
            ) from error
        if kinds & _OF_CUDA:
            raise RuntimeError(
                f'device="{device}": the GPU failed: {text}. After that it often refuses everything until Python is '
                'started anew. Models that were fitted stay as they were; device="cpu" goes on with them.'
            ) from error
        raise
