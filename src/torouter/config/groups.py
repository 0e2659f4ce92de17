"""Groups as a file declares them, and as the store has them: one form, so that the two can be compared."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, get_args

import msgspec
from msgspec.structs import asdict, replace

from torouter.accounts.dollars import UNSIGNED_PATTERN, dollars, nano_dollars
from torouter.accounts.office.fields import MOST_LIMIT, MULTIPLIER_PATTERN, multiplier, multiplier_ppm
from torouter.channels import KINDS, OnCut
from torouter.config.document import Reader, Value, list_of, one_of, text, whole
from torouter.config.fallbacks import read_fallbacks
from torouter.routing.fallbacks import Fallbacks
from torouter.store import GroupBilling, GroupRow, LimitColumns

__all__ = ["GroupSettings", "group_of", "read_groups"]

_DOLLARS: Final = re.compile(UNSIGNED_PATTERN)
_MULTIPLIER: Final = re.compile(MULTIPLIER_PATTERN)


class GroupSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What is left out is what a new group has. `source` is where it is declared."""

    name: str
    source: str = ""
    platform: str = ""
    billing: GroupBilling = "balance"
    multiplier_ppm: int = 1_000_000
    models: tuple[str, ...] = ()
    defaults: LimitColumns = LimitColumns()
    on_cut: OnCut = "error"
    fallbacks: dict[str, Fallbacks] = {}

    @property
    def said(self) -> dict[str, Any]:
        """What differs from a new group, as a file and the office's forms name it."""
        fresh = _fields(GroupSettings(name=self.name))
        return {name: value for name, value in _fields(self).items() if value != fresh[name]}

    @property
    def whole(self) -> dict[str, Any]:
        """All of it, so that a form which has it leaves nothing as it was."""
        return _fields(self)


def _fields(group: GroupSettings) -> dict[str, Any]:
    limits = {name: value for name, value in asdict(group.defaults).items() if name != "cap_nusd"}
    causes = {model: msgspec.to_builtins(fallbacks) for model, fallbacks in group.fallbacks.items()}
    return {
        "platform": group.platform,
        "billing": group.billing,
        "multiplier": multiplier(group.multiplier_ppm),
        "models": list(group.models),
        "defaults": {"cap_usd": dollars(group.defaults.cap_nusd), **limits},
        "on_cut": group.on_cut,
        "fallbacks": {
            model: {cause: list(names) for cause, names in found.items() if names} for model, found in causes.items()
        },
    }


def group_of(row: GroupRow) -> GroupSettings:
    return GroupSettings(
        name=row.name,
        platform=row.platform,
        billing=row.billing,
        multiplier_ppm=row.multiplier_ppm,
        models=tuple(row.models),
        defaults=row.defaults,
        on_cut=row.routing.get("on_cut", "error"),
        fallbacks=msgspec.convert(row.routing.get("fallbacks", {}), dict[str, Fallbacks]),
    )


def read_groups(value: Value) -> list[GroupSettings]:
    items = value.items()
    if items is None:
        value.expected("a list of groups")
        return []
    groups: list[GroupSettings] = []
    for item in items:
        group = _read_group(item)
        if group is None:
            continue
        if group.name in {other.name for other in groups}:
            item.fault(f"there is another group named {group.name}")
        groups.append(group)
    return groups


def _read_group(value: Value) -> GroupSettings | None:
    found = value.table(tuple(_READERS))
    if found is None:
        value.expected('a mapping such as {name: research, multiplier: "1.25"}')
        return None
    if "name" not in found:
        value.fault("expected a name")
        return None
    fields = {_FIELDS.get(key, key): _READERS[key](inner) for key, inner in found.items()}
    if None in fields.values():
        return None
    return replace(GroupSettings(name="", source=value.place), **fields)


def _exact(value: Value, form: re.Pattern[str], what: str) -> str | None:
    """A decimal number, in quotes or not: as it is written, never by way of a float."""
    if value.has_tag("str", "int", "float") and form.fullmatch(value.node.value):
        return str(value.node.value)
    value.expected(what)
    return None


def _multiplier(value: Value) -> int | None:
    found = _exact(value, _MULTIPLIER, "a number such as 1.25, below 10000 and with at most six decimals")
    return None if found is None else multiplier_ppm(found)


def _cap(value: Value) -> int | None:
    found = _exact(value, _DOLLARS, "US dollars such as 12.50, below a million and with at most nine decimals")
    return None if found is None else nano_dollars(found, "cap_usd")


def _defaults(value: Value) -> LimitColumns | None:
    found = value.table(tuple(_LIMITS))
    if found is None:
        value.expected(f"a mapping with the keys {', '.join(_LIMITS)}")
        return None
    read = {_FIELDS.get(key, key): _LIMITS[key](inner) for key, inner in found.items()}
    if None in read.values():
        return None
    return replace(LimitColumns(), **read)


_LIMITS: Final[Mapping[str, Reader[int]]] = {
    "cap_usd": _cap,
    **{name: whole(0, MOST_LIMIT) for name in LimitColumns.__struct_fields__ if name != "cap_nusd"},
}
_READERS: Final[Mapping[str, Reader[object]]] = {
    "name": text,
    "platform": one_of(("", *KINDS)),
    "billing": one_of(get_args(GroupBilling)),
    "multiplier": _multiplier,
    "models": list_of(text, "names of models"),
    "defaults": _defaults,
    "on_cut": one_of(get_args(OnCut)),
    "fallbacks": read_fallbacks,
}
_FIELDS: Final = {"multiplier": "multiplier_ppm", "cap_usd": "cap_nusd"}
