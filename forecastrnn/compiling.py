"""How kernels are compiled: on first use, without the GIL, with an on-disk cache that is never stale.

Numba's own cache looks only at the file of the cached function, so an edit of a callee elsewhere, or
another vector width, would go unnoticed. Here the name of the cache folder is a hash of every kernel
source and of the versions; where no folder can be written, kernels are compiled in memory.
"""

import hashlib
import logging
import os
import tempfile
import threading
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import config

_PACKAGE = Path(__file__).parent
KERNEL_SOURCES = ("compiling.py", "formulas.py", "seasonal.py", "preparation.py", "inputs.py", "cpu/*.py")
COMPILE_LOCK = threading.RLock()  # numba's configuration is global while a function is being compiled


def sources_digest(folder: Path = _PACKAGE) -> str:
    """Hash of all kernel sources under `folder` and of what compiles them."""
    digest = hashlib.sha256(repr((numba.__version__, llvmlite.__version__, np.__version__)).encode())
    digest.update(os.environ.get("FORECASTRNN_LANES", "").encode())
    for pattern in KERNEL_SOURCES:
        for path in sorted(folder.glob(pattern)):
            digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:16]


def _is_writable(folder: Path) -> bool:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            return True
    except OSError:
        return False


def _candidates() -> list[Path]:
    """Where the cache may be, best first."""
    chosen = os.environ.get("NUMBA_CACHE_DIR")
    places = [Path(chosen)] if chosen else [_PACKAGE / "__pycache__"]
    home = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return [*places, Path(home) / "forecastrnn"]


def cache_folder() -> str:
    """The folder for compiled kernels; empty if none can be written."""
    for place in _candidates():
        folder = place / f"forecastrnn-{sources_digest()}"
        if _is_writable(folder):
            return str(folder)
    logging.getLogger("forecastrnn").info(
        "no folder for compiled kernels can be written: compiling in memory"
    )
    return ""


_FOLDER = cache_folder()


@contextmanager
def compilation(cached: bool = True):
    """Numba's global settings as kernels need them: own cache folder, compiler on."""
    with COMPILE_LOCK:
        before = config.CACHE_DIR, config.DISABLE_JIT
        config.CACHE_DIR, config.DISABLE_JIT = (_FOLDER if cached else ""), 0
        try:
            yield
        finally:
            config.CACHE_DIR, config.DISABLE_JIT = before


def jitted(function: Callable[..., Any] | None = None, *, cache: bool = True) -> Any:
    """A function that other modules call from Python: compiled for each set of argument types, cached.

    Helpers that only other compiled functions call take ``cache=False``.
    """
    if function is None:
        return lambda f: jitted(f, cache=cache)
    with compilation():
        return numba.njit(nogil=True, error_model="numpy", cache=bool(_FOLDER) and cache)(function)


def compile_cfunc(function: Callable[..., Any], signature: Any) -> Any:
    """Compile `function` for one signature; the result has an `address` that stays valid.

    A cache file that cannot be read (cut off, another format) is passed over.
    """
    if _FOLDER:
        try:
            with compilation():
                return numba.cfunc(signature, cache=True, error_model="numpy")(function)
        except (EOFError, OSError, RuntimeError, ValueError, ImportError, AttributeError) as error:
            logging.getLogger("forecastrnn").info("compiled kernel not read from the cache: %s", error)
        except Exception as error:  # pickle and LLVM raise types of their own for a damaged file
            if type(error).__module__.split(".")[0] not in ("pickle", "_pickle", "llvmlite"):
                raise
    with compilation(cached=False):
        return numba.cfunc(signature, cache=False, error_model="numpy")(function)
