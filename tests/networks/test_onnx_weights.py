"""`from_onnx` reads nodes of RNN, LSTM and GRU: the vectors of the standard, and graphs in ONNX Runtime."""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forecastrnn import RNNClassifier, RNNRegressor
from forecastrnn.functional import dynamic_rnn, from_onnx

onnx = pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.onnx

RNG = np.random.default_rng(0)
GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
KINDS: list[tuple[str, dict[str, Any]]] = [
    ("RNN", {}), ("RNN", {"activations": ["Relu"]}), ("RNN", {"activations": ["Sigmoid"]}), ("LSTM", {}),
    ("GRU", {}), ("GRU", {"linear_before_reset": 1}),
]  # fmt: skip


def vectors_of_the_standard() -> list[Any]:
    """The cases of the package onnx whose one node is recurrent."""
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models = [case for case in collect_testcases() if case.model is not None]
    return [case for case in models if [node.op_type for node in case.model.graph.node] in ([kind] for kind in GATES)]


def test_vectors_of_the_standard() -> None:
    """All directions and layouts, lengths, first states, peepholes."""
    cases = {case.name: case for case in vectors_of_the_standard()}
    assert len(cases) >= 18
    for name, case in cases.items():
        node = case.model.graph.node[0]
        for inputs, outputs in case.data_sets:
            given = dict(zip((one.name for one in case.model.graph.input), inputs))
            expected = dict(zip((one.name for one in case.model.graph.output), outputs))
            for output, array in computed(case.model, node, given).items():
                if output in expected:
                    np.testing.assert_allclose(array, expected[output], rtol=1e-5, atol=1e-6, err_msg=name)


def computed(model: Any, node: Any, given: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What a node puts out, by the recurrence of its weights, in its own layout."""
    weights = {name: given[name] for name in given if name in ("W", "R", "B", "P")}
    found = from_onnx(model, weights)
    attributes = {one.name: onnx.helper.get_attribute_value(one) for one in node.attribute}
    batchwise = attributes.get("layout", 0) == 1
    X = given["X"] if batchwise else given["X"].transpose(1, 0, 2)
    state = None
    if "initial_h" in given:
        h, c = given["initial_h"][0], given["initial_c"][0]
        state = [(c, h)]
    outputs, states = dynamic_rnn(
        found.cells, X, found.weights, initial_state=state, lengths=given.get("sequence_lens")
    )  # fmt: skip
    sides = states[0] if isinstance(found.weights[0], tuple) else (states[0],)
    each = np.stack(np.split(outputs, len(sides), axis=-1), axis=2)  # (n, time, directions, units)
    kept = slice(1, None) if attributes.get("direction") == b"reverse" else slice(None)
    h, c = (np.stack([side[k] if isinstance(side, tuple) else side for side in sides])[kept] for k in (-1, 0))
    each = each[:, :, kept]
    turned = (each, h.swapaxes(0, 1), c.swapaxes(0, 1)) if batchwise else (each.transpose(1, 2, 0, 3), h, c)
    return dict(zip(node.output, turned))


def graph_of(
    kind: str, attributes: dict, direction: str, link: str = "", peepholes: bool = False, outputs: int = 3
) -> Any:
    """Two layers and a dense one behind the last state."""
    helper, constants, nodes, wide, at = onnx.helper, [], [], 2, "X"
    count = 2 if direction == "bidirectional" else 1
    directed = {k: v * count if k == "activations" else v for k, v in attributes.items()} | {"direction": direction}

    def constant(name: str, *shape: int) -> str:
        array = RNG.normal(size=shape).astype(np.float32) * 0.5
        constants.append(onnx.numpy_helper.from_array(array, name))
        return name

    constants.append(onnx.numpy_helper.from_array(np.array([0, 0, -1]), "shape"))
    constants.append(onnx.numpy_helper.from_array(np.array([0, -1]), "flat"))
    for k, units in enumerate((4, 3)):
        g = GATES[kind]
        names = [constant(f"W{k}", count, g * units, wide), constant(f"R{k}", count, g * units, units),
                 constant(f"B{k}", count, 2 * g * units)]  # fmt: skip
        names += ["", "", "", constant(f"P{k}", count, 3 * units)] if peepholes else []
        nodes += [
            helper.make_node(kind, [at, *names], [f"Y{k}", f"H{k}"], hidden_size=units, **directed),
            helper.make_node("Transpose", [f"Y{k}"], [f"T{k}"], perm=[0, 2, 1, 3]),
            helper.make_node("Reshape", [f"T{k}", "shape"], [f"X{k}"]),
        ]  # fmt: skip
        wide, at = units * count, f"X{k}"
    nodes += [
        helper.make_node("Transpose", ["H1"], ["HT"], perm=[1, 0, 2]),
        helper.make_node("Reshape", ["HT", "flat"], ["F"]),
        helper.make_node("Gemm", ["F", constant("D", outputs, wide), constant("b", outputs)], ["out"], transB=1),
    ]  # fmt: skip
    nodes += [helper.make_node(link, ["out"], ["linked"])] if link else []
    info = helper.make_tensor_value_info
    graph = helper.make_graph(
        nodes, "g", [info("X", 1, ["t", "n", 2])], [info("linked" if link else "out", 1, ["n", outputs])], constants
    )  # fmt: skip
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def ran(model: Any, X: np.ndarray) -> np.ndarray:
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"X": X.transpose(1, 0, 2)})[0]


X = RNG.normal(size=(5, 6, 2)).astype(np.float32)


@pytest.mark.parametrize("direction", ["forward", "reverse", "bidirectional"])
def test_estimators_beside_onnx_runtime(direction: str, tmp_path: Path) -> None:
    for kind, attributes in KINDS:
        model = graph_of(kind, attributes, direction)
        onnx.save(model, tmp_path / "model.onnx")
        read = RNNRegressor.from_onnx(tmp_path / "model.onnx")
        np.testing.assert_allclose(read.predict(X), ran(model, X), atol=1e-5)
        model = graph_of(kind, attributes, direction, "Softmax")
        shares = RNNClassifier.from_onnx(model.SerializeToString(), classes=["a", "b", "c"]).predict_proba(X)
        np.testing.assert_allclose(shares, ran(model, X), atol=1e-5)
    model = graph_of("LSTM", {}, direction, peepholes=True)
    np.testing.assert_allclose(RNNRegressor.from_onnx(model).predict(X), ran(model, X), atol=1e-5)
    model = graph_of("LSTM", {}, direction, "Sigmoid", outputs=1)
    shares = RNNClassifier.from_onnx(model).predict_proba(X)[:, 1:]
    np.testing.assert_allclose(shares, ran(model, X), atol=1e-5)


def test_what_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="use RNNClassifier"):
        RNNRegressor.from_onnx(graph_of("GRU", {}, "forward", "Softmax"))
    with pytest.raises(ValueError, match="no probability of one class"):
        RNNClassifier.from_onnx(graph_of("GRU", {}, "forward", "Sigmoid"))
    with pytest.raises(ValueError, match=r"'Y0' \(LSTM\) has clip=1.0"):
        from_onnx(graph_of("LSTM", {"clip": 1.0}, "forward"))
    with pytest.raises(ValueError, match="activations .*Elu"):
        from_onnx(graph_of("RNN", {"activations": ["Elu"]}, "forward"))
    with pytest.raises(ValueError, match="Relu.* computes what no network here does"):
        from_onnx(graph_of("RNN", {}, "forward", "Relu"))
    model = graph_of("RNN", {}, "forward")
    model.graph.node[3].input[0] = "X"  # beside the first layer, not behind it
    with pytest.raises(ValueError, match="one chain"):
        from_onnx(model)
    model = graph_of("RNN", {}, "forward")
    del model.graph.initializer[2]
    with pytest.raises(ValueError, match="W of node 'Y0' .* no constant.*values="):
        from_onnx(model)
    with pytest.raises(ValueError, match="no model of ONNX"):
        from_onnx(b"no model")
    with pytest.raises(TypeError, match="must be a path"):
        from_onnx(3)
    with pytest.raises(FileNotFoundError):
        from_onnx(tmp_path / "none.onnx")
