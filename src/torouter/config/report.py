"""The settings that are in force, as the portal shows them: what each is, and who said so. Never a secret."""

from __future__ import annotations

import msgspec

from torouter.config.settings import SECTIONS, Settings
from torouter.console.portal.running import Running, Setting
from torouter.units import Secret

__all__ = ["report"]


def report(settings: Settings) -> Running:
    """In the order of `docs/configuration.md`."""
    found: list[tuple[str, object]] = [
        ("data", str(settings.data_dir)),
        ("config", None if settings.config_file is None else str(settings.config_file)),
        ("admin_token", settings.admin_token),
    ]
    for section in SECTIONS:
        found += [(f"{section}.{name}", value) for name, value in _fields(getattr(settings, section))]
    return Running(
        settings=tuple(_setting(name, value, settings) for name, value in found),
        has_redis=settings.redis.url is not None,
        is_postgresql=settings.store.database is not None,
    )


def _fields(section: msgspec.Struct) -> list[tuple[str, object]]:
    return [(name, getattr(section, name)) for name in section.__struct_fields__]


def _setting(name: str, value: object, settings: Settings) -> Setting:
    is_secret = name in ("admin_token", "store.database", "redis.url")
    assert is_secret or not isinstance(value, Secret), f"{name} is a secret"
    return Setting(
        name=name,
        value="" if is_secret or value is None else _said(value),
        is_set=value is not None,
        is_secret=is_secret,
        origin=settings.origins.get(name, "default"),
    )


def _said(value: object) -> str:
    """As the file would say it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return f"{value:.6f}".rstrip("0").rstrip(".")
    if isinstance(value, tuple):
        return f"[{', '.join(str(each) for each in value)}]"
    return str(value)
