"""Peek at a Responses body."""

from __future__ import annotations

from torouter.codecs.codec import Peek
from torouter.codecs.peeks import peek_body
from torouter.units import Operation

__all__ = ["peek"]


def peek(operation: Operation, body: bytes, content_type: bytes) -> Peek:
    return peek_body(body)
