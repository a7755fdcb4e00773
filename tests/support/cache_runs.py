"""A forward pass in a process of its own, by which tests of the cache of compiled kernels see what it does."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from forecastrnn import Elman
from forecastrnn.functional import dynamic_rnn

# Where the cache is, how many files it holds after a forward pass, and the sum of its outputs.
FORWARD = """
from pathlib import Path
import numpy as np
from forecastrnn import Elman
from forecastrnn.engine import compiling
from forecastrnn.functional import dynamic_rnn

x = np.linspace(-1.0, 1.0, 40).reshape(2, 4, 5)
outputs, _ = dynamic_rnn("rnn", x, Elman().init_weights(5, 3, random_state=0))
folder = compiling._FOLDER
files = sum(path.is_file() for path in Path(folder).rglob("*")) if folder else 0
print(folder or "-", files, repr(float(outputs.sum())))
"""


def expected_sum() -> float:
    """What FORWARD computes."""
    x = np.linspace(-1.0, 1.0, 40).reshape(2, 4, 5)
    return float(dynamic_rnn("rnn", x, Elman().init_weights(5, 3, random_state=0))[0].sum())


def forward(run_script: Callable[..., str], **variables: str) -> tuple[str, int]:
    """FORWARD in a new process: folder and files of the cache; the sum is checked."""
    folder, files, total = run_script(FORWARD, **variables).split()
    assert float(total) == expected_sum()
    return folder, int(files)
