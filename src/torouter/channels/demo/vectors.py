"""Vectors of the demo: a text's own, always the same, of length one. They mean nothing."""

from __future__ import annotations

import math
import struct
from hashlib import shake_256

__all__ = ["unit_vector"]


def unit_vector(text: str, dimensions: int) -> list[float]:
    values = struct.unpack(f"<{dimensions}h", shake_256(text.encode()).digest(2 * dimensions))
    length = math.sqrt(sum(value * value for value in values)) or 1.0
    return [value / length for value in values]
