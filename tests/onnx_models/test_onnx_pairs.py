"""Encoders and decoders that `to_onnx` writes decode in ONNX Runtime what the estimator decodes."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import pytest

from forecastrnn import Beam, RNNSeq2Seq

pytest.importorskip("onnx")
ort = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.onnx

RNG = np.random.RandomState(0)
X = ["".join(RNG.choice([*"abcdé"], size=RNG.randint(1, 6))) for _ in range(60)]
OPTIONS: dict[str, Any] = {"hidden_layer_sizes": 8, "max_iter": 8, "random_state": 0}
CASES: dict[str, dict[str, Any]] = {
    "additive": {},
    "dot": {"attention": "dot", "bidirectional": True, "cell": "lstm"},
    "none": {"attention": None, "hidden_layer_sizes": (6, 5), "layer_norm": True, "reverse_source": False},
    "others": {"cell": ["mgu", "peephole_lstm"], "hidden_layer_sizes": (6, 5), "bidirectional": True},
}


def session_of(model: RNNSeq2Seq) -> Any:
    file = io.BytesIO()
    model.to_onnx(file)
    options = ort.SessionOptions()
    options.log_severity_level = 4
    return ort.InferenceSession(file.getvalue(), options, providers=["CPUExecutionProvider"])


def decoded(session: Any, rows: list, filling: Any, **others: Any) -> list[list]:
    """Token lists of padded rows."""
    lengths = np.array([len(row) for row in rows])
    padded = np.array([[*row, *[filling] * (lengths.max() - len(row))] for row in rows])
    given = {"X": padded.astype(object) if isinstance(filling, str) else padded, "lengths": lengths}
    tokens, count = session.run(None, given | {name: np.array([value]) for name, value in others.items()})
    return [own[:n].tolist() for own, n in zip(tokens, count, strict=True)]


@pytest.mark.parametrize("case", CASES)
def test_texts(case: str) -> None:
    """What pads a row is not read; cut where they have not ended; no rows at all."""
    model = RNNSeq2Seq(**OPTIONS | CASES[case]).fit(X, [x[::-1] for x in X])
    session = session_of(model)
    found = ["".join(row) for row in decoded(session, X, "not read")]
    assert found == model.decode(X).sequences and len(set(found)) > 3
    assert ["".join(row) for row in decoded(session, X, "", max_length=2)] == model.decode(X, max_length=2).sequences
    tokens, count = session.run(None, {"X": np.empty((0, 3), object)})
    assert len(tokens) == 0 and len(count) == 0
    with pytest.raises(Exception, match="X has a token that fit has not seen"):
        decoded(session, ["a", "ax"], "")
    with pytest.raises(Exception, match="max_length must be 1 or more"):
        decoded(session, X, "", max_length=0)


def test_numbers_and_unknown_tokens() -> None:
    numbers = [[ord(letter) for letter in x] for x in X]
    model = RNNSeq2Seq(**OPTIONS, unknown="mean").fit(numbers, [x[::-1] for x in numbers])
    rows = [*numbers[:9], [1, 97]]
    assert decoded(session_of(model), rows, -7) == [list(map(int, x)) for x in model.decode(rows).sequences]


@pytest.mark.parametrize("decoding", [2, Beam(4, length_penalty=0.8)], ids=str)
@pytest.mark.parametrize("case", CASES)
def test_beams(case: str, decoding: Any) -> None:
    """Other targets than greedy ones, which is why the network has hardly learned."""
    model = RNNSeq2Seq(**OPTIONS | CASES[case] | {"max_iter": 4, "decoding": decoding}).fit(X, [x[::-1] for x in X])
    session, expected = session_of(model), model.decode(X).sequences
    assert ["".join(row) for row in decoded(session, X, "not read")] == expected
    assert ["".join(row) for row in decoded(session, X, "", max_length=2)] == model.decode(X, max_length=2).sequences
    assert expected != model.set_params(decoding=1).decode(X).sequences
    tokens, count = session.run(None, {"X": np.empty((0, 3), object)})
    assert len(tokens) == 0 and len(count) == 0


def test_a_beam_wider_than_there_are_tokens() -> None:
    model = RNNSeq2Seq(**OPTIONS, decoding=9).fit(X, ["ab" if "a" in x else "b" for x in X])
    assert ["".join(row) for row in decoded(session_of(model), X, "")] == model.decode(X).sequences
