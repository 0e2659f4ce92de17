"""Channels: the connections to upstreams that people change while the gateway runs, and their credentials.

A change is refused whole where the channel that it would make cannot be opened. What a file manages is changed by that
file only (`by_file`), and what such a change touches is the file's from then on.
"""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from typing import Any, Final

import msgspec
from msgspec import UNSET

from torouter.accounts.office import fields
from torouter.accounts.office.channel_forms import (
    ChannelEdit,
    ChannelFields,
    CredentialEdit,
    ModelForm,
    NewChannel,
    NewCredential,
)
from torouter.accounts.office.channel_views import ChannelView, channel_view
from torouter.accounts.office.desk import Desk, Keys
from torouter.accounts.office.managed import FILE, free, there
from torouter.accounts.sealing import Seal, tail_of
from torouter.errors import RequestError, StoreError
from torouter.store import ChannelRow
from torouter.units import Secret

__all__ = [
    "add_credential",
    "create_channel",
    "credential_id",
    "declared_channel",
    "delete_channel",
    "edit_channel",
    "edit_credential",
    "get_channel",
    "has_key",
    "list_channels",
    "remove_credential",
]

_ONLY: Final = "default"
"""The name of a credential that was given none."""
_SEALED: Final = Secret("sealed")
"""In place of keys that are kept as they are: their form was checked when they came."""

_Spec = dict[str, Any]


def create_channel(desk: Desk, form: NewChannel, *, by_file: bool = False) -> ChannelView:
    """Raises `StoreError` (`conflict`) where the name is taken, `RequestError` where it cannot be opened."""
    name, keys, spec = fields.name(form.name), _keys(form), _merged({}, form)
    with desk.changing():
        _refuse_declared(desk, name)
        desk.rules.check(name, form.kind, spec, keys)
        managed_by = FILE if by_file else ""
        columns = {"spec": spec, "is_enabled": form.is_enabled, "managed_by": managed_by}
        row = desk.store.create_channel(name, form.kind, columns)
        for label, key in keys:
            row = _seal(desk, row.id, label, key)
        made = channel_view(row)
        desk.record("channel.create", row.id, None, made)
    return made


def get_channel(desk: Desk, channel_id: int) -> ChannelView:
    return channel_view(there(desk.store.get_channel(channel_id)))


def list_channels(desk: Desk) -> list[ChannelView]:
    """Those of the store, and then those of the server's own configuration file."""
    return [*(channel_view(row) for row in desk.store.list_channels()), *desk.rules.declared()]


def declared_channel(desk: Desk, name: str) -> ChannelView:
    """Of the server's own configuration file. Raises `StoreError` (`not_found`)."""
    found = next((each for each in desk.rules.declared() if each.name == name), None)
    if found is None:
        raise StoreError("The configuration has no such channel.", kind="not_found")
    return found


def edit_channel(desk: Desk, channel_id: int, edit: ChannelEdit, *, by_file: bool = False) -> ChannelView:
    """Touches nothing that is not named, nor a deadline that is not."""
    with desk.changing():
        before = free(desk.store.get_channel(channel_id), by_file=by_file)
        columns: dict[str, Any] = _columns(edit, before) | ({"managed_by": FILE} if by_file else {})
        if not columns:
            return channel_view(before)
        name = str(columns.get("name", before.name))
        if name != before.name:
            _refuse_declared(desk, name)
        kept = [(each.label, _SEALED) for each in before.credentials]
        desk.rules.check(name, str(columns.get("kind", before.kind)), columns.get("spec", before.spec), kept)
        return _changed(desk, "channel.edit", before, desk.store.change_channel(channel_id, columns))


def delete_channel(desk: Desk, channel_id: int, *, by_file: bool = False) -> ChannelView:
    """For good. Requests that it serves are finished."""
    with desk.changing():
        before = free(desk.store.get_channel(channel_id), by_file=by_file)
        after = channel_view(desk.store.delete_channel(channel_id))
        desk.record("channel.delete", channel_id, channel_view(before), None)
    return after


def add_credential(desk: Desk, channel_id: int, form: NewCredential, *, by_file: bool = False) -> ChannelView:
    with desk.changing():
        before = free(desk.store.get_channel(channel_id), by_file=by_file)
        label, key = form.name.strip(), Secret(form.api_key)
        kept = [(each.label, _SEALED) for each in before.credentials]
        desk.rules.check(before.name, before.kind, before.spec, [*kept, (label, key)])
        return _changed(desk, "channel.add_credential", before, _seal(desk, channel_id, label, key))


def edit_credential(
    desk: Desk, channel_id: int, credential_id: int, edit: CredentialEdit, *, by_file: bool = False
) -> ChannelView:
    """Its name, its key, or both."""
    with desk.changing():
        before = free(desk.store.get_channel(channel_id), by_file=by_file)
        columns: dict[str, object] = {} if edit.name is UNSET else {"label": edit.name.strip()}
        if edit.api_key is not UNSET:
            key = Secret(edit.api_key)
            kept = [(each.label, key if each.id == credential_id else _SEALED) for each in before.credentials]
            desk.rules.check(before.name, before.kind, before.spec, kept)
            columns |= {"tail": tail_of(key), "sealed": Seal(desk.pepper).seal(channel_id, key)}
        _require_credential(before, credential_id)
        if not columns:
            return channel_view(before)
        after = desk.store.change_credential(channel_id, credential_id, columns)
        return _changed(desk, "channel.edit_credential", before, after)


def remove_credential(desk: Desk, channel_id: int, credential_id: int, *, by_file: bool = False) -> ChannelView:
    """Refused for the last one where the channel needs one."""
    with desk.changing():
        before = free(desk.store.get_channel(channel_id), by_file=by_file)
        _require_credential(before, credential_id)
        left = [(each.label, _SEALED) for each in before.credentials if each.id != credential_id]
        desk.rules.check(before.name, before.kind, before.spec, left)
        after = desk.store.remove_credential(channel_id, credential_id)
        return _changed(desk, "channel.remove_credential", before, after)


def credential_id(desk: Desk, channel_id: int, name: str) -> int:
    """Of the credential that is called so."""
    row = there(desk.store.get_channel(channel_id))
    found = next((each.id for each in row.credentials if each.label == name), None)
    if found is None:
        names = ", ".join(each.label for each in row.credentials) or "none"
        raise StoreError(f"Channel {channel_id} has no credential named {name}; there are: {names}.", kind="not_found")
    return found


def has_key(desk: Desk, row: ChannelRow, label: str, key: Secret) -> bool:
    """Is that the key that the channel has under this label? No, where it cannot be read any more."""
    found = next((each for each in row.credentials if each.label == label), None)
    if found is None:
        return False
    try:
        opened = Seal(desk.pepper).open(row.id, found.sealed)
    except StoreError:
        return False
    return hmac.compare_digest(opened.reveal().encode(), key.reveal().encode())


def _refuse_declared(desk: Desk, name: str) -> None:
    found = next((each for each in desk.rules.declared() if each.name == name), None)
    if found is not None:
        raise StoreError(
            f"The server's own configuration has a channel named {name}: see {found.managed_by}.", kind="conflict"
        )


def _require_credential(row: ChannelRow, credential_id: int) -> None:
    if all(each.id != credential_id for each in row.credentials):
        raise StoreError(f"Channel {row.id} has no credential {credential_id}.", kind="not_found")


def _changed(desk: Desk, action: str, before: ChannelRow, after: ChannelRow) -> ChannelView:
    view = channel_view(after)
    desk.record(action, after.id, channel_view(before), view)
    return view


def _seal(desk: Desk, channel_id: int, label: str, key: Secret) -> ChannelRow:
    return desk.store.add_credential(channel_id, label, tail_of(key), Seal(desk.pepper).seal(channel_id, key))


def _keys(form: NewChannel) -> Keys:
    if form.api_key is not UNSET:
        if form.credentials is not UNSET:
            raise RequestError("api_key: name either this or credentials, not both.", param="api_key")
        return [(_ONLY, Secret(form.api_key))]
    named = () if form.credentials is UNSET else form.credentials
    return [(each.name.strip(), Secret(each.api_key)) for each in named]


def _columns(edit: ChannelEdit, before: ChannelRow) -> dict[str, Any]:
    said: dict[str, Any] = {name: getattr(edit, name) for name in ("kind", "is_enabled")}
    columns = {name: value for name, value in said.items() if value is not UNSET}
    if edit.name is not UNSET:
        columns["name"] = fields.name(edit.name)
    spec = _merged(before.spec, edit)
    return columns | ({"spec": spec} if spec != before.spec else {})


def _merged(before: _Spec, form: ChannelFields) -> _Spec:
    """The settings after a form: what is `null` or empty is not said at all."""
    named = {name: getattr(form, name) for name in ChannelFields.__struct_fields__}
    said: _Spec = {name: msgspec.to_builtins(value) for name, value in named.items() if value is not UNSET}
    if isinstance(form.models, list | dict):
        said["models"] = _models(form.models)
    if said.get("groups"):
        said["groups"] = fields.model_names(said["groups"])
    if said.get("deadlines") is not None:
        said["deadlines"] = _said(before.get("deadlines", {}) | said["deadlines"])
    return _said(before | said)


def _models(named: Sequence[str] | dict[str, str | ModelForm]) -> dict[str, object]:
    if not isinstance(named, dict):
        return {name: name for name in fields.model_names(named)}
    return {fields.name(name): _model(model) for name, model in named.items()}


def _model(named: str | ModelForm) -> object:
    if isinstance(named, str):
        return fields.name(named)
    deadlines = {} if named.deadlines is UNSET else _said(msgspec.to_builtins(named.deadlines))
    return {"model": fields.name(named.model), "deadlines": deadlines} if deadlines else fields.name(named.model)


def _said(settings: _Spec) -> _Spec:
    return {name: value for name, value in settings.items() if value not in (None, [], {})}
