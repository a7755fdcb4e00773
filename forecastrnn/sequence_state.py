"""What a model file keeps of a fitted RNNRegressor or RNNClassifier."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from forecastrnn.devices import is_name
from forecastrnn.exceptions import ModelFileError
from forecastrnn.fitting import Fitted
from forecastrnn.losses import LOSSES
from forecastrnn.model_file import Tensor
from forecastrnn.model_records import (
    MOST,
    Fields,
    check_dropout,
    check_network,
    decode,
    encode,
    pack_texts,
    text_tensors,
    unpack_texts,
)
from forecastrnn.network import Network
from forecastrnn.optimizers import OptimizerState
from forecastrnn.shapes import Dropout
from forecastrnn.standardize import ArrayScaler
from forecastrnn.training import Progress

Values = dict[str, np.ndarray]
FIELDS = (
    "network dropout dtype loss last target_ndim seed best_iter stopped updates since_start n_losses n_scores "
    "shows_scores scales_x scales_y n_features n_channels names classes device"
)
_LABELS = {"|b1", "<f4", "<f8"} | {f"{sign}{size}" for sign in ("<i", "<u") for size in (2, 4, 8)} | {"|i1", "|u1"}


def pack(estimator: Any) -> tuple[dict, Values]:
    """The state for the header, and the tensors."""
    fitted: Fitted = estimator._fitted
    progress = fitted.progress
    names, name_values = _pack_names(estimator)
    classes, class_values = _pack_classes(getattr(estimator, "classes_", None))
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
    }  # fmt: skip
    values = {"theta": progress.theta, "m": progress.optimizer.m, "v": progress.optimizer.v}
    values |= {"losses": np.array(progress.loss_curve, float), "scores": np.array(progress.validation_scores, float)}
    for name, scaler in (("x", fitted.x_scaler), ("y", fitted.y_scaler)):
        if scaler is not None:
            values |= {f"{name}.mean": scaler.mean_, f"{name}.scale": scaler.scale_}
    return state, values | name_values | class_values


def _pack_names(estimator: Any) -> tuple[Any, Values]:
    names = getattr(estimator, "feature_names_in_", None)
    if names is None:
        return None, {}
    values = pack_texts("names", [str(name) for name in names])
    return len(values["names.text"]), values


def _pack_classes(classes: np.ndarray | None) -> tuple[Any, Values]:
    """Texts of any length, fixed-width texts (as their code points), or numbers."""
    if classes is None:
        return None, {}
    if classes.dtype.kind == "O":
        values = pack_texts("classes", [str(label) for label in classes])
        return {"kind": "text", "count": len(classes), "size": len(values["classes.text"])}, values
    if classes.dtype.kind == "U":
        points = np.ascontiguousarray(classes, classes.dtype.newbyteorder("<")).view("<u4").reshape(len(classes), -1)
        return {"kind": "width", "count": len(classes), "size": points.shape[1]}, {"classes.points": points}
    kind = classes.dtype.newbyteorder("<").str
    if kind not in _LABELS:
        raise TypeError(f"classes of dtype {classes.dtype} cannot be saved; use texts, integers, floats or booleans.")
    stored = classes.view(np.uint8) if kind == "|b1" else classes
    return {"kind": kind, "count": len(classes), "size": 0}, {"classes.numbers": stored}


@dataclass(frozen=True)
class SequenceState:
    """The state in a header, checked: from it all tensors follow."""

    fields: Fields
    network: Network
    dropout: Dropout

    @classmethod
    def read(cls, raw: Any, kind: str) -> SequenceState:
        """Check the state of an estimator of this class name."""
        state = Fields(raw, "the model", FIELDS)
        network, dropout = decode(state["network"]), decode(state["dropout"])
        if type(network) is not Network or type(dropout) is not Dropout:
            raise ModelFileError("the file has no description of a network")
        check_network(network)
        check_dropout(dropout)
        is_classifier = kind == "RNNClassifier"
        state.text("loss", {"cross_entropy"} if is_classifier else set(LOSSES) - {"cross_entropy"})
        state.text("dtype", {"float32", "float64"})
        if not is_name(state.text("device")):
            state.refuse("device", "the name of a device")
        state.count("last", *((1, 1) if is_classifier else (0, MOST)))
        state.count("target_ndim", 1, 1 if is_classifier else 3)
        state.count("seed", 0, 2**32 - 1)
        for name in ("best_iter", "updates", "since_start", "n_scores"):
            state.count(name)
        state.count("n_losses", 1)
        state.count("n_features", 1)
        for name in ("stopped", "shows_scores", "scales_x", "scales_y"):
            state.flag(name)
        state.count("n_channels", network.n_inputs, network.n_inputs)
        if state["names"] is not None:
            state.count("names")
        if is_classifier:
            Fields(state["classes"], "classes", "kind count size").count("count", network.n_outputs, network.n_outputs)
        elif state["classes"] is not None:
            raise ModelFileError("classes belong to a classifier")
        return cls(state, network, dropout)

    def tensors(self) -> list[Tensor]:
        """Names, dtypes and shapes of all tensors, in the order of the file."""
        state, network = self.fields, self.network
        real = {"float32": "<f4", "float64": "<f8"}[state["dtype"]]
        found = [Tensor(name, real, (network.size,)) for name in ("theta", "m", "v")]
        found += [Tensor("losses", "<f8", (state["n_losses"],)), Tensor("scores", "<f8", (state["n_scores"],))]
        for name, columns in (("x", network.n_inputs), ("y", network.n_outputs)):
            if state[f"scales_{name}"]:
                found += [Tensor(f"{name}.{part}", "<f8", (columns,)) for part in ("mean", "scale")]
        if state["names"] is not None:
            found += text_tensors("names", state["n_features"], state["names"])
        return found + self._class_tensors()

    def _class_tensors(self) -> list[Tensor]:
        if self.fields["classes"] is None:
            return []
        described = Fields(self.fields["classes"], "classes", "kind count size")
        kind, count, size = described.text("kind", _LABELS | {"text", "width"}), described["count"], None
        size = described.count("size")
        if kind == "text":
            return text_tensors("classes", count, size)
        if kind == "width":
            return [Tensor("classes.points", "<u4", (count, described.count("size", 1)))]
        return [Tensor("classes.numbers", "|u1" if kind == "|b1" else kind, (count,))]

    def restore(self, estimator: Any, values: Values) -> None:
        """Give an estimator, whose parameters are set, its fitted attributes."""
        state = self.fields
        optimizer = OptimizerState(values["m"], values["v"], state["updates"], state["since_start"])
        progress = Progress(
            values["theta"], optimizer, values["losses"].tolist(), values["scores"].tolist(), state["best_iter"],
            state["stopped"],
        )  # fmt: skip
        fitted = Fitted(
            self.network, progress, _scaler(values, "x"), _scaler(values, "y"), state["loss"], state["last"],
            state["target_ndim"], state["seed"], self.dropout,
        )  # fmt: skip
        estimator.n_features_in_, estimator.n_channels_in_ = state["n_features"], state["n_channels"]
        if state["names"] is not None:
            estimator.feature_names_in_ = np.array(unpack_texts("names", values), object)
        if state["classes"] is not None:
            estimator.classes_ = _unpack_classes(state["classes"]["kind"], values)
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


def _unpack_classes(kind: str, values: Values) -> np.ndarray:
    if kind == "text":
        classes = np.array(unpack_texts("classes", values), object)
    elif kind == "width":
        points = values["classes.points"]
        if (points > 0x10FFFF).any():
            raise ModelFileError("a class is not a text")
        classes = points.view(f"<U{points.shape[1]}")[:, 0].astype(f"U{points.shape[1]}")
    else:
        classes = values["classes.numbers"]
        if kind == "|b1":
            classes = _bools(classes)
    if len(np.unique(classes)) != len(classes) or (classes[1:] <= classes[:-1]).any():
        raise ModelFileError("the classes are not in order")
    return classes


def _bools(values: np.ndarray) -> np.ndarray:
    if (values > 1).any():
        raise ModelFileError("a boolean is neither 0 nor 1")
    return values.view(bool)
