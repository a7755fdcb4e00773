"""How the members of a forecaster were trained."""

from __future__ import annotations

import numpy as np

from forecastrnn.forecasting.model import Model
from forecastrnn.forecasting.settings import update_count
from forecastrnn.forecasting.windows import EPOCH
from forecastrnn.training.curves import TrainingCurves


def curves_of(model: Model) -> TrainingCurves:
    """Losses, scores and rates every 50 updates."""
    trained = model.trained
    scores = [list(member.validation_scores) for member in trained.members]
    held_out = bool(model.settings.validation_fraction) and all(scores) and bool(scores)
    return TrainingCurves(
        losses=[list(curve) for curve in trained.curves], each=min(EPOCH, trained.updates),
        scores=scores if held_out else [],
        kept=[member.best_iter for member in trained.members] if held_out else [],
        rates=_rates(model),
    )  # fmt: skip


def _rates(model: Model) -> list[float]:
    """Learning rates at the values of the longest curve; of fits before the last one they are not known."""
    planned, looks = update_count(model.tail.prepared, model.settings), max(map(len, model.trained.curves))
    found = model.settings.rule.rates(0, planned, planned)
    last = found[np.minimum(np.arange(EPOCH, planned + EPOCH, EPOCH), planned) - 1]
    if looks <= len(last):
        return last[:looks].tolist()
    return [float("nan")] * (looks - len(last)) + last.tolist()
