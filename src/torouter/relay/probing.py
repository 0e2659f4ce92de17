"""Active probes: a channel that an outage has closed is asked for its list of models, until it answers.

Only channels whose policy says so (`probe_s`), only while an outage is held against the channel as a whole, and never
before an upstream that said when to come back (`Retry-After`) said so. A list of models costs nothing, and proves that
the server is there, not that it serves: so after a success one request is let through, and decides.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from torouter.channels import Channel, Credential
from torouter.errors import UpstreamError
from torouter.relay.openings import Openings
from torouter.routing.health import Note
from torouter.wire.upstream import Upstream

__all__ = ["Probing"]

_log = logging.getLogger("torouter.relay")

_BODY_LIMIT_BYTES: Final = 8 * 1024 * 1024


class Probing:
    """One per process. `channels` gives the newest; `clock` counts seconds. `draw` gives numbers in [0, 1)."""

    def __init__(
        self,
        channels: Callable[[], Sequence[Channel]],
        openings: Openings,
        upstreams: Mapping[str, Upstream],
        clock: Callable[[], float],
        *,
        draw: Callable[[], float] = random.random,
        look_s: float = 0.5,
    ) -> None:
        self._channels = channels
        self._openings = openings
        self._upstreams = upstreams
        self._clock = clock
        self._draw = draw
        self._look_s = look_s
        self._due_s: dict[str, float] = {}

    async def run(self) -> None:
        while True:
            await asyncio.sleep(self._look_s)
            try:
                await self.look()
            except Exception:
                _log.exception("channels not probed")

    async def look(self) -> None:
        """Asks all whose time has come."""
        now_s = self._clock()
        asked = {channel.name: channel for channel in self._channels() if channel.policy.probe_s > 0}
        found = {name: note for name in asked if (note := self._outage(name)) is not None}
        self._due_s = {name: self._due_s.get(name) or self._next_s(asked[name], now_s) for name in found}
        due = [name for name in found if self._due_s[name] <= now_s]
        for name in due:
            self._due_s[name] = self._next_s(asked[name], now_s)
        await asyncio.gather(*(self._probe(asked[name], found[name]) for name in due))

    def _outage(self, channel: str) -> Note | None:
        notes = self._openings.of(channel)
        return next((note for note in notes if note.blame == "channel" and not note.is_told and note.left_s), None)

    def _next_s(self, channel: Channel, now_s: float) -> float:
        """Spread over a tenth to either side, so that processes do not ask together."""
        return now_s + channel.policy.probe_s * (0.9 + 0.2 * self._draw())

    async def _probe(self, channel: Channel, note: Note) -> None:
        credential = self._credential(channel)
        if await self._is_there(channel, credential):
            _log.info("probe answered channel=%s", channel.name)
            if self._outage(channel.name) is not None:
                self._openings.may_be_asked(note)

    def _credential(self, channel: Channel) -> Credential:
        """The first that nothing is held against, or the first."""
        bad = {note.credential for note in self._openings.of(channel.name) if note.blame == "credential"}
        return next((each for each in channel.credentials if each.label not in bad), channel.credentials[0])

    async def _is_there(self, channel: Channel, credential: Credential) -> bool:
        request = channel.probe(credential)
        try:
            response = await self._upstreams[request.origin.scheme].send(request)
            try:
                await response.read(_BODY_LIMIT_BYTES)
            finally:
                response.close()
        except UpstreamError as error:
            _log.info("probe failed channel=%s error=%s", channel.name, error.message)
            return False
        return response.status < 500 and response.status not in (401, 402, 403, 408, 429)
