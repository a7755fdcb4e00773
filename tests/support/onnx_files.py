"""A file of ONNX as others write them."""

from __future__ import annotations

from pathlib import Path

import numpy as np


def write_lstm(path: str | Path) -> None:
    """An LSTM over two channels with a dense layer on its last state."""
    import onnx

    rng = np.random.default_rng(0)
    arrays = {"W": (1, 12, 2), "R": (1, 12, 3), "kernel": (3, 1), "bias": (1,)}
    constants = [
        onnx.numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name) for name, shape in arrays.items()
    ]
    constants.append(onnx.numpy_helper.from_array(np.array([0]), "axes"))
    make = onnx.helper.make_node
    nodes = [
        make("LSTM", ["X", "W", "R"], ["", "last"], hidden_size=3), make("Squeeze", ["last", "axes"], ["flat"]),
        make("Gemm", ["flat", "kernel", "bias"], ["y"]),
    ]  # fmt: skip
    declared = [
        [onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)]
        for name, shape in (("X", ["time", "batch", 2]), ("y", ["batch", 1]))
    ]
    onnx.save(onnx.helper.make_model(onnx.helper.make_graph(nodes, "lstm", *declared, constants)), path)
