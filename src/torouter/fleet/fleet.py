"""The channels that are served, from where they are declared and where they are kept to the snapshot."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from torouter.accounts.sealing import Seal
from torouter.channels import Channel
from torouter.config import ChannelSettings, UpstreamSettings
from torouter.config.channels import demo_channel
from torouter.errors import TorouterError
from torouter.fleet.stored import settings_of
from torouter.routing.fallbacks import Fallbacks
from torouter.routing.snapshot import Snapshot, Translations
from torouter.store import ChannelRow

__all__ = ["Fleet", "Stored"]

_log = logging.getLogger("torouter")

_BUILT_IN: Final = demo_channel()


class Stored(NamedTuple):
    """What the store has, opened. `is_any`: it keeps channels, whether or not one of them can be used."""

    channels: tuple[Channel, ...] = ()
    is_any: bool = False


class Fleet:
    """A channel that did not change stays the same object: connections, health and what was discovered belong to it.

    `open_stored` is the costly part, for one thread that is not the event loop's; everything else is for the loop.
    """

    def __init__(
        self,
        declared: Sequence[ChannelSettings],
        fallbacks: Mapping[str, Fallbacks],
        upstream: UpstreamSettings,
        pepper: bytes,
        translations: Translations,
    ) -> None:
        self.declared: tuple[ChannelSettings, ...] = ()
        self.stored = Stored()
        self.platforms: Mapping[str, str] = {}
        """By group, the one kind of channel that it reaches, if it is only one."""
        self._upstream = upstream
        self._seal = Seal(pepper)
        self._translations = translations
        self._opened: dict[str, tuple[ChannelSettings, Channel]] = {}
        self._rows: dict[int, tuple[ChannelRow, Channel | None]] = {}
        self._shadowed: set[str] = set()
        self.declare(declared, fallbacks)

    @property
    def named(self) -> tuple[ChannelSettings, ...]:
        """What an operator has declared: the built-in demo is nobody's."""
        return tuple(each for each in self.declared if not _is_built_in(each))

    @property
    def is_demo(self) -> bool:
        """Is nobody asked but the built-in demo?"""
        return all(channel.kind.name == _BUILT_IN.kind for channel in self._channels())

    def declare(self, declared: Sequence[ChannelSettings], fallbacks: Mapping[str, Fallbacks]) -> None:
        """What the server's own configuration says. Raises `ConfigError`, and then nothing has changed."""
        opened: dict[str, tuple[ChannelSettings, Channel]] = {}
        for settings in declared:
            before = self._opened.get(settings.name)
            is_same = before is not None and before[0] == settings
            opened[settings.name] = before if is_same and before else (settings, settings.open(self._upstream))
        self.declared, self._opened, self._fallbacks = tuple(declared), opened, fallbacks

    def open_stored(self, rows: Iterable[ChannelRow]) -> Stored:
        """One that cannot be opened is left out, and so is one that is not enabled."""
        kept: dict[int, tuple[ChannelRow, Channel | None]] = {}
        for row in rows:
            before = self._rows.get(row.id)
            kept[row.id] = before if before is not None and before[0] == row else (row, self._open(row))
        self._rows = kept
        channels = tuple(channel for _, channel in kept.values() if channel is not None)
        return Stored(channels, is_any=bool(kept))

    def open(self, row: ChannelRow) -> Channel:
        """Of the store, enabled or not, and not kept. Raises `StoreError`, `ConfigError`."""
        return settings_of(row, self._seal).open(self._upstream)

    def declared_channel(self, name: str) -> Channel | None:
        found = self._opened.get(name)
        return None if found is None else found[1]

    def snapshot(self, discovered: Mapping[str, tuple[str, ...]]) -> Snapshot:
        """Of `discovered`, what belongs to channels that are there."""
        channels = tuple(self._channels())
        names = {channel.name for channel in channels}
        return Snapshot(
            channels=channels,
            translations=self._translations,
            discovered={name: models for name, models in discovered.items() if name in names},
            fallbacks=self._fallbacks,
            platforms=self.platforms,
        )

    def _channels(self) -> Iterable[Channel]:
        for settings, channel in self._opened.values():
            if not (self.stored.is_any and _is_built_in(settings)):
                yield channel
        declared = {settings.name for settings in self.named}
        for channel in self.stored.channels:
            if channel.name not in declared:
                yield channel
            elif channel.name not in self._shadowed:
                self._shadowed.add(channel.name)
                _log.warning("channel of the store is hidden by one of the configuration channel=%s", channel.name)

    def _open(self, row: ChannelRow) -> Channel | None:
        if not row.is_enabled:
            return None
        try:
            return self.open(row)
        except TorouterError as error:
            _log.error("channel left out channel=%s error=%s", row.name, error.message)
            return None


def _is_built_in(settings: ChannelSettings) -> bool:
    return (settings.kind, settings.source) == (_BUILT_IN.kind, _BUILT_IN.source)
