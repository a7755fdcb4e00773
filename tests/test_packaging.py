"""What is said of versions in several files is the same: of this package, and of what it depends on."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from types import SimpleNamespace

import pytest

import forecastrnn

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RECIPE = (ROOT / ".conda" / "recipe.yaml").read_text(encoding="utf-8")
OLDEST = dict(re.findall(r"^([\w-]+)==(\S+)$", (ROOT / "tests" / "oldest.txt").read_text(encoding="utf-8"), re.M))


def bounds_of(requirements: list[str]) -> dict[str, str]:
    """Lower bounds by name, but those of a single Python version."""
    found = [re.fullmatch(r"([\w-]+)>=([\d.]+)", one) for one in requirements]
    return {one[1]: one[2] for one in found if one}


def as_numbers(version: str) -> list[int]:
    """With the zeros at its end left out: 1.6 is 1.6.0."""
    numbers = [int(part) for part in version.split(".")]
    while numbers[-1] == 0:
        del numbers[-1]
    return numbers


def test_one_version_everywhere() -> None:
    version = forecastrnn.__version__
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    assert re.search(r"^version: (\S+)$", citation, re.M)[1] == version  # type: ignore[index]
    assert re.search(r'^  version: "(\S+)"$', RECIPE, re.M)[1] == version  # type: ignore[index]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert re.search(rf"^## \[{re.escape(version)}\]|^## \[Unreleased\]", changes, re.M)


def test_the_oldest_versions_are_the_lower_bounds() -> None:
    bounds = bounds_of(PROJECT["dependencies"]) | bounds_of(PROJECT["optional-dependencies"]["test"])
    assert set(bounds) <= set(OLDEST)
    for name, bound in bounds.items():
        assert as_numbers(OLDEST[name]) == as_numbers(bound), name


def test_the_recipe_of_conda_has_the_same_bounds() -> None:
    listed = dict(re.findall(r"^    - ([\w-]+) >=([\d.]+)$", RECIPE.split("  run:\n")[1].split("\ntests:")[0], re.M))
    listed["matplotlib"] = listed.pop("matplotlib-base")  # without a window system
    assert listed == bounds_of(PROJECT["dependencies"])
    assert f'python_min: "{PROJECT["requires-python"].removeprefix(">=")}"' in RECIPE
    assert f"forecastrnn = {PROJECT['scripts']['forecastrnn']}" in RECIPE
    assert f"summary: {PROJECT['description']}" in RECIPE


def test_an_index_is_shown_nothing_that_lies_beside_the_readme(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has no such files: pictures by a path are left out, links by a path are words."""
    hooks = SimpleNamespace(MetadataHookInterface=object)
    monkeypatch.setitem(sys.modules, "hatchling.metadata.plugin.interface", hooks)  # type: ignore[arg-type]
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    hook, metadata = module.LongDescription(), dict[str, dict[str, str]]()
    hook.root = ROOT
    hook.update(metadata)
    text, readme = metadata["readme"]["text"], (ROOT / "README.md").read_text(encoding="utf-8")
    targets = re.findall(r"\]\(([^)]*)\)", text)
    assert all(target.startswith(("https://", "http://", "#")) for target in targets)
    assert "docs/backtest.md" in text and "](docs/img/" in readme and "](docs/img/" not in text
    assert len(text.splitlines()) >= len(readme.splitlines()) - 4 and module.for_index(text) == text
    assert module.for_index("[a](https://b) ![c](https://d) [e](#f)") == "[a](https://b) ![c](https://d) [e](#f)"
