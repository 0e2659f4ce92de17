"""The guards, each one function, in the order of the tuples below. A guard raises its refusal or returns.

`STANDING` and `TIMELY` need the credential only: enough to list models. `REQUEST` needs the model asked for as well.
`STANDING` and `REQUEST` depend on nothing but the snapshot, so a pass is remembered as long as that stands; `TIMELY`
looks at the clock, and is asked each time. A new limit is one function and its place in a tuple.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from torouter.errors import AccessError, AuthError, RoutingError
from torouter.routing.snapshot import Key, Route, Snapshot

__all__ = ["REQUEST", "STANDING", "TIMELY", "RequestGuard", "StandingGuard", "TimelyGuard", "find_key", "shown"]

StandingGuard = Callable[[Key], None]
TimelyGuard = Callable[[Key, int], None]
"""(key, wall clock in ms)"""
RequestGuard = Callable[[Key, Snapshot, str, Route | None], None]
"""(key, snapshot, model as sent, the route found for it or none)"""


def find_key(snapshot: Snapshot, key_hash: bytes | None) -> Key:
    """Steps 1 and 2: a key was sent, and it exists."""
    if key_hash is None:
        raise AuthError(
            "No API key was sent. Use `Authorization: Bearer sk-…`, `x-api-key` or `x-goog-api-key`.",
            type="API_KEY_REQUIRED",
        )
    key = snapshot.keys.get(key_hash)
    if key is None:
        raise AuthError("This API key is not known here, or was deleted.", type="INVALID_API_KEY")
    return key


def is_enabled(key: Key) -> None:
    if not key.is_enabled:
        raise AuthError("This API key is disabled. Enable it again, or use another.", type="API_KEY_DISABLED")


def has_owner(key: Key) -> None:
    if not key.has_account:
        raise AuthError("The account that owns this API key does not exist.", type="USER_NOT_FOUND")


def has_active_owner(key: Key) -> None:
    if not key.is_account_active:
        raise AuthError("The account that owns this API key is suspended or unverified.", type="USER_INACTIVE")


def is_unexpired(key: Key, now_ms: int) -> None:
    if key.expires_ms is not None and now_ms >= key.expires_ms:
        raise AccessError("This API key has expired. Extend it, or use another.", type="API_KEY_EXPIRED")


def is_model_allowed(key: Key, snapshot: Snapshot, model: str, route: Route | None) -> None:
    """The key's list names base models: it covers their `-thinking` variants."""
    if key.models and model not in key.models and (route is None or route.model not in key.models):
        raise AccessError(
            f"This API key may not use the model `{shown(model)}`.",
            type="ACCESS_DENIED",
            code="model_not_allowed",
            param="model",
        )


def is_model_served(key: Key, snapshot: Snapshot, model: str, route: Route | None) -> None:
    if route is not None:
        return
    if snapshot.has_model(key.group, model):
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


def shown(model: str) -> str:
    """A name as it may stand in a message: a caller's text, at a bearable length."""
    return model if len(model) <= _SHOWN_LENGTH else f"{model[:_SHOWN_LENGTH]}…"


_SHOWN_LENGTH: Final = 200

STANDING: Final[tuple[StandingGuard, ...]] = (is_enabled, has_owner, has_active_owner)
TIMELY: Final[tuple[TimelyGuard, ...]] = (is_unexpired,)
REQUEST: Final[tuple[RequestGuard, ...]] = (is_model_allowed, is_model_served)
