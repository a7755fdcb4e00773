"""The pages of docs/ run as they stand, print what they say, and name all that is public."""

from __future__ import annotations

import contextlib
import inspect
import io
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import forecastrnn
from forecastrnn import Cell, datasets, functional, metrics, plotting
from support.onnx_files import write_lstm
from support.printed import prints

DOCS = Path(__file__).parents[1] / "docs"
PAGES = sorted(page.name for page in DOCS.glob("*.md"))
BLOCK = re.compile(r"```python\n(.*?)```(?:\n+```text\n(.*?)```)?", re.DOTALL)
NEEDS = {"onnx.md": ("onnx", "onnxruntime")}  # without which a page does not run


def read(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def run_page(page: str) -> dict[str, Any]:
    """Run the Python blocks of a page in order, in one namespace; a text block behind one is what it prints."""
    names: dict[str, Any] = {}
    for code, expected in BLOCK.findall(read(page)):
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(code, page, "exec"), names)
        if expected:
            found = printed.getvalue()
            assert prints(expected, found), f"{code}\nprints\n{found}"
    return names


@pytest.mark.parametrize("page", [page for page in PAGES if "```python" in read(page)])
def test_pages_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for package in NEEDS.get(page, ()):
        pytest.importorskip(package)
    monkeypatch.chdir(tmp_path)
    if "onnx" in NEEDS.get(page, ()):
        write_lstm("someones_lstm.onnx")
    run_page(page)


def test_only_last_digits_may_differ() -> None:
    table = "      once  update\n1959  12.3   -10.3\n"
    assert prints(table, table.replace("12.3", "12.4").replace(" -10.3", "  -10.30"))
    for wrong in (table.replace("12.3", "13.3"), table.replace("1959", "1960"), table.replace("-10.3", "10.3"), ""):
        assert not prints(table, wrong)


@pytest.mark.parametrize("page", PAGES)
def test_every_text_block_is_compared(page: str) -> None:
    """Output that no block prints would never be checked."""
    text = read(page)
    assert text.count("```text") == sum(bool(expected) for _, expected in BLOCK.findall(text))


@pytest.mark.parametrize("page", PAGES)
def test_code_is_not_wider_than_the_page(page: str) -> None:
    lines = [line for code, _ in BLOCK.findall(read(page)) for line in code.splitlines()]
    assert max((len(line) for line in lines), default=0) <= 96


def test_every_page_is_in_the_navigation() -> None:
    listed = re.findall(r": (\w+\.md)$", (DOCS.parent / "mkdocs.yml").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(listed) == PAGES


@pytest.mark.parametrize(
    ("word", "page"),
    [
        ("confidence", "intervals.md"),
        ("exogenous", "covariates.md"),
        ("holiday", "gaps_calendars.md"),
        ("price", "covariates.md"),
        ("metric", "metrics.md"),
        ("progress", "forecasting.md"),
        ("new data", "new_data.md"),
        ("intermittent", "counts.md"),
        ("trend", "forecasting.md"),
        ("save", "new_data.md"),
    ],
)
def test_a_search_for_what_readers_look_for_finds_the_page(word: str, page: str) -> None:
    assert re.search(rf"\b{word}", read(page), re.IGNORECASE)


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_exist(page: str) -> None:
    for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", read(page)):
        if not target.startswith("http"):
            assert (DOCS / target).is_file(), target


@pytest.mark.parametrize("page", PAGES)
def test_measured_figures_are_those_of_the_benchmarks(page: str) -> None:
    measured = (DOCS.parent / "benchmarks" / "README.md").read_text(encoding="utf-8")
    known = set(re.findall(r"[\d.]+", measured))
    assert set(re.findall(r"([\d.]+) (?:MB|GFLOP/s|ms)\b", read(page))) <= known


@pytest.mark.slow
def test_the_documentation_builds_without_warnings(tmp_path: Path) -> None:
    pytest.importorskip("zensical")
    pytest.importorskip("mkdocstrings")
    for part in ("docs", "forecastrnn"):
        shutil.copytree(DOCS.parent / part, tmp_path / part)
    shutil.copy(DOCS.parent / "mkdocs.yml", tmp_path)  # the site is written beside it
    command = [sys.executable, "-m", "zensical", "build", "--strict"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = (tmp_path / "build" / "docs").glob("*/index.html")
    built = {page.parent.name: page.read_text(encoding="utf-8") for page in pages}
    assert built.keys() == {Path(page).stem for page in PAGES} - {"index"}
    asks_others = re.compile(r"""<(?:link|script|img)[^>]*(?:href|src)=["']?(?:https?:)?//""")
    assert [name for name, html in built.items() if asks_others.search(html)] == []
    default = r"<code>n_members</code></strong>\s*<em>int</em>, default <code>5</code>"
    assert re.search(default, built["api_forecasting"])


# The API pages -------------------------------------------------------------------------------------------------


def documented() -> dict[str, list[str]]:
    """Name -> inherited members that its entry asks for."""
    text = "".join(read(page) for page in PAGES if page.startswith("api_"))
    entries = re.findall(r"^::: ([\w.]+)\n((?:    .*\n)*)", text, re.MULTILINE)
    found = {}
    for path, options in entries:
        asked = re.search(r"inherited_members: \[(.*?)\]", options)
        found[path] = asked.group(1).split(", ") if asked else []
    return found


def path_of(thing: Any) -> str:
    return f"{thing.__module__}.{thing.__qualname__}"


def test_everything_public_is_on_an_api_page() -> None:
    public = [getattr(forecastrnn, name) for name in forecastrnn.__all__]
    public += [functional.dynamic_rnn, functional.static_rnn]
    public += [getattr(room, name) for room in (metrics, plotting) for name in room.__all__]
    assert {path_of(thing) for thing in public} <= documented().keys()
    assert datasets.__name__ in documented()
    borrowed = [thing for name, thing in vars(datasets).items() if inspect.isfunction(thing) and name[0] != "_"]
    ours = {path_of(thing) for thing in borrowed if thing.__module__.startswith("forecastrnn.")}
    assert {path for path in ours if not path.startswith(datasets.__name__)} <= documented().keys()


def own_members(kind: type) -> set[str]:
    """Public methods and properties that the package gives a class, but that the class does not define itself."""
    homes = [base for base in kind.__mro__[1:] if base.__module__.startswith("forecastrnn")]
    names = {name for base in homes for name, value in vars(base).items() if callable(value) or is_descriptor(value)}
    own = {name for name, value in vars(kind).items() if getattr(value, "__module__", "") == kind.__module__}
    return {name for name in names if not name.startswith("_")} - own


def is_descriptor(value: Any) -> bool:
    return isinstance(value, property | classmethod | staticmethod)


@pytest.mark.parametrize(
    "name", ["RNNForecaster", "RNNRegressor", "RNNClassifier", "RNNSeq2Seq", "Elman", "LSTM", "GRU"]
)
def test_inherited_methods_are_on_an_api_page(name: str) -> None:
    kind = getattr(forecastrnn, name)
    declared = set(vars(Cell)) - {"init_weights"} if issubclass(kind, Cell) else set()  # is on the page of Cell
    assert own_members(kind) - declared == set(documented()[path_of(kind)])
