"""A small picture that has never been seen before."""

from __future__ import annotations

import secrets
import struct
import zlib

__all__ = ["random_png"]

_SIDE = 16


def random_png() -> bytes:
    """Grey noise."""
    rows = b"".join(b"\0" + secrets.token_bytes(_SIDE) for _ in range(_SIDE))
    head = struct.pack(">IIBBBBB", _SIDE, _SIDE, 8, 0, 0, 0, 0)
    body = _chunk(b"IHDR", head) + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
