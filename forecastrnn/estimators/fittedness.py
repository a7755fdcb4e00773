"""Whether an estimator was fitted, and what to do where it was not."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted as _check

_PRETRAINED = (
    "This %(name)s has a pre-trained network, but no series: before fit it has predict(h, y=series) and "
    "cross_validation, but for refit='never'. %(name)s.pretrained(max_steps=0).fit(y) learns no weights, and has all "
    "methods."
)


def check_is_fitted(estimator: Any) -> None:
    """scikit-learn's check, with words for a forecaster whose network comes with the package."""
    _check(estimator, **({} if getattr(estimator, "start", None) is None else {"msg": _PRETRAINED}))
