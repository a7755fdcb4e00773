"""Strings of the Reber grammar: valid where they say so, one wrong symbol elsewhere, and learnable."""

from __future__ import annotations

import re
import time
from pathlib import Path

import numpy as np
import pytest

from forecastrnn import RNNClassifier
from forecastrnn.datasets import encode_reber, make_reber

EXAMPLE = Path(__file__).parents[2] / "examples" / "reber.py"
# The diagram as a regular expression. Above: T S* X (then X T* V P, back to the same fork). Below: P T* V.
LOWER = "T*V(?:PXT*V)*(?:V|PS)"
PLAIN = f"B(?:TS*X(?:S|X{LOWER})|P{LOWER})E"
GRAMMARS = {False: re.compile(PLAIN), True: re.compile(f"B(?:T{PLAIN}T|P{PLAIN}P)E")}


def is_valid(string: str, embedded: bool) -> bool:
    return GRAMMARS[embedded].fullmatch(string) is not None


@pytest.mark.parametrize(
    ("string", "embedded", "expected"),
    [
        ("BTXSE", False, True), ("BPVVE", False, True), ("BTSSXXTVVE", False, True), ("BPTVPXTTVPSE", False, True),
        ("BTSXXVPSE", False, True), ("BTXXVPXVVE", False, True), ("BPVPXVPSE", False, True), ("BTE", False, False),
        ("BPTXSE", False, False), ("BTBTXSETE", True, True), ("BTBTXSEPE", True, False), ("BTXSE", True, False),
    ],
)  # fmt: skip
def test_the_checker_knows_the_grammar(string: str, embedded: bool, expected: bool) -> None:
    assert is_valid(string, embedded) == expected


@pytest.mark.parametrize("embedded", [False, True])
def test_labels_say_what_the_grammar_says(embedded: bool) -> None:
    strings, valid = make_reber(2001, embedded=embedded, random_state=3)
    assert len(strings) == 2001 and valid.dtype == bool and valid.sum() == 1000
    assert [is_valid(string, embedded) for string in strings] == valid.tolist()
    assert min(map(len, strings)) == (9 if embedded else 5)
    assert valid[:50].any() and not valid[:50].all()  # in random order


@pytest.mark.parametrize("embedded", [False, True])
def test_a_wrong_string_is_one_symbol_away_from_a_valid_one(embedded: bool) -> None:
    strings, valid = make_reber(400, embedded=embedded, random_state=5)
    for string in (string for string, good in zip(strings, valid, strict=True) if not good):
        others = (string[:k] + s + string[k + 1 :] for k in range(len(string)) for s in "BEPSTVX")
        assert any(is_valid(other, embedded) for other in others), string


def test_every_way_through_the_grammar_is_taken_as_often_as_its_chance_says() -> None:
    strings, valid = make_reber(20_000, random_state=0)
    good = [string for string, ok in zip(strings, valid, strict=True) if ok]
    for prefix, chance in (("BT", 1 / 2), ("BTBT", 1 / 4), ("BPBPT", 1 / 8), ("BTBTXS", 1 / 16)):
        share = np.mean([string.startswith(prefix) for string in good])
        assert abs(share - chance) < 5 * np.sqrt(chance * (1 - chance) / len(good))


def test_a_third_of_the_wrong_strings_are_wrong_in_what_must_be_remembered() -> None:
    strings, valid = make_reber(20_000, random_state=0)
    wrong = [string for string, ok in zip(strings, valid, strict=True) if not ok]
    share = np.mean([is_valid(s[:-2] + {"T": "P", "P": "T"}.get(s[-2], "B") + s[-1], True) for s in wrong])
    assert 1 / 3 < share < 0.36  # some more by chance


def test_ten_thousand_strings_take_about_a_second_and_are_those_of_the_seed() -> None:
    begun = time.thread_time()
    strings, valid = make_reber(10_000, random_state=7)
    encode_reber(strings)
    assert time.thread_time() - begun < 3.0
    again, labels = make_reber(10_000, random_state=7)
    assert strings == again and (valid == labels).all()
    assert strings != make_reber(10_000, random_state=8)[0]


def test_one_hot_sequences() -> None:
    sequences = encode_reber(["BEPSTVX", "TT"])
    np.testing.assert_array_equal(sequences[0], np.eye(7))
    np.testing.assert_array_equal(sequences[1], np.eye(7)[[4, 4]])
    assert all(one.dtype == np.float32 for one in sequences) and encode_reber([]) == []


def test_a_classifier_takes_them_as_they_are() -> None:
    strings, valid = make_reber(60, random_state=0)
    model = RNNClassifier(hidden_layer_sizes=4, max_iter=2, random_state=0).fit(encode_reber(strings), valid)
    assert model.predict(encode_reber(strings[:3])).shape == (3,)


@pytest.mark.parametrize("n", [0, -1, 2.5, True, "10", None])
def test_counts_that_are_none(n: object) -> None:
    with pytest.raises(ValueError, match=r"n must be an integer >= 1\. Got"):
        make_reber(n)


@pytest.mark.parametrize(
    ("strings", "error", "pattern"),
    [
        ("BTXSE", TypeError, r"Use \['BTXSE'\]"), (["BE", 3], TypeError, "Got int at number 1"),
        (3, TypeError, "strings must be a list of strings. Got 3"),
        (["BE", ""], ValueError, r"strings\[1\] is empty"), (["BA"], ValueError, r"strings\[0\] has the symbol 'A'"),
    ],
)  # fmt: skip
def test_strings_that_are_none(strings: object, error: type, pattern: str) -> None:
    with pytest.raises(error, match=pattern):
        encode_reber(strings)


def test_embedded_is_a_bool() -> None:
    with pytest.raises(ValueError, match="embedded must be True or False. Got 'yes'"):
        make_reber(3, embedded="yes")
