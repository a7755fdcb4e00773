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
import stat
import struct
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO, RawIOBase
from typing import Any, BinaryIO, cast

import numpy as np

from forecastrnn.exceptions import ModelFileError
from forecastrnn.persistence.replacing import Block, path_of, replace_file, target_of
from forecastrnn.persistence.utf8 import utf8

_WANTED = "a str, an os.PathLike or a binary file that is open"
MAGIC = b"\x89RNN\r\n\x1a\n"  # not text, and changed by whatever changes line ends
VERSION = 1
PREAMBLE = struct.Struct("<8sI32sIQ")
MOST_HEADER = 2**20  # bytes; names, curves and ids are tensors, so a header stays small
MOST_DEPTH = 16
CHUNK = 2**20  # bytes hashed at a time
MOST_DIGITS = 20  # of an integer
ASK = "Save the model again, or take a copy that is whole."
GIVE = "Give a file written by an estimator's save method."


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


def write_model(to: Any, header: dict, tensors: list[Tensor], values: dict[str, np.ndarray]) -> None:
    """Write a model file atomically: whatever goes wrong, the file at this path stays as it was.

    to : a path, or an open binary file, which nothing is written to before all of it is known.
    """
    target = place_of(to)
    utf8(json.dumps(header, ensure_ascii=False), "the model's description")  # a text that cannot be read is not written
    text = json.dumps(header, allow_nan=False, separators=(",", ":"), sort_keys=True).encode()
    if len(text) > MOST_HEADER:
        raise ValueError(f"the model's description takes {len(text)} bytes, more than a model file holds")
    if [t.name for t in tensors] != list(values):
        raise RuntimeError(f"tensors {list(values)} are not those of the header: {[t.name for t in tensors]}")
    blocks: list[Block] = [text, *(_raw(tensor, values[tensor.name]) for tensor in tensors)]
    lengths = len(text), sum(tensor.nbytes for tensor in tensors)
    digest = _digest(lengths, blocks)
    blocks = [PREAMBLE.pack(MAGIC, VERSION, digest, *lengths), *blocks]
    write_blocks(to, target, blocks)


def place_of(to: Any) -> str | None:
    """The file that a path names, looked at before there is work to lose; None of an open file."""
    return None if hasattr(to, "write") else target_of(path_of(to, "path", _WANTED))


def write_blocks(to: Any, place: str | None, blocks: list[Block]) -> None:
    """All to an open file, or at once to a place."""
    if place is None:
        _write_to(to, blocks)
    else:
        replace_file(place, blocks)


def _write_to(file: Any, blocks: list[Block]) -> None:
    """All to an open file, from where it stands; one without a buffer may take less at a time."""
    _refuse_shut(file, "writable", "wb")
    for block in blocks:
        view = memoryview(block)
        while len(view):
            try:
                taken = file.write(view)
            except TypeError as error:
                raise TypeError('the file must be open in binary mode, as by open(path, "wb")') from error
            if isinstance(file, RawIOBase) and taken is None:
                raise BlockingIOError(errno.EAGAIN, "the file takes no more at the moment; give one that waits")
            view = view[taken if isinstance(file, RawIOBase) else len(view) :]
    if hasattr(file, "flush"):
        file.flush()


def _refuse_shut(file: Any, able: str, mode: str) -> None:
    """Raise for a file that is closed, or open for the other way; what does not say so is asked when it is used."""
    if getattr(file, "closed", False) is True:
        raise ValueError(f'the file is closed: give one that is open, as by open(path, "{mode}")')
    if hasattr(file, able) and not getattr(file, able)():
        raise ValueError(f'the file is not {able}: open it by open(path, "{mode}")')


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


@dataclass
class ModelFile:
    """A model file that is whole: what it is called, its header, and where its tensors begin."""

    path: str
    header: object
    handle: BinaryIO
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
        bytes_read = cast(Any, self.handle).readinto(values.reshape(-1).view(np.uint8).data)
        if bytes_read != values.nbytes:
            raise ModelFileError(f"{self.path}: the file became shorter while it was read. {ASK}")
        if not np.isfinite(values).all():
            raise ModelFileError(f"{self.path}: {tensor.name} has non-finite values. {ASK}")
        return values.astype(values.dtype.newbyteorder("="), copy=False)


@contextmanager
def open_model(source: Any) -> Iterator[ModelFile]:
    """A model file, its checksum and the form of its header checked.

    source : a path; an open binary file, which is read from where it stands to the end of the model; or the bytes.
    Raises ModelFileError for what is not a whole model file of this version, OSError where it cannot be read.
    """
    if hasattr(source, "read"):
        named = getattr(source, "name", None)
        name = named if isinstance(named, str) else "the file"
        yield _model_in(_taken_from(source, name), name)
    elif isinstance(source, bytes | bytearray | memoryview):
        yield _model_in(BytesIO(source), "the bytes")
    else:
        name = path_of(source, "path", _WANTED)
        _check_ordinary(name)
        with open(name, "rb") as handle:
            yield _model_in(handle, name)


def _check_ordinary(name: str) -> None:
    mode = os.stat(name).st_mode
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "this is a directory; give the name of a model file in it", name)
    if not stat.S_ISREG(mode):
        raise ModelFileError(f"{name} is not an ordinary file; give the name of a model file.")


def _taken_from(file: Any, name: str) -> BytesIO:
    """A model out of an open file, which need not be able to go back; what its beginning claims is not believed."""
    found = BytesIO()
    _refuse_shut(file, "readable", "rb")
    _take(file, found, PREAMBLE.size)
    if not found.tell():
        raise ModelFileError(
            f"{name}: the file is cut off: nothing is behind where it stands. seek(0) goes to its beginning."
        )
    _take(file, found, sum(_lengths_of(found.getvalue(), name)[1]))
    found.seek(0)
    return found


def _take(file: Any, found: BytesIO, left: int) -> None:
    """So many bytes more, or all that there are."""
    while left:
        piece = file.read(min(left, CHUNK))
        if isinstance(piece, str):
            raise TypeError('the file must be open in binary mode, as by open(path, "rb")')
        if not piece:
            return
        left -= found.write(piece)


def _model_in(handle: BinaryIO, name: str) -> ModelFile:
    """What stands in a file that is as it was written."""
    size = handle.seek(0, os.SEEK_END)
    handle.seek(0)
    digest, lengths = _lengths_of(handle.read(PREAMBLE.size), name)
    whole = PREAMBLE.size + sum(lengths)
    if size != whole:
        what = "cut off" if size < whole else "too long"
        raise ModelFileError(f"{name}: the file is {what}: it has {size} bytes and should have {whole}. {ASK}")
    if _digest(lengths, iter(lambda: handle.read(CHUNK), b"")) != digest:
        raise ModelFileError(f"{name}: the file is damaged: its checksum does not fit its contents. {ASK}")
    handle.seek(PREAMBLE.size)
    return ModelFile(name, parse_header(handle.read(lengths[0]), name), handle, lengths[1])


def _lengths_of(start: bytes, name: str) -> tuple[bytes, tuple[int, int]]:
    """The checksum, and the bytes of the header and of the tensors, as the beginning of a file has them."""
    if not start.startswith(MAGIC):
        cut = len(start) < len(MAGIC) and MAGIC.startswith(start)
        what = "the file is cut off" if cut else "this is not a model file of forecastrnn: it begins with other bytes"
        raise ModelFileError(f"{name}: {what}. {GIVE}")
    if len(start) < PREAMBLE.size:
        raise ModelFileError(f"{name}: the file is cut off after {len(start)} bytes. {ASK}")
    _, version, digest, n_header, n_tensors = PREAMBLE.unpack(start)
    if version != VERSION:
        newer = "Update forecastrnn to read it" if version > VERSION else "The file is damaged"
        raise ModelFileError(f"{name}: format version {version}; this forecastrnn reads version {VERSION}. {newer}.")
    if n_header > MOST_HEADER:
        raise ModelFileError(f"{name}: the header has {n_header} bytes, more than the {MOST_HEADER} allowed. {ASK}")
    return digest, (n_header, n_tensors)


def parse_header(text: bytes, name: str) -> object:
    """Strict JSON: no NaN or infinity, no key twice, no long number, no deep nesting."""
    try:
        decoded = text.decode()
        if _depth(decoded) > MOST_DEPTH:
            raise ValueError(f"nested more than {MOST_DEPTH} deep")
        found = json.loads(
            decoded, object_pairs_hook=_unique, parse_constant=_refuse, parse_float=_finite, parse_int=_short
        )
        json.dumps(found, ensure_ascii=False).encode()  # half of a pair of UTF-16 is no text
        return found
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
