"""The parameters of estimators that are groups: what each may be, and what short forms stand for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, fields
from typing import Any

from sklearn.utils._param_validation import StrOptions

from forecastrnn.estimators.groups import calendars, intervals, losses, options, solvers, strategies
from forecastrnn.estimators.groups.group import AUTO, COUNT, POSITIVE, SHARE, Group, was
from forecastrnn.estimators.groups.schedules import Schedule
from forecastrnn.networks.losses import LossesFor
from forecastrnn.training.optimizers import SCHEDULES, SOLVERS


@dataclass(frozen=True)
class Head:
    """A parameter that is a group.

    opens : makes the object that a short form stands for. constraints : of the parameter itself. kinds : of groups that
    it may be; their fields say which flat parameters they were. apart : flat parameters that are no field. is_new :
    there was no parameter of this name before.
    """

    opens: Callable[[Any], object]
    constraints: list
    kinds: tuple[type[Group], ...]
    apart: dict[str, list] = field(default_factory=dict)
    is_new: bool = False

    def flat(self) -> dict[str, object]:
        """The flat parameters that it has taken the place of, with the values that they have without being given."""
        return {was(one): one.default for kind in self.kinds for one in fields(kind) if was(one)}

    def flat_constraints(self) -> dict[str, list]:
        """What those may be."""
        found = {was(one): one.metadata["constraints"] for kind in self.kinds for one in fields(kind) if was(one)}
        return found | self.apart


HEADS: dict[str, Head] = {
    "solver": Head(
        solvers.opened_solver,
        [StrOptions(SOLVERS.keys()), solvers.Solver],
        (solvers.UpdateRule,),
        {"learning_rate_init": [POSITIVE], "learning_rate": [StrOptions(SCHEDULES.keys()), Schedule]},
    ),
    "loss": Head(
        losses.opened_loss,
        [StrOptions(LossesFor("forecasting")), losses.LossGroup],
        (losses.Quantiles, losses.StudentT, losses.Poisson, losses.Tweedie),
    ),
    "strategy": Head(
        strategies.opened_strategy,
        [StrOptions({*strategies.STRATEGY_OF}), strategies.Strategy],
        (strategies.Direct,),
    ),
    "dropout": Head(options.opened_dropout, [SHARE, options.Dropout], (options.Dropout,)),
    "early_stopping": Head(options.opened_stopping, ["boolean", options.EarlyStopping], (options.EarlyStopping,)),
    "intervals": Head(
        intervals.opened_intervals,
        [StrOptions({"conformal", "paths", "head"}), intervals.Conformal, None],
        (intervals.Conformal,),
        is_new=True,
    ),
    "calendar": Head(
        calendars.opened_calendar, [AUTO, list, tuple, calendars.Calendar, None], (calendars.Calendar,), is_new=True
    ),
    "bptt": Head(options.opened_truncation, [options.Truncated, None], (options.Truncated,), is_new=True),
    "embedding": Head(options.opened_embedding, [AUTO, options.Embedding], (options.Embedding,), is_new=True),
    "decoding": Head(options.opened_beam, [COUNT, options.Beam], (options.Beam,), is_new=True),
}


def constraints_of_heads(*names: str) -> dict[str, list]:
    """What the groups of an estimator may be."""
    return {name: HEADS[name].constraints for name in names}
