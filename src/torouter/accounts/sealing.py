"""Keys for upstreams as the store keeps them: encrypted, each beside its own channel."""

from __future__ import annotations

from typing import Final

from torouter.accounts.cipher import Cipher
from torouter.units import Secret

__all__ = ["Seal", "tail_of"]

_SHOWN: Final = 4
_SHORTEST: Final = 16
"""Of shorter keys nothing is shown: what is left would be guessed too easily."""


class Seal:
    """A sealed key opens for its own channel only: rows of the store cannot be exchanged."""

    def __init__(self, pepper: bytes) -> None:
        self._cipher = Cipher(pepper, "channels")

    def seal(self, channel_id: int, key: Secret) -> bytes:
        return self._cipher.encrypt(key.reveal().encode(), _context(channel_id))

    def open(self, channel_id: int, sealed: bytes) -> Secret:
        """Raises `StoreError` for what another pepper sealed."""
        return Secret(self._cipher.decrypt(sealed, _context(channel_id)).decode())


def tail_of(key: Secret) -> str:
    """The end of it, for people."""
    text = key.reveal()
    return text[-_SHOWN:] if len(text) >= _SHORTEST else ""


def _context(channel_id: int) -> bytes:
    return b"channel %d" % channel_id
