"""An endpoint: which dialect a path speaks, and what it asks for."""

from __future__ import annotations

from dataclasses import dataclass

from torouter.codecs import CODECS, Codec
from torouter.units import Dialect, Operation

__all__ = ["MOUNTS", "Endpoint", "endpoint"]

MOUNTS = (b"", b"/api")
"""Every path is served twice."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    codec: Codec
    operation: Operation


def endpoint(dialect: Dialect, operation: Operation) -> Endpoint:
    return Endpoint(CODECS[dialect], operation)
