"""Pictures to files: PNG, SVG or PDF, whole or not at all."""

from __future__ import annotations

import io
from pathlib import PurePath
from typing import TYPE_CHECKING

from forecastrnn.cli.failures import DASH, USAGE, Failure
from forecastrnn.cli.paths import check_output
from forecastrnn.persistence.replacing import replace_file, target_of

if TYPE_CHECKING:
    from forecastrnn.plotting.display import Display

KINDS = (".png", ".svg", ".pdf")
RESOLUTION = 120  # dots per inch of a PNG


def check_picture(path: str | None, force: bool) -> None:
    """Refuse a place or a kind that cannot be written."""
    if path is None:
        return
    if path == DASH or PurePath(path).suffix.lower() not in KINDS:
        raise Failure(USAGE, f"{path}: a picture is a file that ends in {', '.join(KINDS)}")
    check_output(path, force)


def write_picture(display: Display, path: str) -> None:
    """A display to a file."""
    buffer = io.BytesIO()
    display.figure_.canvas.print_figure(buffer, format=PurePath(path).suffix[1:].lower(), dpi=RESOLUTION)
    display.close()
    replace_file(target_of(path), [buffer.getvalue()])
