"""State kept aside for clients that do not bring it back: by the call that it belongs to, for a while.

In memory first; written behind, encrypted, to the store, so that a restart or another process finds it. Read from there
only where memory knows nothing of a call.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Final, Protocol

import msgspec

from torouter.canon.blocks import ToolCallBlock
from torouter.canon.capsule import Tenant
from torouter.canon.custom import unwrapped
from torouter.canon.sealing import Keep
from torouter.canon.valued import out_of_object
from torouter.errors import StoreError

__all__ = ["Cipher", "Vault"]

_log = logging.getLogger("torouter.vault")

_FLUSH_S: Final = 0.25
_TIDY_S: Final = 60.0
_BATCH_ROWS: Final = 500
_WAITING_LIMIT_ROWS: Final = 10_000
_ABSENT_MS: Final = 60_000
"""How long it is remembered that nothing is known of a call."""
_ENTRY_BYTES: Final = 200
"""What an entry costs in memory beside its value, about."""

_Row = tuple[bytes, bytes, int]
"""The key, which is a keyed hash; the value, which in the store is encrypted; when it expires, in ms."""


class Cipher(Protocol):
    """Both may block."""

    def encrypt(self, data: bytes, context: bytes, /) -> bytes: ...

    def decrypt(self, encrypted: bytes, context: bytes, /) -> bytes:
        """Raises `StoreError` for what it has not encrypted itself beside this context."""
        ...


class Vault:
    """`cipher`, `read`, `write` and `tidy` (which removes what has expired by then) are called in threads."""

    def __init__(
        self,
        *,
        cipher: Cipher,
        ttl_s: float,
        memory_bytes: int,
        read: Callable[[Sequence[bytes], int], Mapping[bytes, tuple[bytes, int]]],
        write: Callable[[Sequence[_Row]], None],
        tidy: Callable[[int], None],
        now_ms: Callable[[], int],
    ) -> None:
        self._cipher = cipher
        self._ttl_ms = round(ttl_s * 1000)
        self._memory_bytes = memory_bytes
        self._read = read
        self._write = write
        self._tidy = tidy
        self._now_ms = now_ms
        self._entries: OrderedDict[bytes, tuple[bytes, int]] = OrderedDict()
        self._used_bytes = 0
        self._waiting: list[_Row] = []

    def keeper(self, tenant: Tenant) -> Keep:
        def keep(call_id: str, arguments: str, tokens: tuple[str, ...]) -> None:
            key, value = _key_of(tenant, call_id, arguments), "\n".join(tokens).encode()
            expires_ms = self._now_ms() + self._ttl_ms
            self._remember(key, value, expires_ms)
            if value and len(self._waiting) < _WAITING_LIMIT_ROWS:
                self._waiting.append((key, value, expires_ms))

        return keep

    async def find(self, tenant: Tenant, calls: Iterable[ToolCallBlock]) -> dict[str, list[str]]:
        """What belongs to these calls, by their ids. A store that cannot be read costs the state and no more."""
        now_ms = self._now_ms()
        keys = {_key_of(tenant, call.id, call.arguments): call.id for call in calls}
        known = {key: value for key in keys if (value := self._recalled(key, now_ms)) is not None}
        unknown = [key for key in keys if key not in known]
        if unknown:
            known |= await self._looked_up(unknown, now_ms)
        return {keys[key]: value.decode().split("\n") for key, value in known.items() if value}

    def _recalled(self, key: bytes, now_ms: int) -> bytes | None:
        entry = self._entries.get(key)
        if entry is None or entry[1] <= now_ms:
            return None
        self._entries.move_to_end(key)
        return entry[0]

    async def _looked_up(self, keys: Sequence[bytes], now_ms: int) -> dict[bytes, bytes]:
        try:
            rows = await asyncio.to_thread(self._load, keys, now_ms)
        except StoreError as error:
            _log.error("state could not be read error=%s", error.message)
            rows = {}
        found: dict[bytes, bytes] = {}
        for key in keys:
            found[key], expires_ms = rows.get(key, (b"", now_ms + _ABSENT_MS))
            self._remember(key, found[key], expires_ms)
        return found

    async def run(self) -> None:
        """Writes until cancelled, then once more."""
        until_tidy_s = 0.0
        try:
            while True:
                await asyncio.sleep(_FLUSH_S)
                await self._flush()
                until_tidy_s -= _FLUSH_S
                if until_tidy_s <= 0:
                    until_tidy_s = _TIDY_S
                    await self._guarded(partial(self._tidy, self._now_ms()))
        finally:
            await self._flush()

    async def _flush(self) -> None:
        while self._waiting:
            batch = self._waiting[:_BATCH_ROWS]
            if not await self._guarded(partial(self._save, batch)):
                return
            del self._waiting[: len(batch)]

    async def _guarded(self, work: Callable[[], None]) -> bool:
        try:
            await asyncio.to_thread(work)
        except StoreError as error:
            _log.error("the store of state is not usable error=%s", error.message)
            return False
        return True

    def _remember(self, key: bytes, value: bytes, expires_ms: int) -> None:
        before = self._entries.pop(key, None)
        if before is not None:
            self._used_bytes -= len(before[0]) + _ENTRY_BYTES
        self._entries[key] = value, expires_ms
        self._used_bytes += len(value) + _ENTRY_BYTES
        while self._used_bytes > self._memory_bytes and self._entries:
            _, (oldest, _) = self._entries.popitem(last=False)
            self._used_bytes -= len(oldest) + _ENTRY_BYTES

    def _save(self, rows: Sequence[_Row]) -> None:
        self._write([(key, self._cipher.encrypt(value, key), expires_ms) for key, value, expires_ms in rows])

    def _load(self, keys: Sequence[bytes], now_ms: int) -> dict[bytes, tuple[bytes, int]]:
        rows = self._read(keys, now_ms)
        return {key: (self._decrypted(key, value), expires_ms) for key, (value, expires_ms) in rows.items()}

    def _decrypted(self, key: bytes, value: bytes) -> bytes:
        """Nothing, for what another secret encrypted or somebody changed."""
        try:
            return self._cipher.decrypt(value, key)
        except StoreError:
            return b""


def _key_of(tenant: Tenant, call_id: str, arguments: str) -> bytes:
    """Ids alone do not tell: some servers count their calls anew in each answer. Arguments are compared by what they
    mean, for clients write them anew."""
    return tenant.digest(b"call %d %b %b" % (len(call_id), call_id.encode(), _meant(arguments)))


def _meant(arguments: str) -> bytes:
    """Free text and values that are no object were in one at the upstream (`canon.custom`, `canon.valued`), and are not
    at the client: the object around them says nothing."""
    bare = out_of_object(unwrapped(arguments, "custom"))
    try:
        return msgspec.json.encode(msgspec.json.decode(bare or "{}"), order="deterministic")
    except (msgspec.DecodeError, RecursionError):
        return bare.encode("utf-8", "surrogatepass")
