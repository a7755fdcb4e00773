"""The words of the command line: commands, their flags, and what each may be."""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable
from typing import NoReturn

from forecastrnn._version import __version__
from forecastrnn.cli.failures import USAGE

_FILES = "A file is .csv, .csv.gz, .tsv, .parquet or .feather, or - for standard input."


class Parser(argparse.ArgumentParser):
    """Says in one line what is wrong."""

    def __init__(self, **options: object) -> None:
        super().__init__(allow_abbrev=False, **options)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        """End with the code of wrong usage."""
        self.exit(USAGE, f"{self.prog}: {message}; see {self.prog} --help\n")


def parser() -> Parser:
    """The parser of all commands; `module` is what runs one."""
    top = Parser(
        prog="forecastrnn", description="Forecast the series in a file with recurrent networks.",
        epilog="Exit codes: 0 done, 1 a bug, 2 wrong usage, 3 data that cannot be used, 4 no model file, 5 training "
        "diverged, 130 interrupted, 143 terminated.",
    )  # fmt: skip
    top.add_argument("--version", action="version", version=f"forecastrnn {__version__}")
    commands = top.add_subparsers(metavar="COMMAND", required=True)
    for name, (add, does) in _COMMANDS.items():
        command = commands.add_parser(name, help=does, description=f"{does[0].upper()}{does[1:]}. {_FILES}")
        add(command)
        _add_talk(command)
        command.set_defaults(module=name, prog=command.prog)
    return top


# Commands ----------------------------------------------------------------------------------------------
def _add_fit(command: Parser) -> None:
    command.add_argument("data", metavar="DATA", help="file of series")
    command.add_argument("-o", "--output", required=True, metavar="MODEL", help="model file to write")
    command.add_argument("--plot", metavar="FILE", help="picture of the losses to write")
    _add_checkpoint(command)
    _add_force(command)
    _add_columns(command)
    _add_training(command)


def _add_predict(command: Parser) -> None:
    _add_ahead(command)
    _add_levels(command)
    _add_table_out(command)


def _add_sample(command: Parser) -> None:
    _add_ahead(command)
    command.add_argument("--paths", type=count, default=100, metavar="N", help="futures of each series (100)")
    command.add_argument("--seed", type=seed, default=0, help="of the draws (0)")
    _add_table_out(command)


def _add_backtest(command: Parser) -> None:
    command.add_argument("data", metavar="DATA", help="file of series")
    command.add_argument("-n", "--steps", type=count, required=True, metavar="N", help="steps to forecast")
    command.add_argument("--windows", type=count, default=3, metavar="N", help="times to forecast from (3)")
    command.add_argument("--step", type=count, metavar="N", help="steps between these (as many as are forecast)")
    command.add_argument("--refit", type=refit, default=True, metavar="true|false|K|update", help="fit at each of "
                         "these times (true), at the first, at every K-th; or take the new rows in")  # fmt: skip
    command.add_argument("--metrics", type=names, default=["mase", "smape"], metavar="A,B", help="(mase,smape)")
    _add_levels(command)
    command.add_argument("--plot", metavar="FILE", help="picture of forecasts and what came to write")
    _add_checkpoint(command)
    _add_table_out(command, "forecasts beside what came; the table of errors goes to standard output")
    _add_columns(command)
    _add_training(command)


def _add_update(command: Parser) -> None:
    command.add_argument("model", metavar="MODEL", help="model file")
    command.add_argument("data", metavar="NEW", help="file of the rows behind the end, with the columns of the fit")
    command.add_argument("-o", "--output", metavar="MODEL", help="model file to write; without it, the same file")
    _add_force(command)
    command.add_argument("--train", type=updates, default=False, metavar="N|true", help="so many more updates of each "
                         "network on the new rows")  # fmt: skip
    _add_form(command)


def _add_plot(command: Parser) -> None:
    _add_ahead(command)
    _add_levels(command)
    command.add_argument("--paths", type=count, default=0, metavar="N", help="possible futures to draw, 8 at most")
    command.add_argument("--seed", type=seed, default=0, help="of these (0)")
    command.add_argument("-o", "--output", required=True, metavar="FILE", help="picture: .png, .svg or .pdf")
    _add_force(command)


def _add_demo(command: Parser) -> None:
    command.add_argument("-o", "--output", default="forecastrnn-demo.png", metavar="FILE", help="picture to write "
                         "(forecastrnn-demo.png)")  # fmt: skip
    _add_force(command)
    _add_training(command)


def _add_info(command: Parser) -> None:
    command.add_argument("model", metavar="MODEL", help="model file")
    command.add_argument("--json", action="store_true", help="for programs")


_COMMANDS: dict[str, tuple[Callable[[Parser], None], str]] = {
    "fit": (_add_fit, "learn from the series in a file"),
    "predict": (_add_predict, "forecast what comes behind the series"),
    "sample": (_add_sample, "draw possible futures"),
    "backtest": (_add_backtest, "forecast from earlier times, beside seasonal naive and what came"),
    "update": (_add_update, "take new rows in, without training"),
    "plot": (_add_plot, "draw the end of the series and what comes behind"),
    "demo": (_add_demo, "show all that on series that come with the package"),
    "info": (_add_info, "tell what a model file holds"),
}


# Flags that several share --------------------------------------------------------------------------------
def _add_talk(command: Parser) -> None:
    group = command.add_argument_group("what is said on standard error")
    group.add_argument("-q", "--quiet", action="store_true", help="errors alone, no warnings")
    group.add_argument("-v", "--verbose", action="store_true", help="a line every 50 updates; of errors, where")
    group.add_argument("--no-progress", action="store_true", help="no passing line in a terminal")


def _add_ahead(command: Parser) -> None:
    command.add_argument("model", metavar="MODEL", help="model file")
    until = command.add_mutually_exclusive_group()
    until.add_argument("-n", "--steps", type=count, metavar="N", help="steps to forecast (a season)")
    until.add_argument("--to", metavar="TIME", help="last time to forecast, such as 2025-12")
    command.add_argument("--future", metavar="FILE", help="columns that were known ahead, at the steps to forecast")
    command.add_argument("--data", metavar="FILE", help="series to forecast instead of those of the fit")
    command.add_argument("--static", metavar="FILE", help="with --data: what stays the same for each series")
    _add_form(command)


def _add_levels(command: Parser) -> None:
    command.add_argument("--level", type=numbers, metavar="80,95", help="intervals, in percent")
    command.add_argument("--quantiles", type=numbers, metavar="0.1,0.9", help="quantiles, in (0, 1)")


def _add_columns(command: Parser) -> None:
    group = command.add_argument_group("columns of the file")
    group.add_argument("--id-col", metavar="NAME", help="(unique_id); a file without it is one series")
    group.add_argument("--time-col", default="ds", metavar="NAME", help="(ds)")
    group.add_argument("--target-col", default="y", metavar="NAME", help="(y)")
    group.add_argument("--future-cols", type=names, metavar="A,B", help="covariates that will be known ahead")
    group.add_argument("--past-cols", type=names, metavar="A,B", help="covariates that are known until now")
    group.add_argument("--static", metavar="FILE", help="file of what stays the same for each series")
    _add_form(command)


def _add_form(command: Parser) -> None:
    group = command.add_argument_group("form of the files")
    group.add_argument("--sep", type=character, metavar="CHAR", help="between columns (a comma; of .tsv a tab)")
    group.add_argument("--decimal", type=character, default=".", metavar="CHAR", help="before decimals (.)")
    group.add_argument("--date-format", metavar="FORM", help="such as %%d.%%m.%%Y (found)")
    group.add_argument("--tz", metavar="ZONE", help="time zone of the times, such as Europe/Paris")


def _add_training(command: Parser) -> None:
    group = command.add_argument_group("the forecaster")
    group.add_argument("--set", action="append", default=[], type=setting, metavar="NAME=VALUE", help="a parameter of "
                       "RNNForecaster, such as season_length=24 or solver__learning_rate=0.002")  # fmt: skip
    group.add_argument("--config", metavar="FILE", help="such parameters in TOML")
    group.add_argument("--missing", choices=["raise", "mask", "zero"], help="what a gap means (raise)")
    group.add_argument("--freq", metavar="STEP", help="step of the times, such as MS (found)")
    group.add_argument("--seed", type=seed, default=0, help="(0: the same command gives the same numbers)")
    group.add_argument("--jobs", type=int, metavar="N", help="threads (all cores)")
    group.add_argument("--device", metavar="NAME", help="cpu, cuda, cuda:1 or auto (cpu)")


def _add_checkpoint(command: Parser) -> None:
    command.add_argument("--checkpoint", metavar="FILE", help="keep what is trained there, once a minute: the same "
                         "command, after it was killed, goes on from it")  # fmt: skip


def _add_table_out(command: Parser, holds: str = "forecasts; - or none: standard output") -> None:
    command.add_argument("-o", "--output", metavar="FILE", help=holds)
    _add_force(command)


def _add_force(command: Parser) -> None:
    command.add_argument("--force", action="store_true", help="replace a file that is there")


# What a value may be --------------------------------------------------------------------------------------
def count(text: str) -> int:
    """A number from 1 on."""
    return _whole(text, "a number from 1 on")


def _whole(text: str, wanted: str, least: int = 1, most: float = math.inf) -> int:
    """A whole number within a range, which `wanted` says in words."""
    if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
        raise argparse.ArgumentTypeError(f"{wanted} is needed, not {text!r}")
    return int(text)


def names(text: str) -> list[str]:
    """Names with commas between them."""
    found = [name.strip() for name in text.split(",")]
    if not all(found):
        raise argparse.ArgumentTypeError(f"names with commas between them are needed, not {text!r}")
    return found


def numbers(text: str) -> list[float]:
    """Numbers with commas between them."""
    try:
        return [float(number) for number in text.split(",")]
    except ValueError:
        raise argparse.ArgumentTypeError(f"numbers with commas between them are needed, not {text!r}") from None


def refit(text: str) -> bool | int | str:
    """When a backtest fits."""
    words: dict[str, bool | str] = {"true": True, "false": False, "update": "update"}
    return words[text] if text in words else _whole(text, "true, false, update or a number from 1 on")


def character(text: str) -> str:
    """One character; a tab may be written as an escape."""
    found = text.replace("\\t", "\t")
    if len(found) != 1:
        raise argparse.ArgumentTypeError(f"one character is needed, not {text!r}")
    return found


def seed(text: str) -> int:
    """What numbers are drawn by."""
    return _whole(text, f"a number from 0 to {2**32 - 1}", 0, 2**32 - 1)


def updates(text: str) -> bool | int:
    """Updates on new rows."""
    return {"true": True, "false": False}[text] if text in ("true", "false") else count(text)


def setting(text: str) -> tuple[str, str]:
    """A parameter and its value as text."""
    name, sign, value = text.partition("=")
    if not sign or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"NAME=VALUE is needed, not {text!r}")
    return name, value
