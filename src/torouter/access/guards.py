"""The guards, each one function, in the order of the tuples below. A guard raises its refusal or returns.

`find_key` comes first. `STANDING` and `TIMELY` need the credential and the client's address only:
enough to list models. The money of a key, its plan and its account, and last its request windows, are asked of the
meters (`reserving.py`). `REQUEST` needs the model asked for as well. What depends on nothing but the keyring and the
snapshot is remembered when it passes; `TIMELY` is asked each time. A new check is one function and its place in a
tuple.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from torouter.access.client import Client
from torouter.access.keyring import Account, Group, Key, Keyring
from torouter.access.standing import Standing
from torouter.errors import AccessError, AuthError, RoutingError
from torouter.routing.snapshot import Route, Snapshot

__all__ = [
    "REQUEST",
    "STANDING",
    "TIMELY",
    "RequestGuard",
    "StandingGuard",
    "TimelyGuard",
    "find_group",
    "find_key",
    "in_catalog",
    "shown",
]

StandingGuard = Callable[[Key, Account | None], None]
TimelyGuard = Callable[[Standing, Client, int], None]
"""(standing, the client, wall clock in ms)"""
RequestGuard = Callable[[Standing, Snapshot, str, Route | None], None]
"""(standing, snapshot, model as sent, the route found for it or none)"""


def find_key(keyring: Keyring, key_hash: bytes | None) -> Key:
    """A key was sent, and it exists."""
    if key_hash is None:
        raise AuthError(
            "No API key was sent. Use `Authorization: Bearer sk-…`, `x-api-key` or `x-goog-api-key`.",
            type="API_KEY_REQUIRED",
        )
    key = keyring.key(key_hash)
    if key is None:
        raise AuthError("This API key is not known here, or was deleted.", type="INVALID_API_KEY")
    return key


def is_enabled(key: Key, account: Account | None) -> None:
    if not key.is_enabled:
        raise AuthError("This API key is disabled. Enable it again, or use another.", type="API_KEY_DISABLED")


def has_owner(key: Key, account: Account | None) -> None:
    if account is None:
        raise AuthError("The account that owns this API key does not exist.", type="USER_NOT_FOUND")


def has_active_owner(key: Key, account: Account | None) -> None:
    if account is not None and not account.is_active:
        raise AuthError("The account that owns this API key is suspended or unverified.", type="USER_INACTIVE")


def find_group(keyring: Keyring, key: Key) -> Group:
    group = keyring.group(key.group_id)
    if group is None:
        raise AccessError("The group of this API key does not exist any more.", type="ACCESS_DENIED", code="no_group")
    return group


def is_address_allowed(standing: Standing, client: Client, now_ms: int) -> None:
    """An address that nobody can vouch for is inside no rule."""
    rules = standing.rules
    if rules is not None and not (client.is_certain and rules.admits(client.address)):
        raise AccessError(
            f"ip not allowed: this API key may not be used from {client.address}.",
            type="ACCESS_DENIED",
            code="ip_not_allowed",
        )


def is_unexpired(standing: Standing, client: Client, now_ms: int) -> None:
    if standing.expires_ms is not None and now_ms >= standing.expires_ms:
        raise AccessError("This API key has expired. Extend it, or use another.", type="API_KEY_EXPIRED")


def is_model_allowed(standing: Standing, snapshot: Snapshot, model: str, route: Route | None) -> None:
    """The key's list names base models: it covers their `-thinking` variants."""
    allowed = standing.key.models
    if allowed and model not in allowed and (route is None or route.model not in allowed):
        raise AccessError(
            f"This API key may not use the model `{shown(model)}`.",
            type="ACCESS_DENIED",
            code="model_not_allowed",
            param="model",
        )


def is_model_served(standing: Standing, snapshot: Snapshot, model: str, route: Route | None) -> None:
    if route is not None:
        return
    if snapshot.has_model(standing.group.name, model, standing.group.models):
        raise RoutingError(
            f"The model `{shown(model)}` is not offered here: no channel with it speaks this endpoint's dialect.",
            kind="not_found",
            code="operation_not_supported",
            param="model",
        )
    raise RoutingError(
        f"The model `{shown(model)}` does not exist here, or your group may not use it. `GET /v1/models` lists them.",
        kind="not_found",
        code="model_not_found",
        param="model",
    )


def in_catalog(group: Group, model: str, route: Route | None) -> Route | None:
    """The route, if the group's catalog has its model."""
    if route is None or not group.models or model in group.models or route.model in group.models:
        return route
    return None


def shown(model: str) -> str:
    """A name as it may stand in a message: a caller's text, at a bearable length."""
    return model if len(model) <= _SHOWN_LENGTH else f"{model[:_SHOWN_LENGTH]}…"


_SHOWN_LENGTH: Final = 200

STANDING: Final[tuple[StandingGuard, ...]] = (is_enabled, has_owner, has_active_owner)
TIMELY: Final[tuple[TimelyGuard, ...]] = (is_address_allowed, is_unexpired)
REQUEST: Final[tuple[RequestGuard, ...]] = (is_model_allowed, is_model_served)
