"""What would have to change for the store to be as a file says. Pure: rows and declarations in, steps out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import msgspec

from torouter.accounts.keys import DEFAULT_GROUP
from torouter.accounts.office.managed import FILE
from torouter.config.declaration import Declaration, channel_of, spec_of
from torouter.config.groups import GroupSettings, group_of
from torouter.config.upstreams import ChannelSettings
from torouter.store import ChannelRow, GroupRow
from torouter.units import Secret

__all__ = ["HasKey", "Step", "StepView", "plan"]

Action: TypeAlias = Literal["create", "change", "delete", "release"]
HasKey: TypeAlias = Callable[[ChannelRow, str, Secret], bool]
"""Is that the key which the channel has under this name?"""

_SIGNS: Final[Mapping[Action, str]] = {"create": "+", "change": "~", "delete": "-", "release": "~"}
_TAKES_OVER: Final = "takes over what was made by hand"


class StepView(msgspec.Struct, frozen=True, kw_only=True):
    """One step for people and programs. It never holds a secret."""

    action: Action
    object: Literal["channel", "group"]
    name: str
    changes: list[str]

    @property
    def line(self) -> str:
        head = f"{_SIGNS[self.action]} {self.object} {self.name}"
        return f"{head}: {'; '.join(self.changes)}" if self.changes else head


@dataclass(frozen=True, slots=True)
class Step:
    """`wanted` is `None` for what goes, `row` for what comes. `release`: the file lets go of what has to stay."""

    view: StepView
    place: str
    wanted: ChannelSettings | GroupSettings | None = None
    row: ChannelRow | GroupRow | None = None


def plan(
    declared: Declaration, channels: Sequence[ChannelRow], groups: Sequence[GroupRow], has_key: HasKey
) -> list[Step]:
    """In an order in which they can be done: what goes is last, and of that the groups."""
    steps = [
        *_groups(declared.groups or (), {row.name: row for row in groups}),
        *_channels(declared.channels or (), {row.name: row for row in channels}, has_key),
    ]
    if declared.channels is not None:
        steps += _gone(declared.file, channels, {channel.name for channel in declared.channels})
    if declared.groups is not None:
        steps += _gone(declared.file, groups, {group.name for group in declared.groups})
    return steps


def _groups(wanted: Iterable[GroupSettings], rows: Mapping[str, GroupRow]) -> Iterable[Step]:
    for group in wanted:
        row = rows.get(group.name)
        if row is None:
            said = [f"{name}: {_shown(value)}" for name, value in group.said.items()]
            yield Step(_view("create", group, said), group.source, group)
            continue
        changes = [*_differences(group_of(row).said, group.said), *_takes_over(row)]
        if changes:
            yield Step(_view("change", group, changes), group.source, group, row)


def _channels(wanted: Iterable[ChannelSettings], rows: Mapping[str, ChannelRow], has_key: HasKey) -> Iterable[Step]:
    for channel in wanted:
        row = rows.get(channel.name)
        if row is None:
            said = [f"{name}: {_shown(value)}" for name, value in _said(channel).items()]
            keys = [f"credential {each.label}" for each in channel.credentials]
            yield Step(_view("create", channel, [*said, *keys]), channel.source, channel)
            continue
        changes = [*_of_channel(channel, row), *_of_credentials(channel, row, has_key), *_takes_over(row)]
        if changes:
            yield Step(_view("change", channel, changes), channel.source, channel, row)


def _gone(file: str, rows: Iterable[ChannelRow | GroupRow], wanted: set[str]) -> Iterable[Step]:
    for row in rows:
        if row.managed_by != FILE or row.name in wanted:
            continue
        if isinstance(row, GroupRow) and row.name == DEFAULT_GROUP:
            changes = ["stays as it is, and may be changed by hand again"]
            yield Step(_view("release", row, changes), file, row=row)
        else:
            yield Step(_view("delete", row, []), file, row=row)


def _of_channel(channel: ChannelSettings, row: ChannelRow) -> list[str]:
    before = channel_of(row)
    if before is None:
        return ["what the store has cannot be read: all of it is set anew"]
    return _differences(_said(before), _said(channel))


def _of_credentials(channel: ChannelSettings, row: ChannelRow, has_key: HasKey) -> list[str]:
    stored, wanted = {each.label for each in row.credentials}, {each.label for each in channel.credentials}
    keys = {each.label: each.secret for each in channel.credentials if each.secret is not None}
    other = [label for label, key in keys.items() if label in stored and not has_key(row, label, key)]
    return [
        *(f"credential {label}: new" for label in keys if label not in stored),
        *(f"credential {label}: another key" for label in other),
        *(f"credential {label}: removed" for label in sorted(stored - wanted)),
    ]


def _said(channel: ChannelSettings) -> dict[str, Any]:
    return {"kind": channel.kind, **({} if channel.is_enabled else {"is_enabled": False}), **spec_of(channel)}


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
    names = [*after, *(name for name in before if name not in after)]
    return [
        f"{name}: {_shown(before.get(name))} → {_shown(after.get(name))}"
        for name in names
        if before.get(name) != after.get(name)
    ]


def _takes_over(row: ChannelRow | GroupRow) -> list[str]:
    return [] if row.managed_by == FILE else [_TAKES_OVER]


def _shown(value: object) -> str:
    return "the default" if value is None else msgspec.json.encode(value).decode()


def _view(
    action: Action, what: ChannelSettings | GroupSettings | ChannelRow | GroupRow, changes: list[str]
) -> StepView:
    is_channel = isinstance(what, ChannelSettings | ChannelRow)
    return StepView(action=action, object="channel" if is_channel else "group", name=what.name, changes=changes)
