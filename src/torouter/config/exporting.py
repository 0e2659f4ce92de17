"""The file that would make the store what it is, but for the keys: in their place stand names of variables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import count
from typing import Any, Final

import yaml

from torouter.accounts.keys import DEFAULT_GROUP
from torouter.config.declaration import ONLY, channel_of, spec_of
from torouter.config.groups import group_of
from torouter.config.secrets import ENV
from torouter.errors import ConfigError
from torouter.store import ChannelRow, GroupRow

__all__ = ["export"]

_NOT_IN_NAMES: Final = re.compile(r"[^A-Z0-9]+")


def export(channels: Sequence[ChannelRow], groups: Iterable[GroupRow]) -> str:
    """YAML. Raises `ConfigError` for a channel that this version cannot read. The group `default` is left out while it
    is as it was made."""
    said = {
        "groups": [{"name": row.name, **group_of(row).said} for row in groups if _is_worth_it(row)],
        "channels": list(_channels(channels)),
    }
    text: str = yaml.safe_dump(said, sort_keys=False, allow_unicode=True, width=120)
    return text


def _is_worth_it(row: GroupRow) -> bool:
    return row.name != DEFAULT_GROUP or bool(row.managed_by) or bool(group_of(row).said)


def _channels(rows: Iterable[ChannelRow]) -> Iterator[dict[str, Any]]:
    taken: set[str] = set()
    for row in rows:
        channel = channel_of(row)
        if channel is None:
            raise ConfigError(f"Channel {row.name} cannot be exported: this version does not know what it says.")
        said: dict[str, Any] = {"name": row.name, "kind": row.kind}
        if not row.is_enabled:
            said["is_enabled"] = False
        yield said | _keys(row, taken) | spec_of(channel)


def _keys(row: ChannelRow, taken: set[str]) -> dict[str, Any]:
    labels = [each.label for each in row.credentials]
    if labels == [ONLY]:
        return {"api_key": ENV + _variable(row.name, taken)}
    named = [{"name": label, "api_key": ENV + _variable(f"{row.name}_{label}", taken)} for label in labels]
    return {"credentials": named} if named else {}


def _variable(name: str, taken: set[str]) -> str:
    bare = _NOT_IN_NAMES.sub("_", name.upper()).strip("_") or "CHANNEL"
    stem = f"_{bare}" if bare[0].isdigit() else bare
    wanted = (f"{stem}_KEY" if number == 1 else f"{stem}_{number}_KEY" for number in count(1))
    found = next(variable for variable in wanted if variable not in taken)
    taken.add(found)
    return found
