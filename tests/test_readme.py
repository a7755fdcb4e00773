"""What the README and the examples say runs as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)


def test_readme_has_a_block_for_each_kind_of_user() -> None:
    assert len(BLOCKS) == 5


@pytest.mark.parametrize(
    "block", BLOCKS, ids=["pandas", "one network a series", "scikit-learn", "scripts", "save and load"]
)
def test_readme_blocks_run(block: str, capsys: pytest.CaptureFixture[str]) -> None:
    exec(compile(block, "README.md", "exec"), {})
    assert capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("example", sorted((ROOT / "examples").glob("*.py")), ids=lambda path: path.stem)
def test_examples_run_and_leave_a_picture(example: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-W", "error", str(example)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    picture = tmp_path / f"{example.stem}.png"
    assert picture.stat().st_size > 10_000 and f"picture: {picture.name}" in done.stdout
