"""What a model file keeps of a fitted RNNRegressor or RNNClassifier."""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np

from forecastrnn.data.coding import CategoryCoding, EmbeddingOptions, given_vectors
from forecastrnn.exceptions import ModelFileError
from forecastrnn.networks.losses import LOSSES, LossesFor
from forecastrnn.networks.network import Network
from forecastrnn.persistence import codec
from forecastrnn.persistence import fitted_records as kinds
from forecastrnn.persistence.codec import Part, State
from forecastrnn.persistence.labels import categories, labels, names
from forecastrnn.persistence.plain_values import check_known, plain
from forecastrnn.sequences.fitting import Fitted


def _check_network(network: Network, part: Part) -> None:
    kinds.check_plain(network)
    kinds.check_network(network, part)
    part.known["embeddings"] = network.embeddings


def _make_fitted(network: Network, coding: tuple[np.ndarray, ...], **others: Any) -> Fitted:
    """Codes, by which compiled code finds vectors, are not scaled."""
    columns, scaler = tuple(e.column for e in network.embeddings), others["x_scaler"]
    if scaler is not None and not ((scaler.mean_[[*columns]] == 0.0) & (scaler.scale_[[*columns]] == 1.0)).all():
        raise ModelFileError("the categories of X are not scaled")
    return Fitted(network=network, coding=CategoryCoding(columns, coding) if columns else None, **others)


def _check(part: Part) -> None:
    """What a classifier and a regressor differ in."""
    known, is_classifier = part.known, part.known["class"] == "RNNClassifier"
    if known["n_features"] != known["n_channels"] and (known["n_channels"] > 1 or known.get("repeats")):
        raise ModelFileError("the features of X must be its channels, where there is more than one")
    check_known("loss", part.known["loss"], LOSSES)
    possible = LossesFor("classification" if is_classifier else "regression")
    if part.known["loss"] not in possible:
        part.refuse("loss", f"one of {sorted(possible)}")
    if is_classifier and (part.known["last"] > 1 or part.known["target_ndim"] > 2 or part.raw["classes"] is None):
        raise ModelFileError("a classifier has classes, and one label for a sequence or a step")
    if not is_classifier and part.raw["classes"] is not None:
        raise ModelFileError("classes belong to a classifier")


FITTED = codec.record(
    Fitted,
    _make_fitted,
    network=plain(Network, "a network", _check_network),
    progress=kinds.progress(kinds.THETA, kinds.LOSSES),
    x_scaler=kinds.scaler("x", "n_inputs"),
    y_scaler=kinds.scaler("y", "n_outputs"),
    last=codec.count(0, codec.MOST),
    target_ndim=codec.count(1, 3),
    seed=codec.count(0, kinds.SEED),
    repeats=codec.count(0, codec.STEPS),
    dropout=kinds.DROPOUT,
    coding=codec.mapped(
        categories(lambda part: [e.size for e in part.known["embeddings"]]), lambda coding: coding and coding.categories
    ).named("categories"),
)


def _vectors_of(weights: Mapping | None) -> list[SimpleNamespace]:
    """`embedding_weights` by channel, the categories of a mapping in their order."""
    found = []
    for channel, one in given_vectors(EmbeddingOptions(weights=weights), tuple(weights or ())).items():
        order = slice(None) if one.keys is None else np.argsort(one.keys)
        keys = None if one.keys is None else one.keys[order]
        found.append(SimpleNamespace(channel=channel, vectors=one.values[order], keys=keys))
    return found


def _weights_of(given: list[dict]) -> dict[int, np.ndarray | dict] | None:
    """The value of `embedding_weights`."""
    found = {}
    for one in given:
        keys, rows = one["keys"], one["vectors"]
        found[one["channel"]] = rows if keys is None else dict(zip(keys.tolist(), rows, strict=True))
    return found or None


GIVEN = codec.record(
    dict,
    channel=codec.count(0, codec.MOST),
    vectors=codec.array("<f8", codec.Size("rows", 1, codec.MOST), codec.Size("dim", 1, codec.MOST)),
    keys=codec.maybe(labels("rows", "rows")),
)
WEIGHTS = codec.mapped(codec.each(lambda part, n: [codec.nested(GIVEN)] * n), _vectors_of, _weights_of)


def restore(estimator: Any, _fitted: object, device_: str, validation_scores_: bool, **others: Any) -> None:
    """Give an estimator, whose parameters are set, its fitted attributes."""
    for name, value in others.items():
        if value is not None:
            setattr(estimator, name, value)
    estimator._publish(_fitted, device_)
    estimator._show_scores(validation_scores_)  # early_stopping may have been set since the fit


SHOWN = {
    "validation_scores_": codec.mapped(codec.FLAG, lambda scores: scores is not None, bool).named("shows_scores"),
    "device_": kinds.DEVICE,
}
STATE = State(
    codec.record(
        dict,
        _fitted=FITTED,
        n_features_in_=codec.count(1, codec.LONGEST).named("n_features"),
        n_channels_in_=codec.count("n_inputs", "n_inputs").named("n_channels"),
        feature_names_in_=codec.maybe(names("n_features")).named("names"),
        embedding_weights=codec.later(WEIGHTS, None).named("given"),
        _other_dtype=codec.later(codec.unless(None, codec.choice("auto", "float32", "float64")).named("reads"), None),
        classes_=codec.maybe(labels("n_outputs", "n_outputs")).named("classes"),
        _had_sequences=codec.later(codec.unless(False, codec.FLAG.named("had_sequences")), False),
        **SHOWN,
    ),
    restore,
    _check,
    order="theta m v moments losses scores x y names",
)
