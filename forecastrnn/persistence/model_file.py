"""The container of a model file: a checked header and raw tensors, written whole or not at all.

Little-endian throughout: magic (8 bytes), format version (u32), SHA-256 of all else (32 bytes), length of the header
(u32), length of the tensors (u64), the header (JSON), the tensors end to end. The checksum finds damage, not malice:
what a header says is checked by those who read it, before anything is allocated for its tensors.
"""

from __future__ import annotations

import errno
import hashlib
import json
import math
import os
import re
import secrets
import stat
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader

import numpy as np

from forecastrnn.exceptions import ModelFileError

MAGIC = b"\x89RNN\r\n\x1a\n"  # not text, and changed by whatever changes line ends
VERSION = 1
PREAMBLE = struct.Struct("<8sI32sIQ")
MOST_HEADER = 2**20  # bytes; names, curves and ids are tensors, so a header stays small
MOST_DEPTH = 16
CHUNK = 2**20  # bytes hashed at a time
MOST_DIGITS = 20  # of an integer
Block = bytes | memoryview
ASK = "Save the model again, or take a copy that is whole."


@dataclass(frozen=True)
class Tensor:
    """What a tensor is: its name, its dtype in NumPy's letters ("<f4"), its shape."""

    name: str
    dtype: str
    shape: tuple[int, ...]

    @property
    def nbytes(self) -> int:
        """Bytes in the file."""
        return math.prod(self.shape) * np.dtype(self.dtype).itemsize


def write_model(path: str | os.PathLike, header: dict, tensors: list[Tensor], values: dict[str, np.ndarray]) -> None:
    """Write a model file atomically: whatever goes wrong, the file at `path` stays as it was."""
    text = json.dumps(header, allow_nan=False, separators=(",", ":"), sort_keys=True).encode()
    if len(text) > MOST_HEADER:
        raise ValueError(f"the model's description takes {len(text)} bytes, more than a model file holds")
    if [t.name for t in tensors] != list(values):
        raise RuntimeError(f"tensors {list(values)} are not those of the header: {[t.name for t in tensors]}")
    blocks: list[Block] = [text, *(_raw(tensor, values[tensor.name]) for tensor in tensors)]
    lengths = len(text), sum(tensor.nbytes for tensor in tensors)
    digest = _digest(lengths, blocks)
    replace_file(target_of(path), [PREAMBLE.pack(MAGIC, VERSION, digest, *lengths), *blocks])


def _raw(tensor: Tensor, value: np.ndarray) -> memoryview:
    """The bytes of a tensor, which must be what the header makes of it, and finite."""
    if value.shape != tensor.shape or value.dtype != np.dtype(tensor.dtype):
        raise RuntimeError(f"tensor {tensor.name}: {value.dtype} {value.shape} is not {tensor.dtype} {tensor.shape}")
    if not np.isfinite(value).all():
        raise ValueError(f"the model has non-finite values ({tensor.name}) and is of no use: fit it again, then save")
    return np.ascontiguousarray(value, tensor.dtype).reshape(-1).view(np.uint8).data


def _digest(lengths: tuple[int, int], blocks: Iterable[Block]) -> bytes:
    """SHA-256 of everything in the file but itself."""
    digest = hashlib.sha256(PREAMBLE.pack(MAGIC, VERSION, b"", *lengths))
    for block in blocks:
        digest.update(block)
    return digest.digest()


def target_of(path: str | os.PathLike) -> str:
    """Where to write: behind symbolic links, and an ordinary file if there is one."""
    target = os.path.realpath(os.fsdecode(path))
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


def replace_file(target: str, blocks: list[Block]) -> None:
    """A temporary file beside the target, made safe on disk, and then put in its place."""
    folder = os.path.dirname(target)
    temporary = os.path.join(folder, f".{secrets.token_hex(12)}.tmp")
    try:
        handle = open(temporary, "xb")  # noqa: SIM115
    except OSError as error:
        raise OSError(error.errno, f"{error.strerror}: no file can be written in this directory", folder) from error
    try:
        with handle:
            for block in blocks:
                handle.write(block)
            handle.flush()
            os.fsync(handle.fileno())
        if os.path.exists(target):
            os.chmod(temporary, stat.S_IMODE(os.stat(target).st_mode))
        os.replace(temporary, target)
    except BaseException:
        if os.path.exists(temporary):
            os.unlink(temporary)
        raise
    _sync_folder(folder)


def _sync_folder(folder: str) -> None:
    """Make the new name safe on disk; Windows has no such call."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@dataclass
class ModelFile:
    """An open model file that is whole: its header, and where its tensors begin."""

    path: str
    header: object
    handle: BufferedReader
    nbytes: int

    def read(self, tensors: list[Tensor]) -> dict[str, np.ndarray]:
        """All tensors, native and writeable, finite; their sizes must fill the file to the byte."""
        need = sum(tensor.nbytes for tensor in tensors)
        if need != self.nbytes:
            raise ModelFileError(
                f"{self.path}: the header describes {need} bytes of tensors, but the file has {self.nbytes}. {ASK}"
            )
        return {tensor.name: self._read(tensor) for tensor in tensors}

    def _read(self, tensor: Tensor) -> np.ndarray:
        values = np.empty(tensor.shape, tensor.dtype)
        if self.handle.readinto(values.reshape(-1).view(np.uint8).data) != values.nbytes:
            raise ModelFileError(f"{self.path}: the file became shorter while it was read. {ASK}")
        if not np.isfinite(values).all():
            raise ModelFileError(f"{self.path}: {tensor.name} has non-finite values. {ASK}")
        return values.astype(values.dtype.newbyteorder("="), copy=False)


@contextmanager
def open_model(path: str | os.PathLike) -> Iterator[ModelFile]:
    """A model file, its checksum and the form of its header checked.

    Raises ModelFileError for what is not a whole model file of this version, OSError where it cannot be read.
    """
    name = os.fsdecode(path)
    mode = os.stat(name).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "this is a directory; give the name of a model file in it", name)
    if not stat.S_ISREG(mode):
        raise ModelFileError(f"{name} is not an ordinary file; give the name of a model file.")
    with open(name, "rb") as handle:
        text, nbytes = _check_whole(handle, name)
        yield ModelFile(name, parse_header(text, name), handle, nbytes)


def _check_whole(handle: BufferedReader, name: str) -> tuple[bytes, int]:
    """The text of the header, and the bytes behind it, of a file that is as it was written."""
    size, start = os.fstat(handle.fileno()).st_size, handle.read(PREAMBLE.size)
    if not start.startswith(MAGIC):
        cut = len(start) < len(MAGIC) and MAGIC.startswith(start)
        what = "the file is cut off" if cut else "this is not a model file of forecastrnn: it begins with other bytes"
        raise ModelFileError(f"{name}: {what}. Give a file written by an estimator's save method.")
    if len(start) < PREAMBLE.size:
        raise ModelFileError(f"{name}: the file is cut off after {len(start)} bytes. {ASK}")
    _, version, digest, *lengths = PREAMBLE.unpack(start)
    if version != VERSION:
        newer = "Update forecastrnn to read it" if version > VERSION else "The file is damaged"
        raise ModelFileError(f"{name}: format version {version}; this forecastrnn reads version {VERSION}. {newer}.")
    whole = PREAMBLE.size + sum(lengths)
    if size != whole:
        what = "cut off" if size < whole else "too long"
        raise ModelFileError(f"{name}: the file is {what}: it has {size} bytes and should have {whole}. {ASK}")
    if lengths[0] > MOST_HEADER:
        raise ModelFileError(f"{name}: the header has {lengths[0]} bytes, more than the {MOST_HEADER} allowed. {ASK}")
    if _digest((lengths[0], lengths[1]), iter(lambda: handle.read(CHUNK), b"")) != digest:
        raise ModelFileError(f"{name}: the file is damaged: its checksum does not fit its contents. {ASK}")
    handle.seek(PREAMBLE.size)
    return handle.read(lengths[0]), lengths[1]


def parse_header(text: bytes, name: str) -> object:
    """Strict JSON: no NaN or infinity, no key twice, no long number, no deep nesting."""
    try:
        decoded = text.decode()
        if _depth(decoded) > MOST_DEPTH:
            raise ValueError(f"nested more than {MOST_DEPTH} deep")
        return json.loads(
            decoded, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite, parse_int=_short
        )
    except ValueError as error:
        raise ModelFileError(f"{name}: the header is not valid: {error}. {ASK}") from error


def _depth(text: str) -> int:
    """Levels of brackets, those within strings apart."""
    brackets = re.sub(r'"(?:[^"\\]|\\.)*"|[^\[\]{}"]+', "", text)
    return int(np.cumsum([1 if c in "[{" else -1 for c in brackets]).max(initial=0))


def _unique(pairs: list[tuple[str, object]]) -> dict:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is there twice")
    return found


def _refuse(constant: str) -> float:
    raise ValueError(f"it holds {constant}")


def _finite(digits: str) -> float:
    value = float(digits)
    return value if math.isfinite(value) else _refuse(digits)


def _short(digits: str) -> int:
    if len(digits) > MOST_DIGITS:
        raise ValueError("it holds an integer that is too long")
    return int(digits)
