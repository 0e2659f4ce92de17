"""Settings from the command line, the environment, the file and the defaults: the first of these that speaks wins."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final, TypeVar

import msgspec
from msgspec.structs import replace

from torouter.access.ip_rules import canonical_cidr
from torouter.config.channels import demo_channel, environment_channels, name_channels, read_channels
from torouter.config.document import (
    Faults,
    Reader,
    Value,
    boolean,
    list_of,
    one_of,
    read_document,
    seconds,
    text,
    whole,
)
from torouter.config.fallbacks import read_fallbacks
from torouter.config.secrets import check_url, secret_url, token_variable
from torouter.config.settings import (
    SECTIONS,
    ChannelSettings,
    ErrorsSettings,
    FetchSettings,
    LimitsSettings,
    Origin,
    Overrides,
    PricesSettings,
    RedisSettings,
    ResponsesSettings,
    ServerSettings,
    Settings,
    StoreSettings,
    TranslationSettings,
    UpstreamSettings,
    VaultSettings,
)
from torouter.errors import ConfigError
from torouter.routing.fallbacks import Fallbacks
from torouter.units import Secret

__all__ = ["data_directory", "load_settings"]

Section = TypeVar("Section", bound=msgspec.Struct)

_ELSEWHERE: Final = {
    "groups": "groups are kept in the store: declare them in a file for `torouter config apply`",
}
_KEYS: Final = (*SECTIONS, "channels", "fallbacks", "environment")
_PLACES: Final = {
    "host": "server.host",
    "port": "server.port",
    "workers": "server.workers",
    "data": "data",
    "config": "config",
    "database": "store.database",
    "redis": "redis.url",
    "admin_token": "admin_token",
}
"""What the command line and the environment name, as the file does or would."""
_VARIABLES: Final = {"data": "TOROUTER_DATA", "admin_token": "TOROUTER_ADMIN_TOKEN"}
"""Those that are read apart from the others."""
_DATABASES: Final = ("postgresql",)
_REDISES: Final = ("redis", "rediss", "unix")
_SHORTEST_STALE_S: Final = 5
_MOST_WORKERS: Final = 256
_ORIGIN: Final = re.compile(r"\*|null|[a-z][a-z0-9+.-]*://[^/\s]+")


def load_settings(overrides: Overrides, environ: Mapping[str, str]) -> Settings:
    """`overrides` are the command line's. Raises `ConfigError` with all faults, a line each."""
    faults = Faults()
    of_environment = _read_environment(environ, faults)
    given = _prefer(overrides, of_environment)
    file = _read_file(given.config, environ, faults)
    admin_token = token_variable(environ, "TOROUTER_ADMIN_TOKEN", faults)
    check_url(given.database, "--database, TOROUTER_DATABASE", _DATABASES, faults)
    check_url(given.redis, "--redis, TOROUTER_REDIS", _REDISES, faults)
    faults.raise_any()
    named = {"host": given.host, "port": given.port, "workers": given.workers}
    return Settings(
        data_dir=data_directory(given.data, environ),
        config_file=given.config,
        server=replace(file.server, **{key: value for key, value in named.items() if value is not None}),
        store=file.store if given.database is None else replace(file.store, database=given.database),
        redis=file.redis if given.redis is None else replace(file.redis, url=given.redis),
        limits=file.limits,
        prices=file.prices,
        errors=file.errors,
        admin_token=admin_token,
        upstream=file.upstream,
        fetch=file.fetch,
        responses=file.responses,
        translation=file.translation,
        vault=file.vault,
        channels=name_channels(file.channels or [demo_channel()]),
        fallbacks=file.fallbacks,
        origins=file.origins | _origins(of_environment, environ, "environment") | _origins(overrides, {}, "option"),
    )


def _origins(said: Overrides, environ: Mapping[str, str], origin: Origin) -> dict[str, Origin]:
    named = {name for name in Overrides.__struct_fields__ if getattr(said, name) is not None}
    named |= {name for name, variable in _VARIABLES.items() if environ.get(variable)}
    return {_PLACES[name]: origin for name in sorted(named)}


def data_directory(given: Path | None, environ: Mapping[str, str]) -> Path:
    """Absolute. Without one given: `TOROUTER_DATA`, then the user's data directory by the XDG base directories."""
    said = given or environ.get("TOROUTER_DATA")
    return (Path(said) if said else _user_data(environ) / "torouter").expanduser().absolute()


class _File(msgspec.Struct, frozen=True, kw_only=True):
    """What the file says, and the channels that it lets the environment add."""

    server: ServerSettings = ServerSettings()
    store: StoreSettings = StoreSettings()
    redis: RedisSettings = RedisSettings()
    limits: LimitsSettings = LimitsSettings()
    prices: PricesSettings = PricesSettings()
    errors: ErrorsSettings = ErrorsSettings()
    upstream: UpstreamSettings = UpstreamSettings()
    fetch: FetchSettings = FetchSettings()
    responses: ResponsesSettings = ResponsesSettings()
    translation: TranslationSettings = TranslationSettings()
    vault: VaultSettings = VaultSettings()
    channels: list[ChannelSettings]
    fallbacks: dict[str, Fallbacks]
    origins: dict[str, Origin]


def _read_file(path: Path | None, environ: Mapping[str, str], faults: Faults) -> _File:
    document = read_document(path, faults) if path else None
    tables = {} if document is None else document.table(_KEYS, _ELSEWHERE)
    if tables is None:
        assert document is not None
        document.expected(f"a mapping with the keys {', '.join(_KEYS[:-1])} and {_KEYS[-1]}")
        tables = {}
    asked = boolean(tables["environment"]) if "environment" in tables else None
    may_borrow = asked is not False
    channels = read_channels(tables["channels"], environ, may_borrow=may_borrow) if "channels" in tables else []
    if may_borrow:
        channels += environment_channels(environ, {channel.kind for channel in channels}, faults)
    return _File(
        server=_read_section(tables.get("server"), ServerSettings(), _SERVER),
        store=_read_section(tables.get("store"), StoreSettings(), _store(environ)),
        redis=_read_section(tables.get("redis"), RedisSettings(), _redis(environ)),
        limits=_read_section(tables.get("limits"), LimitsSettings(), _LIMITS),
        prices=_read_section(tables.get("prices"), PricesSettings(), _PRICES),
        errors=_read_section(tables.get("errors"), ErrorsSettings(), _ERRORS),
        upstream=_read_section(tables.get("upstream"), UpstreamSettings(), _UPSTREAM),
        fetch=_read_section(tables.get("fetch"), FetchSettings(), _FETCH),
        responses=_read_section(tables.get("responses"), ResponsesSettings(), _RESPONSES),
        translation=_read_section(tables.get("translation"), TranslationSettings(), _TRANSLATION),
        vault=_read_section(tables.get("vault"), VaultSettings(), _VAULT),
        channels=[channel for channel in channels if channel.is_enabled],
        fallbacks=(read_fallbacks(tables["fallbacks"]) if "fallbacks" in tables else None) or {},
        origins={f"{section}.{key}": "file" for section, value in tables.items() for key in value.names()},
    )


def _read_section(value: Value | None, defaults: Section, readers: Mapping[str, Reader[object]]) -> Section:
    if value is None:
        return defaults
    table = value.table(tuple(readers))
    if table is None:
        value.expected(f"a mapping with the keys {', '.join(readers)}")
        return defaults
    found = {key: readers[key](inner) for key, inner in table.items()}
    return replace(defaults, **{key: setting for key, setting in found.items() if setting is not None})


def _read_environment(environ: Mapping[str, str], faults: Faults) -> Overrides:
    config = environ.get("TOROUTER_CONFIG")
    return Overrides(
        host=environ.get("TOROUTER_HOST") or None,
        port=_whole_variable(environ, "TOROUTER_PORT", 0, 65535, faults),
        workers=_whole_variable(environ, "TOROUTER_WORKERS", 1, _MOST_WORKERS, faults),
        config=Path(config) if config else None,
        database=_secret(environ, "TOROUTER_DATABASE"),
        redis=_secret(environ, "TOROUTER_REDIS"),
    )


def _secret(environ: Mapping[str, str], name: str) -> Secret | None:
    found = environ.get(name)
    return Secret(found) if found else None


def _whole_variable(environ: Mapping[str, str], name: str, low: int, high: int, faults: Faults) -> int | None:
    found = environ.get(name)
    if not found:
        return None
    if found.isascii() and found.isdecimal() and len(found) < 10 and low <= int(found) <= high:
        return int(found)
    faults.add(name, f"expected a whole number from {low} to {high}, got {found[:40]!r}")
    return None


def _prefer(first: Overrides, second: Overrides) -> Overrides:
    said = {key: value for key, value in msgspec.structs.asdict(first).items() if value is not None}
    return replace(second, **said)


def _user_data(environ: Mapping[str, str]) -> Path:
    """XDG: a path that is not absolute is to be ignored."""
    named = Path(environ.get("XDG_DATA_HOME", ""))
    home = environ.get("HOME")
    return named if named.is_absolute() else Path(home or Path.home(), ".local", "share")


def _origin(value: Value) -> str | None:
    found = text(value)
    if found is not None and not _ORIGIN.fullmatch(found):
        value.expected("'*' or an origin such as https://app.example.com")
        return None
    return found


def _cidr(value: Value) -> str | None:
    found = text(value)
    if found is None:
        return None
    try:
        return canonical_cidr(found)
    except ConfigError as error:
        value.fault(error.message)
        return None


def _refusal_status(value: Value) -> int | None:
    if value.has_tag("int") and value.node.value in ("402", "403"):
        return int(value.node.value)
    value.expected("402 or 403")
    return None


def _stale_s(value: Value) -> float | None:
    found = seconds(may_be_zero=False)(value)
    if found is not None and found < _SHORTEST_STALE_S:
        value.expected(f"{_SHORTEST_STALE_S} seconds or more")
        return None
    return found


def _store(environ: Mapping[str, str]) -> Mapping[str, Reader[object]]:
    return {
        "database": secret_url(_DATABASES, environ),
        "when_away": one_of(("serve", "refuse")),
        "stale_s": _stale_s,
        "retention_days": whole(0, 36500),
    }


def _redis(environ: Mapping[str, str]) -> Mapping[str, Reader[object]]:
    return {"url": secret_url(_REDISES, environ), "when_away": one_of(("serve", "refuse"))}


_SERVER: Final[Mapping[str, Reader[object]]] = {
    "host": text,
    "port": whole(0, 65535),
    "workers": whole(1, _MOST_WORKERS),
    "grace_s": seconds(may_be_zero=True),
    "body_limit_mb": whole(1, 4096),
    "header_timeout_s": seconds(may_be_zero=False),
    "body_timeout_s": seconds(may_be_zero=False),
    "cors_origins": list_of(_origin, "origins"),
    "trusted_proxies": list_of(_cidr, "addresses or CIDRs"),
}
_LIMITS: Final[Mapping[str, Reader[object]]] = {
    "strict": boolean,
    "on_hangup": one_of(("cancel", "drain")),
    "drain_s": seconds(may_be_zero=True),
}
_PRICES: Final[Mapping[str, Reader[object]]] = {
    "unknown": one_of(("refuse-if-limited", "refuse", "flag")),
}
_ERRORS: Final[Mapping[str, Reader[object]]] = {
    "insufficient_balance": _refusal_status,
}
_UPSTREAM: Final[Mapping[str, Reader[object]]] = {
    "connect_s": seconds(may_be_zero=False),
    "head_s": seconds(may_be_zero=False),
    "first_token_s": seconds(may_be_zero=True),
    "thinking_s": seconds(may_be_zero=True),
    "idle_s": seconds(may_be_zero=False),
    "total_s": seconds(may_be_zero=True),
    "max_switches": whole(0, 100),
    "max_attempts": whole(1, 100),
    "retry_s": seconds(may_be_zero=True),
}
_FETCH: Final[Mapping[str, Reader[object]]] = {
    "enabled": boolean,
    "private_networks": boolean,
    "size_mb": whole(1, 1024),
    "timeout_s": seconds(may_be_zero=False),
}
_RESPONSES: Final[Mapping[str, Reader[object]]] = {
    "keep": boolean,
    "ttl_s": seconds(may_be_zero=False),
    "limit_mb": whole(1, 1024),
    "account_limit_mb": whole(1, 1024 * 1024),
}
_TRANSLATION: Final[Mapping[str, Reader[object]]] = {
    "strict": boolean,
}
_VAULT: Final[Mapping[str, Reader[object]]] = {
    "enabled": boolean,
    "ttl_s": seconds(may_be_zero=False),
    "memory_mb": whole(1, 65536),
    "rows": whole(1, 100_000_000),
}
