"""Series from Parquet files, folders and datasets: the bits of the same frame in pandas, and what is refused."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn import RNNForecaster
from forecastrnn.data import parquet_files
from forecastrnn.data.parquet_files import Texts, is_file, read_files

NAMES = {"id_col": "unique_id", "time_col": "ds", "target_col": "y"}
SMALL: dict[str, Any] = {"n_members": 1, "max_steps": 5, "random_state": 0, "hidden_layer_sizes": 4}


def panel() -> pd.DataFrame:
    values = np.random.default_rng(0).normal(10.0, 1.0, (3, 40))
    days = pd.date_range("2024-01-01", periods=40)
    parts = [pd.DataFrame({"unique_id": f"s{k}", "ds": days, "y": each}) for k, each in zip((2, 0, 1), values)]
    whole = pd.concat(parts, ignore_index=True)
    return whole.assign(price=np.arange(120) % 7, offer=np.arange(120) % 5 == 0, note="free text")


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A file of several row groups, which is read in batches that cut series."""
    pytest.importorskip("pyarrow")
    monkeypatch.setattr(parquet_files, "_ROWS", 23)
    found = tmp_path / "panel.parquet"
    panel().to_parquet(found, index=False, row_group_size=50)
    return str(found)


@pytest.mark.frames
def test_a_file_gives_the_bits_of_its_frame(path: str) -> None:
    X = ["price", "offer"]
    in_pandas, of_file = (RNNForecaster(**SMALL).fit(y, X=X) for y in (panel()[[*NAMES.values(), *X]], path))
    ahead = panel().groupby("unique_id", sort=False).head(3)[["unique_id", "ds", *X]]
    ahead = ahead.assign(ds=ahead["ds"] + pd.Timedelta(40, "D"))
    pd.testing.assert_frame_equal(of_file.predict(3, X=ahead), in_pandas.predict(3, X=ahead), check_exact=True)


@pytest.mark.frames
def test_methods_take_paths(path: str, tmp_path: Path) -> None:
    y = panel()[list(NAMES.values())]
    model = RNNForecaster(**SMALL).fit(Path(path))
    pd.testing.assert_frame_equal(model.predict(2, y=path), model.predict(2, y=y), check_exact=True)
    backtests = [RNNForecaster(**SMALL).cross_validation(each, 2, n_windows=2) for each in (path, y)]
    pd.testing.assert_frame_equal(*backtests, check_exact=True)
    later = y.groupby("unique_id", sort=False).head(1).assign(ds=pd.Timestamp("2024-02-10"))
    later.to_parquet(tmp_path / "later.parquet", index=False)
    assert model.update(str(tmp_path / "later.parquet")).predict(1)["ds"].eq(pd.Timestamp("2024-02-11")).all()


@pytest.mark.frames
def test_folders_of_partitions_and_datasets(path: str, tmp_path: Path) -> None:
    datasets = pytest.importorskip("pyarrow.dataset")
    expected = RNNForecaster(**SMALL).fit(panel()[list(NAMES.values())]).predict(2).sort_values(["unique_id", "ds"])
    folder = tmp_path / "parts"
    panel().to_parquet(folder, index=False, partition_cols=["unique_id"])
    of_folder = RNNForecaster(**SMALL).fit(str(folder)).predict(2)
    assert of_folder["unique_id"].unique().tolist() == ["s0", "s1", "s2"] and len(of_folder) == len(expected)
    some = datasets.dataset(path).filter(datasets.field("unique_id") != "s0")
    assert RNNForecaster(**SMALL).fit(some).predict(1)["unique_id"].tolist() == ["s2", "s1"]


@pytest.mark.frames
@pytest.mark.parametrize("kind", ["float32", "int64", "decimal", "null", "zone", "date", "dictionary", "integer ids"])
def test_types(kind: str, tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    parquet = pytest.importorskip("pyarrow.parquet")
    y = panel()[list(NAMES.values())].assign(y=np.arange(120.0))
    table = pa.Table.from_pandas(y, preserve_index=False)
    changed = {
        "float32": ("y", pa.float32()), "int64": ("y", pa.int64()), "decimal": ("y", pa.decimal128(9, 2)),
        "zone": ("ds", pa.timestamp("us", "Europe/Paris")), "date": ("ds", pa.date32()),
        "dictionary": ("unique_id", pa.dictionary(pa.int32(), pa.string())),
    }.get(kind)  # fmt: skip
    if changed is not None:
        name, to = changed
        values = table[name].cast(to) if kind != "dictionary" else table[name].dictionary_encode()
        table = table.set_column(table.schema.get_field_index(name), name, values)
    if kind == "null":
        table = table.set_column(2, "y", pa.array([None, *range(1, 120)], pa.int64()))
    if kind == "integer ids":
        table = table.set_column(0, "unique_id", pa.array(np.arange(3).repeat(40)))
    parquet.write_table(table, tmp_path / "y.parquet")
    found = read_files(tmp_path / "y.parquet", "y", NAMES, [])
    expected = table.to_pandas(date_as_object=False)
    pd.testing.assert_frame_equal(
        found.assign(unique_id=found["unique_id"].astype(expected["unique_id"].dtype)),
        expected.assign(y=expected["y"].astype(found["y"].dtype)), check_dtype=False,
    )  # fmt: skip
    assert found["y"].dtype == ("float32" if kind == "float32" else "float64")


@pytest.mark.frames
def test_refused(path: str, tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("unique_id,ds,y")
    with pytest.raises(FileNotFoundError, match="y: there is no such file or folder"):
        RNNForecaster().fit(str(tmp_path / "none.parquet"))
    with pytest.raises(ValueError, match=r"text.parquet is no Parquet file"):
        RNNForecaster().fit(str(tmp_path / "text.parquet"))
    with pytest.raises(ValueError, match=r"has no column 'sold' \(target_col\); its columns are 'unique_id'"):
        RNNForecaster().fit(path, target_col="sold")
    with pytest.raises(ValueError, match=r"has no column 'prices' \(X or past\)"):
        RNNForecaster().fit(path, X="prices")


def test_without_pyarrow(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match="y: there is no such file or folder: 'a.parquet'"):
        RNNForecaster().fit("a.parquet")
    Path("a.parquet").touch()
    with pytest.raises(ImportError, match=r"y is the path 'a.parquet': Parquet files need pyarrow.*\[parquet\]"):
        RNNForecaster().fit("a.parquet")


def test_codes_of_texts_go_on_from_batch_to_batch() -> None:
    class Column(list):
        """As Arrow encodes a batch: codes of its own texts."""

        @property
        def dictionary(self) -> "Column":
            return Column(dict.fromkeys(one for one in self if one is not None))

        def to_pylist(self) -> list:
            return list(self)

        @property
        def indices(self) -> "Column":
            return self

        def fill_null(self, code: int) -> "Column":
            own = self.dictionary
            return Column([code if one is None else own.index(one) for one in self])

        def to_numpy(self, zero_copy_only: bool) -> np.ndarray:
            return np.array(self)

    texts = Texts(np.empty(5, np.int32))
    texts.put(0, Column(["b", None, "a"]), "column")
    texts.put(3, Column(["c", "b"]), "column")
    assert texts.whole().tolist()[::2] == ["b", "a", "b"] and texts.codes.tolist() == [0, -1, 1, 2, 0]
    assert is_file("a") and not is_file(None)
