"""The same conversation goes where it was before: there its beginning is cached, and costs a tenth."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from typing import Final

from torouter.routing.snapshot import Candidate

__all__ = ["Pins", "affinity_key"]

_KEPT_S: Final = 300.0
"""Anthropic's caches, and most others', live for 5 minutes from their last use (docs: prompt caching, seen 2026-11)."""

_KEPT_LONG_S: Final[Mapping[str, float]] = {
    "openai": 3600.0,
    "azure": 3600.0,
    "deepseek": 3600.0,
}
"""By kind. OpenAI keeps up to an hour in memory and a day beyond it, by default since 2026-05; Azure likewise (guides:
prompt caching, seen 2026-11). DeepSeek keeps on disk, for hours to days (guide: context caching, seen 2026-11). An hour
is enough: by then few conversations go on."""

_PINS_LIMIT: Final = 100_000


def affinity_key(account_id: int, model: str, named: bytes | None, prefix: bytes | None) -> bytes | None:
    """16 bytes that all requests of a conversation have in common. `named` is what the client calls it; where it does
    not, `prefix` is what its requests begin with. `None`: neither is known.

    Never the same for two accounts: nobody learns or bends where another's requests go.
    """
    if named is None and prefix is None:
        return None
    digest = blake2b(b"%d\0%b\0" % (account_id, model.encode()), digest_size=16)
    digest.update(b"named\0" + named if named is not None else b"prefix\0" + (prefix or b""))
    return digest.digest()


class Pins:
    """Where conversations were served last, by their keys. Of the least recent ones some are forgotten beyond a limit:
    there are two generations, and what is not used within one goes with it."""

    def __init__(self, limit: int = _PINS_LIMIT) -> None:
        self._half = limit // 2
        self._young: dict[bytes, tuple[str, str, float]] = {}
        self._old: dict[bytes, tuple[str, str, float]] = {}

    def keep(self, key: bytes, candidate: Candidate, now_s: float) -> None:
        channel = candidate.channel
        until_s = now_s + _KEPT_LONG_S.get(channel.kind.name, _KEPT_S)
        self._put(key, (channel.name, candidate.credential.label, until_s))

    def find(self, key: bytes, now_s: float) -> tuple[str, str] | None:
        """The names of a channel and a credential, as long as anything of the conversation may be cached there."""
        pin = self._young.get(key)
        if pin is None:
            pin = self._old.get(key)
            if pin is None:
                return None
            self._put(key, pin)
        return pin[:2] if pin[2] > now_s else None

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def _put(self, key: bytes, pin: tuple[str, str, float]) -> None:
        if len(self._young) >= self._half and key not in self._young:
            self._old, self._young = self._young, {}
        self._young[key] = pin
