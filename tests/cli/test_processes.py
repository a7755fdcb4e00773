"""What only a process of its own shows: pipes, signals, what an import brings with it."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.command_line import QUICK
from support.forecaster_cases import monthly

PROGRAM = (sys.executable, "-m", "forecastrnn")


def test_a_pipe_from_data_to_forecast(tmp_path: Path) -> None:
    """cat data | fit -, then predict | head -n 1: no line of a closed pipe, and no file but the model."""
    text = monthly(60).rename_axis("ds").reset_index(name="y").to_csv(index=False)
    fit = [*PROGRAM, "fit", "-", "-o", "m.rnn", *QUICK, "-q"]
    done = subprocess.run(fit, input=text, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [path.name for path in tmp_path.iterdir()] == ["m.rnn"]
    sample = subprocess.Popen(
        [*PROGRAM, "sample", "m.rnn", "-n", "100", "--paths", "1000", "-q"], cwd=tmp_path, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    with sample:
        assert sample.stdout is not None and sample.stderr is not None
        assert sample.stdout.readline() == "ds,path,RNN\n"
        sample.stdout.close()
        assert (sample.stderr.read(), sample.wait(60)) == ("", 141)


@pytest.mark.parametrize("sent, code", [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_a_signal_leaves_the_old_file(tmp_path: Path, sent: signal.Signals, code: int) -> None:
    monthly(60).rename_axis("ds").reset_index(name="y").to_csv(tmp_path / "a.csv", index=False)
    (tmp_path / "m.rnn").write_text("old")
    words = ("fit", "a.csv", "-o", "m.rnn", "--force", "-v", *QUICK, "--set", "max_steps=10000000")
    with subprocess.Popen([*PROGRAM, *words], cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        while "loss" not in process.stderr.readline():  # it is in the middle of training
            assert process.poll() is None
        process.send_signal(sent)
        said = process.stderr.read()
        assert process.wait(60) == code
    assert said.endswith("forecastrnn fit: interrupted; files are as they were\n") or sent == signal.SIGKILL
    assert {path.name for path in tmp_path.iterdir()} == {"a.csv", "m.rnn"}
    assert (tmp_path / "m.rnn").read_text() == "old"


def test_help_answers_at_once() -> None:
    """Neither NumPy nor anything else that is large is imported for it."""
    code = "import sys; from forecastrnn.cli.main import main; main(['fit', '--help']); print(*sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert "--target-col" in done.stdout
    assert not {"numpy", "pandas", "numba", "sklearn"} & set(done.stdout.splitlines()[-1].split())
