"""The cache of compiled kernels is never stale and never in the way; kernels read the fields they declare."""

from __future__ import annotations

import ast
import ctypes
import inspect
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from llvmlite.binding.ffi import ObjectRef
from numba import types
from numba.core.registry import cpu_target

from forecastrnn import LSTM
from forecastrnn.engine import compiling
from forecastrnn.engine.compiling import KERNEL_SOURCES, compile_cfunc, sources_digest
from forecastrnn.engine.cpu import recurrent
from forecastrnn.engine.cpu.build import KERNELS
from forecastrnn.engine.cpu.generated import kernels_of
from forecastrnn.engine.cpu.simd import VECTOR_BYTES
from support.cache_runs import FORWARD, expected_sum, forward

PACKAGE = Path(compiling.__file__).parents[1]
NOWHERE = "/proc/nope"  # a folder that not even the superuser can make
linux_only = pytest.mark.skipif(sys.platform != "linux", reason="needs a folder that nobody can write")

# The name of the cache folder.


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """A copy of the package's sources."""
    ignored = shutil.ignore_patterns("__pycache__", "*.csv")
    return Path(shutil.copytree(PACKAGE, tmp_path / "forecastrnn", ignore=ignored))


def kernel_files(folder: Path) -> list[Path]:
    """The files that KERNEL_SOURCES names."""
    return [path for pattern in KERNEL_SOURCES for path in folder.glob(pattern)]


def test_digest_follows_every_kernel_source(copied: Path) -> None:
    """An edit of any of them, and of them only, means another folder."""
    seen = {sources_digest(copied)}
    assert seen == {sources_digest()}
    (copied / "network.py").write_text("# edited\n")
    assert sources_digest(copied) in seen
    for path in kernel_files(copied):
        path.write_text(path.read_text() + "# edited\n")
        assert sources_digest(copied) not in seen, path
        seen.add(sources_digest(copied))


def test_digest_follows_new_and_renamed_files(copied: Path) -> None:
    """A kernel file more, or one under another name."""
    before = sources_digest(copied)
    (copied / "engine" / "cpu" / "zz_more.py").write_text("")
    more = sources_digest(copied)
    (copied / "engine" / "cpu" / "zz_more.py").rename(copied / "engine" / "cpu" / "zz_other.py")
    assert len({before, more, sources_digest(copied)}) == 3


def test_digest_follows_the_vector_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels for other vectors are other kernels."""
    monkeypatch.delenv("FORECASTRNN_LANES", raising=False)
    before = sources_digest()
    monkeypatch.setenv("FORECASTRNN_LANES", "4")
    assert sources_digest() != before


def test_digest_follows_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """A home folder may belong to several machines; the CPU decides how wide vectors are."""
    seen = {sources_digest()}
    monkeypatch.setattr(compiling.binding, "get_host_cpu_name", lambda: "another")
    seen.add(sources_digest())
    monkeypatch.setattr(compiling.binding, "get_host_cpu_features", lambda: SimpleNamespace(flatten=lambda: "+none"))
    assert len(seen | {sources_digest()}) == 3


def imports_compiling(path: Path) -> bool:
    """Whether a module takes what compiles from `compiling`, or takes it whole."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "forecastrnn.engine.compiling":
            if any(name.name != "announced" for name in node.names):
                return True
        if isinstance(node, ast.ImportFrom) and node.module == "forecastrnn.engine":
            if any(name.name == "compiling" for name in node.names):
                return True
        if isinstance(node, ast.Import) and any(name.name == "forecastrnn.engine.compiling" for name in node.names):
            return True
    return False


def test_every_module_with_kernels_is_listed() -> None:
    """A module that is not in KERNEL_SOURCES could change without its kernels being compiled again."""
    users = {path for path in PACKAGE.rglob("*.py") if imports_compiling(path)}
    assert users <= set(kernel_files(PACKAGE))


def test_every_listed_pattern_matches() -> None:
    """No name in KERNEL_SOURCES is one of the past."""
    assert all(list(PACKAGE.glob(pattern)) for pattern in KERNEL_SOURCES)


# Where the cache is, and what may happen to it.


def written(root: Path) -> dict[Path, int]:
    """When each file was written last."""
    return {path: path.stat().st_mtime_ns for path in root.rglob("*") if path.is_file()}


def test_the_next_process_compiles_nothing(run_script: Callable[..., str], filled: Path) -> None:
    """It finds all that it needs, and leaves every file as it is."""
    before = written(filled)
    forward(run_script, NUMBA_CACHE_DIR=str(filled))
    assert written(filled) == before


def test_numba_switched_off(run_script: Callable[..., str], filled: Path) -> None:
    """NUMBA_DISABLE_JIT=1 is for other functions: kernels are still compiled, and right."""
    forward(run_script, NUMBA_CACHE_DIR=str(filled), NUMBA_DISABLE_JIT="1")


@linux_only
def test_cache_in_the_users_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where the first choice cannot be written, XDG_CACHE_HOME, and without that the home folder."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", NOWHERE)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert Path(compiling.cache_folder()).parent == tmp_path / "xdg" / "forecastrnn"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert Path(compiling.cache_folder()).parent == tmp_path / "home" / ".cache" / "forecastrnn"


# Two functions, one of either kind; prints the folder of the cache, and whether each was read from there.
OWN = "def twice(x):\n    return 2.0 * x\n\ndef store(p, n):\n    p[0] = n\n"
BOTH = """
import ctypes
import own
from numba import types
from forecastrnn.engine import compiling

twice = compiling.compile_njit(own.twice, (types.float64,))
store = compiling.compile_cfunc(own.store, types.void(types.CPointer(types.int64), types.int64))
place = ctypes.c_int64()
store.ctypes(ctypes.byref(place), 42)
assert twice(21.0) == place.value == 42
print(compiling._FOLDER or "-", *map(compiling._from_cache, (twice, store)))
"""


class Process:
    """Runs BOTH in new processes: what it prints behind the folder."""

    def __init__(self, run_script: Callable[..., str], folder: Path) -> None:
        self.run_script, self.folder = run_script, folder
        (folder / "own.py").write_text(OWN)

    def __call__(self, root: str | Path, **variables: str) -> str:
        """`root` is where the cache is."""
        code = f"import sys; sys.path.insert(0, {str(self.folder)!r})\n{BOTH}"
        folder, *found = self.run_script(code, NUMBA_CACHE_DIR=str(root), **variables).split()
        assert folder == (str(Path(root) / f"forecastrnn-{sources_digest()}") if Path(root).exists() else "-")
        return " ".join(found)


@pytest.fixture(scope="module")
def both(run_script: Callable[..., str], tmp_path_factory: pytest.TempPathFactory) -> Process:
    return Process(run_script, tmp_path_factory.mktemp("own"))


@pytest.fixture(scope="module")
def kept(both: Process, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds them."""
    root = tmp_path_factory.mktemp("kept")
    assert both(root) == "False False"
    return root


@linux_only
def test_no_folder_at_all(both: Process) -> None:
    """Functions are compiled in memory."""
    assert both(NOWHERE, HOME=NOWHERE, XDG_CACHE_HOME="") == "False False"


@pytest.mark.parametrize(("suffix", "share"), [("nbi", 0.0), ("nbc", 0.5)])
def test_damaged_files_are_passed_over(both: Process, kept: Path, tmp_path: Path, suffix: str, share: float) -> None:
    """Indices or code that were cut off, as by a full disk: their functions are compiled again, and kept."""
    root = Path(shutil.copytree(kept, tmp_path / "cache"))
    paths = list(root.rglob(f"*.{suffix}"))
    assert len(paths) == 2
    for path in paths:
        whole = path.read_bytes()
        path.write_bytes(whole[: int(share * len(whole))])
    assert both(root) == "False False"
    assert all(path.stat().st_size > 100 for path in paths)


def test_another_cpu_gets_its_own_code(both: Process, kept: Path, tmp_path: Path) -> None:
    """What was compiled for one CPU is not run on another, and neither replaces the other."""
    root = Path(shutil.copytree(kept, tmp_path / "cache"))
    other = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    assert [both(root, **other), both(root)] == ["False False", "True True"]


def doubled(x, n):  # type: ignore[no-untyped-def]  # compiled
    for k in range(n):
        x[k] = 2.0 * x[k]


def test_processes_that_begin_at_a_time_share_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One compiles for float64 and one for float32; neither sees what the other writes, and the first ends last."""
    monkeypatch.setattr(compiling, "_FOLDER", str(tmp_path))
    wide, short = (types.void(types.CPointer(kind), types.int64) for kind in (types.float64, types.float32))
    compile_cfunc(doubled, wide)
    of_the_first = {path: path.read_bytes() for path in tmp_path.rglob("*.nbi")}
    for path in of_the_first:
        path.unlink()
    compile_cfunc(doubled, short)
    for path, content in of_the_first.items():
        path.write_bytes(content)
    x, code = np.ones(3), compile_cfunc(doubled, wide)
    assert compiling._from_cache(code)
    code.ctypes(x.ctypes.data_as(ctypes.POINTER(ctypes.c_double)), 3)
    assert x.tolist() == [2.0, 2.0, 2.0]


def test_what_two_processes_compiled_lies_side_by_side(run_script: Callable[..., str], tmp_path: Path) -> None:
    """Two kernels that call functions of one name, each from a process that compiled it alone."""

    def run(*values: float) -> list[float]:
        code = f"from support.cache_runs import compiled_constant\nprint(*map(compiled_constant, {values}))"
        return [float(x) for x in run_script(code, NUMBA_CACHE_DIR=str(tmp_path)).split()]

    assert run(2.0) + run(3.0) == [2.0, 3.0]
    assert run(2.0, 3.0, 4.0) == [2.0, 3.0, 4.0]  # two from the cache, and one compiled beside them


@pytest.mark.slow
@pytest.mark.parametrize("lanes", [4, 8, 16])
def test_other_vector_widths(run_script: Callable[..., str], lanes: int) -> None:
    """Any width that an instruction set has gives the same numbers, but for rounding."""
    if lanes > 4 and 4 * lanes > VECTOR_BYTES:
        pytest.skip("this CPU has no such vectors")
    total = float(run_script(FORWARD, FORECASTRNN_LANES=str(lanes)).split()[2])
    assert total == pytest.approx(expected_sum(), rel=1e-12)


# Kernels take their record's fields by number; the names on both sides must be the same.

READERS = {"pointers", "integers", "doubles", "sizes"}
SHORT = {  # field: what a kernel may call it
    "weights_x": {"wx"},
    "weights_h": {"wh"},
    "weights_n": {"wn"},
    "transposed_h": {"wt"},
    "transposed_n": {"wt_n"},
    "sums": {"totals"},
    "lo": {"low"},
    "hi": {"high"},
}


def unpacked(function: Callable) -> Iterator[tuple[list[str], int, int]]:
    """Names, first field and number of fields of each line that reads the record, here or where it is handed on to."""
    tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and [getattr(arg, "id", "") for arg in node.args[:2]] == ["record", "step"]:
            yield from unpacked(function.__globals__[node.func.id])
        if not isinstance(node, ast.Assign) or not isinstance(node.value, ast.Call):
            continue
        called, target = node.value.func, node.targets[0]
        if isinstance(called, ast.Name) and called.id in READERS:
            assert isinstance(target, ast.Tuple)
            first, count = (argument.value for argument in node.value.args[1:])
            yield [name.id for name in target.elts], first, count


@pytest.mark.parametrize("name", KERNELS)
def test_fields_are_what_the_kernel_reads(name: str) -> None:
    """All fields, once, in the order in which they are declared."""
    read: list[str] = []
    for names, first, count in sorted(unpacked(KERNELS[name].function), key=lambda line: line[1]):
        assert (first, count) == (len(read), len(names))
        read += [one.lstrip("_") for one in names]
    fields = KERNELS[name].fields
    assert len(read) == len(fields)
    for field, one in zip(fields, read, strict=True):
        assert one in {field} | SHORT.get(field, set()), (field, one)


def taken_apart(loop: Callable, given: str) -> list[str]:
    """What a loop calls the parts of a tuple that it is given."""
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(loop)))):
        if isinstance(node, ast.Assign) and getattr(node.value, "id", "") == given:
            assert isinstance(node.targets[0], ast.Tuple)
            return [name.id for name in node.targets[0].elts]
    raise AssertionError(given)


@pytest.mark.parametrize("way", ["forward", "backward"])
def test_a_cells_kernels_read_their_fields(way: str) -> None:
    """Arrays, states, the derivatives by these, and sizes, in their places."""
    kernel = getattr(kernels_of(LSTM().frame, LSTM().stages, label="LSTM"), way)
    places, fields = kernel.function.__globals__, kernel.fields
    arrays, lengths = (taken_apart(getattr(recurrent, way), name) for name in ("arrays", "lengths"))
    states = ["state_0", "state_1", *(["dstate_0", "dstate_1"] if way == "backward" else [])]
    assert len(arrays) == places["ARRAYS"] and len(lengths) == places["LENGTHS"] and places["STATES"] == 2
    assert list(fields[places["ARRAYS"] :]) == [*states, "active", *lengths]
    assert fields[places["ACTIVE"]] == "active" and fields[places["SIZES"]] == lengths[0]
    if way == "backward":
        assert fields[places["DSTATES"]] == "dstate_0"
    for field, one in zip(fields, arrays):
        assert one in {field} | SHORT.get(field, set()), (field, one)


def test_fields_have_distinct_names() -> None:
    """A record could not be given two fields of one name."""
    assert all(len(set(kernel.fields)) == len(kernel.fields) for kernel in KERNELS.values())


# What compiling leaves in memory.


def test_what_only_compiling_needs_is_freed() -> None:
    """A pass manager that is not disposed of stays for ever, and there is one for each function that is compiled."""
    codegen = cpu_target.target_context.codegen()
    for make in (codegen._function_pass_manager, codegen._module_pass_manager):
        manager, _ = make()
        assert type(manager)._dispose is not ObjectRef._dispose
        manager.close()
        assert manager.closed
