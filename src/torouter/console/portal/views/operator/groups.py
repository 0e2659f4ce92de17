"""Groups: the list, the forms that make, change and delete them, and what a group's keys reach."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from starlette.responses import Response

from torouter.accounts.keys import DEFAULT_GROUP
from torouter.accounts.office import groups, plans
from torouter.accounts.office.forms import GroupEdit, NewGroup
from torouter.accounts.office.refused import filled
from torouter.accounts.office.views import GroupView
from torouter.console.portal.catalogue import names_for
from torouter.console.portal.group_form import BLANK, DEFAULTS, named_fields, shown_fields, whose_problem
from torouter.console.portal.key_form import Problem, taken
from torouter.console.portal.visit import Visit
from torouter.errors import RequestError, StoreError

__all__ = ["create_group", "delete_group", "edit_group", "list_groups"]

_MOST_KNOWN: Final = 500
"""Names that a browser is told for completion: a page has its weight."""


@dataclass(frozen=True, slots=True)
class _Line:
    """Of the list. `limits` are those that are set, by their names."""

    group: GroupView
    keys: int
    channels: tuple[str, ...]
    names: int
    limits: dict[str, str | int]


@dataclass(frozen=True, slots=True)
class _InTheWay:
    """Of deleting a group."""

    keys: int
    subscriptions: int
    is_default: bool
    is_managed: bool

    @property
    def is_any(self) -> bool:
        return bool(self.keys or self.subscriptions) or self.is_default or self.is_managed


def list_groups(visit: Visit) -> Response:
    keys = groups.count_keys(visit.desk)
    names: dict[tuple[str, ...], int] = {}
    lines = [_line(visit, group, keys.get(group.id, 0), names) for group in groups.list_groups(visit.desk)]
    return visit.page("operator/groups.html", lines=lines)


def create_group(visit: Visit) -> Response:
    if not visit.is_post:
        return _form(visit, None, BLANK)
    try:
        form = filled(NewGroup, named_fields(visit.form))
        made = visit.do_once(GroupView, lambda: groups.create_group(visit.desk, form))
    except RequestError as error:
        return _form(visit, None, visit.form, whose_problem(error), error.status)
    except StoreError as error:
        return _form(visit, None, visit.form, taken(error), error.status)
    return visit.done(f"/admin/groups/{made.id}/models", "saved")


def edit_group(visit: Visit) -> Response:
    group = groups.get_group(visit.desk, visit.target_id("group"))
    if not visit.is_post:
        return _form(visit, group, shown_fields(group))
    try:
        edit = filled(GroupEdit, named_fields(visit.form, shown_fields(group)))
        groups.edit_group(visit.desk, group.id, edit)
    except RequestError as error:
        return _form(visit, group, visit.form, whose_problem(error), error.status)
    except StoreError as error:
        return _form(visit, group, visit.form, taken(error), error.status)
    return visit.done(f"/admin/groups/{group.id}", "saved")


def delete_group(visit: Visit) -> Response:
    group = groups.get_group(visit.desk, visit.target_id("group"))
    if not visit.is_post:
        return _sure(visit, group)
    try:
        groups.delete_group(visit.desk, group.id)
    except StoreError as error:
        if error.kind != "conflict":
            raise
        return _sure(visit, group, error.status)
    return visit.done("/admin/groups", "group_deleted")


def _line(visit: Visit, group: GroupView, keys: int, names: dict[tuple[str, ...], int]) -> _Line:
    """`names` counts those of each set of channels, which most groups have in common."""
    snapshot = visit.sources.snapshot()
    channels = tuple(channel.name for channel in snapshot.channels_of(group.name))
    if not group.models and channels not in names:
        names[channels] = len(names_for(snapshot, [group]))
    limits = {name: getattr(group.defaults, name) for name in DEFAULTS}
    return _Line(
        group=group,
        keys=keys,
        channels=channels,
        names=len(group.models) or names[channels],
        limits={name: value for name, value in limits.items() if value not in (0, "0.00")},
    )


def _sure(visit: Visit, group: GroupView, status: int = 200) -> Response:
    held = [each for each in plans.list_subscriptions(visit.desk, account_id=None) if each.group_id == group.id]
    in_the_way = _InTheWay(
        keys=groups.count_keys(visit.desk).get(group.id, 0),
        subscriptions=sum(each.status != "cancelled" for each in held),
        is_default=group.name == DEFAULT_GROUP,
        is_managed=bool(group.managed_by),
    )
    return visit.page("operator/group_delete.html", status, group=group, in_the_way=in_the_way)


def _form(
    visit: Visit, group: GroupView | None, values: Any, problem: Problem | None = None, status: int = 200
) -> Response:
    snapshot = visit.sources.snapshot()
    everything = {name for channel in snapshot.channels for name in snapshot.names_of(channel)}
    return visit.page(
        "operator/group_form.html",
        status,
        group=group,
        values={name: values.get(name, "") for name in BLANK},
        problem=problem,
        known=sorted(everything)[:_MOST_KNOWN],
        kinds=sorted({channel.kind.name for channel in snapshot.channels}),
        is_default=group is not None and group.name == DEFAULT_GROUP,
        named_by=[] if group is None else [each.name for each in snapshot.channels if group.name in each.groups],
    )
