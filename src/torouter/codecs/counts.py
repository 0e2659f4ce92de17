"""What the token counters of all dialects have in common."""

from __future__ import annotations

from collections.abc import Collection

import msgspec

from torouter.codecs.codec import Encoded
from torouter.codecs.figures import decoded, tokens

__all__ = ["narrowed", "read_count"]

_read = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode


def narrowed(encoded: Encoded, fields: Collection[str]) -> Encoded:
    """A chat's body with only these of its fields, each as it was."""
    kept = {name: value for name, value in _read(encoded.body).items() if name in fields}
    return Encoded(body=msgspec.json.encode(kept), losses=encoded.losses)


def read_count(body: bytes, name: str) -> int | None:
    """The count under this name. No prompt weighs nothing: 0 is no count."""
    return tokens(decoded(body), name) or None
