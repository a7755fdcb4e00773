"""What a model file keeps of a fitted RNNRegressor or RNNClassifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forecastrnn.data.standardize import ArrayScaler
from forecastrnn.engine.devices import is_device
from forecastrnn.exceptions import ModelFileError
from forecastrnn.networks.losses import LOSSES, LossesFor
from forecastrnn.networks.network import Network
from forecastrnn.persistence.coding_records import (
    coding_tensors,
    given_tensors,
    pack_coding,
    pack_given,
    unpack_coding,
    unpack_given,
)
from forecastrnn.persistence.label_records import Values, described_labels, label_tensors, pack_labels, unpack_labels
from forecastrnn.persistence.model_file import Tensor
from forecastrnn.persistence.model_records import (
    MOST,
    Fields,
    check_dropout,
    check_known,
    check_network,
    decode,
    encode,
    pack_texts,
    text_tensors,
    unpack_texts,
)
from forecastrnn.persistence.moment_records import (
    LATER_MOMENTS,
    described_moments,
    moment_tensors,
    pack_moments,
    unpack_moments,
)
from forecastrnn.programs.shapes import Dropout
from forecastrnn.sequences.fitting import Fitted
from forecastrnn.training.optimizers import OptimizerState
from forecastrnn.training.training import Progress

FIELDS = (
    "network dropout dtype loss last target_ndim seed best_iter stopped updates since_start n_losses n_scores "
    "shows_scores scales_x scales_y n_features n_channels names classes device "
    "categories given repeats moments"
)
LATER: dict[str, Any] = {
    "categories": [],
    "given": [],
    "repeats": 0,
    **LATER_MOMENTS,
}  # fields that the first files lack


def pack(estimator: Any) -> tuple[dict, Values]:
    """The state for the header, and the tensors."""
    fitted: Fitted = estimator._fitted
    progress = fitted.progress
    names, name_values = _pack_names(estimator)
    classes, class_values = pack_labels("classes", getattr(estimator, "classes_", None))
    categories, category_values = pack_coding(fitted.coding)
    given, given_values = pack_given(estimator._given_vectors())
    state = {
        "network": encode(fitted.network, "network"), "dropout": encode(fitted.dropout, "dropout"),
        "dtype": progress.theta.dtype.name, "loss": fitted.loss, "last": int(fitted.last),
        "target_ndim": fitted.target_ndim, "seed": fitted.seed, "best_iter": progress.best_iter,
        "stopped": progress.stopped, "updates": int(progress.optimizer.count),
        "since_start": int(progress.optimizer.since_start), "n_losses": len(progress.loss_curve),
        "n_scores": len(progress.validation_scores), "shows_scores": hasattr(estimator, "validation_scores_"),
        "scales_x": fitted.x_scaler is not None, "scales_y": fitted.y_scaler is not None,
        "n_features": int(estimator.n_features_in_), "n_channels": int(estimator.n_channels_in_),
        "names": names, "classes": classes, "device": estimator.device_,
        "categories": categories, "given": given, "repeats": fitted.repeats,
    }  # fmt: skip
    state |= described_moments(progress.optimizer.moments)
    values = {"theta": progress.theta, **pack_moments(progress.optimizer.moments)}
    values |= {"losses": np.array(progress.loss_curve, float), "scores": np.array(progress.validation_scores, float)}
    for name, scaler in (("x", fitted.x_scaler), ("y", fitted.y_scaler)):
        if scaler is not None:
            values |= {f"{name}.mean": scaler.mean_, f"{name}.scale": scaler.scale_}
    return state, values | name_values | class_values | category_values | given_values


def _pack_names(estimator: Any) -> tuple[Any, Values]:
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return None, {}
    values = pack_texts("names", [str(name) for name in names])
    return len(values["names.text"]), values


@dataclass(frozen=True)
class SequenceState:
    """The state in a header, checked: from it all tensors follow."""

    fields: Fields
    network: Network
    dropout: Dropout

    @classmethod
    def read(cls, raw: Any, kind: str) -> SequenceState:
        """Check the state of an estimator of this class name."""
        state = Fields(LATER | raw if isinstance(raw, dict) else raw, "the model", FIELDS)
        network, dropout = decode(state["network"]), decode(state["dropout"])
        if type(network) is not Network or type(dropout) is not Dropout:
            raise ModelFileError("the file has no description of a network")
        check_network(network)
        check_dropout(dropout)
        is_classifier = kind == "RNNClassifier"
        check_known("loss", state.text("loss"), LOSSES)
        state.text("loss", LossesFor("classification" if is_classifier else "regression"))
        state.text("dtype", {"float32", "float64"})
        if not is_device(state.text("device")):
            state.refuse("device", "the name of a device")
        state.count("last", 0, 1 if is_classifier else MOST)
        state.count("target_ndim", 1, 2 if is_classifier else 3)
        state.count("seed", 0, 2**32 - 1)
        for name in ("best_iter", "updates", "since_start", "n_scores", "repeats"):
            state.count(name)
        state.count("n_losses", 1)
        state.count("n_features", 1)
        for name in ("stopped", "shows_scores", "scales_x", "scales_y"):
            state.flag(name)
        state.count("n_channels", network.n_inputs, network.n_inputs)
        if state["names"] is not None:
            state.count("names")
        if is_classifier:
            described_labels("classes", state["classes"], network.n_outputs, network.n_outputs)
        elif state["classes"] is not None:
            raise ModelFileError("classes belong to a classifier")
        return cls(state, network, dropout)

    def tensors(self) -> list[Tensor]:
        """Names, dtypes and shapes of all tensors, in the order of the file."""
        state, network = self.fields, self.network
        real = {"float32": "<f4", "float64": "<f8"}[state["dtype"]]
        found = [Tensor(name, real, (network.size,)) for name in ("theta", *moment_tensors(state["moments"]).values())]
        found += [Tensor("losses", "<f8", (state["n_losses"],)), Tensor("scores", "<f8", (state["n_scores"],))]
        for name, columns in (("x", network.n_inputs), ("y", network.n_outputs)):
            if state[f"scales_{name}"]:
                found += [Tensor(f"{name}.{part}", "<f8", (columns,)) for part in ("mean", "scale")]
        if state["names"] is not None:
            found += text_tensors("names", state["n_features"], state["names"])
        found += coding_tensors(state["categories"], network.embeddings) + given_tensors(state["given"])
        return found + self._class_tensors()

    def _class_tensors(self) -> list[Tensor]:
        if self.fields["classes"] is None:
            return []
        count = self.network.n_outputs
        return label_tensors("classes", described_labels("classes", self.fields["classes"], count, count))

    def restore(self, estimator: Any, values: Values) -> None:
        """Give an estimator, whose parameters are set, its fitted attributes."""
        state = self.fields
        optimizer = OptimizerState(unpack_moments(state["moments"], values), state["updates"], state["since_start"])
        progress = Progress(
            values["theta"], optimizer, values["losses"].tolist(), values["scores"].tolist(), state["best_iter"],
            state["stopped"],
        )  # fmt: skip
        fitted = Fitted(
            network=self.network, progress=progress, x_scaler=_scaler(values, "x"), y_scaler=_scaler(values, "y"),
            loss=state["loss"], last=state["last"], target_ndim=state["target_ndim"], seed=state["seed"],
            dropout=self.dropout, coding=unpack_coding(state["categories"], self.network.embeddings, values),
            repeats=state["repeats"],
        )  # fmt: skip
        estimator.n_features_in_, estimator.n_channels_in_ = state["n_features"], state["n_channels"]
        if state["names"] is not None:
            estimator.feature_names_in_ = np.array(unpack_texts("names", values), object)
        if state["classes"] is not None:
            estimator.classes_ = unpack_labels("classes", state["classes"]["kind"], values)
        estimator.embedding_weights = unpack_given(state["given"], values)
        estimator._publish(fitted, state["device"])
        for name in ("validation_scores_", "best_iter_"):  # early_stopping may have been set since the fit
            estimator.__dict__.pop(name, None)
        if state["shows_scores"]:
            estimator.validation_scores_, estimator.best_iter_ = progress.validation_scores, progress.best_iter


def _scaler(values: Values, name: str) -> ArrayScaler | None:
    if f"{name}.mean" not in values:
        return None
    if (values[f"{name}.scale"] <= 0).any():
        raise ModelFileError(f"a scale of {name} is not positive")
    return ArrayScaler(values[f"{name}.mean"], values[f"{name}.scale"])
