"""Commands that draw leave a whole picture, or nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.command_line import QUICK, Shell
from support.forecaster_cases import monthly

MAGIC = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}


def is_picture(path: str) -> bool:
    content = Path(path).read_bytes()
    return content.startswith(MAGIC[Path(path).suffix]) and len(content) > 5000


@pytest.mark.parametrize("ending", MAGIC)
def test_a_forecast_is_drawn(shell: Shell, shops_model: Path, ending: str) -> None:
    words = ("plot", shops_model, "-n", 6, "--level", 80, "--paths", 3, "-o", f"fan{ending}")
    assert shell.ok(*words).out == "" and is_picture(f"fan{ending}")
    assert shell(*words).code == 2  # it is there


def test_losses_and_backtests_are_drawn(shell: Shell) -> None:
    data = shell.write("one.csv", monthly(60).rename_axis("month").reset_index(name="sold"))
    shell.ok("fit", data, "-o", "m.rnn", "--plot", "losses.png", *QUICK, "--set", "max_steps=60")
    shell.ok("backtest", data, "-n", 6, "--refit", "false", "--plot", "windows.png", *QUICK)
    assert is_picture("losses.png") and is_picture("windows.png")


def test_the_demo_needs_nothing(shell: Shell) -> None:
    done = shell.ok("demo", *QUICK)
    assert "SeasonalNaive" in done.out and "coverage_level95" in done.out
    assert done.out.endswith("picture: forecastrnn-demo.png\n") and is_picture("forecastrnn-demo.png")
    assert "--force replaces it" in shell("demo").err


def test_other_kinds_of_pictures_are_refused(shell: Shell, shops_model: Path) -> None:
    for name in ("a.gif", "-"):
        refused = shell("plot", shops_model, "-o", name)
        assert refused.code == 2 and "a picture is a file that ends in .png, .svg, .pdf" in refused.err
