"""Model files that are not as they should be, and file systems that are not either."""

from __future__ import annotations

import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import forecastrnn
from forecastrnn import Conformal, ModelFileError, RNNForecaster, RNNRegressor
from forecastrnn.estimators import saving
from support.forecaster_cases import quick
from support.forged_files import forge
from support.model_cases import SERIES, X, regressor


@pytest.fixture(scope="module")
def small() -> RNNRegressor:
    return regressor(hidden_layer_sizes=2).fit(X[:, :, :1], X[:, -1, 0])


@pytest.fixture(scope="module")
def content(small: RNNRegressor, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("small") / "model.rnn"
    small.save(path)
    return path.read_bytes()


def mutated(data: bytes, rng: np.random.Generator) -> bytes:
    """One bit flipped, the end cut off, bytes put in, left out or moved."""
    a, b = sorted(rng.integers(0, len(data), 2).tolist())
    kind = rng.integers(6)
    if kind == 0:
        return data[:a] + bytes([data[a] ^ 1 << int(rng.integers(8))]) + data[a + 1 :]
    if kind == 1:
        return data[:a]
    if kind == 2:
        return data[:a] + rng.bytes(int(rng.integers(1, 9))) + data[a:]
    if kind == 3:
        return data[:a] + data[b:] if b > a else data + b"\0"
    if kind == 4:
        return data[:a] + data[b:] + data[a:b] + b"\1"
    return data[:a] + rng.bytes(16) + data[a + 16 :]


def test_no_damaged_file_loads(content: bytes, tmp_path: Path) -> None:
    """2,000 mutations: each is refused by the error for it, in little memory."""
    rng, path = np.random.default_rng(0), tmp_path / "model.rnn"
    tracemalloc.start()
    try:
        for number in range(2000):
            data = mutated(content, rng)
            if data == content:
                continue
            path.write_bytes(data)
            with pytest.raises(ModelFileError, match="model.rnn"):
                forecastrnn.load(path)
            assert number or tracemalloc.reset_peak() is None
        assert tracemalloc.get_traced_memory()[1] < len(content) + 2**23
    finally:
        tracemalloc.stop()


def put(*keys: str, value: Any) -> Callable[[dict], None]:
    def change(header: dict) -> None:
        for key in keys[:-1]:
            header = header[key]
        header[keys[-1]] = value

    return change


def test_a_file_from_before_layer_norm_loads(content: bytes, small: RNNRegressor, tmp_path: Path) -> None:
    """What it does not say has its default."""

    def forget(header: dict) -> None:
        del header["parameters"]["layer_norm"]
        for one in header["state"]["network"]["layers"]["tuple"]:
            assert one.pop("layer_norm") is False

    path = tmp_path / "model.rnn"
    path.write_bytes(forge(content, forget))
    loaded = forecastrnn.load(path)
    assert loaded.layer_norm is False
    np.testing.assert_array_equal(loaded.predict(X[:, :, :1]), small.predict(X[:, :, :1]))


FORGERIES: dict[str, tuple[Callable[[dict], Any], str]] = {
    "class": (put("class", value="os.system"), "class must be one of"),
    "key twice": (lambda header: b'{"class": 1, "class": 2}', "a key is there twice"),
    "NaN": (lambda header: b'{"class": NaN}', "it holds NaN"),
    "infinity by overflow": (lambda header: b'{"class": 1e999}', "it holds 1e999"),
    "deep": (lambda header: b"[" * 100_000 + b"]" * 100_000, "nested more than"),
    "long number": (lambda header: b"1" * 5000, "integer that is too long"),
    "not text": (lambda header: b"\xff\xfe", "the header is not valid"),
    "long": (lambda header: b" " * (2**20 + 1), "more than the 1048576 allowed"),
    "more units": (put("state", "network", "n_inputs", value=3), "n_channels must be"),
    "units": (put("state", "network", "layers", value={"tuple": [1]}), "Network.layers must be tuple"),
    "unknown cell": (put("parameters", "cell", value={"record": "Popen", "args": "ls"}), "holds a 'Popen'"),
    "bad cell": (put("parameters", "cell", value={"record": "Elman", "activation": "exec"}), "activation must be one"),
    "bad parameter": (put("parameters", "alpha", value="much"), "a parameter is not a possible one"),
    "unknown parameter": (put("parameters", "attention", value=1), "no parameter 'attention': .* is older"),
    "dtype": (put("state", "dtype", value="object"), "dtype must be one of"),
    "huge": (put("state", "n_losses", value=2**62), "the header describes 3689348814741910"),
    "negative": (put("state", "n_losses", value=-1), "n_losses must be an int from 0"),
    "boolean as a number": (put("state", "n_losses", value=True), "n_losses must be an int from 0"),
    "another loss": (put("state", "loss", value="cross_entropy"), "loss must be one of"),
}


@pytest.mark.parametrize("name", FORGERIES)
def test_a_right_checksum_does_not_help(content: bytes, name: str, tmp_path: Path) -> None:
    change, message = FORGERIES[name]
    path = tmp_path / "model.rnn"
    path.write_bytes(forge(content, change))
    with pytest.raises(ModelFileError, match=message):
        forecastrnn.load(path)


def trading_days(**changes: Any) -> dict:
    return {"times": 1, "business": "C", "week": "1111100", "holidays": []} | changes


FORECAST_FORGERIES: dict[str, tuple[Callable[[dict], Any], str]] = {
    "zone": (put("state", "axis", "clock", "tz", value="Mars/Olympus"), "'Mars/Olympus' is not known here"),
    "path as a zone": (put("state", "axis", "clock", "tz", value="../../etc/passwd"), "is not a time zone"),
    "frequency": (put("state", "axis", "clock", "freq", value="QQQ"), "does not know the frequency QQQ"),
    "backwards": (put("state", "axis", "clock", "freq", value="-2h"), "a wrong frequency"),
    "another grid": (put("state", "axis", "clock", "freq", value="MS"), "do not belong to the frequency"),
    "week without days": (put("state", "axis", "clock", "freq", value=trading_days(week="0000000")), "the frequency"),
    "week of numbers": (put("state", "axis", "clock", "freq", value=trading_days(week=31)), "the frequency"),
    "holidays of texts": (put("state", "axis", "clock", "freq", value=trading_days(holidays=["now"])), "the frequency"),
    "far holidays": (put("state", "axis", "clock", "freq", value=trading_days(holidays=[2**40])), "the frequency"),
    "another business": (put("state", "axis", "clock", "freq", value=trading_days(business="os")), "the frequency"),
    "no hours": (put("state", "axis", "clock", "freq", value=trading_days(business="cbh")), "the frequency"),
    "odd hours": (
        put("state", "axis", "clock", "freq", value=trading_days(business="cbh", hours=[["9", "17:00"]])),
        "the frequency",
    ),
    "off a trading day": (
        put("state", "axis", "clock", "freq", value=trading_days(week="1010111")),
        "do not belong to the frequency",
    ),
    "season": (put("state", "season", value=7), "the figures of the series do not fit together"),
    "form": (put("state", "axis", "form", value="tree"), "form must be one of"),
    "dtype of ids": (put("state", "axis", "id_dtype", value="os"), "the dtype of the ids must have the fields"),
    "name": (put("state", "axis", "time_name", value=[1]), "is not the name of a series"),
    "members": (put("state", "members", value=[]), "1 loss curves for 0 members"),
    "strategy": (put("state", "strategy", value="seq2seq"), "belong to the strategy seq2seq"),
    "half a pair": (put("state", "settings", "older_means", value={"tuple": [7]}), "older_means must be lengths and"),
    "no longer season": (put("state", "settings", "longer", value={"tuple": [1]}), "longer seasons have two seasons"),
    "no sums": (put("state", "settings", "with_long_run", value=True), "describes"),
    "no length": (put("state", "settings", "older_means", value={"tuple": [0, 5]}), "older_means must be lengths and"),
}


@pytest.mark.parametrize("name", FORECAST_FORGERIES)
def test_nor_does_it_help_with_series(name: str, tmp_path: Path) -> None:
    change, message = FORECAST_FORGERIES[name]
    path = tmp_path / "model.rnn"
    quick(max_steps=2, hidden_layer_sizes=2).fit(SERIES["hours in a zone"]).save(path)
    path.write_bytes(forge(path.read_bytes(), change))
    with pytest.raises(ModelFileError, match=message):
        forecastrnn.load(path)


INTERVALS = ("state", "intervals")
INTERVAL_FORGERIES = {
    "method": (put(*INTERVALS, "method", value="guess"), "method must be one of"),
    "horizon": (put(*INTERVALS, "calibration", "horizon", value=0), "horizon must be an int from 1"),
    "groups": (put(*INTERVALS, "calibration", "n_groups", value=3), "bytes of tensors, but the file has"),
    "by series": (put(*INTERVALS, "calibration", "by_series", value=True), "the figures of the intervals do not fit"),
    "usual": (put(*INTERVALS, "calibration", "usual", value=-1.0), "usual must be a float from 0.0 to"),
    "no calibration": (put(*INTERVALS, "is_calibrated", value=False), "intervals must have the fields"),
    "an option": (
        put("parameters", "intervals", "pool", value="all"),
        "The 'intervals__pool' parameter of RNNForecaster must be",
    ),
    "no option": (put("parameters", "intervals", "pools", value="panel"), "Conformal has other fields"),
}


@pytest.mark.parametrize("name", INTERVAL_FORGERIES)
def test_nor_with_intervals(name: str, tmp_path: Path) -> None:
    change, message = INTERVAL_FORGERIES[name]
    path = tmp_path / "model.rnn"
    quick(max_steps=2, hidden_layer_sizes=2, intervals=Conformal()).fit(SERIES["categories"]).save(path)
    path.write_bytes(forge(path.read_bytes(), change))
    with pytest.raises(ModelFileError, match=message):
        forecastrnn.load(path)


CARRIED = ("state", "carried")
UPDATE_FORGERIES = {
    "states": (put(*CARRIED, "n_states", value=3), "describes"),
    "no states": (put(*CARRIED, value=None), "carried must have the fields of a record"),
    "sums": (put(*CARRIED, "n_sums", value=-1), "n_sums must be an int from 0"),
    "others": (put("state", "settings", "older_means", value={"tuple": [1, 1]}), "describes"),
}


@pytest.mark.parametrize("name", UPDATE_FORGERIES)
def test_nor_with_updates(name: str, tmp_path: Path) -> None:
    change, message = UPDATE_FORGERIES[name]
    path, y = tmp_path / "model.rnn", [3.0, 4.0, 5.0, 4.0] * 9
    quick(max_steps=2, hidden_layer_sizes=2).fit(y).update(y[:5]).save(path)
    assert len(forecastrnn.load(path).predict(3)) == 3
    path.write_bytes(forge(path.read_bytes(), change))
    with pytest.raises(ModelFileError, match=message):
        forecastrnn.load(path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_no_parameter_that_is_not_finite_loads(content: bytes, value: float, tmp_path: Path) -> None:
    size = int.from_bytes(content[48:56], "little")
    tail = bytearray(content[-size:])
    tail[8 * 5 : 8 * 6] = np.float64(value).tobytes()
    (tmp_path / "model.rnn").write_bytes(forge(content, lambda header: None, bytes(tail)))
    with pytest.raises(ModelFileError, match="theta has non-finite values"):
        forecastrnn.load(tmp_path / "model.rnn")


@pytest.mark.parametrize("options", [{}, {"strategy": "seq2seq", "older_means": [(2, 3)]}], ids=["default", "other"])
def test_forged_forecasters_are_refused_or_forecast(options: dict, tmp_path: Path) -> None:
    """Random changes behind a right checksum: the error for it, or a model that forecasts without a crash."""
    rng, path, refused = np.random.default_rng(1), tmp_path / "model.rnn", 0
    quick(max_steps=2, hidden_layer_sizes=2, **options).fit(SERIES["categories"]).save(path)
    content = path.read_bytes()
    length = int.from_bytes(content[44:48], "little")
    for _ in range(60):
        data = bytearray(content)
        low, high = (56, 56 + length) if rng.random() < 0.6 else (56 + length, len(data))
        at = int(rng.integers(low, high))
        data[at] = rng.integers(256) if low > 56 else ord(rng.choice(list('0123456789"{}[]aeN-,')))
        text, tail = bytes(data[56 : 56 + length]), bytes(data[56 + length :])
        path.write_bytes(forge(content, lambda header, text=text: text, tail))
        try:
            model = forecastrnn.load(path)
        except ModelFileError:
            refused += 1
            continue
        with np.errstate(all="ignore"):
            assert len(model.predict(3)) == 6
    assert 8 < refused < 60


def test_foreign_newer_and_cut_files(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.rnn"
    cases = {
        b"": "the file is cut off",
        b"PK\x03\x04 zip": "not a model file of forecastrnn",
        content[:30]: "cut off after 30 bytes",
        content[:-1]: "is cut off: it has",
        content + b"\0": "is too long",
        content[:8] + (2).to_bytes(4, "little") + content[12:]: "format version 2.*Update forecastrnn",
        content[:-1] + bytes([content[-1] ^ 1]): "is damaged: its checksum",
    }
    for data, message in cases.items():
        path.write_bytes(data)
        with pytest.raises(ModelFileError, match=message):
            forecastrnn.load(path)


def test_the_class_must_be_the_one_asked_for(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.rnn"
    path.write_bytes(content)
    with pytest.raises(ModelFileError, match="it holds RNNRegressor, not RNNForecaster. Load it with RNNReg"):
        RNNForecaster.load(path)
    assert type(RNNRegressor.load(str(path))) is RNNRegressor
    assert {name for name in forecastrnn.__all__ if hasattr(getattr(forecastrnn, name), "save")} == set(saving.STATES)


# The file system ------------------------------------------------------------------------------------------
def test_paths_that_cannot_be(small: RNNRegressor, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no such directory; make it first"):
        small.save(tmp_path / "none" / "model.rnn")
    with pytest.raises(IsADirectoryError, match="give the name of a file"):
        small.save(tmp_path)
    with pytest.raises(IsADirectoryError, match="give the name of a model file"):
        forecastrnn.load(tmp_path)
    with pytest.raises(FileNotFoundError, match="none.rnn"):
        forecastrnn.load(tmp_path / "none.rnn")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes have names on POSIX only")
def test_pipes_are_neither_read_nor_replaced(small: RNNRegressor, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(ModelFileError, match="not an ordinary file"):
        forecastrnn.load(pipe)
    with pytest.raises(OSError, match="not an ordinary file"):
        small.save(pipe)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may do anything")
def test_without_permission(small: RNNRegressor, tmp_path: Path) -> None:
    small.save(tmp_path / "model.rnn")
    (tmp_path / "model.rnn").chmod(0)
    with pytest.raises(PermissionError):
        forecastrnn.load(tmp_path / "model.rnn")
    with pytest.raises(PermissionError, match="may not be written"):
        small.save(tmp_path / "model.rnn")
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="no file can be written in this directory"):
        small.save(tmp_path / "other.rnn")
    tmp_path.chmod(0o700)


def test_a_refused_permission_is_said(small: RNNRegressor, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model.rnn"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(PermissionError, match="may not be written"):
        small.save(path)
    assert path.read_bytes() == b"old"


def test_replacing_keeps_the_mode_and_follows_links(small: RNNRegressor, tmp_path: Path) -> None:
    (tmp_path / "real.rnn").write_bytes(b"old")
    (tmp_path / "real.rnn").chmod(0o640)
    (tmp_path / "link.rnn").symlink_to("real.rnn")
    small.save(tmp_path / "link.rnn")
    assert (tmp_path / "link.rnn").is_symlink() and (tmp_path / "real.rnn").stat().st_mode & 0o777 == 0o640
    assert sorted(os.listdir(tmp_path)) == ["link.rnn", "real.rnn"]
    first = (tmp_path / "real.rnn").read_bytes()
    forecastrnn.load(tmp_path / "link.rnn").save(tmp_path / "real.rnn")
    assert (tmp_path / "real.rnn").read_bytes() == first
