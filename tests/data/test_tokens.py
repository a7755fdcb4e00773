"""Sequences of tokens: what is read, what is refused and how, codes and back."""

from __future__ import annotations

from collections import deque
from typing import Any

import numpy as np
import pandas as pd
import pytest

from forecastrnn.data.tokens import check_tokens, padded_codes, read_texts, vocabulary_of, written

GOOD = {
    "texts": ["abca", "b"],
    "lists": [["a", "b", "c", "a"], ["b"]],
    "tuples": [("a", "b", "c", "a"), ("b",)],
    "arrays": [np.array(["a", "b", "c", "a"]), np.array(["b"], object)],
    "series": pd.Series(["abca", "b"]),
    "array of texts": np.array(["abca", "b"]),
    "series of tokens": [pd.Series(["a", "b", "c", "a"]), pd.Series(["b"])],
}


@pytest.mark.parametrize("kind", GOOD)
def test_all_forms_have_the_same_codes(kind: str) -> None:
    texts = read_texts(GOOD[kind], "X")
    vocabulary = vocabulary_of(texts)
    assert vocabulary.tolist() == ["a", "b", "c"]
    assert check_tokens(texts, vocabulary).tolist() == [0, 1, 2, 0, 1]
    assert texts.lengths.tolist() == [4, 1]


@pytest.mark.parametrize("values", [[[7, -3], [7]], np.array([[7, -3], [7, 7]]), [np.array([7, -3], np.int8)]])
def test_integers_are_tokens(values: Any) -> None:
    texts = read_texts(values, "X")
    vocabulary = vocabulary_of(texts)
    assert vocabulary.dtype == np.int64 and vocabulary.tolist() == [-3, 7]
    codes = check_tokens(texts, vocabulary)
    assert codes[:2].tolist() == [1, 0]
    rows = written(padded_codes(codes, texts.lengths), texts.lengths, vocabulary, False)
    assert rows == [list(row) for row in values]
    assert type(rows[0][0]) is int


def test_codes_are_padded() -> None:
    codes, lengths = np.arange(1, 7), np.array([1, 3, 2])
    assert padded_codes(codes, lengths).tolist() == [[1, 0, 0], [2, 3, 4], [5, 6, 0]]


def test_what_was_written_was_read() -> None:
    values = ["zeta", "é\0ß", "𝄞 ", "a"]
    texts = read_texts(values, "y")
    vocabulary = vocabulary_of(texts)
    codes = padded_codes(check_tokens(texts, vocabulary), texts.lengths)
    assert written(codes, texts.lengths, vocabulary, True) == values
    assert written(codes, texts.lengths, vocabulary, False) == [list(value) for value in values]


def test_an_unknown_token_has_a_code_of_its_own() -> None:
    texts = read_texts(["abxa", "y"], "X")
    assert check_tokens(texts, np.array(["a", "b"], object), "X", "source_tokens_").tolist() == [0, 1, 2, 0, 2]
    with pytest.raises(ValueError, match=r"X\[0\] has the token 'x' at place 2, which is not among the 2 of source"):
        check_tokens(texts, np.array(["a", "b"], object), "X", "source_tokens_", "Do this.")
    with pytest.raises(ValueError, match=r"X\[1\] has the token 'y' at place 0.*Do this"):
        check_tokens(texts, np.array(["a", "b", "x"], object), "X", "source_tokens_", "Do this.")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ("abc", r"X must be a list of sequences of tokens.*Got one str: put it in a list, \['abc'\]"),
        (b"abc", "Got one bytes"),
        (None, "Got NoneType"),
        (3, "Got int"),
        ({"a": 1}, "Got dict"),
        ({"abc"}, "Got set"),
        (iter(["abc"]), "Got list_iterator"),
        (np.array("abc"), r"Got ndarray of shape \(\)"),
        (np.zeros((2, 2, 2), int), r"Got ndarray of shape \(2, 2, 2\)"),
        (["ab", None], r"X\[1\] must be a sequence of tokens: a text.*Got NoneType"),
        (["ab", 3], r"X\[1\] must be a sequence of tokens.*Got int"),
        (["ab", float("nan")], r"X\[1\] must be a sequence of tokens.*Got float"),
        ([["a"], b"ab"], r"X\[1\] must be a sequence.*Got bytes"),
        ([["a"], {"a"}], r"X\[1\] must be a sequence.*Got set"),
        ([["a"], np.array([["a"]])], r"X\[1\] must be a sequence.*Got ndarray of shape \(1, 1\)"),
        (["ab", ["a", "b"]], r"texts, or lists of tokens, not both: X\[0\] is a str, X\[1\] is list"),
        ([["a", "b"], ["a", 1.5]], r"X\[1\]\[1\] is 1.5, of type float: a token is a str or an int"),
        ([["a"], ["b", None]], r"X\[1\]\[1\] is None, of type NoneType"),
        ([[1, True]], r"X\[0\]\[1\] is True, of type bool"),
        ([np.array([0.5])], r"X\[0\]\[0\] is 0.5, of type float"),
        ([["a"], [["b"]]], r"X\[1\]\[0\] is \['b'\], of type list"),
        ([["a", "b"], ["c", 3]], r"X\[1\]\[1\] is 3, of type int where others are str"),
    ],
)
def test_wrong_types_are_refused(values: Any, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        read_texts(values, "X")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ([], "X must be a list.*Got 0 sequences"),
        (np.empty((0, 3), int), "Got 0 sequences"),
        (["ab", ""], r"X\[1\] is empty: each sequence needs at least one token"),
        ([["a"], [], []], r"X\[1\] is empty"),
        ([[2**63]], "a token beyond the range of int64"),
    ],
)
def test_wrong_values_are_refused(values: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_texts(values, "X")


def test_other_sequences_are_read() -> None:
    """Whatever has a length and an order; nothing that was given is changed."""
    rows = [[np.int64(4), 5]]
    assert read_texts(deque(rows), "X").rows == [[4, 5]]
    assert type(rows[0][0]) is np.int64
    assert vocabulary_of(read_texts([[np.str_("b")], ["a"]], "X")).tolist() == ["a", "b"]
