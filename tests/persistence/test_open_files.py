"""Models in files that are open, in memory, in pipes, and by paths of any kind."""

from __future__ import annotations

import io
import os
import threading
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forecastrnn
from forecastrnn import ModelFileError, RNNClassifier, RNNRegressor
from support.model_cases import X, regressor


@pytest.fixture(scope="module")
def model() -> RNNRegressor:
    return regressor(hidden_layer_sizes=2).fit(X[:, :, :1], X[:, -1, 0])


@pytest.fixture(scope="module")
def content(model: RNNRegressor) -> bytes:
    file = io.BytesIO()
    model.save(file)
    return file.getvalue()


def assert_is(found: Any, model: RNNRegressor) -> None:
    np.testing.assert_array_equal(found.predict(X[:, :, :1]), model.predict(X[:, :, :1]))


def test_open_files_have_the_bytes_of_paths(model: RNNRegressor, content: bytes, tmp_path: Path) -> None:
    model.save(tmp_path / "model.rnn")
    assert (tmp_path / "model.rnn").read_bytes() == content
    for buffering in (0, -1):  # a raw file and one with a buffer
        with open(tmp_path / "open.rnn", "wb", buffering=buffering) as file:
            model.save(file)
            assert (tmp_path / "open.rnn").read_bytes() == content
        with open(tmp_path / "open.rnn", "rb", buffering=buffering) as file:
            assert_is(forecastrnn.load(file), model)


def test_models_stand_one_behind_the_other(model: RNNRegressor, content: bytes) -> None:
    """Each is read to its end, and no further."""
    file = io.BytesIO()
    file.write(b"front")
    model.save(file)
    model.save(file)
    file.write(b"behind")
    file.seek(5)
    for _ in range(2):
        assert_is(RNNRegressor.load(file), model)
    assert file.read() == b"behind"


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_bytes_are_a_file(model: RNNRegressor, content: bytes, kind: Any) -> None:
    assert_is(forecastrnn.load(kind(content)), model)
    with pytest.raises(ModelFileError, match="the bytes: the file is too long"):
        forecastrnn.load(kind(content + b"0"))
    with pytest.raises(ModelFileError, match="the bytes: this is not a model file"):
        forecastrnn.load(kind(b"model.rnn"))


class OneByOne(io.RawIOBase):
    """A file that takes and gives few bytes at a time, and cannot go back."""

    def __init__(self, content: bytes = b"") -> None:
        self.content = bytearray(content)

    def readable(self) -> bool:
        return True

    def writable(self) -> bool:
        return True

    def readinto(self, room: Any) -> int:
        found = self.content[: min(7, len(room))]
        room[: len(found)] = found
        del self.content[:7]
        return len(found)

    def write(self, block: Any) -> int:
        self.content += bytes(block)[:5]
        return min(5, len(block))


def test_a_file_may_take_few_bytes_at_a_time(model: RNNRegressor, content: bytes) -> None:
    file = OneByOne()
    model.save(file)
    assert bytes(file.content) == content
    assert_is(forecastrnn.load(file), model)


def test_pipes_and_archives(model: RNNRegressor, content: bytes, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    with os.fdopen(reader, "rb") as out, os.fdopen(writer, "wb") as into:
        thread = threading.Thread(target=lambda: (model.save(into), into.close()))
        thread.start()
        assert_is(forecastrnn.load(out), model)
        thread.join()
    with zipfile.ZipFile(tmp_path / "models.zip", "w") as archive, archive.open("model.rnn", "w") as member:
        model.save(member)
    with zipfile.ZipFile(tmp_path / "models.zip") as archive, archive.open("model.rnn") as member:
        assert_is(forecastrnn.load(member), model)


def test_open_files_that_are_no_whole_models(content: bytes) -> None:
    for cut in (0, 3, 30, 56, 200, len(content) - 1):
        with pytest.raises(ModelFileError, match="the file: the file is cut off"):
            forecastrnn.load(io.BytesIO(content[:cut]))
    with pytest.raises(ModelFileError, match="the file: this is not a model file of forecastrnn"):
        forecastrnn.load(io.BytesIO(b"PK" + content))
    with pytest.raises(ModelFileError, match="the file is damaged"):
        forecastrnn.load(io.BytesIO(content[:-1] + bytes([content[-1] ^ 1])))
    with pytest.raises(ModelFileError, match="it holds RNNRegressor, not RNNClassifier"):
        RNNClassifier.load(io.BytesIO(content))


def test_lengths_that_a_stream_claims_are_not_believed(content: bytes) -> None:
    """What there is not cannot be read: no memory is taken for it."""
    with pytest.raises(ModelFileError, match="the file is cut off: it has"):
        forecastrnn.load(io.BytesIO(content[:48] + (2**62).to_bytes(8, "little") + content[56:]))


def test_a_save_that_cannot_be_writes_nothing(content: bytes) -> None:
    file = io.BytesIO()
    broken = forecastrnn.load(content)
    broken.random_state = np.random.RandomState(0)
    with pytest.raises(TypeError, match="random_state"):
        broken.save(file)
    assert file.getvalue() == b""


class Named:
    """A path that is of no class that anybody knows."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __fspath__(self) -> str:
        return str(self.path)


def test_paths_of_any_kind(model: RNNRegressor, tmp_path: Path) -> None:
    for number, kind in enumerate((str, Path, Named)):
        path = kind(tmp_path / f"{number}.rnn")
        model.save(path)
        assert_is(forecastrnn.load(path), model)


@pytest.mark.parametrize("given", [3, None, ["model.rnn"], 1.5], ids=str)
def test_what_is_no_path(model: RNNRegressor, given: Any) -> None:
    for call in (model.save, forecastrnn.load):
        with pytest.raises(TypeError, match="path must be a str, an os.PathLike or a binary file that is open. Got"):
            call(given)
    with pytest.raises(TypeError, match="path must be a str"):
        model.save(b"model.rnn")  # could be a file itself


def test_text_files_are_refused(model: RNNRegressor, tmp_path: Path) -> None:
    with open(tmp_path / "model.txt", "w+", encoding="utf-8") as file:
        with pytest.raises(TypeError, match=r'open in binary mode, as by open\(path, "wb"\)'):
            model.save(file)
        with pytest.raises(TypeError, match=r'open in binary mode, as by open\(path, "rb"\)'):
            forecastrnn.load(file)
    with pytest.raises(TypeError, match="binary mode"):
        forecastrnn.load(io.StringIO("model"))


def test_files_that_are_shut_or_open_the_other_way(model: RNNRegressor, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.rnn"
    path.write_bytes(content)
    with open(path, "rb") as file, pytest.raises(ValueError, match="the file is not writable: open it by"):
        model.save(file)
    with pytest.raises(ValueError, match="the file is closed: give one that is open"):
        model.save(file)
    with pytest.raises(ValueError, match="the file is closed"):
        forecastrnn.load(file)
    with open(tmp_path / "other", "wb") as file, pytest.raises(ValueError, match="the file is not readable"):
        forecastrnn.load(file)
    written = io.BytesIO()
    model.save(written)
    with pytest.raises(ModelFileError, match=r"nothing is behind where it stands. seek\(0\) goes to its beginning"):
        forecastrnn.load(written)


def test_names_that_no_system_takes_are_refused_as_they_were_given(model: RNNRegressor, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="path has the character 0 in it"):
        model.save("a\0b")
    with pytest.raises(OSError, match="xxx") as found:
        model.save(tmp_path / ("x" * 300))
    assert ".tmp" not in str(found.value) and not list(tmp_path.iterdir())


@pytest.mark.parametrize("dtype", ["bool", "float16", "float32", "uint8", "int64", "U3", "O"])
def test_labels_of_every_type_that_fit_takes(dtype: str, tmp_path: Path) -> None:
    labels = np.arange(len(X)) % 2
    y = labels.astype(str).astype(dtype) if dtype in ("U3", "O") else labels.astype(dtype)
    model = RNNClassifier(hidden_layer_sizes=2, max_iter=1, random_state=0).fit(X[:, :, :1], y)
    model.save(tmp_path / "model.rnn")
    found = forecastrnn.load(tmp_path / "model.rnn")
    assert found.classes_.dtype == model.classes_.dtype
    np.testing.assert_array_equal(found.predict(X[:, :, :1]), model.predict(X[:, :, :1]))
