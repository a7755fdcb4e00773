"""What the README and the examples say runs as it stands."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = (
    "pip install . && python examples/generate_sequence.py",
    'pip install -e ".[test]" && pytest -n 2 --dist worksteal',
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a block writes is not left in the project."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("command", COMMANDS)
def test_the_commands_of_the_first_screen(command: str) -> None:
    assert f"```\n{command}\n```" in README


def results(name: str) -> dict[str, dict[str, Any]]:
    """The rows of a benchmark's file, by set; a source distribution has none."""
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    if not path.is_file():
        pytest.skip(f"no {path.name}")
    rows = json.loads(path.read_text(encoding="utf-8"))["rows"]
    return {row["set"]: row for row in rows}


def test_the_table_beside_others_is_that_of_the_benchmarks() -> None:
    ours, peers = results("accuracy"), results("accuracy_peers")
    table = re.findall(r"^\| (\w+) \| (\d+) \| ([\d.]+) \| ([\d.]+) \| ([\d.]+) \|$", README, re.MULTILINE)
    published = [name for name in ours if name in peers and "recent median" not in ours[name]["references"]]
    assert [name for name, *_ in table] == published
    for name, series, *errors in table:
        row, ets = ours[name], peers[name]["peers"]["AutoETS"]
        found = (row["scores"]["MASE"], row["references"]["seasonal naive"]["MASE"], ets["MASE"])
        assert (series, errors) == (str(row["series"]), [f"{error:.2f}" for error in found])


def test_readme_has_a_block_for_each_kind_of_user() -> None:
    assert len(BLOCKS) == 7


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


OTHERS = ["new values", "one network a series", "without training", "scikit-learn", "scripts", "save and load"]


@pytest.mark.parametrize("block", BLOCKS[1:], ids=OTHERS)
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
