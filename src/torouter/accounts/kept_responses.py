"""Responses that are kept for their accounts, where the operator lets them be: sealed, for a time, within bounds.

What is kept is a document of bytes that only its codec reads. The store is shared by all processes, so what one has
kept the next call finds, wherever it lands. Nothing is held in memory: a deletion holds everywhere at once.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, TypeVar

from torouter.accounts.cipher import Cipher
from torouter.errors import StoreError
from torouter.store import KeptResponseRow, Store

__all__ = ["Keeping", "KeptResponses"]

T = TypeVar("T")

_log = logging.getLogger("torouter.accounts")

_PURPOSE: Final = "kept-responses"
_SWEEP_S: Final = 30.0
_SWEEP_ROWS: Final = 1000
_REST_S: Final = 0.1
"""Between two sweeps where there is more to do: others want to write too."""
_COMPRESSION: Final = 1
"""Conversations are repetitive text: the quickest level makes them about a fifth."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """For how long, and how much: of one response, before it is compressed; of one account, as it lies on the disk."""

    ttl_s: float
    limit_bytes: int
    account_limit_bytes: int


class KeptResponses:
    """`now_ms` is the wall clock. What the store cannot do is logged with its words and told to callers without."""

    def __init__(self, store: Store, pepper: bytes, keeping: Keeping, now_ms: Callable[[], int]) -> None:
        self._store = store
        self._cipher = Cipher(pepper, _PURPOSE)
        self._keeping = keeping
        self._now_ms = now_ms
        self._ttl_ms = round(keeping.ttl_s * 1000)

    async def keep(self, account_id: int, key_id: int, response_id: str, document: bytes) -> bool:
        """Has it been kept? Not one that is too large, nor while the store is unusable."""
        if len(document) > self._keeping.limit_bytes:
            return False
        try:
            await asyncio.to_thread(self._keep, account_id, key_id, response_id, document)
        except StoreError as error:
            _log.error("response not kept id=%s error=%s", response_id, error.message)
            return False
        return True

    async def find(self, account_id: int, response_id: str) -> bytes | None:
        """The document; `None` where this account has none of that id. Raises `StoreError`."""
        try:
            return await asyncio.to_thread(self._find, account_id, response_id)
        except StoreError as error:
            raise _unusable(error) from error

    async def delete(self, account_id: int, response_id: str) -> bool:
        """Was there one? Raises `StoreError`."""
        try:
            return await asyncio.to_thread(self._store.delete_response, account_id, response_id, self._now_ms())
        except StoreError as error:
            raise _unusable(error) from error

    async def run(self) -> None:
        """Deletes what has expired and what is too much, until cancelled. A time to live that was shortened holds for
        what is there already, one that was lengthened does not."""
        await self._tidy(partial(self._store.shorten_responses, self._ttl_ms))
        while True:
            swept = await self._tidy(self._sweep)
            await asyncio.sleep(_REST_S if swept == _SWEEP_ROWS else _SWEEP_S)

    async def _tidy(self, work: Callable[[], T]) -> T | None:
        try:
            return await asyncio.to_thread(work)
        except StoreError as error:
            _log.error("kept responses not tidied error=%s", error.message)
            return None

    def _keep(self, account_id: int, key_id: int, response_id: str, document: bytes) -> None:
        now_ms = self._now_ms()
        sealed = self._cipher.encrypt(zlib.compress(document, _COMPRESSION), _context(account_id, response_id))
        self._store.keep_response(
            KeptResponseRow(
                id=response_id,
                account_id=account_id,
                key_id=key_id,
                created_ms=now_ms,
                expires_ms=now_ms + self._ttl_ms,
                sealed=sealed,
            )
        )

    def _find(self, account_id: int, response_id: str) -> bytes | None:
        sealed = self._store.find_response(account_id, response_id, self._now_ms())
        if sealed is None:
            return None
        return zlib.decompress(self._cipher.decrypt(sealed, _context(account_id, response_id)))

    def _sweep(self) -> int:
        return self._store.sweep_responses(self._now_ms(), self._keeping.account_limit_bytes, _SWEEP_ROWS)


def _context(account_id: int, response_id: str) -> bytes:
    return f"{account_id} {response_id}".encode()


def _unusable(error: StoreError) -> StoreError:
    _log.error("kept responses are not usable error=%s", error.message)
    return StoreError("What was kept cannot be looked up right now. Try again.", kind="overloaded")
