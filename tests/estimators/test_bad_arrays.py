"""Arrays that cannot be used, and odd ones that can."""

from __future__ import annotations

import datetime
import pickle
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import DataConversionWarning

from support.array_cases import CUBE, STEPS, N, X, Y, classifier, frame, regressor, with_value

DAYS = pd.date_range("2020-01-01", periods=N)
BAD_X = [
    ("X01", lambda: X[:, 0], ValueError, "Expected 2D.*Reshape your data"),
    ("X01-list", lambda: [1.0, 2.0], ValueError, "Expected 2D.*Reshape your data"),
    ("X01-Series", lambda: pd.Series(X[:, 0]), ValueError, "Expected a 2-dimensional|Expected 2D"),
    ("X01-number", lambda: 3.0, ValueError, "Expected 2D.*scalar"),
    ("X03", lambda: X[:, :, None, None], ValueError, "dim 4.*(2|3)"),
    ("X04", lambda: X[:0], ValueError, r"0 sample\(s\)"),
    ("X04-cube", lambda: CUBE[:0], ValueError, r"0 sample\(s\)"),
    ("X04-steps", lambda: CUBE[:, :0], ValueError, "0 .*minimum|at least 1"),
    ("X04-channels", lambda: CUBE[:, :, :0], ValueError, "0 .*minimum|at least 1"),
    ("X04-list", lambda: [], ValueError, "Expected 2D|0 sample"),
    ("X12", lambda: with_value(np.nan), ValueError, r"Input X contains NaN\."),
    ("X12-cube", lambda: CUBE * np.nan, ValueError, r"Input X contains NaN\."),
    ("X13", lambda: with_value(np.inf), ValueError, "infinity or a value too large"),
    ("X13-minus", lambda: with_value(-np.inf), ValueError, "infinity or a value too large"),
    ("X13-cube", lambda: CUBE + np.inf, ValueError, "infinity or a value too large"),
    ("X15-scalar", lambda: [[1.0, 2.0], 3.0] * 6, TypeError, r"X\[1\] is 3\.0.*into a list"),
    ("X15-empty", lambda: [[[1.0]], []] * 6, ValueError, r"X\[1\] must have shape.*at least one step"),
    ("X15-arrays", lambda: [np.ones(3), np.ones(0)] * 6, ValueError, r"X\[1\].*at least one step"),
    ("X15-channels", lambda: [np.ones((3, 2)), np.ones((4, 1))] * 6, ValueError, r"X\[1\] has 1 channels.*2"),
    ("X15-nan", lambda: [np.ones(3), np.full(4, np.nan)] * 6, ValueError, r"X\[1\] contains NaN"),
    ("X18-str", lambda: with_value("foo", object), ValueError, "could not convert string"),
    ("X18-dict", lambda: with_value({"a": 1}, object), TypeError, "argument must be .* string.* number"),
    ("X18-list", lambda: with_value([1, 2], object), (TypeError, ValueError), "sequence|argument must be"),
    ("X18-digits", lambda: X.astype(str), ValueError, "could not convert string"),
    ("X18-bytes", lambda: X.astype(bytes), ValueError, "could not convert string"),
    ("X18-lists", lambda: [["1", "2"]] * N, ValueError, "could not convert string"),
    ("X18-frame", lambda: frame(b="7"), ValueError, "could not convert string"),
    ("X19-None", lambda: with_value(None, object), ValueError, "contains NaN"),
    ("X19-NA", lambda: with_value(pd.NA, object), (ValueError, TypeError), "NaN|NAType"),
    ("X21", lambda: X.astype(complex), ValueError, "Complex data not supported"),
    ("X21-list", lambda: X.astype(complex).tolist(), ValueError, "Complex data not supported"),
    ("X22", lambda: np.stack([DAYS.to_numpy()] * STEPS, axis=1), TypeError, "datetime.*not numeric"),
    ("X22-timedelta", lambda: np.stack([DAYS - DAYS[0]] * STEPS, axis=1), TypeError, "datetime.*not numeric"),
    ("X22-frame", lambda: pd.DataFrame({c: DAYS for c in "abcd"}), TypeError, "datetime.*not numeric"),
    ("X22-column", lambda: frame(b=DAYS), TypeError, "datetime.*not numeric"),
    ("X22-zone", lambda: frame(b=DAYS.tz_localize("UTC")), TypeError, "datetime.*not numeric"),
    ("X22-objects", lambda: with_value(datetime.date(2020, 1, 1), object), TypeError, "number"),
    ("X22-datetime64", lambda: with_value(np.datetime64("2020"), object), TypeError, "datetime.*not numeric"),
    ("X24", lambda: np.ma.masked_less(X, 0.0), ValueError, "masked.*fill"),
    ("X24-cube", lambda: np.ma.masked_less(CUBE, 0.0), ValueError, "masked.*fill"),
    ("X24-list", lambda: list(np.ma.masked_less(X, 0.0)), ValueError, "masked.*fill"),
    ("X24-ragged", lambda: [np.ones(3), np.ma.masked_equal([1, 2], 2)] * 6, ValueError, "masked.*fill"),
    ("X18-ragged", lambda: [np.ones(3), np.array(["1", "2"])] * 6, ValueError, r"string.*X\[1\]"),
    ("X22-ragged", lambda: [np.ones(3), DAYS.to_numpy()] * 6, TypeError, r"X\[1\] holds datetime.*not numeric"),
    ("X22-list", lambda: [DAYS.to_numpy()[:4]] * N, TypeError, "datetime.*not numeric"),
    ("X25", lambda: np.matrix(X), TypeError, "np.matrix is not supported"),
    ("X27-generator", lambda: (row for row in X), TypeError, "list|array"),
    ("X27-iterator", lambda: iter(X), TypeError, "list|array"),
    ("X27-set", lambda: {1.0, 2.0}, TypeError, "list|array"),
    ("X27-dict", lambda: {"a": X[:, 0]}, TypeError, "list|array"),
    ("X33", lambda: frame(b=pd.array([None, *range(N - 1)], "Int64")), ValueError, "contains NaN"),
    ("X42", lambda: pd.DataFrame(X, columns=list("abca")), ValueError, "(unique|duplicate).*column"),
]


@pytest.mark.parametrize("make", [regressor, classifier])
@pytest.mark.parametrize(("case", "kind", "pattern"), [r[1:] for r in BAD_X], ids=[r[0] for r in BAD_X])
@pytest.mark.filterwarnings("ignore:the matrix subclass")
def test_bad_x_in_fit(make, case, kind, pattern):
    model = make()
    with pytest.raises(kind) as caught:
        model.fit(case(), Y > 0)
    assert re.search(pattern, str(caught.value), re.IGNORECASE | re.DOTALL), str(caught.value)
    assert [name for name in vars(model) if name.endswith("_") or name.startswith("_")] == []


@pytest.mark.parametrize(("case", "kind", "pattern"), [r[1:] for r in BAD_X], ids=[r[0] for r in BAD_X])
@pytest.mark.filterwarnings("ignore:the matrix subclass", "ignore:X has feature names")
def test_bad_x_in_predict(case, kind, pattern):
    given = case()
    cube = getattr(given, "ndim", 2) == 3
    model = regressor().fit(CUBE if cube else X, Y)
    state = model.__dict__.copy()
    with pytest.raises(kind) as caught:
        model.predict(given)
    other_shape = r"channels, but|features, but"
    assert re.search(f"{pattern}|{other_shape}", str(caught.value), re.IGNORECASE | re.DOTALL), str(caught.value)
    assert model.__dict__ == state


BAD_SHAPE = [
    ("X09", X, X[:, :3], "X has 3 features, but RNNRegressor is expecting 4"),
    ("X09-transposed", X, X.T, "X has 12 features, but RNNRegressor is expecting 4"),
    ("X10", CUBE, np.dstack([CUBE, X]), "3 channels.*expecting 2"),
    ("X10-list", CUBE, [np.ones((3, 3)), np.ones((4, 3))], "3 channels.*expecting 2"),
    ("X10-rows", CUBE, X[:, :2], "2 channels as in fit. Got"),
]


@pytest.mark.parametrize(("fitted", "given", "pattern"), [r[1:] for r in BAD_SHAPE], ids=[r[0] for r in BAD_SHAPE])
def test_another_number_of_features_or_channels(fitted, given, pattern):
    with pytest.raises(ValueError, match=pattern):
        regressor().fit(fitted, Y).predict(given)


@pytest.mark.parametrize(
    "lengths",
    [[0] * N, [-1] * N, [STEPS + 1] * N, [2.0] * N, [2] * (N - 1), 2, [[2]] * N, "ab", [True] * N, [None] * N],
    ids=repr,
)
def test_x16_bad_lengths(lengths):
    model = regressor()
    with pytest.raises(ValueError, match="lengths must"):
        model.fit(CUBE, Y, lengths=lengths)
    with pytest.raises(ValueError, match="lengths must"):
        model.fit(CUBE, Y).predict(CUBE, lengths=lengths)


def test_x16_lengths_beside_a_list():
    with pytest.raises(ValueError, match="lengths must not be given with a list"):
        regressor().fit([np.ones(3), np.ones(4)] * 6, Y, lengths=[3, 4] * 6)


def test_x06_one_row_and_x07_one_column():
    assert regressor().fit(X[:1], Y[:1]).predict(X[:1]).shape == (1,)
    assert regressor().fit(X[:, :1], Y).predict(X[:, :1]).shape == (N,)


def unaligned(array: np.ndarray) -> np.ndarray:
    raw = np.zeros(array.nbytes + 1, np.uint8)
    odd = raw[1:].view(array.dtype) if array.dtype.itemsize == 1 else np.ndarray(array.shape, array.dtype, raw, 1)
    odd[...] = array
    assert not odd.flags.aligned
    return odd


def read_only(array: np.ndarray) -> np.ndarray:
    array = array.copy()
    array.flags.writeable = False
    return array


class Wrapped:
    """An object that is only convertible to an array."""

    def __init__(self, array: np.ndarray) -> None:
        self.array = array

    def __array__(self, dtype=None, copy=None):
        return np.array(self.array, dtype=dtype)


class Sub(np.ndarray):
    pass


SAME = [
    ("X30-big-endian", lambda a: a.astype(">f8")),
    ("X34-read-only", read_only),
    ("X36-unaligned", unaligned),
    ("X37-subclass", lambda a: a.view(Sub)),
    ("X37-__array__", Wrapped),
    ("X37-list", lambda a: a.tolist()),
    ("X37-tuple", lambda a: tuple(map(tuple, a.tolist()))),
    ("X37-objects", lambda a: a.astype(object)),
    ("strided", lambda a: np.repeat(a, 2, axis=1)[:, ::2]),
    ("reversed", lambda a: a[::-1, ::-1].copy()[::-1, ::-1]),
    ("Fortran", np.asfortranarray),
    ("frame", lambda a: pd.DataFrame(a)),
    ("Float64", lambda a: pd.DataFrame(a).astype("Float64")),
    ("X24-no-mask", lambda a: np.ma.masked_array(a, mask=False)),
    ("X43-MultiIndex", lambda a: pd.DataFrame(a, columns=pd.MultiIndex.from_product([["a", "b"], [1, 2]]))),
]


@pytest.mark.parametrize("wrap", [r[1] for r in SAME], ids=[r[0] for r in SAME])
def test_other_containers_give_the_same_bits(wrap):
    plain = regressor().fit(X, Y).predict(X)
    given, target = wrap(X), Y if wrap is not read_only else read_only(Y)
    before = pickle.dumps(np.asarray(given))
    assert np.array_equal(regressor().fit(given, target).predict(given), plain)
    assert pickle.dumps(np.asarray(given)) == before


def test_x34_a_memory_map_gives_the_same_bits(tmp_path):
    np.save(tmp_path / "x.npy", CUBE)
    mapped = np.load(tmp_path / "x.npy", mmap_mode="r")
    assert np.array_equal(regressor().fit(mapped, Y).predict(mapped), regressor().fit(CUBE, Y).predict(CUBE))


@pytest.mark.parametrize("dtype", ["float16", "bool", "uint8", "int64", "uint64", "float32", "longdouble"])
def test_x28_x31_other_number_types(dtype):
    given = (X > 0).astype(dtype)
    exact = regressor().fit(given.astype(float if dtype != "float32" else dtype), Y)
    assert np.array_equal(regressor().fit(given, Y).predict(given), exact.predict(given))


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        (lambda f: f.drop(columns="b"), "Feature names seen at fit time, yet now missing"),
        (lambda f: f.assign(e=1.0), "Feature names unseen at fit time"),
    ],
)
def test_x39_other_columns_at_predict(change, pattern):
    model = regressor().fit(frame(), Y)
    with pytest.raises(ValueError, match=pattern):
        model.predict(change(frame()))


def test_x40_an_array_for_a_model_fitted_with_names():
    model = regressor().fit(frame(), Y)
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        plain = model.predict(X)
    assert np.array_equal(plain, model.predict(frame()))


def test_x43_multiindex_columns_leave_no_feature_names():
    columns = pd.MultiIndex.from_product([["a", "b"], [1, 2]])
    assert not hasattr(regressor().fit(pd.DataFrame(X, columns=columns), Y), "feature_names_in_")


def test_x43_feature_names_of_an_earlier_fit_are_forgotten():
    model = regressor().fit(frame(), Y)
    assert not hasattr(model.fit([np.ones(3), np.ones(4)] * 6, Y), "feature_names_in_")
    assert not hasattr(model.fit(frame(), Y).fit(CUBE, Y), "feature_names_in_")


@pytest.mark.parametrize("array", [with_value(1e39), np.dstack([with_value(1e39), X])], ids=["rows", "cube"])
def test_x45_too_large_for_float32(array):
    with pytest.raises(ValueError, match=r"too large for dtype\(.float32.\)"):
        regressor(dtype="float32").fit(array, Y)
    assert np.isfinite(regressor().fit(array, Y).predict(array)).all()


def test_x45_a_target_too_large_for_float32():
    model = regressor(dtype="float32", standardize=False)
    with pytest.raises(ValueError, match=r"y contains a value too large for dtype\(.float32.\)"):
        model.fit(X, 1e39 * Y)


def test_x46_a_constant_channel():
    constant = np.dstack([X, np.full_like(X, 7.0)])
    assert np.isfinite(regressor().fit(constant, Y).predict(constant)).all()
    assert np.isfinite(regressor().fit(np.zeros_like(X), Y).predict(X)).all()


def test_x48_one_very_long_row():
    long = np.sin(np.arange(100_000.0))[None, :, None]
    model = regressor(hidden_layer_sizes=2, max_iter=1).fit(long, long)
    assert np.isfinite(model.predict(long)).all()


BAD_Y = [
    ("Y01", regressor, None, ValueError, "requires y to be passed, but the target y is None"),
    ("Y01-class", classifier, None, ValueError, "requires y to be passed, but the target y is None"),
    ("Y03-nan", regressor, np.where(Y > 0, Y, np.nan), ValueError, "Input y contains NaN"),
    ("Y03-inf", regressor, np.where(Y > 0, Y, np.inf), ValueError, "Input y contains infinity"),
    ("Y03-class-nan", classifier, np.where(Y > 0, 1.0, np.nan), ValueError, "Input y contains NaN"),
    ("Y03-class-inf", classifier, np.where(Y > 0, 1.0, np.inf), ValueError, "Input y contains infinity"),
    ("Y06-digits", regressor, Y.astype(str), (ValueError, TypeError), "numeric"),
    ("Y06-objects", regressor, Y.astype(str).astype(object), (ValueError, TypeError), "numeric"),
    ("Y06-days", regressor, DAYS, (ValueError, TypeError), "numeric"),
    ("Y06-deltas", regressor, DAYS - DAYS[0], (ValueError, TypeError), "numeric"),
    ("Y06-zone", regressor, DAYS.tz_localize("UTC"), (ValueError, TypeError), "numeric"),
    ("Y06-complex", regressor, Y + 1j, ValueError, "Complex data not supported"),
    ("Y06-complex-list", regressor, (Y + 1j).tolist(), ValueError, "Complex data not supported"),
    ("Y06-mask", regressor, np.ma.masked_less(Y, 0), ValueError, "masked.*fill"),
    ("Y07", classifier, Y, ValueError, "Unknown label type"),
    ("Y09", classifier, [1] * N, ValueError, r"\bclass(es)?\b"),
    ("Y10-None", classifier, ["a", None] * 6, (ValueError, TypeError), "y must be uniformly strings or numbers"),
    ("Y10-dates", classifier, [datetime.date(2020, 1, d) for d in (1, 2)] * 6, TypeError, "Got labels of date"),
    ("Y10-mixed", classifier, [1, "a"] * 6, (ValueError, TypeError), "y must be uniformly strings or numbers"),
    ("Y10-NA", classifier, ["a", pd.NA] * 6, (ValueError, TypeError), "y must be uniformly strings or numbers"),
    ("Y21", regressor, (v for v in Y), TypeError, "array"),
    ("Y21-class", classifier, (v for v in Y > 0), TypeError, "array"),
    ("Y21-dict", regressor, {"a": 1}, TypeError, "array"),
    ("rows", regressor, Y[:-1], ValueError, "inconsistent numbers of samples"),
    ("class-rows", classifier, Y[:-1] > 0, ValueError, "inconsistent numbers of samples"),
    ("class-columns", classifier, np.ones((N, 2), int), ValueError, "y must be 1-D|Unknown label type"),
    ("4-D", regressor, np.ones((N, 2, 2, 2)), ValueError, r"y must have shape .*\(12, 2, 2, 2\)"),
    ("too-many-steps", regressor, np.ones((N, STEPS + 1, 1)), ValueError, "y must have shape.*at most 4"),
    ("no-outputs", regressor, np.ones((N, 0)), ValueError, "y must have shape|0 feature"),
    ("scalar", regressor, 1.0, (ValueError, TypeError), "array|Singleton|1-D|shape"),
]


@pytest.mark.parametrize(("make", "y", "kind", "pattern"), [r[1:] for r in BAD_Y], ids=[r[0] for r in BAD_Y])
def test_bad_y(make, y, kind, pattern):
    model = make()
    with pytest.raises(kind) as caught:
        model.fit(X, y)
    assert re.search(pattern, str(caught.value), re.IGNORECASE | re.DOTALL), str(caught.value)
    assert [name for name in vars(model) if name.endswith("_")] == []


def test_y04_a_column_vector_warns_in_the_callers_line():
    for model, y in ((regressor(), Y), (classifier(), Y > 0)):
        with pytest.warns(DataConversionWarning, match="column-vector y") as caught:
            column = model.fit(X, y[:, None]).predict(X)
        assert caught[0].filename == __file__
        assert np.array_equal(column, model.fit(X, y).predict(X))


def test_y09_one_class_left_after_zero_weights():
    with pytest.raises(ValueError, match=r"\bclass(es)?\b"):
        classifier().fit(X, Y > 0, sample_weight=Y > 0)


def test_y12_classes_are_those_observed():
    y = pd.Categorical(np.where(Y > 0, "up", "down"), categories=["down", "sideways", "up"])
    assert classifier().fit(X, y).classes_.tolist() == ["down", "up"]


def test_y12_number_objects_are_labels():
    assert classifier().fit(X, np.array([1, 2] * 6, object)).classes_.tolist() == [1, 2]


def test_y13_an_unseen_label_in_a_later_partial_fit():
    model = classifier().partial_fit(X, Y > 0, classes=[False, True])
    before = model.predict_proba(X)
    with pytest.raises(ValueError, match="previously unseen|not in classes"):
        model.partial_fit(X, np.arange(N) % 3)
    with pytest.raises(ValueError, match="previously unseen|not in classes"):
        classifier().partial_fit(X, np.arange(N) % 3, classes=[0, 1])
    with pytest.raises(ValueError, match="classes must be those of the first call"):
        model.partial_fit(X, Y > 0, classes=[0, 1, 2])
    assert np.array_equal(model.predict_proba(X), before)


def test_y13_a_failed_first_partial_fit_leaves_nothing_behind():
    model = classifier()
    with pytest.raises(ValueError, match="NaN"):
        model.partial_fit(X * np.nan, Y > 0, classes=[False, True])
    assert model.fit(X, np.arange(N) % 3).classes_.tolist() == [0, 1, 2]


@pytest.mark.parametrize("size", [1e30, 1e200, 1e-30])
def test_y15_the_unit_of_y_does_not_matter(size):
    one = regressor(max_iter=30).fit(X, Y)
    scaled = regressor(max_iter=30).fit(X, Y * size)
    np.testing.assert_allclose(scaled.predict(X) / size, one.predict(X), rtol=1e-6)
    assert scaled.score(X, Y * size) == pytest.approx(one.score(X, Y), rel=1e-6)


@pytest.mark.parametrize("value", [0.0, 5.0, -3e6])
def test_y16_a_constant_y_is_predicted(value):
    model = regressor(max_iter=200).fit(X, np.full(N, value))
    assert np.abs(model.predict(X) - value).max() < 1e-6


def test_y16_one_constant_output_beside_another():
    model = regressor(max_iter=50, dtype="float32").fit(X, np.stack([Y, np.full(N, 3.0)], axis=1))
    assert np.abs(model.predict(X)[:, 1] - 3).max() < 1e-6
    assert np.ptp(model.predict(X)[:, 0]) > 0.1


@pytest.mark.parametrize("make", [regressor, classifier])
def test_y18_y19_bad_weights(make):
    weight = np.ones(N)
    weight[3] = -1
    with pytest.raises(ValueError, match="sample_weight must not be negative. Got -1 at index 3"):
        make().fit(X, Y > 0, sample_weight=weight)
    with pytest.raises(ValueError, match="at least one non-zero|sample_weight"):
        make().fit(X, Y > 0, sample_weight=np.zeros(N))
    with pytest.raises(ValueError, match="sample_weight.*contains NaN"):
        make().fit(X, Y > 0, sample_weight=np.full(N, np.nan))
    with pytest.raises(ValueError, match="sample_weight"):
        make().fit(X, Y > 0, sample_weight=np.ones(N - 1))
