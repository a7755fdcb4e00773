"""Every error is one line that says where and what to do, and has an exit code; nothing is left half written."""

from __future__ import annotations

import re
import signal
from pathlib import Path

import pandas as pd
import pytest

from forecastrnn import Checkpoint, RNNForecaster
from forecastrnn.cli.words import ADVICE, in_flags
from forecastrnn.datasets import load_airline
from support.command_line import QUICK, Shell
from support.forecaster_cases import monthly
from support.messages import leaks_of

PACKAGE = Path(__file__).parents[2] / "forecastrnn"
DAYS = "ds,y\n" + "".join(f"2024-01-{day:02d},{day}\n" for day in range(1, 31))


def check(done, code: int, *words: str) -> None:
    """The exit code, and one line that holds the words, and nothing on standard output."""
    assert (done.code, done.out) == (code, ""), done.err
    assert done.err.count("\n") == 1 and done.err.startswith("forecastrnn")
    assert leaks_of(done.err) == [], done.err
    for word in words:
        assert word in done.err, done.err


@pytest.mark.parametrize(
    "words, said",
    [
        ((), "COMMAND"),
        (("guess",), "invalid choice: 'guess'"),
        (("fit", "-"), "-o/--output"),
        (("fit", "-", "-o", "m.rnn", "--lucky"), "--lucky"),
        (("fit", "none.csv", "-o", "m.rnn"), "none.csv: No such file"),
        (("fit", "-", "-o", "no/m.rnn"), "there is no such directory"),
        (("fit", "-", "-o", "-"), "cannot go to standard output"),
        (("fit", "-", "-o", "m.rnn", "--static", "-"), "only one file can be -"),
        (("fit", "sales.xlsx", "-o", "m.rnn"), "sales.xlsx: no file of this kind"),
        (("fit", "-", "-o", "m.rnn", "--set", "size=8"), "Invalid parameter 'size'"),
        (("fit", "-", "-o", "m.rnn", "--set", "n_members=0"), "'n_members' parameter"),
        (
            ("fit", "-", "-o", "m.rnn", "--set", "early_stopping=true", "--set", "global_model=false"),
            "global_model=True",
        ),
        (("fit", "-", "-o", "m.rnn", "--set", "n_members"), "NAME=VALUE is needed"),
        (("fit", "-", "-o", "m.rnn", "--config", "no.toml"), "no.toml: No such file"),
        (("fit", "-", "-o", "m.rnn", "--sep", "ab"), "argument --sep: one character is needed, not 'ab'"),
        (("fit", "-", "-o", "m.rnn", "--decimal", ""), "argument --decimal: one character is needed, not ''"),
        (("sample", "m.rnn", "--seed", "-1"), "argument --seed: a number from 0 to 4294967295 is needed, not '-1'"),
        (("backtest", "-", "-n", "0"), "a number from 1 on"),
        (("backtest", "-", "-n", "2", "--refit", "maybe"), "true, false, update or a number from 1 on is needed"),
        (("backtest", "-", "-n", "2", "--metrics", "luck"), "there is no 'luck'"),
        (("backtest", "-", "-n", "2", "--metrics", "coverage"), "--metrics coverage needs --level"),
        (("predict", "none.rnn"), "none.rnn: No such file"),
        (("predict", "m.rnn", "--level", "80;95"), "numbers with commas"),
        (("predict", "m.rnn", "--static", "s.csv"), "s.csv: No such file"),
    ],
)
def test_wrong_usage(shell: Shell, words: tuple, said: str) -> None:
    check(shell(*words, stdin=DAYS), 2, said)
    assert not list(shell.folder.iterdir())


def test_columnar_files_say_what_to_install(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecastrnn.cli.paths.find_spec", lambda name: None)
    check(shell("fit", "a.parquet", "-o", "m.rnn"), 2, "pip install pyarrow")


@pytest.mark.parametrize(
    "text, said",
    [
        ("", "there is nothing in it"),
        ("ds;y\n2024-01-01;3\n", "one column, 'ds;y': say what parts columns, as in --sep ';'"),
        ("ds,y\n2024-01-01,3\n2024-01-02,3 kg\n", "line 3: column 'y' holds '3 kg'"),
        ("ds,y\n2024-01-01,1\n2024-01-32,2\n", "'2024-01-32' (line 3) is no date"),
        ("ds,y\n01/02/2024,1\n02/02/2024,3\n", "--date-format %d/%m/%Y, or %m/%d/%Y"),
        ("ds,y\n2024-01-01,1\n2024-01-02,3\n", "at least 4 observations"),
        ("ds,y,z\n2024-01-01,1\n2024-01-02,3,4,5\n", "line 3 has 4 values, those before have 3: put texts"),
        ("ds,y\n2024-01-01,1,2\n2024-01-02,1,2\n", "more values than line 1 has names"),
        ('ds,y\n2024-01-01,1\n"2024-01-02,1\n', "line 3: the quote that begins there has no end"),
        ("2024-01-01,1\n2024-01-02,3\n", "line 1 holds values, such as '2024-01-01': put a line with names"),
        ("unique_id,ds,y\n", "y has no series"),
        ("day,sold\n2024-01-01,1\n2024-01-02,3 kg\n", "line 3: column 'sold' holds '3 kg'"),
        ("day,a,b\n2024-01-01,1,2\n", "no column 'ds' (--time-col)"),
        ("ds,a,b\n2024-01-01,1,2\n", "of a file with a column for each series --target-col names one"),
        ("month,sold\nJan-24,1\nFeb-24,2\n", "'Jan-24' in column 'month' is no date of a form that is known: --date"),
        ("ds,y\n2024-01-02,1\n2024-01-01,2\n2024-01-03,2\n2024-01-04,2\n", "sort the lines by time"),
        ("year,sold\n2020,1\n2021,2\n", "no column holds dates"),
        (DAYS.replace("2024-01-09,9\n", ""), "--missing mask"),
        (DAYS.replace("09,9\n", "09,\n"), "2024-01-09"),
        (DAYS.replace("09,9\n", "08,9\n"), "2024-01-08"),
    ],
)
def test_data_that_cannot_be_used(shell: Shell, text: str, said: str) -> None:
    check(shell("fit", "-", "-o", "m.rnn", *QUICK, stdin=text), 3, "standard input: ", said)
    assert not list(shell.folder.iterdir())


@pytest.mark.parametrize(
    "words, code, said",
    [
        (
            ("--date-format", "%d.%m.%Y"),
            3,
            "'2024-01-01' (line 2), which has not the form %d.%m.%Y",
        ),
        (("--date-format", "%G-W%V"), 2, "--date-format %G-W%V: ISO year"),
        (("--tz", "Mars/Base"), 2, "--tz Mars/Base is no time zone; it has a name such as Europe/Paris"),
        (("--freq", "h"), 3, "add them, or let them be gaps with --missing mask, or zeros with --missing zero"),
    ],
)
def test_options_that_the_file_does_not_fit(shell: Shell, words: tuple, code: int, said: str) -> None:
    check(shell("fit", "-", "-o", "m.rnn", *QUICK, *words, stdin=DAYS), code, said)


@pytest.mark.parametrize(
    "begin, said", [("2024-03-31", "has no 2024-03-31 02:00:00"), ("2024-10-27", "has an hour twice")]
)
def test_hours_that_a_clock_has_not_or_twice(shell: Shell, begin: str, said: str) -> None:
    hours = pd.date_range(begin, periods=30, freq="h")
    text = "ds,y\n" + "".join(f"{hour},1\n" for hour in hours)
    done = shell("fit", "-", "-o", "m.rnn", "--tz", "Europe/Berlin", stdin=text)
    check(done, 3, f"column 'ds': the clock of Europe/Berlin {said}")


def test_days_without_midnight_begin_later(shell: Shell) -> None:
    days = pd.date_range("2024-08-20", periods=40).strftime("%Y-%m-%d")
    text = "ds,y\n" + "".join(f"{day},{at}\n" for at, day in enumerate(days))
    shell.ok("fit", "-", "-o", "m.rnn", *QUICK, "--tz", "America/Santiago", stdin=text)
    assert shell.ok("predict", "m.rnn", "-n", "1").out.splitlines()[1].startswith("2024-09-29")


def test_a_gpu_that_is_not_there_is_no_bug(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("forecastrnn.engine.devices.gpus", lambda: (0, "there is none"))
    done = shell("fit", "-", "-o", "m.rnn", "--device", "cuda", stdin=DAYS)
    assert done.code == 2
    assert done.err.startswith("forecastrnn fit: --device cuda: CUDA is not available: there is none. Use --device cpu")


def test_what_programs_leave_in_a_file_is_passed_over(shell: Shell) -> None:
    """Numbers of rows, as pandas writes them, and a comma at the end of each line."""
    lines = DAYS.splitlines()
    shell.ok("fit", "-", "-o", "a.rnn", *QUICK, stdin=DAYS)
    shell.ok("fit", "-", "-o", "b.rnn", *QUICK, stdin="\n".join(f"{line}," for line in lines))
    rows = [f",{lines[0]}", *(f"{row},{line}" for row, line in enumerate(lines[1:]))]
    shell.ok("fit", "-", "-o", "c.rnn", *QUICK, stdin="\n".join(rows))
    assert shell.ok("predict", "a.rnn").out == shell.ok("predict", "b.rnn").out == shell.ok("predict", "c.rnn").out


def test_columns_that_are_not_there(shell: Shell) -> None:
    Path("days.csv").write_text(DAYS)
    check(shell("fit", "days.csv", "-o", "m.rnn", "--id-col", "shop"), 3, "days.csv: ", "no column 'shop' (--id-col)")
    done = shell("fit", "days.csv", "-o", "m.rnn", "--target-col", "sold")
    check(done, 3, "no column 'sold' (--target-col)", "its columns are 'ds', 'y'")
    check(shell("fit", "days.csv", "-o", "m.rnn", "--future-cols", "price", *QUICK), 3, "'price'")


def test_files_that_are_no_text(shell: Shell) -> None:
    Path("a.csv").write_bytes(b"ds,y\n\xff\xfe,1\n")
    check(shell("fit", "a.csv", "-o", "m.rnn"), 3, "no text in UTF-8")
    Path("a.csv.gz").write_bytes(b"ds,y\n")
    check(shell("fit", "a.csv.gz", "-o", "m.rnn"), 3, "no whole gzip file")
    Path("m.rnn").write_text(DAYS)
    check(shell("predict", "m.rnn"), 4, "m.rnn: this is not a model file")


def test_files_that_are_there_stay(shell: Shell, shops_model: Path) -> None:
    Path("out.csv").write_text("mine")
    Path("m.rnn").write_text("mine")
    check(shell("predict", shops_model, "-o", "out.csv"), 2, "--force replaces it")
    check(shell("fit", "-", "-o", "m.rnn", stdin=DAYS), 2, "--force replaces it")
    assert Path("out.csv").read_text() == Path("m.rnn").read_text() == "mine"
    shell.ok("predict", shops_model, "-o", "out.csv", "--force")
    assert Path("out.csv").read_text().startswith("unique_id,ds,RNN\n")


def test_training_that_diverges(shell: Shell) -> None:
    data = shell.write("one.csv", monthly(60).rename_axis("ds").reset_index(name="y"))
    rate = ("--set", "solver=sgd", "--set", "solver__learning_rate=1e9", "--set", "solver__clip_norm=null")
    check(shell("fit", data, "-o", "m.rnn", *QUICK, *rate), 5, "training diverged")
    assert not Path("m.rnn").exists()


def test_what_is_asked_of_a_model(shell: Shell, shops_model: Path) -> None:
    check(shell("predict", shops_model, "--level", "0.8"), 3, "level is in percent: 80, not 0.8")
    check(shell("predict", shops_model, "--to", "1999-01"), 3, "--to 1999-01 is not behind the series")
    plan = shell.write("plan.csv", pd.DataFrame({"ds": ["2020-01-01"], "price": [1.0]}))
    check(shell("predict", shops_model, "--future", plan), 3, "without --future-cols")


@pytest.mark.parametrize(
    "raised, code, said",
    [
        (KeyboardInterrupt(), 130, "interrupted"),
        (RuntimeError("odd"), 1, "RuntimeError: odd: this is a bug; -v shows where"),
        (MemoryError("batch_size=9: it does not fit"), 2, "does not fit"),
    ],
)
def test_errors_of_other_kinds(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, raised: BaseException, code: int, said: str
) -> None:
    def fit(*args: object, **options: object) -> None:
        raise raised

    monkeypatch.setattr(RNNForecaster, "fit", fit)
    check(shell("fit", "-", "-o", "m.rnn", stdin=DAYS), code, said)
    assert "Traceback" in shell("fit", "-", "-o", "m.rnn", "-v", stdin=DAYS).err
    assert not list(shell.folder.iterdir())


def test_terminated(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(RNNForecaster, "fit", lambda *args, **options: signal.raise_signal(signal.SIGTERM))
    check(shell("fit", "-", "-o", "m.rnn", stdin=DAYS), 143, "terminated")
    assert signal.getsignal(signal.SIGTERM) is before


def test_warnings_are_lines_and_can_be_switched_off(shell: Shell) -> None:
    data = shell.write("one.csv", monthly(60).rename_axis("ds").reset_index(name="y").assign(stock=1))
    warned = shell.ok("fit", data, "-o", "m.rnn", *QUICK)
    assert re.fullmatch(r"forecastrnn fit: warning: y: column 'stock' is not used.*\n", warned.err)
    assert shell.ok("fit", data, "-o", "m.rnn", *QUICK, "--force", "-q").err == ""


@pytest.mark.parametrize("text", ADVICE)
def test_advice_in_python_still_stands_in_the_package(text: str) -> None:
    """What the command line says instead would else never be said."""
    files = [PACKAGE / "date_texts.py", *(PACKAGE / "data").glob("*.py")]
    sources = "".join(path.read_text(encoding="utf-8") for path in files)
    joined = re.sub(r'"\s*\n\s*f?"', "", sources)
    assert text in joined


def test_options_in_messages_become_flags() -> None:
    assert in_flags("h='1950' is not behind, h=3") == "--to 1950 is not behind, -n 3"
    said = in_flags('missing="mask" skips them, horizon=3, h=5, intervals=None, y_new begins at 3; see id_col=None')
    assert said == (
        "--missing mask skips them, horizon=3, -n 5, --set intervals=None, the file begins at 3; see --id-col None"
    )


def test_a_checkpoint_of_another_fit_is_wrong_usage(shell: Shell) -> None:
    def stop(look: object) -> None:
        raise KeyboardInterrupt

    options = {"hidden_layer_sizes": 4, "n_members": 2, "max_steps": 100, "random_state": 0}
    with pytest.raises(KeyboardInterrupt):
        RNNForecaster(**options).fit(load_airline(), callback=stop, checkpoint=Checkpoint("run.ckpt", every=0))
    assert Path("run.ckpt").exists()
    shell.write("y.csv", load_airline().rename_axis("ds").reset_index())
    done = shell("fit", "y.csv", "-o", "model.rnn", "--checkpoint", "run.ckpt", *QUICK)
    assert done.code == 2 and "run.ckpt" in done.err and not Path("model.rnn").exists() and Path("run.ckpt").exists()
