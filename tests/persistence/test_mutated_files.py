"""Model files in which bytes are other than what was written, by chance: damage is told, whatever it is."""

from __future__ import annotations

import numpy as np
import pytest

from golden.make_golden import FOLDER, NAMES
from support.mutated_files import CHANGES, fault_of, faults, mutated


def test_every_change_makes_another_file() -> None:
    whole = (FOLDER / "regressor.rnn").read_bytes()
    rng = np.random.default_rng(0)
    for change in CHANGES:
        data = bytearray(whole)
        for _ in range(9):
            change(data, rng)
        assert data != whole
    assert mutated(whole, rng) != whole


@pytest.mark.parametrize("name", NAMES)
def test_a_fault_would_be_seen(name: str) -> None:
    """A file that is whole loads, which is what no other may do."""
    whole = (FOLDER / f"{name}.rnn").read_bytes()
    assert fault_of(whole) == "loads"
    assert not fault_of(whole + b"\0")


def test_damage_is_told() -> None:
    assert not list(faults(2000, seed=1))


@pytest.mark.slow
def test_a_million_damaged_files_are_refused() -> None:
    assert not list(faults(10**6, seed=0))
