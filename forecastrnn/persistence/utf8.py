"""Texts as the bytes that a file holds."""

from __future__ import annotations

NEAR = 20  # characters around what is wrong that are shown


def utf8(text: str, what: str) -> bytes:
    """A text in UTF-8; ValueError for half of a surrogate pair, which is none: `what` says which text it is."""
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        near = text[max(error.start - NEAR, 0) : error.start + NEAR]
        raise ValueError(
            f"{what} {near!r} cannot be saved: half of a surrogate pair is no character, so that no file holds it. "
            "Replace it, as text.encode('utf-8', 'replace').decode() does."
        ) from None
