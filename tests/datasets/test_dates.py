"""Dates in many ways: their ISO forms are right, and no text has two meanings."""

from __future__ import annotations

import re
from datetime import date, datetime

import numpy as np
import pytest

from forecastrnn.datasets import make_dates
from forecastrnn.datasets.dates import FORMS

DAYS = "monday|tuesday|wednesday|thursday|friday|saturday|sunday"
NOISE = re.compile(rf"\b(?:{DAYS}|mon|tue|wed|thu|fri|sat|sun|the|of)\b|(?<=\d)(?:st|nd|rd|th)\b|'")
NAMED = ("%d %b %Y", "%d %B %Y", "%d %b %y", "%d %B %y", "%b %d %Y", "%B %d %Y", "%Y %b %d", "%Y %B %d")
DIGITS = (
    (r"\d{8}", "%Y%m%d"), (r"\d{4} \d+ \d+", "%Y %m %d"), (r"\d{4}-\d+-\d+", "%Y-%m-%d"),
    (r"\d{4}/\d+/\d+", "%Y/%m/%d"), (r"\d{4}\.\d+\.\d+", "%Y.%m.%d"),
    (r"\d\d?/\d\d?/\d{2}", "%m/%d/%y"), (r"\d\d?/\d\d?/\d{4}", "%m/%d/%Y"),
    (r"\d\d?\.\d\d?\.\d{2}", "%d.%m.%y"), (r"\d\d?\.\d\d?\.\d{4}", "%d.%m.%Y"),
)  # fmt: skip


def parses(text: str, form: str) -> date | None:
    try:
        return datetime.strptime(text, form).date()
    except ValueError:
        return None


def read(source: str) -> set[date]:
    """All that a text can mean to strptime."""
    if not re.search("[a-z]", source.lower()):
        return {datetime.strptime(source, form).date() for shape, form in DIGITS if re.fullmatch(shape, source)}
    plain = " ".join(re.sub(r"[-/.,\s]+", " ", NOISE.sub(" ", source.lower())).split())
    return {found for form in NAMED if (found := parses(plain, form)) is not None}


def test_every_source_has_its_iso_form_as_its_one_meaning() -> None:
    for source, target in zip(*make_dates(6000, random_state=3), strict=True):
        assert read(source) == {date.fromisoformat(target)}, source


def test_named_days_of_the_week_are_right() -> None:
    pairs = list(zip(*make_dates(6000, random_state=4), strict=True))
    named = [
        (m.group(1).lower(), t)
        for s, t in pairs
        if (m := re.match(rf"({DAYS}|mon|tue|wed|thu|fri|sat|sun)\b", s, re.I))
    ]
    assert len(named) > 500
    assert all(date.fromisoformat(target).strftime("%A").lower().startswith(day) for day, target in named)


def test_all_ways_cases_and_years_come() -> None:
    sources, targets = make_dates(20_000, random_state=0)
    assert len(FORMS) >= 12 and len(set(FORMS)) == len(FORMS)
    shapes = {re.sub(r"\d", "9", re.sub("[A-Za-z]+", "a", source)) for source in sources}
    assert len(shapes) >= len(FORMS)
    letters = [source for source in sources if source.upper() != source.lower()]
    assert {(s.isupper(), s.islower()) for s in letters} == {(True, False), (False, True), (False, False)}
    assert {int(target[:4]) for target in targets} == set(range(1970, 2069))
    assert {target[5:7] for target in targets} == {f"{m:02d}" for m in range(1, 13)}
    assert {target[8:] for target in targets} == {f"{d:02d}" for d in range(1, 32)}


def test_the_seed_decides() -> None:
    assert make_dates(50, random_state=1) == make_dates(50, random_state=np.random.RandomState(1))
    assert make_dates(50, random_state=1) != make_dates(50, random_state=2)


@pytest.mark.parametrize("n", [0, -1, 2.0, True, "3", None])
def test_bad_counts_are_refused(n: object) -> None:
    with pytest.raises(ValueError, match="n must be an integer >= 1. Got"):
        make_dates(n)  # type: ignore[arg-type]
