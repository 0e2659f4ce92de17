"""Channels as the file declares them, and those that exist because the environment has a provider's key."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from itertools import count
from typing import Final, get_args

from msgspec.structs import replace

from torouter.channels import KINDS, Credential, OnCut
from torouter.config.channel_fields import (
    KEY_FORM,
    Models,
    read_api_key,
    read_base_url,
    read_credentials,
    read_deadlines,
    read_models,
)
from torouter.config.document import Faults, Reader, Value, as_value, boolean, list_of, one_of, seconds, text, whole
from torouter.config.upstreams import ChannelSettings, UpstreamSettings
from torouter.errors import ConfigError
from torouter.units import DIALECTS, Secret

__all__ = [
    "CHANNEL_KEYS",
    "SPEC_KEYS",
    "channel_settings_from",
    "demo_channel",
    "environment_channels",
    "name_channels",
    "read_channels",
]

_MOST: Final = 1_000_000


def read_channels(value: Value, environ: Mapping[str, str], *, may_borrow: bool) -> list[ChannelSettings]:
    """The file's list, without names where it gives none. `may_borrow`: a channel to a provider's own address may take
    its key from the provider's variable. A key never goes to another address than its provider's unless told to."""
    items = value.items()
    if items is None:
        value.expected("a list of channels")
        return []
    channels: list[ChannelSettings] = []
    for item in items:
        channel = _read_channel(item, environ, may_borrow=may_borrow)
        if channel is None:
            continue
        if channel.name and channel.name in {other.name for other in channels}:
            item.fault(f"there is another channel named {channel.name}")
        channels.append(channel)
    return channels


def channel_settings_from(
    spec: Mapping[str, object], credentials: Iterable[Credential], name: str, kind: str, source: str
) -> ChannelSettings:
    """One that does not come from a file. `spec` has the file's keys but for the name, the kind and the secrets.
    Raises `ConfigError` with all faults, a line each; each begins with the field's name."""
    faults = Faults()
    found = as_value(spec, faults).table(tuple(_SPEC_READERS)) or {}
    said = {"name": as_value(name, faults, "name"), "kind": as_value(kind, faults, "kind")}
    fields = _fields({**said, **found}, _READERS)
    faults.raise_any()
    assert fields is not None
    channel = replace(ChannelSettings(name="", kind="", source=source), **fields, credentials=tuple(credentials))
    if not channel.credentials and channel.base_url is None and KINDS[kind].env_key:
        raise ConfigError(f"credentials: a channel of kind {kind} needs one")
    channel.open(UpstreamSettings())
    return channel


def environment_channels(
    environ: Mapping[str, str], declared: Collection[str], faults: Faults
) -> list[ChannelSettings]:
    """One for each provider whose key the environment has, unless a channel of that kind is declared."""
    return [
        ChannelSettings(name="", kind=kind.name, source=kind.env_key, credentials=(Credential(secret=key),))
        for kind in KINDS.values()
        if kind.env_key and kind.name not in declared and (key := _borrowed(kind.env_key, environ, faults))
    ]


def demo_channel() -> ChannelSettings:
    return ChannelSettings(name="", kind="demo", source="ToRouter itself")


def name_channels(channels: Iterable[ChannelSettings]) -> tuple[ChannelSettings, ...]:
    """Names those without a name after their kind: `openai`, `openai-2`."""
    channels = list(channels)
    taken = {channel.name for channel in channels}
    named = []
    for channel in channels:
        name = channel.name or next(name for name in _names_for(channel.kind) if name not in taken)
        taken.add(name)
        named.append(replace(channel, name=name))
    return tuple(named)


def _names_for(kind: str) -> Iterable[str]:
    yield kind
    yield from (f"{kind}-{number}" for number in count(2))


def _read_channel(value: Value, environ: Mapping[str, str], *, may_borrow: bool) -> ChannelSettings | None:
    found = value.table(CHANNEL_KEYS)
    if found is None:
        value.expected("a mapping such as {kind: openai, api_key: env:OPENAI_API_KEY}")
        return None
    if "kind" not in found:
        value.fault(f"expected a kind: one of {', '.join(KINDS)}")
        return None
    if "api_key" in found and "credentials" in found:
        found["api_key"].fault("give either an api_key or credentials, not both")
        return None
    readers = {**_READERS, "api_key": _one_key(environ), "credentials": read_credentials(environ)}
    fields = _fields(found, readers)
    if fields is None:
        return None
    channel = replace(ChannelSettings(name="", kind="", source=value.place), **fields)
    return _with_key(channel, value, environ if may_borrow else {})


def _fields(found: Mapping[str, Value], readers: Mapping[str, Reader[object]]) -> dict[str, object] | None:
    """The struct's fields; `None` where one of them has a fault."""
    fields = {_FIELDS.get(key, key): readers[key](inner) for key, inner in found.items()}
    if None in fields.values():
        return None
    if isinstance(models := fields.get("models"), Models):
        fields |= {"models": models.names, "model_deadlines": models.deadlines}
    return fields


def _with_key(channel: ChannelSettings, value: Value, environ: Mapping[str, str]) -> ChannelSettings | None:
    """The channel with the key it needs, if it can be one at all."""
    kind = KINDS[channel.kind]
    if channel.base_url is None and kind.base_url is None:
        value.fault(f"a channel of kind {kind.name} needs a base_url")
        return None
    if channel.base_url is None and not channel.credentials and kind.env_key:
        key = _borrowed(kind.env_key, environ, value.faults)
        if key is None:
            value.fault(f"a channel of kind {kind.name} needs an api_key, for example: api_key: env:{kind.env_key}")
            return None
        channel = replace(channel, credentials=(Credential(secret=key),))
    try:
        replace(channel, name=channel.name or channel.kind).open(UpstreamSettings())
    except ConfigError as error:
        value.fault(error.message)
        return None
    return channel


def _borrowed(variable: str, environ: Mapping[str, str], faults: Faults) -> Secret | None:
    key = environ.get(variable)
    if not key:
        return None
    if not KEY_FORM.fullmatch(key):
        faults.add(variable, "expected a key of printable ASCII characters without spaces or line ends")
    return Secret(key)


def _one_key(environ: Mapping[str, str]) -> Reader[tuple[Credential, ...]]:
    read = read_api_key(environ)
    return lambda value: None if (secret := read(value)) is None else (Credential(secret=secret),)


_SPEC_READERS: Final[Mapping[str, Reader[object]]] = {
    "base_url": read_base_url,
    "dialects": list_of(one_of(DIALECTS), "dialects", least=1),
    "models": read_models,
    "deadlines": read_deadlines,
    "priority": whole(-_MOST, _MOST),
    "weight": whole(1, _MOST),
    "groups": list_of(text, "names of groups", least=1),
    "concurrency": whole(0, _MOST),
    "queue_s": seconds(may_be_zero=True),
    "on_cut": one_of(get_args(OnCut)),
    "hedge": boolean,
    "probe_s": seconds(may_be_zero=True),
}
_READERS: Final[Mapping[str, Reader[object]]] = {
    "name": text,
    "kind": one_of(KINDS),
    "is_enabled": boolean,
    **_SPEC_READERS,
}
_FIELDS: Final = {"api_key": "credentials"}
SPEC_KEYS: Final = tuple(_SPEC_READERS)
CHANNEL_KEYS: Final = ("name", "kind", "is_enabled", "base_url", "api_key", "credentials", *SPEC_KEYS[1:])
