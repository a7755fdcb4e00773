"""Encoder and decoder, and the attention between them, over one flat parameter vector."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import ClassVar

import numpy as np
from sklearn.utils import check_random_state

from forecastrnn.networks.initializers import draw_dense
from forecastrnn.networks.network import AnyNetwork, Network, Parameter

ATTENTIONS = (None, "dot", "additive")


@dataclass(frozen=True)
class Seq2SeqNetwork(AnyNetwork):
    """Two networks: the encoder's final states are, layer by layer, the decoder's first ones.

    Attention looks back at the encoder's outputs s_j from each output h_t of the decoder's last layer: with weights
    alpha_tj = softmax_j(score(h_t, s_j)) over the source, tanh([sum_j alpha_tj s_j; h_t] W + b) is what the output
    projection reads instead of h_t. What it says does not go back into the recurrence (Luong, Pham & Manning 2015,
    arXiv:1508.04025, without input feeding), which therefore runs over all steps in one call.

    Parameters
    ----------
    encoder : Network
        Layers without a head (n_outputs=0). Those of both directions give the decoder's layer the states of both side
        by side, so this has twice as many units.
    decoder : Network
        As many layers of the same cells, in one direction, and the output projection.
    attention : {None, "dot", "additive"}
        The score: None for no attention; "dot" is h . s (Luong et al. 2015); "additive" is v . tanh(h Wq + s Wk)
        (Bahdanau, Cho & Bengio 2015, arXiv:1409.0473).

    Raises
    ------
    ValueError
        If the two do not fit together.

    Examples
    --------
    >>> from forecastrnn import GRU
    >>> from forecastrnn.networks.network import Layer, Network
    >>> layers = (Layer(GRU(), 4),)
    >>> both = Seq2SeqNetwork(Network(3, layers), Network(2, layers, n_outputs=2), attention="dot")
    >>> [name for name in both.layout if name.startswith("attention")]
    ['attention.context_kernel', 'attention.state_kernel', 'attention.bias']
    """

    encoder: Network
    decoder: Network
    attention: str | None = None
    hands_over: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.attention not in ATTENTIONS:
            raise ValueError(f"attention must be one of {list(ATTENTIONS)}. Got {self.attention!r}.")
        encoder, decoder = self.encoder.layers, self.decoder.layers
        if len(encoder) != len(decoder):
            raise ValueError(f"the encoder has {len(encoder)} layers and the decoder {len(decoder)}: make them equal.")
        if self.encoder.n_outputs or not self.decoder.n_outputs:
            raise ValueError("the decoder needs an output projection (n_outputs >= 1), the encoder has none.")
        for number, (one, other) in enumerate(zip(encoder, decoder, strict=True)):
            if other.bidirectional:
                raise ValueError(
                    f"the decoder's layer {number} is bidirectional: it would read what it has to predict."
                )
            if one.cell != other.cell or one.width != other.units:
                raise ValueError(
                    f"layer {number} of the decoder begins with the final state of the encoder's: give it the same "
                    f"cell and {one.width} units. Got {one.cell} with {one.width} and {other.cell} with {other.units}."
                )

    @property
    def reader(self) -> Network:
        """The encoder."""
        return self.encoder

    @property
    def writer(self) -> Network:
        """The decoder."""
        return self.decoder

    @property
    def units(self) -> int:
        """Width of the decoder's last layer, which is that of the encoder's outputs and of all that attention makes."""
        return self.decoder.layers[-1].units

    @cached_property
    def attention_shapes(self) -> dict[str, tuple[int, ...]]:
        """Name -> shape of the parameters of attention."""
        n = self.units
        shapes: dict[str, tuple[int, ...]] = {}
        if self.attention == "additive":
            shapes |= {"query_kernel": (n, n), "key_kernel": (n, n), "score_kernel": (n,)}
        if self.attention:
            shapes |= {"context_kernel": (n, n), "state_kernel": (n, n), "bias": (n,)}
        return shapes

    @cached_property
    def layout(self) -> dict[str, Parameter]:
        """Name -> place of each parameter: "encoder.", "decoder." and "attention." with the name that it has there."""
        found: dict[str, Parameter] = {}
        for part, network, start in (("encoder", self.encoder, 0), ("decoder", self.decoder, self.writer_offset)):
            for name, own in network.layout.items():
                found[f"{part}.{name}"] = replace(own, name=f"{part}.{name}", offset=start + own.offset)
        offset = self.writer_offset + self.decoder.size
        for name, shape in self.attention_shapes.items():
            found[f"attention.{name}"] = made = Parameter(f"attention.{name}", offset, shape)
            offset += made.size
        return found

    @property
    def writer_offset(self) -> int:  # type: ignore[override]
        """Where the decoder's parameters begin; the encoder's come first."""
        return self.encoder.size

    def init_theta(self, random_state: object, dtype: str, initializer: str = "glorot") -> np.ndarray:
        """First values of all parameters."""
        rng = check_random_state(random_state)
        theta = np.zeros(self.size, dtype)
        self.reader_theta(theta)[:] = self.encoder.init_theta(rng, dtype, initializer)
        self.writer_theta(theta)[:] = self.decoder.init_theta(rng, dtype, initializer)
        views, n = self.views(theta), self.units
        if self.attention == "additive":
            for name in ("query_kernel", "key_kernel"):
                views[f"attention.{name}"][...] = draw_dense(rng, n, n, initializer)
            views["attention.score_kernel"][...] = draw_dense(rng, n, 1, initializer)[:, 0]
        if self.attention:
            both = draw_dense(rng, 2 * n, n, initializer)
            views["attention.context_kernel"][...], views["attention.state_kernel"][...] = both[:n], both[n:]
        return theta

    def set_unknown(self, theta: np.ndarray) -> None:
        """Unknown categories read the mean of the known ones, on both sides."""
        self.encoder.set_unknown(self.reader_theta(theta))
        self.decoder.set_unknown(self.writer_theta(theta))
