"""The text that a package index shows: README.md without what lies beside it in the repository."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface

PICTURE = re.compile(r"^!\[[^\]]*\]\((?!https?:)[^)]*\)\n+", re.MULTILINE)
LINK = re.compile(r"\[([^\]]+)\]\((?!https?:|#)[^)]*\)")


def for_index(text: str) -> str:
    """Pictures with a path are left out, links with a path become their words."""
    return LINK.sub(r"\1", PICTURE.sub("", text))


class LongDescription(MetadataHookInterface):
    """Called by hatchling for wheels and source distributions."""

    def update(self, metadata: dict[str, Any]) -> None:
        """Set `readme`."""
        text = (Path(self.root) / "README.md").read_text(encoding="utf-8")
        metadata["readme"] = {"content-type": "text/markdown", "text": for_index(text)}
