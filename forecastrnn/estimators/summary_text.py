"""A summary as one screen of text."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

WIDTH, INDENT = 88, 12
ROLES = {"known": "known ahead", "past": "known until now", "static": "the same for a series", "calendar": "calendar"}
Section = Mapping[str, Any]


def text_of(summary: Section) -> str:
    """A title, and a paragraph for each section."""
    n = summary["data"]["series"]
    lines = {
        "data": _data(summary["data"]), "season": _season(summary["season"]), "inputs": _inputs(summary["inputs"]),
        "network": _network(summary["network"]), "training": _training(summary["training"]),
        "backtest": _backtest(summary["backtest"]), "intervals": _intervals(summary["intervals"]),
    }  # fmt: skip
    title = f"RNNForecaster, fitted on {n:,} series"
    return "\n".join([title, "", *(paragraph(name, text) for name, text in lines.items())])


def brief_of(summary: Section) -> dict[str, str]:
    """What was fitted, of the sections that need no more than the model, in words."""
    n = summary["data"]["series"]
    return {
        "fitted on": f"{n:,} series: {_data(summary['data'])}", "season": _season(summary["season"]),
        "network": _network(summary["network"]), "training": _training(summary["training"]),
    }  # fmt: skip


def cells_in_words(layers: Iterable[Iterable[object]]) -> str:
    """Layers, each by the name of its cell and its units."""
    return " + ".join("{}({})".format(*layer) for layer in layers)


def paragraph(name: str, text: str) -> str:
    """A word, and lines beside it that are indented."""
    return textwrap.fill(text, WIDTH, initial_indent=name.ljust(INDENT), subsequent_indent=" " * INDENT)


def _data(data: Section) -> str:
    name = f"{data['name']}: " if data["name"] else ""
    until = data["last"] if data["first_end"] == data["last"] else f"{data['first_end']} .. {data['last']}"
    begin = f" from {data['first']}" if data["first"] is not None else ""
    parts = [f"{name}{_lengths(data)}{begin} to {until}, step {data['step']}"]
    if data["values"] is not None:
        parts.append(f"{_share(data['missing'], data['values'])} missing, {_share(data['zeros'], data['values'])} zero")
    if data["too_short"]:
        parts.append(f"{data['too_short']:,} series too short, forecast by seasonal naive")
    if data["logarithms"]:
        parts.append("learned as logarithms" + ("" if data["series"] == 1 else f": {data['logarithms']:,} series"))
    return "; ".join(parts)


def _lengths(data: Section) -> str:
    if data["values"] is None:
        return "values"
    if data["series"] == 1 or data["shortest"] == data["longest"]:
        return f"{data['longest']:,} values" + ("" if data["series"] == 1 else " each")
    return f"{data['values']:,} values, {data['shortest']:,} .. {data['longest']:,} each"


def _share(count: int, of: int) -> str:
    if not count:
        return "no value"
    return f"{count:,} ({count / of:.1%})"


def _season(season: Section) -> str:
    if season["length"] == 1:
        return f"none ({season['why']})"
    longer = [f"{n:,} series also have one of {period}" for period, n in season["longer"].items()]
    return "; ".join([f"{season['length']} steps, {season['why']}", *longer])


def _inputs(inputs: Section) -> str:
    parts = [f"the last {inputs['context']} values"]
    parts += ["those one and two seasons ago"] if inputs["lags"] else []
    parts += [f"{count} means of {length} before them" for length, count in inputs["older_means"]]
    parts += ["the long-run mean"] if inputs["long_run_mean"] else []
    parts += [f"{word}: {', '.join(inputs[role])}" for role, word in ROLES.items() if inputs[role]]
    return "; ".join(parts)


def _network(network: Section) -> str:
    cells = cells_in_words(network["layers"])
    one, n = "for all series" if network["one_for_all"] else "for each series", network["members"]
    many = f"one {network['strategy']} network" if n == 1 else f"the median of {n} {network['strategy']} networks"
    mixed = ", ".join(f"{name} {weight:.0%}" for name, weight in network["mixed_with"].items())
    beside = f"; mixed with {mixed}" if mixed else ""
    return f"{many} {one}: {cells}, {network['parameters']:,} parameters each{beside}"


def _training(training: Section) -> str:
    course = f"{training['loss']} {training['first_loss']:.3g} at first, {training['last_loss']:.3g} at last"
    return f"{training['updates']:,} updates of each network; {course}; {training['device']}, {training['dtype']}"


def _backtest(backtest: Section | None) -> str:
    if backtest is None:
        return "not known; cross_validation(y, h, baselines='seasonal_naive') tells"
    own, naive = backtest["error"], backtest["seasonal_naive"]
    kind = "held out" if backtest["held_out"] else "that the networks have learned"
    where = f"{backtest['windows']} windows of {backtest['horizon']} steps {kind}"
    begin = f"{where}: the error was {own:.2f} of the change in a season, that of seasonal naive {naive:.2f}; "
    if backtest["better"]:
        return begin + f"{1 - own / naive:.0%} less"
    return begin + "SEASONAL NAIVE IS BETTER here: use it, unless cross_validation says otherwise"


def _intervals(intervals: Section | None) -> str:
    if intervals is None:
        return "none"
    shares = [f"those of {level} held {share:.0%}" for level, share in intervals["coverage"].items()]
    if shares:
        return f"{intervals['method']}; of a window at the end {', '.join(shares)}"
    return intervals["method"] + (f", not calibrated: {intervals['why_not']}" if intervals["why_not"] else "")
