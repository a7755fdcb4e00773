"""Model files whose checksum is right and whose header is not what was saved."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from forecastrnn.persistence import model_file


def forge(content: bytes, change: Callable[[dict], Any], tail: bytes | None = None) -> bytes:
    """A file with another header (and tensors), and the checksum that belongs to them."""
    preamble = model_file.PREAMBLE
    length = preamble.unpack(content[: preamble.size])[3]
    header = json.loads(content[preamble.size : preamble.size + length])
    changed = change(header)
    text = changed if isinstance(changed, bytes) else json.dumps(header).encode()
    tail = content[preamble.size + length :] if tail is None else tail
    digest = model_file._digest((len(text), len(tail)), [text, tail])
    return preamble.pack(model_file.MAGIC, model_file.VERSION, digest, len(text), len(tail)) + text + tail
