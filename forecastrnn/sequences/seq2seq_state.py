"""What a model file keeps of a fitted RNNSeq2Seq."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from forecastrnn.engine.devices import is_device
from forecastrnn.exceptions import ModelFileError
from forecastrnn.networks.network import Network
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.persistence.label_records import Values, described_labels, label_tensors, pack_labels, unpack_labels
from forecastrnn.persistence.model_file import Tensor
from forecastrnn.persistence.model_records import MOST, Fields, check_dropout, check_network, decode, encode
from forecastrnn.persistence.moment_records import (
    LATER_MOMENTS,
    described_moments,
    moment_tensors,
    pack_moments,
    unpack_moments,
)
from forecastrnn.programs.shapes import Dropout
from forecastrnn.sequences.seq2seq_fitting import FittedPairs
from forecastrnn.training.optimizers import OptimizerState
from forecastrnn.training.training import Progress

FIELDS = (
    "network dropout dtype seed best_iter stopped updates since_start n_losses n_scores shows_scores source target "
    "longest writes_str reverse device moments"
)
_TOKENS = ("source", "target")


def pack(estimator: Any) -> tuple[dict, Values]:
    """The state for the header, and the tensors."""
    fitted: FittedPairs = estimator._fitted
    progress = fitted.progress
    source, source_values = pack_labels("source", fitted.source_tokens)
    target, target_values = pack_labels("target", fitted.target_tokens)
    state = {
        "network": encode(fitted.network, "network"), "dropout": encode(fitted.dropout, "dropout"),
        "dtype": progress.theta.dtype.name, "seed": fitted.seed, "best_iter": progress.best_iter,
        "stopped": progress.stopped, "updates": int(progress.optimizer.count),
        "since_start": int(progress.optimizer.since_start), "n_losses": len(progress.loss_curve),
        "n_scores": len(progress.validation_scores), "shows_scores": hasattr(estimator, "validation_scores_"),
        "source": source, "target": target, "longest": fitted.longest, "writes_str": fitted.writes_str,
        "reverse": fitted.reverse, "device": estimator.device_,
    }  # fmt: skip
    state |= described_moments(progress.optimizer.moments)
    values = {"theta": progress.theta, **pack_moments(progress.optimizer.moments)}
    values |= {"losses": np.array(progress.loss_curve, float), "scores": np.array(progress.validation_scores, float)}
    return state, values | source_values | target_values


@dataclass(frozen=True)
class Seq2SeqState:
    """The state in a header, checked: from it all tensors follow."""

    fields: Fields
    network: Seq2SeqNetwork
    dropout: Dropout

    @classmethod
    def read(cls, raw: Any, kind: str) -> Seq2SeqState:
        """Check the state of an RNNSeq2Seq."""
        state = Fields(LATER_MOMENTS | raw if isinstance(raw, dict) else raw, "the model", FIELDS)
        network, dropout = decode(state["network"]), decode(state["dropout"])
        if type(network) is not Seq2SeqNetwork or type(dropout) is not Dropout:
            raise ModelFileError("the file has no description of an encoder and a decoder")
        for part, size in ((network.encoder, 0), (network.decoder, network.decoder.n_outputs)):
            _check_part(part, size)
        check_dropout(dropout)
        state.text("dtype", {"float32", "float64"})
        if not is_device(state.text("device")):
            state.refuse("device", "the name of a device")
        state.count("seed", 0, 2**32 - 1)
        for name in ("best_iter", "updates", "since_start", "n_scores"):
            state.count(name)
        state.count("n_losses", 1)
        state.count("longest", 1, MOST)
        for name in ("stopped", "shows_scores", "writes_str", "reverse"):
            state.flag(name)
        made = cls(state, network, dropout)
        if state["writes_str"] and made._described("target")["kind"] != "text":
            raise ModelFileError("only texts can be put together from tokens that are texts")
        return made

    def _described(self, name: str) -> Fields:
        """The description of a vocabulary, which is as large as the network's; of labels these two kinds are tokens."""
        one = self.network.encoder if name == "source" else self.network.decoder
        count = one.embeddings[0].size - (name == "target")
        described = described_labels(name, self.fields[name], count, count)
        described.text("kind", {"text", "<i8"})
        return described

    def tensors(self) -> list[Tensor]:
        """Names, dtypes and shapes of all tensors, in the order of the file."""
        state = self.fields
        real = {"float32": "<f4", "float64": "<f8"}[state["dtype"]]
        found = [
            Tensor(name, real, (self.network.size,)) for name in ("theta", *moment_tensors(state["moments"]).values())
        ]
        found += [Tensor("losses", "<f8", (state["n_losses"],)), Tensor("scores", "<f8", (state["n_scores"],))]
        return found + [tensor for name in _TOKENS for tensor in label_tensors(name, self._described(name))]

    def restore(self, estimator: Any, values: Values) -> None:
        """Give an estimator, whose parameters are set, its fitted attributes."""
        state = self.fields
        optimizer = OptimizerState(unpack_moments(state["moments"], values), state["updates"], state["since_start"])
        progress = Progress(
            values["theta"], optimizer, values["losses"].tolist(), values["scores"].tolist(), state["best_iter"],
            state["stopped"],
        )  # fmt: skip
        tokens = [unpack_labels(name, state[name]["kind"], values) for name in _TOKENS]
        fitted = FittedPairs(
            network=self.network, progress=progress, source_tokens=tokens[0], target_tokens=tokens[1],
            longest=state["longest"], writes_str=state["writes_str"], reverse=state["reverse"], seed=state["seed"],
            dropout=self.dropout,
        )  # fmt: skip
        estimator._publish(fitted, state["device"])
        for name in ("validation_scores_", "best_iter_"):  # early_stopping may have been set since the fit
            estimator.__dict__.pop(name, None)
        if state["shows_scores"]:
            estimator.validation_scores_, estimator.best_iter_ = progress.validation_scores, progress.best_iter


def _check_part(part: Network, outputs: int) -> None:
    """One column, of tokens; a decoder reads as many as it puts out."""
    check_network(replace(part, n_outputs=max(part.n_outputs, 1)))
    if part.n_inputs != 1 or len(part.embeddings) != 1 or outputs not in (0, part.embeddings[0].size):
        raise ModelFileError("encoder and decoder must each read one column, of tokens")
    if part.embeddings[0].size <= (outputs > 0):
        raise ModelFileError("a vocabulary has no tokens")
