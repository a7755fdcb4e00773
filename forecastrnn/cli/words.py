"""What the package says to a program, said to who has a command line."""

from __future__ import annotations

import re

FLAGS = {
    "id_col": "--id-col", "time_col": "--time-col", "target_col": "--target-col", "missing": "--missing",
    "freq": "--freq", "random_state": "--seed", "n_jobs": "--jobs", "device": "--device", "h": "-n",
    "n_windows": "--windows", "step_size": "--step", "refit": "--refit", "level": "--level",
    "quantiles": "--quantiles", "n_paths": "--paths", "train": "--train",
}  # fmt: skip
SETTINGS = ("intervals", "short", "strategy", "season_length", "context_length", "global_model", "bounds", "calendar",
            "alias", "loss", "solver__learning_rate", "solver__clip_norm")  # fmt: skip
# Advice in Python, as it stands in the package, and what to do instead.
ADVICE = {
    "pandas.to_datetime(..., format=...) reads dates of any form": "--date-format says what dates look like",
    "pandas.to_datetime(..., dayfirst=True), or False": "--date-format %d/%m/%Y, or %m/%d/%Y",
    "convert them with pandas.to_datetime(..., utc=True), and then tz_convert to their time zone":
        "say their time zone, as in --tz Europe/Paris",
    "Take them in with update(y_new)": "Take them in with forecastrnn update",
    "call sort_index or sort_values first": "sort the lines by time",
    "name such in X= (known ahead) or past= (known until now), or drop them":
        "--future-cols names what is known ahead, --past-cols what is known until now",
    "tz_localize(zone, ambiguous='infer')": "--tz Europe/Paris",
    "tz_localize(zone)": "--tz Europe/Paris",
    "h must be an integer >= 1, a list of such steps, or a last time": "--to must be a time, such as 2025-12",
    "; if it is one series, say so with id_col=None; else name the column of the ids":
        "; --id-col names the column of the ids, --time-col and --target-col those of times and values",
}  # fmt: skip
# The same where what stands there differs from call to call.
_PATTERNS = {
    r"; set_index\(.*?\) makes it a wide frame, each column a series":
        "; of a file with a column for each series --target-col names one, or turn it into rows of id, time and value",
    r" must be an index of times: .*?; got texts, of which": " holds texts, of which",
    r"It must be .*? without gaps: add the missing rows .*?\[\.\.\.\]\)\)":
        "Times go on by one step: add the missing rows, or name the step by --freq",
    r"\blower h to\b": "lower -n to",
    r"\bX lacks\b": "--future lacks",
    r"\bX names\b": "--future-cols names",
    r"\bpast (names|needs)\b": r"--past-cols \1",
    r"\bgive them as X\b": "give them as --future-cols",
    r"\bis in X and in past\b": "is in --future-cols and in --past-cols",
    r"\bstatic has\b": "--static has",
    r"\by_new begins\b": "the file begins",
    r"\by of predict\b": "--data",
    r"\bX must not be given here: the model was fitted without X\b":
        "--future must not be given: the model was fitted without --future-cols",
    r"add (it|them) \((asfreq\(.*?\)|reindex)\)": r"add \1",
    r", (zeros?) with 'zero'": r", or \1 with --missing zero",
    r"make_future_frame\(.*?\) lists the rows": "--future plan.csv gives them",
    r"see make_future_frame\(.*?\)": "--future needs these rows",
    r"convert it first, with pandas\.to_datetime\(.*?\)": "say its form, as in --date-format %Y%m%d, or %Y%m",
    r"; if they are holidays, give freq=.*": "; what days are holidays can be said in Python alone",
}  # fmt: skip
_OPTION = re.compile(r"""(?<![\w.-])(\w+)=("[^"]*"|'[^']*'|\[[^\]]*\]|[\w.+-]+)""")


def in_flags(text: str) -> str:
    """A message of the package with options as flags."""
    for python, words in ADVICE.items():
        text = text.replace(python, words)
    for pattern, words in _PATTERNS.items():
        text = re.sub(pattern, words, text)
    text = re.sub(r"\((id_col|time_col|target_col)\)", lambda found: f"({FLAGS[found[1]]})", text)
    return _OPTION.sub(_as_flag, text)


def _as_flag(found: re.Match) -> str:
    name, value = found[1], found[2].strip("\"'")
    if name == "h" and (value != found[2] or not value.isdigit()):
        return f"--to {value}"
    if name in FLAGS:
        return f"{FLAGS[name]} {value}"
    return f"--set {name}={value}" if name in SETTINGS else found[0]
