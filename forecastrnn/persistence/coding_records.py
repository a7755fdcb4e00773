"""What a model file keeps of categorical channels: their categories, and the vectors that were given."""

from __future__ import annotations

from typing import Any

import numpy as np

from forecastrnn.data.coding import CategoryCoding, GivenVectors
from forecastrnn.data.static_input import StaticCoding
from forecastrnn.exceptions import ModelFileError
from forecastrnn.networks.network import Embedding
from forecastrnn.persistence.label_records import Values, described_labels, label_tensors, pack_labels, unpack_labels
from forecastrnn.persistence.model_file import Tensor
from forecastrnn.persistence.model_records import MOST, Fields


def pack_coding(coding: CategoryCoding | StaticCoding | None) -> tuple[list, Values]:
    """Descriptions of the categories of each categorical channel, and their tensors."""
    described: list = []
    values: Values = {}
    for k, categories in enumerate(coding.categories if coding else ()):
        one, own = pack_labels(f"categories.{k}", categories)
        described.append(one)
        values |= own
    return described, values


def coding_tensors(raw: Any, embeddings: tuple[Embedding, ...]) -> list[Tensor]:
    """The tensors of the categories, as many of each as the network's embedding has."""
    if not isinstance(raw, list) or len(raw) != len(embeddings):
        raise ModelFileError("the categories are not those of the network")
    return [
        tensor
        for k, e in enumerate(embeddings)
        for tensor in label_tensors(
            f"categories.{k}", described_labels(f"categories.{k}", raw[k], e.size, e.size)
        )
    ]  # fmt: skip


def unpack_coding(raw: list, embeddings: tuple[Embedding, ...], values: Values) -> CategoryCoding | None:
    """The categories that `pack_coding` was given."""
    if not embeddings:
        return None
    found = [unpack_labels(f"categories.{k}", one["kind"], values) for k, one in enumerate(raw)]
    return CategoryCoding(tuple(e.column for e in embeddings), tuple(found))


def pack_given(given: dict[int, GivenVectors]) -> tuple[list, Values]:
    """`embedding_weights`: channel, shape, and the categories of a mapping in their order."""
    described: list = []
    values: Values = {}
    for k, (channel, one) in enumerate(given.items()):
        order = slice(None) if one.keys is None else np.argsort(one.keys)
        rows = one.values[order]
        keys, own = pack_labels(f"given.{k}.keys", None if one.keys is None else one.keys[order])
        described.append({"channel": channel, "rows": rows.shape[0], "dim": rows.shape[1], "keys": keys})
        values |= {f"given.{k}.vectors": rows} | own
    return described, values


def given_tensors(raw: Any) -> list[Tensor]:
    """The tensors of the vectors, and of the categories they belong to."""
    if not isinstance(raw, list):
        raise ModelFileError("the given vectors are no list")
    found = []
    for k, each in enumerate(raw):
        one = Fields(each, f"given.{k}", "channel rows dim keys")
        one.count("channel")
        shape = one.count("rows", 1, MOST), one.count("dim", 1, MOST)
        found.append(Tensor(f"given.{k}.vectors", "<f8", shape))
        if one["keys"] is not None:
            name = f"given.{k}.keys"
            found += label_tensors(name, described_labels(name, one["keys"], shape[0], shape[0]))
    return found


def unpack_given(raw: list, values: Values) -> dict | None:
    """The value of `embedding_weights`."""
    found: dict[int, Any] = {}
    for k, one in enumerate(raw):
        rows = values[f"given.{k}.vectors"]
        if one["keys"] is not None:
            keys = unpack_labels(f"given.{k}.keys", one["keys"]["kind"], values)
            found[one["channel"]] = dict(zip(keys.tolist(), rows, strict=True))
        else:
            found[one["channel"]] = rows
    return found or None
