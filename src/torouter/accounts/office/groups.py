"""Groups: which channels their keys reach, who pays, limits for keys that set none, and what stands in for a model.

What a file manages is changed by that file only (`by_file`), and what such a change touches is the file's from then on.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from torouter.accounts.dollars import nano_dollars
from torouter.accounts.keys import DEFAULT_GROUP
from torouter.accounts.office import fields
from torouter.accounts.office.desk import Desk
from torouter.accounts.office.forms import DefaultLimits, FallbacksForm, GroupEdit, NewGroup
from torouter.accounts.office.managed import FILE, free, there
from torouter.accounts.office.views import GroupView, group_view
from torouter.errors import RequestError, StoreError
from torouter.store import LimitColumns

__all__ = ["count_keys", "create_group", "delete_group", "edit_group", "get_group", "list_groups"]


def create_group(desk: Desk, form: NewGroup, *, by_file: bool = False) -> GroupView:
    """Raises `StoreError` (`conflict`) where the name is taken."""
    with desk.changing():
        columns = _columns(form, LimitColumns(), {}) | ({"managed_by": FILE} if by_file else {})
        row = desk.store.create_group(str(columns.pop("name")), columns)
        made = group_view(row)
        desk.record("group.create", row.id, None, made)
    return made


def get_group(desk: Desk, group_id: int) -> GroupView:
    return group_view(there(desk.store.get_group(group_id)))


def list_groups(desk: Desk) -> list[GroupView]:
    return [group_view(row) for row in desk.store.list_groups()]


def count_keys(desk: Desk) -> dict[int, int]:
    """By group, of those that have any."""
    return desk.store.count_keys()


def edit_group(desk: Desk, group_id: int, edit: GroupEdit, *, by_file: bool = False) -> GroupView:
    """Touches no field that is not named, nor a default limit that is not."""
    with desk.changing():
        before = free(desk.store.get_group(group_id), by_file=by_file)
        columns = _columns(edit, before.defaults, before.routing) | ({"managed_by": FILE} if by_file else {})
        if before.name == DEFAULT_GROUP and columns.get("name", DEFAULT_GROUP) != DEFAULT_GROUP:
            raise StoreError(f"The group {DEFAULT_GROUP} keeps its name: new keys are put there.", kind="conflict")
        after = group_view(desk.store.change_group(group_id, columns) if columns else before)
        desk.record("group.edit", group_id, group_view(before), after)
    return after


def delete_group(desk: Desk, group_id: int, *, by_file: bool = False) -> GroupView:
    """Raises `StoreError` (`conflict`) while it has keys or subscriptions."""
    with desk.changing():
        before = free(desk.store.get_group(group_id), by_file=by_file)
        if before.name == DEFAULT_GROUP:
            raise StoreError(f"The group {DEFAULT_GROUP} stays: new keys are put there.", kind="conflict")
        after = group_view(desk.store.delete_group(group_id))
        desk.record("group.delete", group_id, group_view(before), None)
    return after


def _columns(form: NewGroup | GroupEdit, defaults: LimitColumns, routing: Mapping[str, Any]) -> dict[str, object]:
    read: Mapping[str, tuple[str, Callable[[Any], object]]] = {
        "name": ("name", fields.name),
        "platform": ("platform", str),
        "billing": ("billing", str),
        "multiplier": ("multiplier_ppm", fields.multiplier_ppm),
        "models": ("models", fields.model_names),
        "defaults": ("defaults", lambda named: _defaults(named, defaults)),
    }
    named = {field: getattr(form, field) for field in read}
    columns: dict[str, object] = {
        read[field][0]: read[field][1](value) for field, value in named.items() if value is not UNSET
    }
    after = _routing(form, routing)
    return columns if after == routing else columns | {"routing": after}


def _routing(form: NewGroup | GroupEdit, before: Mapping[str, Any]) -> dict[str, Any]:
    said = dict(before)
    if form.on_cut is not UNSET:
        said["on_cut"] = form.on_cut
    if form.fallbacks is not UNSET:
        read = {fields.name(model): _fallbacks(model, causes) for model, causes in form.fallbacks.items()}
        said["fallbacks"] = {model: causes for model, causes in read.items() if causes}
    return {name: value for name, value in said.items() if value}


def _fallbacks(model: str, form: FallbacksForm) -> dict[str, list[str]]:
    causes = {cause: getattr(form, cause) for cause in FallbacksForm.__struct_fields__}
    named = {cause: fields.model_names(names) for cause, names in causes.items() if names is not UNSET}
    for cause, names in named.items():
        if fields.name(model) in names:
            path = f"fallbacks.{model}.{cause}"
            raise RequestError(f"{path}: expected models other than {model} itself.", param=path)
    return {cause: names for cause, names in named.items() if names}


def _defaults(named: DefaultLimits, before: LimitColumns) -> dict[str, int]:
    said = {field: value for field, value in msgspec.structs.asdict(named).items() if value is not UNSET}
    if "cap_usd" in said:
        said["cap_nusd"] = nano_dollars(said.pop("cap_usd"), "defaults.cap_usd")
    return msgspec.structs.asdict(before) | said
