"""The commands of docs/command_line.md run in order, with small networks, and print what they say."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from support.command_line import QUICK, Done, Shell
from support.printed import prints

PAGE = (Path(__file__).parents[2] / "docs" / "command_line.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"```(python|console)\n(.*?)```", re.DOTALL)


def test_the_page(shell: Shell) -> None:
    last = Done(0, "", "")
    for language, text in BLOCK.findall(PAGE):
        if language == "python":
            exec(compile(text, "command_line.md", "exec"), {})
            continue
        for command, expected in re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", text, re.M):
            if command == "echo $?":
                assert expected == f"{last.code}\n"
                continue
            last = run(shell, command)
            said = last.out + last.err
            assert prints(expected, said), f"{command}\nprints\n{said}"


def run(shell: Shell, command: str) -> Done:
    """One command, whose input a cat may bring."""
    before, _, after = command.rpartition(" | ")
    stdin = Path(before.removeprefix("cat ")).read_text() if before else ""
    name, *words = shlex.split(after)
    assert name == "forecastrnn"
    return shell(*words, *(QUICK if words[0] in ("fit", "backtest") else ()), stdin=stdin)
