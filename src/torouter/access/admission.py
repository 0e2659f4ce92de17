"""From a credential and a model to an `Admission`: the frozen permission that the relay works from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from torouter.access.client import Client
from torouter.access.guards import REQUEST, STANDING, TIMELY, find_group, find_key, in_catalog
from torouter.access.keyring import Key, Keyring, Touched, Update
from torouter.access.standing import Standing
from torouter.routing.snapshot import Route, Snapshot
from torouter.units import Dialect, Operation

__all__ = ["Admission", "Doorkeeper"]


_MEMO_LIMIT: Final = 20_000


class Admission(msgspec.Struct, frozen=True, kw_only=True, eq=False):
    """`model` is the name as the client sent it; `route.model` the base name that lists, prices and logs use.

    One object for all requests of a key that ask the same, until the key or the snapshot changes. `memo` is for whoever
    works from it: what it has worked out, which is gone with it.
    """

    key: Key
    snapshot: Snapshot
    model: str
    route: Route
    memo: dict[object, object] = msgspec.field(default_factory=dict)


class Doorkeeper:
    """Runs the guards against the keyring and the newest snapshot. `hash_key` is the keyed hash; the plain key is not
    kept.

    What does not depend on the clock is found out once: whose key it is and how that stands, and whether a model may be
    asked for. Every pass is remembered, until what it depends on changes; no refusal is.
    """

    __slots__ = ("_hash_key", "_now_ms", "_snapshot", "_standings", "keyring")

    def __init__(
        self, keyring: Keyring, snapshot: Snapshot, hash_key: Callable[[bytes], bytes], now_ms: Callable[[], int]
    ) -> None:
        self.keyring = keyring
        self._hash_key = hash_key
        self._now_ms = now_ms
        self._snapshot = snapshot
        self._standings: dict[bytes, Standing] = {}

    @property
    def snapshot(self) -> Snapshot:
        return self._snapshot

    @snapshot.setter
    def snapshot(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot
        self._standings.clear()

    def apply(self, update: Update) -> None:
        """A change of keys, accounts, groups or subscriptions: in force for the next request."""
        self._forget(self.keyring.apply(update))

    def hash_of(self, credential: bytes) -> bytes | None:
        """What `identify` wants to know of a credential, once for all the requests that carry it. None for none."""
        return self._hash_key(credential) if credential else None

    def identify(self, key_hash: bytes | None, client: Client) -> Standing:
        """Raises `AuthError` or `AccessError`."""
        standing = self._standings.get(key_hash) if key_hash is not None else None
        if standing is None:
            standing = self._find(key_hash)
        if standing.rules is not None or standing.expires_ms is not None:
            now_ms = self._now_ms()
            for guard in TIMELY:
                guard(standing, client, now_ms)
        return standing

    def admit(self, standing: Standing, dialect: Dialect, operation: Operation, model: str) -> Admission:
        """Of a key that was identified. Raises `AccessError` or `RoutingError`."""
        asked = (dialect, operation, model)
        admission = standing.admissions.get(asked)
        if admission is None:
            admission = self._admit(standing, dialect, operation, model)
            standing.remember(asked, admission)
        return admission

    def _find(self, key_hash: bytes | None) -> Standing:
        keyring = self.keyring
        key = find_key(keyring, key_hash)
        account = keyring.account(key.account_id)
        for stands in STANDING:
            stands(key, account)
        assert account is not None, "has_owner refuses a key without one"
        assert key_hash is not None, "find_key refuses a request without one"
        group = find_group(keyring, key)
        subscription = keyring.subscription(key.account_id, key.group_id)
        standing = Standing(key, account, group, subscription, self._now_ms())
        if len(self._standings) >= _MEMO_LIMIT:
            self._standings.clear()
        self._standings[key_hash] = standing
        return standing

    def _admit(self, standing: Standing, dialect: Dialect, operation: Operation, model: str) -> Admission:
        snapshot, group = self._snapshot, standing.group
        route = in_catalog(group, model, snapshot.route(group.name, dialect, operation, model))
        for guard in REQUEST:
            guard(standing, snapshot, model, route)
        assert route is not None, "is_model_served refuses what has no route"
        return Admission(key=standing.key, snapshot=snapshot, model=model, route=route)

    def _forget(self, touched: Touched) -> None:
        if touched.is_everybody:
            self._standings.clear()
            return
        for key_hash in touched.key_hashes:
            self._standings.pop(key_hash, None)
        if touched.account_ids:
            kept = self._standings.items()
            self._standings = {
                key_hash: standing for key_hash, standing in kept if standing.account.id not in touched.account_ids
            }
