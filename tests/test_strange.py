"""Generated inputs: what comes of each is a finite answer, or an error of ours in words of ours."""

from __future__ import annotations

import os

import pytest

from support.strange_calls import faults, faults_apart

PIECES, PIECE = 200, 500


def test_some_strange_calls() -> None:
    """In this process; a failing case is `support.strange_calls.called(seed, number)`."""
    assert faults(seed=0, first=0, count=200) == []


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="workers are forked")
@pytest.mark.parametrize("piece", range(PIECES))
def test_100000_strange_calls(piece: int) -> None:
    """In a forked process each, so that a crash is seen."""
    assert faults_apart(seed=1, first=piece * PIECE, count=PIECE) == []
