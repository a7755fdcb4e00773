"""Model files whose checksum is right and whose header is not what was saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from forecastrnn.persistence import model_file


def parts_of(content: bytes) -> tuple[dict, bytes]:
    """The header of a model file and its tensors."""
    preamble = model_file.PREAMBLE
    length = preamble.unpack(content[: preamble.size])[3]
    return json.loads(content[preamble.size : preamble.size + length]), content[preamble.size + length :]


def forge(content: bytes, change: Callable[[dict], Any], tail: bytes | None = None) -> bytes:
    """A file with another header (and tensors), and the checksum that belongs to them."""
    preamble = model_file.PREAMBLE
    header, own = parts_of(content)
    changed = change(header)
    text = changed if isinstance(changed, bytes) else json.dumps(header).encode()
    tail = own if tail is None else tail
    digest = model_file._digest((len(text), len(tail)), [text, tail])
    return preamble.pack(model_file.MAGIC, model_file.VERSION, digest, len(text), len(tail)) + text + tail
