"""The house rules that no linter knows: what a call, a signature and a room may be."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "forecastrnn"
MOST_POSITIONAL = 6
# Kernels pass pointers and sizes by position: Numba's calls with keywords cost compile time, and PTX knows none.
KERNELS = ("engine/cpu/", "engine/cuda/", "engine/formulas.py", "engine/input_formulas.py")


def modules() -> Iterator[tuple[str, ast.Module]]:
    """Path inside the package, and the code."""
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def calls(tree: ast.AST) -> Iterator[tuple[ast.Call, str]]:
    """Every call, and what is called."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield node, node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def test_calls_name_their_arguments() -> None:
    """Six by position at most: a field put in the middle must not shift the others in silence."""
    long = {
        f"{name}:{call.lineno} {called}"
        for name, tree in modules()
        for call, called in calls(tree)
        if not name.startswith(KERNELS) and len(call.args) > MOST_POSITIONAL
    }
    assert not long


def test_an_encoder_decoder_has_one_face() -> None:
    """Only `networks/` asks which kind of network it has."""
    asked = {
        f"{name}:{call.lineno}"
        for name, tree in modules()
        if not name.startswith("networks/")
        for call, called in calls(tree)
        if called == "isinstance" and "Seq2SeqNetwork" in ast.unparse(call.args[1])
    }
    assert not asked


def test_contributing_names_every_room() -> None:
    """The picture and the table there are those of the folders."""
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    rooms = {path.name for path in PACKAGE.iterdir() if (path / "__init__.py").exists()}
    doors = {path.stem for path in PACKAGE.glob("*.py")}
    picture = text.split("```")[1]
    assert rooms | doors <= set(re.findall(r"\w+", picture))
    assert set(re.findall(r"^\| `(\w+)/` \|", text, re.M)) == rooms


def test_files_of_tests_have_names_of_their_own() -> None:
    """Two of one name, in whichever folders, stop the collection of all."""
    names = [path.name for path in (ROOT / "tests").rglob("test_*.py")]
    assert sorted({name for name in names if names.count(name) > 1}) == []
