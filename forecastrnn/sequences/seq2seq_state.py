"""What a model file keeps of a fitted RNNSeq2Seq."""

from __future__ import annotations

from dataclasses import replace

from forecastrnn.exceptions import ModelFileError
from forecastrnn.networks.network import Network
from forecastrnn.networks.seq2seq_network import Seq2SeqNetwork
from forecastrnn.persistence import fitted_records as kinds
from forecastrnn.persistence.codec import STEPS, Part, State, count, record
from forecastrnn.persistence.labels import labels
from forecastrnn.persistence.plain_values import plain
from forecastrnn.sequences.seq2seq_fitting import FittedPairs
from forecastrnn.sequences.state import SHOWN, restore


def _check_part(one: Network, outputs: int, part: Part) -> None:
    """One column, of tokens; a decoder reads as many as it puts out."""
    kinds.check_plain(one)
    kinds.check_network(replace(one, n_outputs=max(one.n_outputs, 1)), part)
    if one.n_inputs != 1 or len(one.embeddings) != 1 or outputs not in (0, one.embeddings[0].size):
        raise ModelFileError("encoder and decoder must each read one column, of tokens")
    if one.embeddings[0].size <= (outputs > 0):
        raise ModelFileError("a vocabulary has no tokens")


def _check_network(network: Seq2SeqNetwork, part: Part) -> None:
    """Both parts; the sizes of the vocabularies follow."""
    _check_part(network.encoder, 0, part)
    _check_part(network.decoder, network.decoder.n_outputs, part)
    source, target = network.encoder.embeddings[0].size, network.decoder.embeddings[0].size - 1
    part.known.update(size=network.size, n_source=source, n_target=target)


def _check_texts(part: Part) -> None:
    if part.known["writes_str"] and part.raw["target"]["kind"] != "text":
        raise ModelFileError("only texts can be put together from tokens that are texts")


FITTED = record(
    FittedPairs,
    network=plain(Seq2SeqNetwork, "an encoder and a decoder", _check_network),
    progress=kinds.progress(kinds.THETA, kinds.LOSSES),
    source_tokens=labels("n_source", "n_source", ("text", "<i8")).named("source"),
    target_tokens=labels("n_target", "n_target", ("text", "<i8")).named("target"),
    longest=count(1, STEPS),
    seed=count(0, kinds.SEED),
    dropout=kinds.DROPOUT,
)
STATE = State(record(dict, _fitted=FITTED, **SHOWN), restore, _check_texts)
