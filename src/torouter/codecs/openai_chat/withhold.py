"""Keeps from a client the usage chunk that we, not it, have asked for: chunks without choices crash naive clients."""

from __future__ import annotations

from typing import Final

import msgspec

from torouter.codecs.figures import is_given
from torouter.codecs.frames import FRAME_ENDS, MAX_PIECE_BYTES, FrameCutter, PieceTooLong, payload_of

__all__ = ["UsageFilter"]

_ABSENT: Final = msgspec.Raw()


class _Chunk(msgspec.Struct):
    choices: list[msgspec.Raw] | None = None
    usage: msgspec.Raw = _ABSENT
    error: msgspec.Raw = _ABSENT


_read = msgspec.json.Decoder(_Chunk).decode


class UsageFilter:
    """Removes events that hold usage and no choice; every other byte goes on as it came. Holds back an unfinished
    event at most, and nothing at all of pieces of whole events that name no usage."""

    __slots__ = ("_cutter", "_is_lost")

    def __init__(self, limit_bytes: int = MAX_PIECE_BYTES) -> None:
        self._cutter = FrameCutter(limit_bytes)
        self._is_lost = False

    def feed(self, data: bytes, /) -> bytes:
        if self._is_lost or (not self._cutter.is_midway and data.endswith(FRAME_ENDS) and not _names_usage(data)):
            return data
        try:
            frames = self._cutter.feed(data)
        except PieceTooLong:
            self._is_lost = True
            return self._cutter.take_rest()
        return b"".join(frame for frame in frames if not _is_usage_only(frame))

    def close(self) -> bytes:
        rest = self._cutter.take_rest()
        return b"" if _is_usage_only(rest) else rest


def _names_usage(data: bytes) -> bool:
    return data.count(b'"usage"') != data.count(b'"usage":null')


def _is_usage_only(frame: bytes) -> bool:
    if not _names_usage(frame):
        return False
    try:
        chunk = _read(payload_of(frame))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return not chunk.choices and is_given(chunk.usage) and not is_given(chunk.error)
