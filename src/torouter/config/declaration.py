"""The file of `torouter config apply`: the channels and groups that the store is to have."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec.structs import replace

from torouter.channels import Credential
from torouter.config.channels import channel_settings_from, read_channels
from torouter.config.document import Faults, Value, read_document
from torouter.config.groups import GroupSettings, read_groups
from torouter.config.upstreams import ChannelSettings
from torouter.errors import ConfigError
from torouter.store import ChannelRow
from torouter.units import Secret

__all__ = ["ONLY", "Declaration", "channel_of", "read_declaration", "spec_of"]

ONLY: Final = "default"
"""What the store calls a credential that was given no name."""

_SEALED: Final = Secret("sealed")
_OF_THE_SERVER: Final = (
    *("server", "store", "redis", "limits", "prices", "errors", "upstream", "translation", "fetch"),
    *("responses", "vault", "environment"),
)
_ELSEWHERE: Final = {
    "fallbacks": "these belong into a group here, or into the server's own file",
    **dict.fromkeys(_OF_THE_SERVER, "this belongs into the server's own file, of `torouter serve --config`"),
}


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """`None` for what the file does not speak of: that is left alone. An empty list is none at all."""

    file: str
    channels: tuple[ChannelSettings, ...] | None = None
    groups: tuple[GroupSettings, ...] | None = None


def read_declaration(path: Path, environ: Mapping[str, str]) -> Declaration:
    """Raises `ConfigError` with all faults, a line each."""
    faults = Faults()
    document = read_document(path, faults)
    tables: Mapping[str, Value] | None = {} if document is None else document.table(("channels", "groups"), _ELSEWHERE)
    if tables is None:
        assert document is not None
        document.expected("a mapping with the keys channels and groups")
        tables = {}
    channels = _channels(tables["channels"], environ) if "channels" in tables else None
    groups = tuple(read_groups(tables["groups"])) if "groups" in tables else None
    faults.raise_any()
    return Declaration(file=str(path), channels=channels, groups=groups)


def _channels(value: Value, environ: Mapping[str, str]) -> tuple[ChannelSettings, ...]:
    """By name: it is what says which channel of the store is meant."""
    for item in value.items() or ():
        if "name" not in (item.table() or {"name": item}):
            item.fault("expected a name")
    return tuple(_labelled(channel) for channel in read_channels(value, environ, may_borrow=False))


def _labelled(channel: ChannelSettings) -> ChannelSettings:
    named = tuple(Credential(each.label or ONLY, each.secret) for each in channel.credentials)
    return replace(channel, credentials=named)


def channel_of(row: ChannelRow) -> ChannelSettings | None:
    """As it would be declared, with the names of its credentials and without their keys. `None` where this version
    cannot read it."""
    credentials = [Credential(each.label, _SEALED) for each in row.credentials]
    try:
        found = channel_settings_from(row.spec, credentials, row.name, row.kind, "the store")
    except ConfigError:
        return None
    return replace(found, is_enabled=row.is_enabled)


def spec_of(channel: ChannelSettings) -> dict[str, Any]:
    """What it says of itself beside its name, kind and credentials, as a file would."""
    fresh = ChannelSettings(name="", kind="", source="")
    said = {name: getattr(channel, name) for name in _PLAIN if getattr(channel, name) != getattr(fresh, name)}
    found = {name: list(value) if isinstance(value, tuple) else value for name, value in said.items()}
    if channel.models is not None:
        found["models"] = {client: _model(channel, name) for client, name in channel.models.items()}
    if deadlines := msgspec.to_builtins(channel.deadlines):
        found["deadlines"] = deadlines
    return found


_PLAIN: Final = (
    *("base_url", "dialects", "priority", "weight", "groups", "concurrency", "queue_s", "on_cut", "hedge"),
    "probe_s",
)


def _model(channel: ChannelSettings, upstream_name: str) -> object:
    deadlines = msgspec.to_builtins(channel.model_deadlines.get(upstream_name)) or {}
    return {"model": upstream_name, "deadlines": deadlines} if deadlines else upstream_name
