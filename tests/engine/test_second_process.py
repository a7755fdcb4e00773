"""What a second process compiles meanwhile: that it begins where it helps, and is gone when nobody waits for it."""

import subprocess
import sys

import pytest

from forecastrnn.engine import second_process
from forecastrnn.engine.cpu.mixing import mix
from forecastrnn.engine.second_process import compiling_beside

SLEEP = "builtins:exec", ["import time; time.sleep(60)"]


@pytest.fixture
def begun(monkeypatch):
    """The processes that a test begins, as if nothing were compiled."""
    found, begin = [], subprocess.Popen
    monkeypatch.setattr(type(mix), "is_ready", lambda kernel: False)
    monkeypatch.setattr(second_process, "free_memory", lambda: 4 * second_process.ROOM)
    monkeypatch.setattr(subprocess, "Popen", lambda *args, **rest: found.append(begin(*args, **rest)) or found[-1])
    return found


def test_it_calls_the_function_with_the_words(begun, tmp_path):
    made = tmp_path / "made"
    with compiling_beside("os:mkdir", [str(made)], unless=mix):
        assert begun[0].wait(60) == 0
    assert made.is_dir()


def test_it_has_the_same_package(begun, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    wanted = f"import forecastrnn, sys; sys.exit(forecastrnn.__file__ != {sys.modules['forecastrnn'].__file__!r})"
    with compiling_beside("builtins:exec", [wanted], unless=mix):
        assert begun[0].wait(60) == 0


def test_it_is_gone_behind_what_it_was_begun_for(begun):
    with compiling_beside(*SLEEP, unless=mix):
        assert begun[0].poll() is None
    assert begun[0].returncode is not None


def test_it_is_gone_behind_an_error(begun):
    with pytest.raises(KeyboardInterrupt), compiling_beside(*SLEEP, unless=mix):
        raise KeyboardInterrupt
    assert begun[0].returncode is not None


def test_none_begins_where_all_is_compiled(begun, monkeypatch):
    monkeypatch.setattr(type(mix), "is_ready", lambda kernel: True)
    with compiling_beside(*SLEEP, unless=mix):
        assert begun == []


@pytest.mark.parametrize(
    "executable", ["", None, "/usr/bin/uwsgi"], ids=["without a path", "unknown", "a program with Python inside"]
)
def test_none_begins_where_python_is_no_program(begun, monkeypatch, executable):
    monkeypatch.setattr(sys, "executable", executable)
    with compiling_beside(*SLEEP, unless=mix):
        assert begun == []


def test_none_begins_in_a_frozen_program(begun, monkeypatch):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    with compiling_beside(*SLEEP, unless=mix):
        assert begun == []


def test_none_begins_in_a_worker(begun, monkeypatch):
    monkeypatch.setattr(second_process.multiprocessing, "parent_process", lambda: object())
    with compiling_beside(*SLEEP, unless=mix):
        assert begun == []


def test_none_begins_where_memory_is_short(begun, monkeypatch):
    monkeypatch.setattr(second_process, "free_memory", lambda: second_process.ROOM)
    with compiling_beside(*SLEEP, unless=mix):
        assert begun == []


def test_a_system_that_lets_none_begin_is_done_without(monkeypatch):
    def refuse(*args, **rest):
        raise PermissionError

    monkeypatch.setattr(type(mix), "is_ready", lambda kernel: False)
    monkeypatch.setattr(second_process, "free_memory", lambda: 4 * second_process.ROOM)
    monkeypatch.setattr(subprocess, "Popen", refuse)
    with compiling_beside(*SLEEP, unless=mix):
        pass
