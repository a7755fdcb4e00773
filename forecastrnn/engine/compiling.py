"""How kernels are compiled: on first use, without the GIL, with an on-disk cache that is never stale.

Numba's own cache looks only at the file of the cached function, so an edit of a callee elsewhere, or
another vector width, would go unnoticed. Here the name of the cache folder is a hash of every kernel
source, of the versions and of the CPU; where no folder can be written, kernels are compiled in memory.
"""

import gc
import hashlib
import logging
import os
import pickle
import secrets
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import llvmlite
import numba
import numba.extending
import numpy as np
from llvmlite import binding
from llvmlite.binding.ffi import ObjectRef
from llvmlite.binding.newpassmanagers import NewPassManager
from numba.core import bytecode, config

from forecastrnn.progress import apart

_PACKAGE = Path(__file__).parents[1]
KERNEL_SOURCES = "engine/compiling.py", "engine/*formulas.py", "engine/cpu/*.py"
COMPILE_LOCK = threading.RLock()  # numba's configuration is global while a function is being compiled
IDENTITY = bytecode.FunctionIdentity  # of a function that Numba compiles: it gives the number below
PATIENCE = 1.0  # seconds of compilation after which a user is told what takes so long

# A pass manager of llvmlite inherits a `_dispose` that does nothing before the one that frees it, so that 17 kB would
# stay for each function that is compiled, helpers included: 5 MB for the kernels of a cell.
for _kind in NewPassManager.__subclasses__():
    if _kind._dispose is ObjectRef._dispose:
        _kind._dispose = NewPassManager._dispose


def sources_digest(folder: Path = _PACKAGE) -> str:
    """Hash of all kernel sources under `folder` and of what compiles them."""
    versions = numba.__version__, llvmlite.__version__, np.__version__
    cpu = binding.get_host_cpu_name(), binding.get_host_cpu_features().flatten()  # they decide the vectors' width
    lanes = os.environ.get("FORECASTRNN_LANES", "")
    digest = hashlib.sha256(repr((versions, cpu, lanes)).encode())
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
    logging.getLogger("forecastrnn").info("no folder for compiled kernels can be written: compiling in memory")
    return ""


_FOLDER = cache_folder()


class _Announcement:
    """Says that kernels are being compiled: once, after a second of it, before the next one."""

    def __init__(self) -> None:
        self.seconds, self.said = 0.0, False

    def add(self, seconds: float) -> None:
        """So long did one function take."""
        self.seconds += seconds
        if self.seconds > PATIENCE and not self.said:
            self.said = True
            where = "once, then it is in the cache" if _FOLDER else "no folder for a cache can be written"
            print(f"Compiling the network for this machine ({where}) ...", flush=True)


_announcement: ContextVar[_Announcement | None] = ContextVar("announcement", default=None)


@contextmanager
def announced(verbose: bool) -> Iterator[None]:
    """Inside, if `verbose`, a line is printed when compilation takes over a second; not for what the cache holds."""
    token = _announcement.set(_Announcement() if verbose else None)
    try:
        yield
    finally:
        _announcement.reset(token)


def _from_cache(made: Any) -> bool:
    """Whether a compiled function was read from the disk."""
    hits = made.cache_hits if hasattr(made, "cache_hits") else sum(made.stats.cache_hits.values())
    return hits > 0


def numbers_of_functions() -> Iterator[int]:
    """Numbers that no other process has given, for Numba to tell apart functions of one name.

    A symbol in a compiled object is named after the function's name and such a number, by default 1, 2, 3 in each
    process. Where a process loads two objects that others have compiled, or compiles one itself, two functions of one
    name and one number are one to the loader: a cell would go through the panel of another, in silence.
    """
    return iter(lambda: secrets.randbits(62), -1)  # from the system, so that forked processes differ as well


@contextmanager
def compilation(cached: bool = True) -> Iterator[None]:
    """Numba's global settings as kernels need them: own cache folder, compiler on, numbers of no other process."""
    with COMPILE_LOCK:
        before = config.CACHE_DIR, config.DISABLE_JIT, IDENTITY._unique_ids
        config.CACHE_DIR, config.DISABLE_JIT = (_FOLDER if cached else ""), 0
        IDENTITY._unique_ids = numbers_of_functions()
        collects = gc.isenabled()
        gc.disable()  # it would look through all that Numba makes again and again: a sixth of the time
        try:
            yield
        finally:
            config.CACHE_DIR, config.DISABLE_JIT, IDENTITY._unique_ids = before
            if collects:
                gc.enable()


def _damaged(error: Exception) -> bool:
    """Whether an error comes from a cache file that cannot be read: cut off, or of another format."""
    known = (EOFError, OSError, RuntimeError, ValueError, ImportError, AttributeError, pickle.UnpicklingError)
    return isinstance(error, known) or type(error).__module__.startswith("llvmlite")


def _forget(function: Callable[..., object]) -> None:
    """Delete the cache files of a function, so that the next process writes them anew."""
    for path in Path(_FOLDER).rglob(f"*.{function.__qualname__}-*.nb?"):
        path.unlink(missing_ok=True)


def _compile(function: Callable[..., object], make: Callable[[bool], Any]) -> Any:
    """make(cache), timed for the announcement."""
    begun, announcement = time.perf_counter(), _announcement.get()
    with apart("compiling"):
        made = _make(function, make)
    if announcement is not None and not _from_cache(made):
        announcement.add(time.perf_counter() - begun)
    return made


def _make(function: Callable[..., object], make: Callable[[bool], Any]) -> Any:
    """make(cache): from the cache, anew into the cache, or in memory."""
    for _ in range(2 if _FOLDER else 0):
        try:
            with compilation():
                return make(True)
        except Exception as error:
            if not _damaged(error):
                raise
            logging.getLogger("forecastrnn").info("compiled %s not read from the cache: %s", function.__name__, error)
            _forget(function)
    with compilation(cached=False):
        return make(False)


class Jitted:
    """A function that Python calls: compiled for the types of its first arguments, once."""

    def __init__(self, function: Callable[..., object]) -> None:
        self.function, self._code, self._found = function, {}, {}
        self.__doc__, self.__name__ = function.__doc__, function.__name__

    def __call__(self, *args: object) -> Any:
        """Call it; arrays must be C-contiguous."""
        return self.code(*args)(*args)

    def code(self, *args: object) -> Any:
        """What is compiled for arguments such as these."""
        kinds = tuple(map(_kind_of, args))  # a hundredth of the time that Numba's types take
        code = self._found.get(kinds)
        if code is None:
            code = self._found[kinds] = self._compiled(tuple(numba.typeof(a) for a in args))
        return code

    def is_ready(self) -> bool:
        """Whether this process or the cache has it for some types, or no cache can be written."""
        return bool(self._code) or not _FOLDER or any(Path(_FOLDER).rglob(f"*.{self.__name__}_*.nbi"))

    def _compiled(self, types: tuple) -> Any:
        with COMPILE_LOCK:
            if types not in self._code:
                self._code[types] = compile_njit(self.function, types)
        return self._code[types]


def _kind_of(value: Any) -> object:
    """What Numba's type of an argument follows from."""
    if type(value) is np.ndarray:
        return value.dtype, value.ndim, value.flags.num
    return tuple(map(_kind_of, value)) if type(value) is tuple else type(value)


def jitted(function: Callable[..., object] | None = None, *, cache: bool = True) -> Any:
    """A compiled function: called from Python, or with ``cache=False`` by other compiled functions only."""
    if function is None:
        return lambda f: jitted(f, cache=cache)
    return Jitted(function) if cache else numba.extending.register_jitable(no_cfunc_wrapper=True)(function)


def compile_njit(function: Callable[..., object], signature: Any) -> Any:
    """Compile `function` for one signature, to be called from Python without the GIL."""
    own = _named(function, signature)
    return _compile(
        own,
        lambda cache: numba.njit(signature, nogil=True, error_model="numpy", cache=cache, no_cfunc_wrapper=True)(own),
    )


def compile_cfunc(function: Callable[..., object], signature: Any) -> Any:
    """Compile `function` for one signature; the result has an `address` that stays valid."""
    own = _named(function, signature)
    return _compile(own, lambda cache: numba.cfunc(signature, cache=cache, error_model="numpy")(own))


def _named(function: Callable[..., object], signature: Any) -> Callable[..., object]:
    """The function under a name of the signature's own.

    Numba numbers what it has compiled of one name. Two processes that begin at a time, one with float32, one with
    float64, both take the next number, and later ones may read either's code for the other: wrong results, in silence.
    """
    digest = hashlib.sha256(str(signature).encode()).hexdigest()[:8]
    return rebuilt(function, {}, f"{function.__qualname__}_{digest}")


def rebuilt(function: Callable[..., object], names: dict[str, object], name: str = "") -> Callable[..., object]:
    """The same code with other globals, under a name of its own."""
    known = cast(FunctionType, function)
    scope = known.__globals__ | names if names else known.__globals__
    made = FunctionType(known.__code__, scope, known.__name__, known.__defaults__, known.__closure__)
    made.__name__ = made.__qualname__ = name or known.__name__
    made.__module__, made.__doc__ = known.__module__, known.__doc__
    return made
