"""What is kept of requests and answers lies on the disk encrypted: a stolen store says nothing without the pepper."""

from __future__ import annotations

import os
from functools import cached_property
from typing import TYPE_CHECKING, Final

from torouter.accounts.pepper import derived_key
from torouter.errors import StoreError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["Cipher"]

_NONCE_BYTES: Final = 12


class Cipher:
    """AES-256-GCM under a key made of the pepper for one `purpose`, with a random nonce in front.

    `context` is what the encrypted bytes belong to: they open beside nothing else, so rows cannot be exchanged. The
    library takes 8 MB and is loaded when it is first needed, which may block: many gateways never keep anything.
    """

    def __init__(self, pepper: bytes, purpose: str) -> None:
        self._key = derived_key(pepper, purpose)

    @cached_property
    def _aes(self) -> AESGCM:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return AESGCM(self._key)

    def encrypt(self, data: bytes, context: bytes) -> bytes:
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._aes.encrypt(nonce, data, context)

    def decrypt(self, encrypted: bytes, context: bytes) -> bytes:
        """Raises `StoreError` for what another pepper encrypted, and for what was changed."""
        from cryptography.exceptions import InvalidTag

        try:
            return self._aes.decrypt(encrypted[:_NONCE_BYTES], encrypted[_NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise StoreError("What is kept in the store was encrypted with another secret, or is damaged.") from None
