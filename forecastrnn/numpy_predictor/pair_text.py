"""An encoder and a decoder as the text of a module."""

from __future__ import annotations

from collections.abc import Mapping
from inspect import getsource

from forecastrnn.networks.network import Network
from forecastrnn.numpy_predictor import tokens
from forecastrnn.numpy_predictor.writing import begin_of, cell_text, cells_of, places_of


def text_of_pair(title: str, encoder: Network, decoder: Network, settings: Mapping[str, object]) -> str:
    """The module; both sides have the same cells."""
    cells = cells_of(encoder)
    sides = []
    for name, network in (("encoder", encoder), ("decoder", decoder)):
        places = places_of(network, cells).replace('"layers.', f'"{name}.layers.')
        sides.append(f"{name.upper()} = layers_of(WEIGHTS, [\n{places}\n])")
    own = [*sides, *(f"{name} = {value!r}" for name, value in settings.items())]
    text = getsource(tokens)
    parts = [
        begin_of(title, "predict"), *(cell_text(cell, number) for number, cell in enumerate(cells)), "\n".join(own),
        text[text.index("# module: begin\n") + len("# module: begin\n") :],
    ]  # fmt: skip
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"
