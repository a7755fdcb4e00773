"""Files that the tests of the command line read."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from forecastrnn.cli.main import main
from support.command_line import QUICK, Shell
from support.forecaster_cases import long_of, monthly

IDS = ("010", "NA", "9")


def shops(n: int = 60) -> pd.DataFrame:
    """Three series, whose ids are texts that look like something else."""
    return long_of({name: monthly(n, seed) for seed, name in enumerate(IDS)})


@pytest.fixture
def shell(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(tmp_path, capsys, monkeypatch)


@pytest.fixture(scope="session")
def shops_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model file of `shops`, made by the command line, and the table beside it."""
    folder = tmp_path_factory.mktemp("shops")
    shops().to_csv(folder / "shops.csv", index=False)
    path = folder / "shops.rnn"
    assert main(["fit", str(folder / "shops.csv"), "-o", str(path), *QUICK]) == 0
    return path
