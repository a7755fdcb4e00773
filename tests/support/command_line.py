"""The command line in this process: files in, exit code and what was said out."""

from __future__ import annotations

import io
import sys
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from forecastrnn.cli.main import main

# Those of quick(), but for the intervals.
QUICK = (
    "--set",
    "max_steps=20",
    "--set",
    "n_members=1",
    "--set",
    "hidden_layer_sizes=8",
    "--set",
    "candidates=network",
)


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    def table(self, **options: object) -> pd.DataFrame:
        assert self.code == 0, self.err
        return pd.read_csv(io.StringIO(self.out), **options)


class Shell:
    """Runs commands in a folder of its own."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(folder)
        self.folder, self._capsys, self._monkeypatch = folder, capsys, monkeypatch

    def __call__(self, *words: object, stdin: str = "") -> Done:
        self._monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode())))
        self._capsys.readouterr()
        code = main([str(word) for word in words])
        return Done(code, *self._capsys.readouterr())

    def ok(self, *words: object, stdin: str = "") -> Done:
        done = self(*words, stdin=stdin)
        assert done.code == 0, done.err
        return done

    def write(self, name: str, frame: pd.DataFrame, **options: object) -> Path:
        frame.to_csv(self.folder / name, index=False, **options)
        return self.folder / name
