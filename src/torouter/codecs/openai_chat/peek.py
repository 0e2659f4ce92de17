"""Peek at a body of the OpenAI surface: JSON, or the forms of image edits and transcriptions."""

from __future__ import annotations

from typing import Final

from torouter.codecs.codec import Peek
from torouter.codecs.multipart import form_boundary, peek_form
from torouter.codecs.peeks import peek_body
from torouter.units import Operation

__all__ = ["FORM_OPERATIONS", "peek"]

FORM_OPERATIONS: Final[frozenset[Operation]] = frozenset({"image_edits", "transcriptions"})
"""Operations whose body may be a form. Newer servers take JSON for them too."""


def peek(operation: Operation, body: bytes, content_type: bytes) -> Peek:
    """Only a content type that says so makes a form of a body; anything else is read as JSON, whatever it is called."""
    if operation in FORM_OPERATIONS and (boundary := form_boundary(content_type)) is not None:
        return peek_form(body, boundary)
    return peek_body(body)
