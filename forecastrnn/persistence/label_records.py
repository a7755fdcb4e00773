"""Lists of labels, classes or categories, as a description for the header and tensors, and back."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecastrnn.exceptions import ModelFileError
from forecastrnn.persistence.model_file import Tensor
from forecastrnn.persistence.model_records import Fields, pack_texts, text_tensors, unpack_texts

Values = dict[str, np.ndarray]
_LABELS = {"|b1", "<f4", "<f8"} | {f"{sign}{size}" for sign in ("<i", "<u") for size in (2, 4, 8)} | {"|i1", "|u1"}


def pack_labels(name: str, labels: np.ndarray | None) -> tuple[Any, Values]:
    """Texts of any length, fixed-width texts (as their code points), or numbers."""
    if labels is None:
        return None, {}
    if labels.dtype.kind == "O":
        values = pack_texts(name, [str(label) for label in labels])
        return {"kind": "text", "count": len(labels), "size": len(values[f"{name}.text"])}, values
    if labels.dtype.kind == "U":
        points = np.ascontiguousarray(labels, labels.dtype.newbyteorder("<")).view("<u4").reshape(len(labels), -1)
        return {"kind": "width", "count": len(labels), "size": points.shape[1]}, {f"{name}.points": points}
    kind = labels.dtype.newbyteorder("<").str
    if kind not in _LABELS:
        raise TypeError(f"{name} of dtype {labels.dtype} cannot be saved; use texts, integers, floats or booleans.")
    stored = labels.view(np.uint8) if kind == "|b1" else labels
    return {"kind": kind, "count": len(labels), "size": 0}, {f"{name}.numbers": stored}


def described_labels(name: str, raw: Any, least: int, most: int) -> Fields:
    """The description in a header, checked."""
    described = Fields(raw, name, "kind count size")
    described.count("count", least, most)
    described.count("size")
    described.text("kind", _LABELS | {"text", "width"})
    return described


def label_tensors(name: str, described: Fields) -> list[Tensor]:
    """The tensors of labels."""
    kind, count, size = described["kind"], described["count"], described["size"]
    if kind == "text":
        return text_tensors(name, count, size)
    if kind == "width":
        return [Tensor(f"{name}.points", "<u4", (count, described.count("size", 1)))]
    return [Tensor(f"{name}.numbers", "|u1" if kind == "|b1" else kind, (count,))]


def unpack_labels(name: str, kind: str, values: Values) -> np.ndarray:
    """The labels that `pack_labels` was given."""
    if kind == "text":
        labels = np.array(unpack_texts(name, values), object)
    elif kind == "width":
        points = values[f"{name}.points"]
        if (points > 0x10FFFF).any():
            raise ModelFileError(f"{name}: one is not a text")
        labels = points.view(f"<U{points.shape[1]}")[:, 0].astype(f"U{points.shape[1]}")
    else:
        labels = values[f"{name}.numbers"]
        if kind == "|b1":
            labels = _bools(labels)
    if len(np.unique(labels)) != len(labels) or (labels[1:] <= labels[:-1]).any():
        raise ModelFileError(f"the {name} are not in order")
    return labels


def _bools(values: np.ndarray) -> np.ndarray:
    if (values > 1).any():
        raise ModelFileError("a boolean is neither 0 nor 1")
    return values.view(bool)
