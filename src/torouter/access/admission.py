"""From a credential and a model to an `Admission`: the frozen permission that the relay works from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from torouter.access.guards import REQUEST, STANDING, TIMELY, find_key
from torouter.routing.snapshot import Key, Route, Snapshot
from torouter.units import Dialect, Operation

__all__ = ["Admission", "Doorkeeper"]


_MEMO_LIMIT: Final = 10_000


class Admission(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """`model` is the name as the client sent it; `route.model` the base name that lists, prices and logs use.

    One object for all requests of a snapshot that ask the same. `memo` is for whoever works from it: what it has worked
    out, which is gone with the snapshot.
    """

    key: Key
    snapshot: Snapshot
    model: str
    route: Route
    memo: dict[object, object] = msgspec.field(default_factory=dict)


class Doorkeeper:
    """Runs the guards against the newest snapshot. `hash_key` is the keyed hash; the plain key is not kept.

    What depends on a snapshot alone is found out once in its time: whose key it is and how that stands, and whether a
    model may be asked for. Every pass is remembered, no refusal is.
    """

    __slots__ = ("_admissions", "_hash_key", "_now_ms", "_snapshot", "_standing")

    def __init__(self, snapshot: Snapshot, hash_key: Callable[[bytes], bytes], now_ms: Callable[[], int]) -> None:
        self._hash_key = hash_key
        self._now_ms = now_ms
        self._snapshot = snapshot
        self._standing: dict[bytes, Key] = {}
        self._admissions: dict[tuple[int, Dialect, Operation, str], Admission] = {}

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    @snapshot.setter
    def snapshot(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._standing = {}
        self._admissions = {}

    def hash_of(self, credential: bytes) -> bytes | None:
        """What `identify` wants to know of a credential, once for all the requests that carry it. None for none."""
        return self._hash_key(credential) if credential else None

    def identify(self, key_hash: bytes | None) -> Key:
        """Raises `AuthError` or `AccessError`."""
        key = self._standing.get(key_hash) if key_hash is not None else None
        if key is None:
            key = find_key(self._snapshot, key_hash)
            for stands in STANDING:
                stands(key)
            if key_hash is not None:
                self._standing[key_hash] = key
        now_ms = self._now_ms()
        for guard in TIMELY:
            guard(key, now_ms)
        return key

    def admit(self, key: Key, dialect: Dialect, operation: Operation, model: str) -> Admission:
        """Of a key that was identified. Raises `AccessError` or `RoutingError`."""
        asked = (key.id, dialect, operation, model)
        admission = self._admissions.get(asked)
        if admission is None:
            admission = self._admit(key, dialect, operation, model)
            if len(self._admissions) < _MEMO_LIMIT:
                self._admissions[asked] = admission
        return admission

    def _admit(self, key: Key, dialect: Dialect, operation: Operation, model: str) -> Admission:
        snapshot = self._snapshot
        route = snapshot.route(key.group, dialect, operation, model)
        for guard in REQUEST:
            guard(key, snapshot, model, route)
        assert route is not None, "is_model_served refuses what has no route"
        return Admission(key=key, snapshot=snapshot, model=model, route=route)
