"""How an estimator shows itself: the parameters that matter, those that were changed, and what was fitted."""

from __future__ import annotations

import textwrap
from html import escape
from typing import Any, ClassVar

from sklearn import get_config
from sklearn.base import BaseEstimator
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_html_repr
from sklearn.utils.validation import check_is_fitted

from forecastrnn.estimators.summary_text import WIDTH, paragraph

LONGEST = 80  # characters of a value: tables of numbers can be parameters


class Shown(BaseEstimator):
    """An estimator with a repr, and a table in a notebook.

    Before a fit the repr is scikit-learn's: the parameters that were changed, as they would be written again. Behind a
    fit the parameters that matter come first, changed or not, and lines say what was fitted.
    """

    _matters: ClassVar[tuple[str, ...]] = ()  # parameters that are always told

    def _learned(self) -> dict[str, str]:
        """What was fitted, in words, by a word for what they are about."""
        raise NotImplementedError

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:  # noqa: N803  # scikit-learn's name
        learned = _learned_of(self)
        if not learned:
            return super().__repr__(N_CHAR_MAX)
        return "\n".join([_call_of(self), *(paragraph(name, words) for name, words in learned.items())])

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        """What a notebook shows."""
        table = {"text/html": _table_of(self)} if get_config()["display"] == "diagram" else {}
        return {"text/plain": repr(self)} | table

    @property
    def _repr_html_(self) -> Any:
        """The same for what knows no bundle of forms; absent where scikit-learn is told to show texts."""
        if get_config()["display"] != "diagram":
            raise AttributeError("_repr_html_ is only defined with scikit-learn's display='diagram'.")
        return lambda: _table_of(self)


def _learned_of(estimator: Shown) -> dict[str, str]:
    """What was fitted; nothing before."""
    try:
        check_is_fitted(estimator)
    except NotFittedError:
        return {}
    return estimator._learned()


def _told(estimator: Shown) -> dict[str, str]:
    """The parameters that matter and then those that were changed, as texts."""
    from sklearn.utils._pprint import _changed_params

    values = estimator.get_params(deep=False)
    names = list(_changed_params(estimator) if get_config()["print_changed_only"] else values)
    return {name: _short(values[name]) for name in dict.fromkeys([*estimator._matters, *names])}


def _short(value: object) -> str:
    text = " ".join(repr(value).split())
    return text if len(text) <= LONGEST else text[: LONGEST - 3] + "..."


def _call_of(estimator: Shown) -> str:
    name = type(estimator).__name__
    text = f"{name}({', '.join(f'{key}={value}' for key, value in _told(estimator).items())})"
    indent = " " * (len(name) + 1)
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _table_of(estimator: Shown) -> str:
    """Rows of parameters and of what was fitted, and scikit-learn's list of all parameters, folded."""
    rows = [*_told(estimator).items(), *_learned_of(estimator).items()]
    cells = "".join(
        f'<tr><th style="text-align: left">{escape(name)}</th><td style="text-align: left">{escape(text)}</td></tr>'
        for name, text in rows
    )
    title = f"<strong>{escape(type(estimator).__name__)}</strong>"
    everything = f"<details><summary>all parameters</summary>{estimator_html_repr(estimator)}</details>"
    return f"<div>{title}<table>{cells}</table>{everything}</div>"
