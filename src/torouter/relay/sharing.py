"""What one process notices of an upstream, all of them know: through a stream in Redis, within half a second.

Only what opens or closes is told, not what each request met. Whoever starts later reads what is still open. While Redis
is away each process goes by what it sees itself, and tells the rest of it afterwards. Nothing here is waited for by a
request.
"""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Sequence
from typing import Final, NamedTuple

import msgspec
from msgspec.structs import replace

from torouter.errors import StoreError
from torouter.relay.openings import Openings, place_of
from torouter.routing.health import Note
from torouter.wire.redis import Address, Redis, Reply

__all__ = ["Sharing"]

_log = logging.getLogger("torouter.relay")

_MOST_NOTES: Final = 10_000
_KEPT_S: Final = 2 * 3600
"""Longer than anything stays open."""
_AT_ONCE: Final = 1000
_PAUSE_S: Final = 1.0

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Note).decode


class _Told(NamedTuple):
    """`note` is `None` where an operator has reset the channel. `at_ms` is by the clock of Redis."""

    process: bytes
    channel: str
    note: Note | None
    at_ms: int


class Sharing:
    """Belongs to one event loop, in which `run` has to run. All keys in Redis begin with `prefix`."""

    def __init__(self, url: str, openings: Openings, *, prefix: str = "torouter:", poll_s: float = 0.4) -> None:
        self._address = Address.parse(url)
        self._openings = openings
        self._clock = asyncio.get_running_loop().time
        self._stream = f"{prefix}{{torouter}}:health"
        self._poll_s = poll_s
        self._process = secrets.token_hex(8).encode()
        self._redis: Redis | None = None
        self._last = b"0-0"
        self._untold: dict[tuple[object, ...], tuple[str, Note | None, float]] = {}
        """What was noticed while Redis was away, and when: of each place its last end, and what has begun since."""
        self._is_away = False
        openings.tell = self.tell

    def tell(self, note: Note) -> None:
        """To the other processes."""
        place = place_of(note)
        self._untold.pop((*place, True), None)
        self._say((*place, bool(note.left_s)), note.channel, note)

    def tell_reset(self, channel: str) -> None:
        for place in [place for place in self._untold if place[0] == channel]:
            del self._untold[place]
        self._say((channel,), channel, None)

    async def run(self) -> None:
        while True:
            try:
                await self._follow()
            except StoreError as error:
                if not self._is_away:
                    _log.warning("health is not shared: %s", error)
                self._is_away = True
            await asyncio.sleep(_PAUSE_S)

    async def _follow(self) -> None:
        """Until the connection is lost."""
        redis = await Redis.open(self._address, on_lost=self._lost)
        try:
            self._last = b"0-0"  # a Redis that came back may have another clock
            await self._read(redis)
            self._redis = redis
            self._tell_rest()
            if self._is_away:
                _log.info("health is shared again")
            self._is_away = False
            while True:
                await asyncio.sleep(self._poll_s)
                await self._read(redis)
        finally:
            self._redis = None
            redis.close()
            await redis.closed()

    def _lost(self, _: StoreError) -> None:
        self._redis = None

    # -- telling --------------------------------------------------------------------------------------------------

    def _say(self, place: tuple[object, ...], channel: str, note: Note | None) -> None:
        redis = self._redis
        if redis is None:
            self._untold.pop(place, None)
            self._untold[place] = channel, note, self._clock()
            return
        what = ("note", _encode(note)) if note is not None else ("reset", channel)
        redis.tell(
            redis.lose, "XADD", self._stream, "MAXLEN", "~", _MOST_NOTES, "*", "from", self._process, *what
        )  # fmt: skip
        redis.tell(redis.lose, "EXPIRE", self._stream, _KEPT_S)

    def _tell_rest(self) -> None:
        now_s, untold = self._clock(), self._untold
        self._untold = {}
        for place, (channel, note, at_s) in untold.items():
            if note is not None and note.left_s:
                note = replace(note, left_s=note.left_s - (now_s - at_s))
            if note is None or note.left_s >= 0.0:
                self._say(place, channel, note)

    # -- learning -------------------------------------------------------------------------------------------------

    async def _read(self, redis: Redis) -> None:
        is_more = True
        while is_more:
            time, reply = await asyncio.gather(
                redis.ask("TIME"), redis.ask("XREAD", "COUNT", _AT_ONCE, "STREAMS", self._stream, self._last)
            )
            rows: Sequence[Reply] = reply[0][1] if reply else ()
            if rows:
                self._last = rows[-1][0]
            self._learn([told for row in rows if (told := _read_row(row)) is not None], _milliseconds(time))
            is_more = len(rows) == _AT_ONCE

    def _learn(self, rows: Sequence[_Told], server_ms: int) -> None:
        for told in _newest(rows):
            if told.process == self._process:
                continue
            if told.note is None:
                self._openings.reset(told.channel)
            else:
                self._openings.learn(told.note, max(0.0, (server_ms - told.at_ms) / 1000))


def _newest(rows: Sequence[_Told]) -> Sequence[_Told]:
    """Of each place, in order: its last end, and what has begun since. A reset ends all of its channel."""
    newest: dict[tuple[object, ...], _Told] = {}
    for told in rows:
        note = told.note
        place: tuple[object, ...] = (told.channel,) if note is None else place_of(note)
        is_end = note is None or not note.left_s
        for old in [old for old in newest if old[: len(place)] == place] if is_end else ():
            del newest[old]
        newest.pop((*place, is_end), None)
        newest[*place, is_end] = told
    return list(newest.values())


def _read_row(row: Reply) -> _Told | None:
    """`None` for what a newer version says in words that are not known here."""
    told_id, fields = row
    values = dict(zip(fields[::2], fields[1::2], strict=True))
    process, at_ms = values.get(b"from", b""), int(told_id.partition(b"-")[0])
    if b"reset" in values:
        return _Told(process, values[b"reset"].decode(), None, at_ms)
    try:
        note = _decode(values.get(b"note", b""))
    except msgspec.MsgspecError:
        return None
    return _Told(process, note.channel, note, at_ms)


def _milliseconds(time: Reply) -> int:
    seconds, microseconds = time
    return int(seconds) * 1000 + int(microseconds) // 1000
