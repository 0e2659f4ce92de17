"""How much a Messages request lets its answer write."""

from __future__ import annotations

from torouter.codecs.ceilings import ceiling_of
from torouter.codecs.codec import Ceiling
from torouter.units import Operation

__all__ = ["ceiling"]


def ceiling(operation: Operation, body: bytes) -> Ceiling:
    return ceiling_of(body, ("maxtokens",), ())
