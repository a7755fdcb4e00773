"""Frames of polars, of Arrow and of all that narwhals knows: read as pandas, and written as they came.

narwhals is imported by this module alone, and only when such a frame is met.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

import numpy as np
import pandas as pd

PANDAS = "pandas"
LIBRARIES = (PANDAS, "polars", "pyarrow", "modin", "cudf")  # what a forecast may be written as
_FROM_ARROW = "pyarrow"  # what frames become that are known by Arrow's protocol alone
# What frames are called that hold a plan and no rows, by the package they come from, and what makes rows of them.
_CURES = {
    "polars": "collect()", "dask": "compute()", "pyspark": "toPandas()", "duckdb": "to_arrow_table()",
    "ibis": "to_polars()", "sqlframe": "toPandas()",
}  # fmt: skip
_DATE = "s"  # unit of times that came as dates: neither polars has it, nor do times of Arrow that are read here


def _root(value: object) -> str:
    return type(value).__module__.partition(".")[0]


def _is_foreign(value: object) -> bool:
    if isinstance(value, pd.DataFrame | pd.Series | pd.Index | np.ndarray | type):
        return False
    return _root(value) in (*LIBRARIES, *_CURES) or hasattr(value, "__arrow_c_stream__")


def as_pandas(value: Any, argument: str) -> tuple[Any, str]:
    """A frame or Series of another library as one of pandas, all else as it is; and the name of the library.

    Raises TypeError for a lazy frame, ValueError for two columns of one name, ImportError without narwhals.

    Examples
    --------
    >>> as_pandas([1.0, 2.0], "y")
    ([1.0, 2.0], 'pandas')
    """
    if not _is_foreign(value):
        return value, PANDAS
    _refuse_lazy(value, argument)
    found = _opened(value, argument)
    if found is None:
        return value, PANDAS
    library = str(found.implementation.value)
    if library not in LIBRARIES:
        return value, PANDAS
    if not hasattr(found, "columns"):
        return pd.Series(_column(found), name=found.name or None), library
    return pd.DataFrame({name: _column(found[name]) for name in found.columns}), library


def _refuse_lazy(value: object, argument: str) -> None:
    root = _root(value)
    if root in _CURES and (root != "polars" or type(value).__name__ == "LazyFrame"):
        raise TypeError(
            f"{argument} is a {type(value).__name__} of {root}, which has no rows yet: give what its {_CURES[root]} "
            "makes"
        )


def _opened(value: object, argument: str) -> Any:
    """As narwhals has it; None: no frame that it knows."""
    narwhals = _narwhals(f"{argument} is a {type(value).__name__} of {_root(value)}")
    try:
        found = narwhals.from_native(value, eager_only=True, allow_series=True, pass_through=True)
    except narwhals.exceptions.DuplicateError as error:
        raise ValueError(f"{argument} has duplicate column names: give each column a name of its own") from error
    if hasattr(found, "implementation"):
        return found
    if _root(value) not in LIBRARIES and hasattr(value, "__arrow_c_stream__"):
        try:
            return narwhals.DataFrame.from_arrow(value, backend=_FROM_ARROW)
        except ImportError as error:
            raise ImportError(
                f"{argument} is a {type(value).__name__}, which only {_FROM_ARROW} reads: pip install {_FROM_ARROW}, "
                "or give a frame of pandas"
            ) from error
    return None


def _narwhals(why: str) -> Any:
    try:
        return import_module("narwhals")
    except ImportError as error:
        raise ImportError(
            f"{why}: that needs narwhals. pip install 'forecastrnn[frames]', or use pandas (to_pandas)"
        ) from error


def _column(column: Any) -> Any:
    """Values as pandas has them: missing ones as NaN, NaT, None or NA, whether they were null or NaN."""
    nw, dtype = import_module("narwhals"), column.dtype
    if dtype in (nw.Categorical, nw.Enum):
        texts = column.cast(nw.String).to_numpy()  # codes alone lose what is null
        fixed = list(dtype.categories) if isinstance(dtype, nw.Enum) else None
        return pd.Categorical(texts, categories=fixed, ordered=fixed is not None)
    if dtype == nw.Datetime:
        unit = "ms" if dtype.time_unit == _DATE else dtype.time_unit
        times = pd.DatetimeIndex(column.to_numpy().astype(f"datetime64[{unit}]"))
        return times if dtype.time_zone is None else times.tz_localize("UTC").tz_convert(dtype.time_zone)
    if dtype == nw.Date:
        return pd.DatetimeIndex(column.to_numpy().astype(f"datetime64[{_DATE}]"))
    if dtype == nw.Struct:
        return pd.Series(column.to_list(), dtype=object)
    if dtype == nw.Decimal:
        return column.cast(nw.Float64).to_numpy()
    if dtype == nw.Boolean and column.is_null().any():
        return pd.array(column.to_list(), dtype="boolean")
    return column.to_numpy()


# Back again ---------------------------------------------------------------------------------------------------------
def in_library(found: Any, library: str) -> Any:
    """A frame or Series of pandas as one of a library, without the index: columns tell the rows apart.

    Raises ImportError if the library is not there.

    Examples
    --------
    >>> in_library(pd.DataFrame({"RNN": [1.0]}), "pandas")
       RNN
    0  1.0
    """
    if library == PANDAS:
        return found
    nw = _narwhals(f"the series came as frames of {library}")
    try:
        if isinstance(found, pd.Series):
            values = found.to_numpy()
            return nw.new_series(str(found.name or ""), values, backend=library).to_native()
        frame = nw.from_dict({str(name): _plain(found[name]) for name in found.columns}, backend=library)
    except ImportError as error:
        raise ImportError(
            f"the series came as frames of {library}, which is not installed here: pip install {library}, or give y "
            "as a frame of pandas"
        ) from error
    changes = [change for name in found.columns for change in _dressed(nw, str(name), found[name], library)]
    return (frame.with_columns(*changes) if changes else frame).to_native()


def _plain(column: pd.Series) -> np.ndarray | list:
    """Values without a zone or categories; those that are missing among texts and integers are None."""
    dtype = column.dtype
    if dtype.kind == "O" and column.isna().all():  # an array of objects would be one of no type that can be cast
        return [None] * len(column)
    if isinstance(dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    if column.dtype.kind == "M":
        unit = np.datetime_data(column.to_numpy().dtype)[0]
        return column.to_numpy().astype(f"datetime64[{'ms' if unit == _DATE else unit}]")
    if isinstance(dtype, np.dtype) and dtype.kind != "O":
        return column.to_numpy()
    return column.astype(object).where(column.notna(), None).to_numpy()


def _dressed(nw: Any, name: str, column: pd.Series, library: str) -> list:
    """What makes of plain values those that there were: zones, dates, categories, nulls."""
    dtype, one = column.dtype, nw.col(name)
    if isinstance(dtype, pd.DatetimeTZDtype):
        return [one.dt.replace_time_zone("UTC").dt.convert_time_zone(str(dtype.tz))]
    if dtype.kind == "M":
        days = np.datetime_data(dtype)[0] == _DATE and bool((column.dt.normalize() == column).all())
        return [one.cast(nw.Date)] if days else []
    if isinstance(dtype, pd.CategoricalDtype):
        fixed = dtype.ordered and library == "polars"  # Arrow's dictionaries have no order that narwhals could make
        return [one.cast(nw.Enum(dtype.categories.tolist()) if fixed else nw.Categorical)]
    if dtype.kind == "f" and column.isna().any():
        return [nw.when(~one.is_nan()).then(one).alias(name)]
    return [one.cast(nw.String)] if dtype.kind == "O" and column.isna().all() else []
