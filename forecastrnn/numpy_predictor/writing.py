"""A network as the text of a module, whose cells are their formulas as straight-line code, and arrays beside it."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Mapping
from inspect import getsource
from pathlib import Path
from typing import Any

import numpy as np

from forecastrnn._version import __version__
from forecastrnn.networks.cell import Cell
from forecastrnn.networks.exported import Exported
from forecastrnn.networks.network import Network
from forecastrnn.networks.tracing.graph import INPUT
from forecastrnn.networks.tracing.text import Function, Given, tuple_of
from forecastrnn.numpy_predictor import runtime, sequences
from forecastrnn.persistence.replacing import folder_of, replace_file, target_of

NAME, ARRAYS = "predictor", "weights"  # of the module and its archive
NAMES = ("gates", "states", "diagonals", "second", "no_state", "no_input", "diagonal_name")
_HEAD = '''"""{title}, exported by forecastrnn {version}: `{offers}` needs NumPy alone.

Weights lie in {arrays}.npz, beside this file. The functions of the cells are their formulas, written out.
"""

'''
_LOAD = """
with np.load(Path(__file__).with_name("{arrays}.npz"), allow_pickle=False) as file:
    WEIGHTS = dict(file)

"""


def write(exported: Exported, folder: str | os.PathLike) -> Path:
    """Write both files; gives the path of the module."""
    views = exported.network.views(exported.theta)
    return write_files({**views, **exported.arrays}, module_of(exported), folder)


def write_files(
    arrays: Mapping[str, np.ndarray], text: str, folder: str | os.PathLike, names: tuple[str, str] = (NAME, ARRAYS)
) -> Path:  # fmt: skip
    """Write both files, the arrays first; what is there is replaced. Gives the path of the module."""
    module, archive = targets_of(folder, names)
    content = io.BytesIO()
    named: dict[str, Any] = dict(arrays)
    np.savez_compressed(content, **named)
    for target, data in ((archive, content.getvalue()), (module, text.encode())):
        replace_file(target, [data])
    return Path(folder) / f"{names[0]}.py"


def targets_of(folder: str | os.PathLike, names: tuple[str, str]) -> tuple[str, str]:
    """Where a module and its archive are written, looked at before anything is."""
    place = folder_of(folder)
    return target_of(place / f"{names[0]}.py"), target_of(place / f"{names[1]}.npz")


def module_of(exported: Exported) -> str:
    """The text of the module."""
    cells = cells_of(exported.network)
    begin, regressor, classifier = _parts_of(getsource(sequences))
    tail = classifier.replace("def predict_class", "def predict") if exported.classes else regressor
    offers = "predict, predict_proba" if exported.classes else "predict"
    settings = "\n".join(f"{name} = {value!r}" for name, value in exported.settings.items())
    parts = [
        begin_of(exported.title, offers), *(cell_text(cell, number) for number, cell in enumerate(cells)),
        f"LAYERS = layers_of(WEIGHTS, [\n{places_of(exported.network, cells)}\n])\n{settings}", begin, tail,
    ]  # fmt: skip
    return "\n\n\n".join(part.strip("\n") for part in parts) + "\n"


def cells_of(network: Network) -> list[Cell]:
    """The cells of a network, each once."""
    return list(dict.fromkeys(layer.cell for layer in network.layers))


def begin_of(title: str, offers: str, arrays: str = ARRAYS) -> str:
    """How a module begins: what it is, what it imports and loads, and what all networks run by."""
    head = _HEAD.format(title=title, version=__version__, offers=offers, arrays=arrays)
    head += "from __future__ import annotations\n\n" + _imports() + _LOAD.format(arrays=arrays)
    return head.strip("\n") + "\n\n\n" + _body_of(getsource(runtime)).strip("\n")


def _imports() -> str:
    lines = ("import math", "from collections.abc import Callable, Mapping, Sequence", "from pathlib import Path",
             "from typing import Any, NamedTuple", "", "import numpy as np", "")  # fmt: skip
    return "\n".join(lines)


def _body_of(text: str) -> str:
    """A module's text behind its imports."""
    return text[text.index("import numpy as np\n") + len("import numpy as np\n") :]


def _parts_of(text: str) -> list[str]:
    """What all sequences need, what numbers need, and what classes need."""
    text = text[text.index("# module: begin\n") + len("# module: begin\n") :]
    return re.split(r"^# (?:regressor|classifier)\n", text, flags=re.MULTILINE)


def cell_text(cell: Cell, number: int) -> str:
    """The formula of a cell as functions, and its names."""
    graph = cell.graph
    functions = [_function(cell, f"step_{number}", graph.outputs)]
    if graph.between is not None:
        functions.insert(0, _function(cell, f"between_{number}", (graph.between,)))
    names = "".join(f"    {name}={getattr(cell, name)!r},\n" for name in NAMES)
    between = "None" if graph.between is None else f"between_{number}"
    label = " ".join(repr(cell).split())
    made = f"CELL_{number} = Cell(  # {label}\n{names}    step=step_{number}, between={between},\n)"
    return "\n\n\n".join([*functions, made])


def _function(cell: Cell, name: str, wanted: tuple[int, ...]) -> str:
    """Values of the graph of a cell, given those of its inputs by name."""
    graph = cell.graph.graph(len(cell.graph.nodes))
    inputs = {number: node for number, node in enumerate(graph.nodes) if node.operation == INPUT}
    body = Function(graph, [Given("", k, k, graph.input_name(k)) for k in inputs], wanted)
    read = [f"{label} = given[{inputs[k].content!r}]" for k, label in body.used("").items()]
    lines = [*read, *body.lines, f"return {tuple_of(body.name(value) for value in wanted)}"]
    text = "\n    ".join([f"def {name}(given: Mapping[str, Array]) -> tuple[Array, ...]:", *lines])
    return re.sub(r"\{(.*?)\}", r"\1", text)


def places_of(network: Network, cells: list[Cell]) -> str:
    """Rows of the layers, each with its directions: their cells, and how the names of their weights begin."""
    rows = (
        ", ".join(f'(CELL_{cells.index(layer.cell)}, "layers.{number}.{prefix}")' for prefix in layer.directions)
        for number, layer in enumerate(network.layers)
    )
    return "\n".join(f"    [{row}]," for row in rows)
