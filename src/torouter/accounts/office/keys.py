"""Keys: made, changed, replaced, deleted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

import msgspec
from msgspec import UNSET

from torouter.accounts.dollars import nano_dollars
from torouter.accounts.first import ensure_account
from torouter.accounts.keys import DEFAULT_GROUP, hash_key, shown_parts
from torouter.accounts.office import fields
from torouter.accounts.office.desk import Desk
from torouter.accounts.office.forms import KeyEdit, NewKey, Replacement
from torouter.accounts.office.views import KeyView, MadeKey, key_view
from torouter.errors import AuthError, RequestError, StoreError
from torouter.store import KeyRow, LimitColumns
from torouter.units import new_api_key

__all__ = [
    "check_key",
    "create_key",
    "create_session_key",
    "delete_key",
    "edit_key",
    "get_key",
    "list_keys",
    "rotate_key",
]

_SESSION_KEY_MS: Final = 60 * 60 * 1000
"""How long a key of a session is good."""
_SESSION_KEY_NAME: Final = "Playground"
_SESSION_KEYS: Final = 4
"""Of one session: each tab of a browser has its own."""
_AS_THEY_ARE: Final = (
    *(name for name in LimitColumns.__struct_fields__ if name != "cap_nusd"),
    "is_strict",
    "on_hangup",
    "keep_responses",
    "status",
)


def create_key(desk: Desk, form: NewKey) -> MadeKey:
    """Raises `StoreError` (`not_found`) for an account or a group that is not there."""
    with desk.changing():
        account_id = ensure_account(desk.store).id if form.account_id is UNSET else form.account_id
        columns = {"group_id": _group_id(desk, DEFAULT_GROUP)} | _columns(desk, form)
        made = _make(desk, account_id, columns)
        desk.record("key.create", made.key.id, None, made.key)
    return made


def create_session_key(desk: Desk, session_id: int, account_id: int, group: str) -> MadeKey:
    """Of a session of the portal, with which it ends, if not sooner by itself. The oldest of too many makes room for
    it. Raises `StoreError` (`not_found`) for a group that is not there, and `AuthError` where the session has ended
    meanwhile."""
    now_ms = desk.now_ms()
    columns = {
        "group_id": _group_id(desk, group),
        "name": _SESSION_KEY_NAME,
        "expires_ms": now_ms + _SESSION_KEY_MS,
    }
    with desk.changing():
        if not desk.store.has_session(session_id):
            raise AuthError("Your session is over. Sign in again.", code="session_over")
        desk.store.sweep_session_keys(now_ms)
        for row in desk.store.session_keys(session_id)[: 1 - _SESSION_KEYS]:
            delete_key(desk, row.id)
        made = _make(desk, account_id, columns, session_id=session_id)
        desk.record("key.create", made.key.id, None, made.key)
    return made


def check_key(desk: Desk, form: NewKey | KeyEdit) -> None:
    """Raises what making or changing a key by this form would; writes nothing."""
    _columns(desk, form)


def get_key(desk: Desk, key_id: int) -> KeyView:
    return key_view(_there(desk, key_id))


def list_keys(
    desk: Desk, *, account_id: int | None, include_deleted: bool, after_id: int, limit: int | None
) -> list[KeyView]:
    rows = desk.store.list_keys(account_id=account_id, include_deleted=include_deleted, after_id=after_id, limit=limit)
    return [key_view(row) for row in rows]


def edit_key(desk: Desk, key_id: int, edit: KeyEdit) -> KeyView:
    """Touches no field that is not named."""
    with desk.changing():
        before = _kept(desk, key_id)
        columns = _columns(desk, edit)
        after = key_view(desk.store.change_key(key_id, columns) if columns else before)
        desk.record("key.edit", key_id, key_view(before), after)
    return after


def delete_key(desk: Desk, key_id: int) -> KeyView:
    """For good. What it used stays on record."""
    with desk.changing():
        before = _there(desk, key_id)
        after = key_view(desk.store.delete_key(key_id))
        desk.record("key.delete", key_id, key_view(before), None)
    return after


def rotate_key(desk: Desk, key_id: int, replacement: Replacement) -> MadeKey:
    """A key with the same settings, which has spent nothing yet. The old one is deleted, or expires after the overlap,
    and not later than it would have."""
    with desk.changing():
        old = _kept(desk, key_id)
        made = _make(desk, old.account_id, _settings(desk, old), key_id)
        desk.record("key.rotate", made.key.id, None, made.key)
        if replacement.overlap_s == 0:
            delete_key(desk, key_id)
        else:
            ends_ms = desk.now_ms() + replacement.overlap_s * 1000
            expires_ms = ends_ms if old.expires_ms is None else min(ends_ms, old.expires_ms)
            after = desk.store.change_key(key_id, {"expires_ms": expires_ms})
            desk.record("key.edit", key_id, key_view(old), key_view(after))
    return made


def _make(
    desk: Desk,
    account_id: int,
    columns: Mapping[str, Any],
    replaces_id: int | None = None,
    session_id: int | None = None,
) -> MadeKey:
    secret = new_api_key()
    head, tail = shown_parts(secret)
    row = desk.store.create_key(
        account_id=account_id,
        group=columns["group_id"],
        name=columns["name"],
        key_hash=hash_key(desk.pepper, secret),
        head=head,
        tail=tail,
        replaces_id=replaces_id,
        session_id=session_id,
    )
    return MadeKey(secret=secret, key=key_view(desk.store.change_key(row.id, columns)))


def _there(desk: Desk, key_id: int) -> KeyRow:
    row = desk.store.get_key(key_id)
    if row.deleted_ms is not None:
        raise StoreError(f"Key {key_id} was deleted.", kind="not_found")
    return row


def _kept(desk: Desk, key_id: int) -> KeyRow:
    """A session's key stays what it was made as."""
    row = _there(desk, key_id)
    if row.session_id is not None:
        raise StoreError(f"Key {key_id} is of a session of the portal, and ends with it.", kind="conflict")
    return row


def _settings(desk: Desk, row: KeyRow) -> dict[str, object]:
    return {
        "group_id": _group_id(desk, row.group),
        "name": row.name,
        "models": list(row.models),
        "status": row.status,
        "expires_ms": row.expires_ms,
        "keep_responses": row.keep_responses,
        "ip_allow": list(row.ip_allow),
        "ip_deny": list(row.ip_deny),
        "is_strict": row.is_strict,
        "on_hangup": row.on_hangup,
    } | msgspec.structs.asdict(row.limits)


def _columns(desk: Desk, form: NewKey | KeyEdit) -> dict[str, object]:
    """The columns of what the form names, and of nothing else."""
    if form.expires_in_days is not UNSET and form.expires_at is not UNSET:
        raise RequestError("expires_at: name either this or expires_in_days, not both.", param="expires_at")
    read: Mapping[str, tuple[str, Callable[[Any], object]]] = {
        "name": ("name", fields.name),
        "group": ("group_id", lambda name: _group_id(desk, name)),
        "models": ("models", fields.model_names),
        "expires_in_days": ("expires_ms", lambda days: fields.expiry_ms(days, desk.now_ms())),
        "expires_at": ("expires_ms", fields.end_ms),
        "cap_usd": ("cap_nusd", lambda text: nano_dollars(text, "cap_usd")),
        "ip_allow": ("ip_allow", lambda texts: fields.networks(texts, "ip_allow")),
        "ip_deny": ("ip_deny", lambda texts: fields.networks(texts, "ip_deny")),
        **{field: (field, lambda value: value) for field in _AS_THEY_ARE},
    }
    named = {field: value for field, value in msgspec.structs.asdict(form).items() if value is not UNSET}
    return {read[field][0]: read[field][1](value) for field, value in named.items() if field in read}


def _group_id(desk: Desk, name: str) -> int:
    return desk.store.get_group(fields.name(name)).id
