"""Making the store as a file says, by way of the office: with its rules, and a row in the audit trail for each step."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, TypeVar

import msgspec
from msgspec.structs import replace

from torouter.accounts.office import channels, groups
from torouter.accounts.office.channel_forms import ChannelEdit, CredentialEdit, NewChannel, NewCredential
from torouter.accounts.office.desk import Desk
from torouter.accounts.office.forms import GroupEdit, NewGroup
from torouter.accounts.office.views import group_view
from torouter.config.channels import SPEC_KEYS
from torouter.config.declaration import Declaration, spec_of
from torouter.config.groups import GroupSettings
from torouter.config.planning import Step, plan
from torouter.config.upstreams import ChannelSettings, DeadlineSettings
from torouter.errors import ConfigError, RequestError, StoreError
from torouter.store import ChannelRow, GroupRow

__all__ = ["apply", "planned"]

Form = TypeVar("Form")


def planned(desk: Desk, declared: Declaration) -> list[Step]:
    has_key = partial(channels.has_key, desk)
    return plan(declared, desk.store.list_channels(), desk.store.list_groups(), has_key)


def apply(desk: Desk, declared: Declaration) -> list[Step]:
    """All of it or nothing, decided by what the store has at that moment. Raises `ConfigError` with the place of the
    step that cannot be done."""
    with desk.changing():
        steps = planned(desk, declared)
        for step in steps:
            try:
                _take(desk, step)
            except (RequestError, StoreError, msgspec.ValidationError) as error:
                why = error.message if isinstance(error, RequestError | StoreError) else str(error)
                what = f"{step.place}: {step.view.object} {step.view.name}"
                raise ConfigError(f"{what}: cannot {step.view.action}: {why} Nothing was changed.") from error
    return steps


def _take(desk: Desk, step: Step) -> None:
    wanted, row = step.wanted, step.row
    if isinstance(wanted, ChannelSettings):
        if isinstance(row, ChannelRow):
            _change_channel(desk, wanted, row)
        else:
            channels.create_channel(desk, _new_channel(wanted), by_file=True)
    elif isinstance(wanted, GroupSettings):
        if isinstance(row, GroupRow):
            groups.edit_group(desk, row.id, msgspec.convert(wanted.whole, GroupEdit), by_file=True)
        else:
            groups.create_group(desk, msgspec.convert(wanted.whole | {"name": wanted.name}, NewGroup), by_file=True)
    elif isinstance(row, ChannelRow):
        channels.delete_channel(desk, row.id, by_file=True)
    elif isinstance(row, GroupRow):
        _let_go(desk, step, row)


def _let_go(desk: Desk, step: Step, row: GroupRow) -> None:
    if step.view.action == "release":
        desk.store.change_group(row.id, {"managed_by": ""})
        desk.record("group.edit", row.id, group_view(row), group_view(replace(row, managed_by="")))
    else:
        groups.delete_group(desk, row.id, by_file=True)


def _new_channel(wanted: ChannelSettings) -> NewChannel:
    said = {"name": wanted.name, "kind": wanted.kind, "is_enabled": wanted.is_enabled, **spec_of(wanted)}
    return msgspec.convert(said | {"credentials": _credentials(wanted)}, NewChannel)


def _change_channel(desk: Desk, wanted: ChannelSettings, row: ChannelRow) -> None:
    """Keys that are needed come before the settings that need them, and those that are not go after."""
    stored = {each.label: each.id for each in row.credentials}
    for said, key in zip(_credentials(wanted), (each.secret for each in wanted.credentials), strict=True):
        label = said["name"]
        if label not in stored:
            channels.add_credential(desk, row.id, msgspec.convert(said, NewCredential), by_file=True)
        elif key is not None and not channels.has_key(desk, row, label, key):
            edit = msgspec.convert({"api_key": said["api_key"]}, CredentialEdit)
            channels.edit_credential(desk, row.id, stored[label], edit, by_file=True)
    channels.edit_channel(desk, row.id, _whole_edit(wanted), by_file=True)
    for label in stored.keys() - {each.label for each in wanted.credentials}:
        channels.remove_credential(desk, row.id, stored[label], by_file=True)


def _whole_edit(wanted: ChannelSettings) -> ChannelEdit:
    """All that can be said, so that nothing is left as it was."""
    spec = spec_of(wanted)
    deadlines = dict.fromkeys(DeadlineSettings.__struct_fields__) | spec.get("deadlines", {})
    said: dict[str, Any] = dict.fromkeys(SPEC_KEYS) | spec | {"deadlines": deadlines}
    return msgspec.convert(said | {"kind": wanted.kind, "is_enabled": wanted.is_enabled}, ChannelEdit)


def _credentials(wanted: ChannelSettings) -> Sequence[dict[str, str]]:
    return [
        {"name": each.label, "api_key": each.secret.reveal()} for each in wanted.credentials if each.secret is not None
    ]
