"""What the README and the examples say runs as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_readme_has_a_block_for_each_kind_of_user() -> None:
    assert len(BLOCKS) == 5


def run(block: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    """The names of a block that has run, and printed something."""
    names: dict[str, Any] = {}
    exec(compile(block, "README.md", "exec"), names)
    assert capsys.readouterr().out
    return names


def test_the_default_is_far_better_than_the_seasonal_naive(capsys: pytest.CaptureFixture[str]) -> None:
    """The first block: four years of airline passengers, a year ahead."""
    names = run(BLOCKS[0], capsys)
    errors = names["evaluate"](names["cv"], "mase", train=names["y"]).set_index("metric").loc["mase"]
    assert errors["RNN"] < 0.65 < 1.2 < errors["SeasonalNaive"]


@pytest.mark.parametrize("block", BLOCKS[1:], ids=["one network a series", "scikit-learn", "scripts", "save and load"])
def test_readme_blocks_run(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    run(block, capsys)


@pytest.mark.slow
@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_examples_run_and_leave_a_picture(example: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", str(example)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    picture = tmp_path / f"{example.stem}.png"
    assert picture.stat().st_size > 10_000 and f"picture: {picture.name}" in done.stdout
