"""Peek at a Gemini body. Model and streaming are in the path, so it only has to be a JSON object."""

from __future__ import annotations

from typing import Final

from torouter.codecs.codec import Peek
from torouter.codecs.peeks import check_object
from torouter.units import Operation

__all__ = ["peek"]

_IN_THE_PATH: Final = Peek()


def peek(operation: Operation, body: bytes, content_type: bytes) -> Peek:
    check_object(body)
    return _IN_THE_PATH
