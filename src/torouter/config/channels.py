"""Channels as the file declares them, and those that exist because the environment has a provider's key."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from itertools import count
from typing import Final

from msgspec.structs import replace

from torouter.channels import KINDS
from torouter.channels.base_url import BaseUrl
from torouter.config.document import Faults, Reader, Value, list_of, one_of, text, whole
from torouter.config.secrets import ENV, looked_up
from torouter.config.settings import ChannelSettings
from torouter.errors import ConfigError
from torouter.units import DIALECTS, Secret
from torouter.wire.upstream import Deadlines

__all__ = ["CHANNEL_KEYS", "demo_channel", "environment_channels", "name_channels", "read_channels"]

_KEY_FORM: Final = re.compile(r"[!-~]+")
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


def environment_channels(
    environ: Mapping[str, str], declared: Collection[str], faults: Faults
) -> list[ChannelSettings]:
    """One for each provider whose key the environment has, unless a channel of that kind is declared."""
    return [
        ChannelSettings(name="", kind=kind.name, source=kind.env_key, api_key=key)
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
    readers = {**_READERS, "api_key": _api_key(environ)}
    fields = {key: readers[key](inner) for key, inner in found.items()}
    if None in fields.values():
        return None
    channel = replace(ChannelSettings(name="", kind="", source=value.place), **fields)
    return _with_key(channel, value, environ if may_borrow else {})


def _with_key(channel: ChannelSettings, value: Value, environ: Mapping[str, str]) -> ChannelSettings | None:
    """The channel with the key it needs, if it can be one at all."""
    kind = KINDS[channel.kind]
    if channel.base_url is None and kind.base_url is None:
        value.fault(f"a channel of kind {kind.name} needs a base_url")
        return None
    if channel.base_url is None and channel.api_key is None and kind.env_key:
        key = _borrowed(kind.env_key, environ, value.faults)
        if key is None:
            value.fault(f"a channel of kind {kind.name} needs an api_key, for example: api_key: env:{kind.env_key}")
            return None
        channel = replace(channel, api_key=key)
    try:
        replace(channel, name=channel.name or channel.kind).open(Deadlines())
    except ConfigError as error:
        value.fault(error.message)
        return None
    return channel


def _borrowed(variable: str, environ: Mapping[str, str], faults: Faults) -> Secret | None:
    key = environ.get(variable)
    if not key:
        return None
    if not _KEY_FORM.fullmatch(key):
        faults.add(variable, "expected a key of printable ASCII characters without spaces or line ends")
    return Secret(key)


def _api_key(environ: Mapping[str, str]) -> Reader[Secret]:
    def read(value: Value) -> Secret | None:
        """No fault of a key shows what was found: it may be most of a key."""
        found = str(value.node.value) if value.has_tag("str") else ""
        if not found:
            value.fault("expected a key, or env: and the name of the environment variable that holds it")
            return None
        key = looked_up(value, found, environ) if found.startswith(ENV) else found
        if key is not None and not _KEY_FORM.fullmatch(key):
            value.fault("expected a key of printable ASCII characters without spaces or line ends")
            return None
        return None if key is None else Secret(key)

    return read


def _base_url(value: Value) -> str | None:
    """Faults do not show the URL: people put credentials into them."""
    url = text(value)
    if url is None:
        return None
    try:
        base = BaseUrl.parse(url)
    except ConfigError as error:
        value.fault(error.message.removeprefix("base_url: "))
        return None
    if base.origin.scheme not in {"http", "https"}:
        value.fault("expected a URL that starts with http:// or https://")
        return None
    return url


def _models(value: Value) -> dict[str, str] | None:
    """{client's name: upstream's name}, also from a list of names that are the same on both sides."""
    models: dict[str, str] | None = None
    if (table := value.table()) is not None:
        names = {client: text(inner) for client, inner in table.items()}
        models = {client: name for client, name in names.items() if name is not None}
    elif value.items() is not None:
        models = {name: name for name in list_of(text, "names")(value) or ()}
    else:
        value.expected("a list of names, or a mapping {name for clients: name upstream}")
    if models is not None and not value.node.value:
        value.fault("expected at least one model; leave `models` out to serve whatever the upstream has")
    return models


_READERS: Final[Mapping[str, Reader[object]]] = {
    "name": text,
    "kind": one_of(KINDS),
    "base_url": _base_url,
    "dialects": list_of(one_of(DIALECTS), "dialects", least=1),
    "models": _models,
    "priority": whole(-_MOST, _MOST),
    "weight": whole(1, _MOST),
    "groups": list_of(text, "names of groups", least=1),
}
CHANNEL_KEYS: Final = ("name", "kind", "base_url", "api_key", "dialects", "models", "priority", "weight", "groups")
