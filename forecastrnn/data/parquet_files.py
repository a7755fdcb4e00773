"""Parquet files and datasets of Arrow: read batch by batch into flat columns, of which no row is a Python object.

pyarrow is imported by this module alone, and only when a path or a dataset is met.
"""

from __future__ import annotations

import json
import os
from collections.abc import Hashable, Iterable, Mapping
from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

_ROWS = 2**17  # of a batch
_DATE = "s"  # unit of times that are dates


def is_file(y: object) -> bool:
    """Whether it names a file or folder, or is a dataset of Arrow, whose rows are yet to be read.

    Examples
    --------
    >>> is_file("panel.parquet"), is_file([1.0, 2.0])
    (True, False)
    """
    return isinstance(y, str | os.PathLike) or hasattr(y, "count_rows") and hasattr(y, "to_batches")


def read_files(
    y: Any, argument: str, columns: Mapping[str, Hashable], wanted: Iterable[Hashable] | None
) -> pd.DataFrame:
    """The columns of ids, times and values and those wanted, as a frame whose texts are codes; None: all columns.

    Raises ImportError without pyarrow, FileNotFoundError, ValueError for what is no Parquet file or lacks a column.
    """
    dataset, name = _opened(y, argument)
    names = _chosen(dataset.schema.names, name, columns, wanted)
    keys = {columns.get("id_col"), columns.get("time_col")}
    rows = dataset.count_rows()
    found = {key: _column(dataset.schema.field(key).type, rows, key in keys) for key in names}
    begin, few = 0, {"batch_readahead": 2, "fragment_readahead": 1}
    for batch in dataset.to_batches(columns=names, batch_size=_ROWS, **few):
        for key, values in zip(names, batch.columns, strict=True):
            found[key].put(begin, values, f"column {key!r} of {name}")
        begin += batch.num_rows
    import_module("pyarrow").default_memory_pool().release_unused()  # a fit wants it for arrays of its own
    return pd.DataFrame({key: column.whole() for key, column in found.items()}, copy=False)


def _opened(y: Any, argument: str) -> tuple[Any, str]:
    """The dataset, and what messages call it."""
    if hasattr(y, "count_rows"):
        return y, argument
    path = os.fsdecode(y)
    if not os.path.exists(path):
        raise FileNotFoundError(2, f"{argument}: there is no such file or folder", path)
    try:
        arrow, datasets = import_module("pyarrow"), import_module("pyarrow.dataset")
    except ImportError as error:
        raise ImportError(
            f"{argument} is the path {path!r}: Parquet files need pyarrow. pip install 'forecastrnn[parquet]', or read "
            "the file with pandas"
        ) from error
    try:
        return datasets.dataset(path, format="parquet", partitioning="hive"), path
    except arrow.ArrowInvalid as error:
        raise ValueError(f"{argument}: {path} is no Parquet file, nor a folder of them: read it with pandas") from error
    except arrow.ArrowTypeError as error:
        raise ValueError(f"{argument}: the files of {path} have not the same columns: {error}") from error


def _chosen(
    there: list[str], name: str, columns: Mapping[str, Hashable], wanted: Iterable[Hashable] | None
) -> list[str]:
    """Names of the columns to read, in the order of the file."""
    if len(set(there)) < len(there):
        raise ValueError(f"{name} has duplicate column names: {[one for one in there if there.count(one) > 1][:1]}")
    if wanted is None:
        return there
    needed = {column: parameter for parameter, column in columns.items() if parameter != "id_col"}
    needed |= {column: "X or past" for column in wanted}
    for column, parameter in needed.items():
        if column not in there:
            listed = ", ".join(map(repr, there[:8])) + (", ..." if len(there) > 8 else "")
            raise ValueError(
                f"{name} has no column {column!r} ({parameter}); its columns are {listed}. A file is read as a long "
                "table of ids, times and values: read one of a column for each series with pandas, and give the frame"
            )
    return [column for column in there if column in needed or column == columns.get("id_col")]


def _column(kind: Any, rows: int, is_key: bool) -> Numbers | Texts:
    """Where the values of a column of Arrow go."""
    types = import_module("pyarrow.types")
    if types.is_dictionary(kind):
        kind = kind.value_type
    if types.is_timestamp(kind) or types.is_date(kind):
        unit = _DATE if types.is_date(kind) else kind.unit
        return Numbers(np.empty(rows, f"datetime64[{unit}]"), getattr(kind, "tz", None))
    if is_key and types.is_integer(kind):
        return Numbers(np.empty(rows, kind.to_pandas_dtype()))
    if types.is_integer(kind) or types.is_floating(kind) or types.is_boolean(kind) or types.is_decimal(kind):
        small = types.is_float32(kind) or types.is_float16(kind) or types.is_boolean(kind)
        return Numbers(np.empty(rows, np.float32 if small else np.float64))
    return Texts(np.empty(rows, np.int32))


class Numbers:
    """Numbers or times (rows,); what is null is NaN or NaT."""

    def __init__(self, values: np.ndarray, zone: str | None = None) -> None:
        self.values, self.zone = values, zone

    def put(self, begin: int, column: Any, label: str) -> None:
        """A batch of Arrow, from a row on."""
        if self.values.dtype.kind in "iu" and column.null_count:
            raise ValueError(f"{label} has a missing value among rows {begin} .. {begin + len(column) - 1}")
        if (
            self.values.dtype.kind == "f"
            and column.null_count
            or str(column.type).startswith(("decimal", "bool", "dict"))
        ):
            column = column.cast("float64")
        given = column.to_numpy(zero_copy_only=False)
        self.values[begin : begin + len(column)] = given

    def whole(self) -> np.ndarray | pd.DatetimeIndex:
        """The column."""
        if self.zone is None:
            return self.values
        return pd.DatetimeIndex(self.values).tz_localize("UTC").tz_convert(self.zone)


class Texts:
    """Texts (rows,) as codes, in the order in which they appear first; null is -1."""

    def __init__(self, codes: np.ndarray) -> None:
        self.codes = codes
        self.known: dict[Hashable, int] = {}

    def put(self, begin: int, column: Any, label: str) -> None:
        """A batch of Arrow, from a row on."""
        if not hasattr(column, "dictionary"):
            column = column.dictionary_encode()
        own = [self.known.setdefault(text, len(self.known)) for text in column.dictionary.to_pylist()]
        codes = column.indices.fill_null(-1).to_numpy(zero_copy_only=False)
        self.codes[begin : begin + len(column)] = np.array([*own, -1], np.int32)[codes]

    def whole(self) -> pd.Categorical:
        """The column."""
        return pd.Categorical.from_codes(self.codes, categories=pd.Index(list(self.known)), validate=False)


# Partitions ---------------------------------------------------------------------------------------------------------
def dataset_of(paths: list[str], base: str) -> Any:
    """Some files of a folder, with the columns that hive partitions have in their names."""
    arrow, datasets = import_module("pyarrow"), import_module("pyarrow.dataset")
    hive = datasets.partitioning(flavor="hive")
    try:
        return datasets.dataset(paths, format="parquet", partitioning=hive, partition_base_dir=base)
    except arrow.ArrowInvalid as error:
        raise ValueError(f"{paths[0]}, or one beside it, is no Parquet file: write it with to_parquet") from error


def written(frame: Any, key: bytes, note: Mapping[str, object]) -> memoryview:
    """A frame as a Parquet file, with a note about it."""
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    if isinstance(frame, pd.DataFrame):
        frame = arrow.Table.from_pandas(frame, preserve_index=False)
    elif not isinstance(frame, arrow.Table):
        frame = frame.to_arrow()
    out = arrow.BufferOutputStream()
    noted = frame.replace_schema_metadata({**(frame.schema.metadata or {}), key: json.dumps(note).encode()})
    parquet.write_table(noted, out)
    return memoryview(out.getvalue())


def note_in(path: str, key: bytes) -> dict[str, Any]:
    """The note of a file that `written` made; {} where it has none."""
    arrow, parquet = import_module("pyarrow"), import_module("pyarrow.parquet")
    try:
        metadata = parquet.read_schema(path).metadata or {}
    except arrow.ArrowInvalid as error:
        raise ValueError(f"folder: {path} is no Parquet file, as one that was damaged: remove it") from error
    found: dict[str, Any] = json.loads(metadata.get(key, b"{}"))
    return found


def ids_in(path: str) -> list[Hashable]:
    """Different values of the first column."""
    parquet = import_module("pyarrow.parquet")
    table = parquet.read_table(path, columns=[parquet.read_schema(path).names[0]])
    found: list[Hashable] = table[0].unique().to_pylist()
    return found
