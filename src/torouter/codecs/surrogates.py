"""Escapes of lone surrogates (`"\\ud83d"`), which JSON's grammar allows and msgspec refuses.

Clients that cut a text within an emoji write them (Node's `JSON.stringify` does), and on the byte path such a body is
the upstream's to judge. For reading, each is replaced by the replacement character, which is of the same length, so
that places in the text hold; what is sent is never the mended text.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final, TypeVar

import msgspec

__all__ = ["lenient_decoder", "mended"]

_SURROGATE: Final = re.compile(rb"\\u[dD][89a-fA-F][0-9a-fA-F]{2}")

T = TypeVar("T")


def mended(text: bytes) -> bytes:
    """`text` with every escape of a surrogate replaced, those of whole pairs too; `text` itself if there is none."""
    return _SURROGATE.sub(rb"\\ufffd", text)


def lenient_decoder(kind: type[T]) -> Callable[[bytes | msgspec.Raw], T]:
    """A decoder that mends what it cannot read otherwise. Raises `msgspec.DecodeError`."""
    decode = msgspec.json.Decoder(kind).decode

    def read(text: bytes | msgspec.Raw) -> T:
        try:
            return decode(text)
        except msgspec.ValidationError:
            raise
        except msgspec.DecodeError:
            raw = bytes(text)
            if (repaired := mended(raw)) == raw:
                raise
            return decode(repaired)

    return read
