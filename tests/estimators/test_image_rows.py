"""The example that reads images row by row: how good it is on the digits of scikit-learn."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLE = Path(__file__).parents[2] / "examples" / "image_rows.py"


@pytest.mark.slow
def test_digits_are_read_row_by_row_and_the_saved_model_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FORECASTRNN_DATA", raising=False)
    command = [sys.executable, "-W", "error", str(EXAMPLE)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    accuracies = [float(text) for text in re.findall(r"accuracy on the test set (\d\.\d+)", done.stdout)]
    assert len(accuracies) == 2 and min(accuracies) >= 0.93  # of 450 images: some 0.96, with a deviation of 0.009
    assert "loaded by another process: the same bits" in done.stdout
    assert (tmp_path / "image_rows.png").exists() and (tmp_path / "image_rows.rnn").exists()
    epochs = [int(text) for text in re.findall(r"epoch +(\d+) ", done.stdout)]
    assert epochs.count(40) < 2  # the target stopped one of them at least
