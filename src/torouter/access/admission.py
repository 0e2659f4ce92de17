"""From a credential and a model to an `Admission`: the frozen permission that the relay works from."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from torouter.access.guards import IDENTITY, REQUEST, find_key
from torouter.routing.snapshot import Key, Route, Snapshot
from torouter.units import Dialect, Operation

__all__ = ["Admission", "Doorkeeper"]


class Admission(msgspec.Struct, frozen=True, kw_only=True):
    """`model` is the name as the client sent it; `route.model` the base name that lists, prices and logs use."""

    key: Key
    snapshot: Snapshot
    model: str
    route: Route


class Doorkeeper:
    """Runs the guards against the newest snapshot. `hash_key` is the keyed hash; the plain key is not kept."""

    __slots__ = ("_hash_key", "_now_ms", "snapshot")

    def __init__(self, snapshot: Snapshot, hash_key: Callable[[bytes], bytes], now_ms: Callable[[], int]) -> None:
        self.snapshot = snapshot
        self._hash_key = hash_key
        self._now_ms = now_ms

    def identify(self, credential: bytes) -> Key:
        """Raises `AuthError` or `AccessError`. An empty credential is none."""
        key = find_key(self.snapshot, self._hash_key(credential) if credential else None)
        now_ms = self._now_ms()
        for guard in IDENTITY:
            guard(key, now_ms)
        return key

    def admit(self, key: Key, dialect: Dialect, operation: Operation, model: str) -> Admission:
        """Raises `AccessError` or `RoutingError`."""
        snapshot = self.snapshot
        route = snapshot.route(key.group, dialect, operation, model)
        for guard in REQUEST:
            guard(key, snapshot, model, route)
        assert route is not None, "is_model_served refuses what has no route"
        return Admission(key=key, snapshot=snapshot, model=model, route=route)
