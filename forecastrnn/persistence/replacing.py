"""Files that are put in their place whole, or not at all: beside it first, and then by one call.

What a killed process leaves there is found by the next one that writes into the same directory. A temporary file is
locked by who writes it, and the system takes the lock back when that process ends, however it ends.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import re
import secrets
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import BufferedWriter
from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, where an open file cannot be removed
    fcntl = None  # type: ignore[assignment]

Block = bytes | memoryview
PIECE = 2**20  # bytes written between two looks at whether the process is to end
_NAME = re.compile(r"\.forecastrnn-([0-9a-f]{8})-[0-9a-f]{24}\.tmp")
_OLD = 7 * 86_400  # seconds: a file of another machine, whose locks may not be seen here, is dead after these


def target_of(path: str | os.PathLike) -> str:
    """Where to write: behind symbolic links, and an ordinary file if there is one."""
    target = os.path.realpath(text_of(path, "path"))
    if os.path.isdir(target):
        raise IsADirectoryError(errno.EISDIR, "this is a directory; give the name of a file in it", target)
    folder = os.path.dirname(target)
    if not os.path.isdir(folder):
        raise FileNotFoundError(errno.ENOENT, "there is no such directory; make it first", folder)
    if os.path.exists(target):
        if not os.path.isfile(target):
            raise OSError(errno.EINVAL, "this is not an ordinary file; give another name", target)
        if not os.access(target, os.W_OK):
            raise PermissionError(errno.EACCES, "the file may not be written; give another name", target)
    return target


def text_of(path: str | os.PathLike, name: str) -> str:
    """A path as a text, which no system takes with a character 0 in it."""
    text = os.fsdecode(path)
    if "\0" in text:
        raise ValueError(f"{name} has the character 0 in it, which no name of a file has. Got {text!r:.80}.")
    return text


def path_of(path: object, name: str, wanted: str = "a str or an os.PathLike") -> str:
    """The same of what may be no path; bytes are none, since they could be a file itself."""
    if not isinstance(path, str | os.PathLike):
        raise TypeError(f"{name} must be {wanted}. Got {path!r:.80}.")
    return text_of(path, name)


def folder_of(path: object) -> Path:
    """A directory to write in, made if it is not there."""
    found = Path(path_of(path, "folder"))
    if os.path.exists(found) and not os.path.isdir(found):
        raise NotADirectoryError(errno.ENOTDIR, "this is a file; give the name of a directory", str(found))
    found.mkdir(parents=True, exist_ok=True)
    return found


def replace_file(target: str, blocks: Iterable[Block]) -> None:
    """A temporary file beside the target, made safe on disk, and then put in its place.

    SIGTERM waits for the next piece: then the temporary file is taken away, and the process ends by it.
    """
    folder = os.path.dirname(target)
    clear_leftovers(folder)
    with _says_of(target), _ends_between_pieces() as may_end, _temporary_file(folder) as (handle, temporary):
        for block in blocks:
            _write(handle, block, may_end)
        handle.flush()
        os.fsync(handle.fileno())
        if os.path.exists(target):
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        may_end()
        if fcntl is None:
            handle.close()
        _rename(temporary, target)  # still locked: nobody takes it for a leftover
    _sync_folder(folder)


@contextmanager
def _says_of(target: str) -> Iterator[None]:
    """A disk that is full, or breaks, knows no name: it is that of the file which stays as it was."""
    try:
        yield
    except OSError as error:
        if error.filename is not None:
            raise
        said = f"{error.strerror}: nothing is written, and what was there stays; make room, or give another place"
        raise OSError(error.errno, said, target) from error


def _rename(temporary: str, target: str) -> None:
    try:
        os.replace(temporary, target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, target) from error


def _write(handle: BufferedWriter, block: Block, may_end: Callable[[], None]) -> None:
    view = memoryview(block)
    for begin in range(0, len(view), PIECE):
        may_end()
        handle.write(view[begin : begin + PIECE])


@contextmanager
def _temporary_file(folder: str) -> Iterator[tuple[BufferedWriter, str]]:
    """A new file, locked while it is written, and gone if that fails."""
    handle, temporary = _create(folder)
    while not (
        _lock(handle.fileno()) and os.path.exists(temporary)
    ):  # another process has just taken it for a leftover
        handle.close()
        handle, temporary = _create(folder)
    try:
        with handle:
            yield handle, temporary
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(temporary)
        raise


def _create(folder: str) -> tuple[BufferedWriter, str]:
    temporary = os.path.join(folder, f".forecastrnn-{_machine()}-{secrets.token_hex(12)}.tmp")
    try:
        return open(temporary, "xb"), temporary
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}: no file can be written in this directory", folder) from error


def try_folder(folder: str) -> None:
    """Raise OSError for a directory in which no file can be written: before hours of work rather than behind them."""
    handle, temporary = _create(folder)
    handle.close()
    os.unlink(temporary)


def _sync_folder(folder: str) -> None:
    """Make the new name safe on disk, where a system has a call for it."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows, or a directory that may not be listed
        return
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise OSError(error.errno, error.strerror, folder) from error
    finally:
        os.close(handle)


# What killed processes leave --------------------------------------------------------------------------------------
@cache
def _machine() -> str:
    """Short for this machine since it was started: locks of its processes are seen here."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    started = boot.read_text() if boot.exists() else ""
    return hashlib.sha256(f"{platform.node()} {started}".encode()).hexdigest()[:8]


def _lock(file: int) -> bool:
    """Lock an open file for this process; False: another one has it. Where there are no locks, an OSError is passed."""
    try:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def clear_leftovers(folder: str) -> None:
    """Remove temporary files of killed processes; a directory that does not let us is as good as empty."""
    with suppress(OSError):
        for name in [entry.name for entry in os.scandir(folder) if _NAME.fullmatch(entry.name)]:
            with suppress(OSError):
                _clear(os.path.join(folder, name))


def _clear(path: str) -> None:
    """Remove a temporary file if nobody writes it: our lock on it says so, or for those of other machines its age."""
    found = _NAME.fullmatch(os.path.basename(path))
    is_own = found is not None and found[1] == _machine() and fcntl is not None
    if not is_own and time.time() - os.stat(path).st_mtime < _OLD:
        return
    if fcntl is None:
        os.unlink(path)
        return
    handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW)
    try:
        if _lock(handle):
            os.unlink(path)
    finally:
        os.close(handle)


# The end of the process -------------------------------------------------------------------------------------------
class _Ended(BaseException):
    """The process was told to end."""


@contextmanager
def _ends_between_pieces() -> Iterator[Callable[[], None]]:
    """What to call between pieces. SIGTERM, where nobody handles it, is kept until then, and then ends the process."""
    seen: list[int] = []

    def may_end() -> None:
        if seen:
            raise _Ended

    if not _is_ours():
        yield may_end
        return
    signal.signal(signal.SIGTERM, lambda number, frame: seen.append(number))
    try:
        yield may_end
    except _Ended:
        pass
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        if seen:
            os.kill(os.getpid(), signal.SIGTERM)


def _is_ours() -> bool:
    """Whether SIGTERM ends the process here: only the main thread may say anything about it."""
    if threading.current_thread() is not threading.main_thread() or os.name == "nt":
        return False
    return signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
