"""What a training tells of itself while it runs: which stage, how much of it is done, how long the rest takes."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from contextlib import redirect_stderr

import numpy as np
import pytest
from sklearn.utils._param_validation import InvalidParameterError

import forecastrnn
from forecastrnn import RNNForecaster, RNNRegressor, progress
from forecastrnn.estimators import telling
from forecastrnn.progress import apart, stage, told, watched
from support.forecaster_cases import monthly, panel, quick


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything is shown at once."""
    monkeypatch.setattr(progress, "PATIENCE", 0.0)
    monkeypatch.setattr(progress, "BETWEEN", 0.0)


def record(call: Callable[[], object]) -> list[tuple[str, float, float | None]]:
    """All that is shown while it runs."""
    shown: list[tuple[str, float, float | None]] = []
    with watched(lambda *line: shown.append(line)):
        call()
    return shown


def test_nested_stages_make_one_share(impatient: None) -> None:
    def call() -> None:
        for number in (1, 2):
            with stage(f"window {number} of 2", share=0.5):
                with stage("", share=0.75):
                    told(1, 2, "update")
                with stage("calibration", share=0.25):
                    told(3, 3, "update")

    shown = record(call)
    said = {words: share for words, share, _ in shown}
    assert said["window 1 of 2, update 1 of 2"] == pytest.approx(0.1875)
    assert said["window 2 of 2, update 1 of 2"] == pytest.approx(0.6875)
    assert said["window 2 of 2, calibration, update 3 of 3"] == pytest.approx(1.0)


def test_time_left_follows_the_clock_but_for_what_is_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(progress.time, "perf_counter", lambda: now[0])

    def call() -> None:
        now[0] += 1.0
        told(1, 10, "update")  # too soon to be shown
        now[0] += 1.0
        with apart("compiling"):
            now[0] += 30.0
        told(2, 10, "update")
        told(3, 10, "update")  # one at a time

    assert record(call) == [("compiling", pytest.approx(0.1), None), ("update 2 of 10", 0.2, pytest.approx(8.0))]


def test_a_fit_tells_its_stages_and_keeps_its_bits(impatient: None) -> None:
    y, options = monthly(60), {"intervals": "conformal", "n_members": 2}
    model = quick(**options)
    shown = record(lambda: model.fit(y))
    words = [line[0] for line in shown]
    assert "member 1 of 2, update 20 of 20" in words and "member 2 of 2, update 20 of 20" in words
    assert any(one.startswith("calibration, member 1 of") for one in words)
    shares = [share for _, share, _ in shown]
    assert shares == sorted(shares) and 0.9 < shares[-1] <= 1.0
    np.testing.assert_array_equal(model.predict(6, level=80), quick(**options).fit(y).predict(6, level=80))


def test_windows_updates_networks_and_epochs_are_told(impatient: None) -> None:
    wide = panel(60)
    words = [one[0] for one in record(lambda: quick().cross_validation(wide, 6, n_windows=2))]
    assert "window 2 of 2, member 1 of 1, update 20 of 20" in words
    model = quick().fit(wide)
    assert "member 1 of 1, update 5 of 5" in [one[0] for one in record(lambda: model.update(panel(63)[60:], train=5))]
    local = record(lambda: quick(global_model=False).fit(wide))
    assert "network 0 of 3" in [one[0] for one in local]
    X = np.sin(np.arange(60.0).reshape(10, 6))
    regressor = RNNRegressor(hidden_layer_sizes=8, max_iter=3, random_state=0)
    assert "epoch 3 of 3" in [one[0] for one in record(lambda: regressor.fit(X, X[:, 0]))]


def test_nothing_is_left_open_by_an_error(impatient: None) -> None:
    class Odd(Exception):
        pass

    def stop(*line: object) -> None:
        raise Odd

    with pytest.raises(Odd), watched(stop):
        quick().fit(monthly(60))
    assert not progress.is_watched() and not record(lambda: None)


# Where it is shown -----------------------------------------------------------------------------------------
class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def screen(written: str) -> str:
    """What is left of one line, after all that was written over it."""
    cells: list[str] = []
    at = 0
    for sign in written:
        at = 0 if sign == "\r" else at
        if sign != "\r":
            cells[at : at + 1] = [sign]
            at += 1
    return "".join(cells).rstrip()


def on_terminal(call: Callable[[], object]) -> str:
    """What is written to standard error, where that is a terminal."""
    with redirect_stderr(Terminal()) as stderr:
        call()
    return stderr.getvalue()


def test_a_terminal_has_a_line_that_is_gone_at_the_end(impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(telling, "find_spec", lambda name: None)
    written = on_terminal(lambda: quick().fit(monthly(60)))
    assert "\rmember 1 of 1, update 20 of 20, 1 s left" in written and "\n" not in written
    assert screen(written[: written.rindex("left") + 4]) == "member 1 of 1, update 20 of 20, 1 s left"
    assert screen(written) == ""


def test_a_line_is_no_longer_than_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    written = on_terminal(lambda: telling.PassingLine()("window 1 of 3, member 1 of 5", 0.1, 100.0))
    assert screen(written) == "window 1 of 3, memb"


def test_rich_draws_a_bar_where_it_is(impatient: None, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("rich")
    for name, value in {"TERM": "xterm", "COLUMNS": "80", "NO_COLOR": "1"}.items():
        monkeypatch.setenv(name, value)
    written = on_terminal(lambda: quick().fit(monthly(60)))
    assert "━" in written and "update 20 of 20" in written
    assert written.endswith("\x1b[2K")  # the line is erased


@pytest.mark.parametrize("verbose", [False, 0, True])
def test_only_auto_has_a_passing_line(impatient: None, capsys: pytest.CaptureFixture[str], verbose: bool | int) -> None:
    assert on_terminal(lambda: quick(verbose=verbose).fit(monthly(60))) == ""
    assert ("Iteration 1, loss = " in capsys.readouterr().out) == bool(verbose)


def test_nothing_where_nobody_looks(impatient: None, capfd: pytest.CaptureFixture[str]) -> None:
    """Neither without a terminal, nor where there may be several fits side by side."""
    quick().fit(monthly(60))
    assert capfd.readouterr() == ("", "")
    thread = threading.Thread(target=lambda: quick().fit(monthly(60)))

    def run() -> None:
        thread.start()
        thread.join()

    assert on_terminal(run) == ""


def test_durations_are_short() -> None:
    said = [telling.line_of("a", left) for left in (0.2, 59.0, 61.0, 3599.0, 9000.0, None)]
    assert said == ["a, 1 s left", "a, 59 s left", "a, 1 min left", "a, 1 h 0 min left", "a, 2 h 30 min left", "a"]


# The parameter ---------------------------------------------------------------------------------------------
def test_auto_is_the_default_and_no_other_word_is_one() -> None:
    for name in ("RNNForecaster", "RNNRegressor", "RNNClassifier", "RNNSeq2Seq"):
        assert getattr(forecastrnn, name)().verbose == "auto"
    with pytest.raises(InvalidParameterError, match="'verbose' parameter"):
        quick(verbose="loud").fit(monthly(60))


def test_files_keep_what_is_said(tmp_path) -> None:
    for verbose in ("auto", False, 2):
        quick(verbose=verbose).fit(monthly(60)).save(tmp_path / "m.rnn")
        assert RNNForecaster.load(tmp_path / "m.rnn").verbose == verbose
