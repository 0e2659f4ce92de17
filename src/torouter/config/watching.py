"""The server's own file, followed while it serves: a change of what it says of channels needs no restart.

A file with a fault changes nothing at all. A change is found by looking once in a while: a rename, an editor's new file
and a mounted volume all show in the file's status, and no library and no signal is needed.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, TypeAlias

from torouter.config.load import load_settings
from torouter.config.settings import Overrides, Settings
from torouter.config.upstreams import ChannelSettings
from torouter.errors import ConfigError
from torouter.routing.fallbacks import Fallbacks

__all__ = ["Declare", "Watching"]

_log = logging.getLogger("torouter")

_LOOK_S: Final = 0.5
_LIVE: Final = frozenset({"channels", "fallbacks", "config_file", "data_dir", "origins"})

Declare: TypeAlias = Callable[[tuple[ChannelSettings, ...], Mapping[str, Fallbacks]], None]
_Status: TypeAlias = tuple[int, int, int] | None


class Watching:
    """`declare` is told on the event loop what the file says now, all at once. It may raise `ConfigError`, and then
    nothing has changed."""

    def __init__(
        self, path: Path, environ: Mapping[str, str], running: Settings, declare: Declare, look_s: float = _LOOK_S
    ) -> None:
        self._path = path
        self._environ = environ
        self._declared = running
        self._declare = declare
        self._look_s = look_s
        self._read: Settings | None = None

    async def run(self) -> None:
        """A change is read when two looks in a row have found the same: it may still be written to."""
        handled: _Status = None
        before: _Status = None
        while True:
            found = await asyncio.to_thread(_status, self._path)
            if found != handled and found == before:
                handled = found
                await self._take()
            before = found
            await asyncio.sleep(self._look_s)

    async def _take(self) -> None:
        try:
            settings = await asyncio.to_thread(load_settings, Overrides(config=self._path), self._environ)
            self._note_others(settings)
            now, then = settings, self._declared
            if (now.channels, now.fallbacks) == (then.channels, then.fallbacks):
                return
            self._declare(settings.channels, settings.fallbacks)
        except ConfigError as error:
            for fault in error.message.split("\n"):
                _log.error("configuration refused, nothing is changed: %s", fault)
            return
        self._declared = settings
        _log.info("configuration in force file=%s channels=%d", self._path, len(settings.channels))

    def _note_others(self, settings: Settings) -> None:
        """Of the rest of the file nothing is in force before a restart."""
        last, self._read = self._read, settings
        if last is None:
            return
        changed = [
            name for name in Settings.__struct_fields__
            if name not in _LIVE and getattr(settings, name) != getattr(last, name)
        ]  # fmt: skip
        if changed:
            _log.warning("configuration changed where it needs a restart sections=%s", ",".join(changed))


def _status(path: Path) -> _Status:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
