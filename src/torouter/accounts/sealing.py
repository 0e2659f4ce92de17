"""What is kept of requests and answers lies on the disk sealed: a stolen store says nothing without the pepper."""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from torouter.errors import StoreError

__all__ = ["Sealer"]

_KEY_BYTES: Final = 32
_NONCE_BYTES: Final = 12


class Sealer:
    """AES-256-GCM under a key made of the pepper for one `purpose` (at most 16 bytes), with a random nonce in front.

    `context` is what the sealed bytes belong to: they open beside nothing else, so rows cannot be exchanged.
    """

    __slots__ = ("_cipher",)

    def __init__(self, pepper: bytes, purpose: bytes) -> None:
        self._cipher = AESGCM(blake2b(key=pepper, person=purpose, digest_size=_KEY_BYTES).digest())

    def seal(self, data: bytes, context: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._cipher.encrypt(nonce, data, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Raises `StoreError` for what another pepper sealed, and for what was changed."""
        try:
            return self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise StoreError("What is kept in the store was sealed with another secret, or is damaged.") from None
