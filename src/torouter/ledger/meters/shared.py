"""The meters of several processes, in Redis or Valkey: one round trip to reserve, none to wait for to settle.

Supported is one primary that does not evict (`maxmemory-policy noeviction`); sentinel and cluster have not been tried.
Every process beats; what a process holds that has not beaten for `life_s` is let go by another one.

While Redis is away, `when_away` says what happens. `refuse`: everything with a limit is refused. `serve`: each process
admits by itself, from what the store says and what it holds itself. It does not see then what others hold, and have
spent since they last wrote, nor their last minute, nor how many calls they run: of n processes each may fill what is
left of a limit, so that up to n times that is admitted. When Redis is back, it is told all that was admitted
meanwhile. If it comes back empty, spending and windows (but for the last minute's) are read from the store again, and
what a process holds comes back with that process, within seconds; until then others may be admitted in its place.
Requests that run at that moment are missing from the windows.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Final, Literal

from torouter.errors import StoreError
from torouter.ledger.meters import scripts
from torouter.ledger.meters.local import AWAY, LocalMeters
from torouter.ledger.meters.meters import Ask, Hold, Refusal, WindowName
from torouter.ledger.meters.outage import Outage
from torouter.ledger.meters.scripts import Script
from torouter.ledger.meters.sliding import SPANS, in_slots
from torouter.units import wall_ms
from torouter.wire.redis import Address, Redis, Reply

__all__ = ["SharedMeters"]

_log = logging.getLogger("torouter.ledger")

_FIRST_PAUSE_S: Final = 0.05
_LONGEST_PAUSE_S: Final = 1.0
_TIDY_MS: Final = 60_000
_MINUTE_MS: Final = 60_000
_TRIES: Final = 5
"""How often one admission is asked again because something had to be loaded first. Two are the rule."""
_AT_ONCE: Final = 1000
"""Totals, or counts, in one command: Redis does nothing else meanwhile."""

_Argument = str | bytes | int


class SharedMeters:
    """`url` as `wire.redis.Address` reads it; `read_spent`, `read_minutes` and `now_ms` as `LocalMeters` has them.
    `ca_file` (PEM) is trusted besides the usual ones. Windows go by the clock of Redis, or by `fixed_ms` in tests. All
    keys in Redis begin with `prefix`. Belongs to one event loop, in which `run` has to run; until that or `open` has
    connected, Redis is away."""

    def __init__(
        self,
        url: str,
        *,
        read_spent: Callable[[Sequence[str]], dict[str, int]],
        read_minutes: Callable[[int, int], dict[int, int]],
        now_ms: Callable[[], int] = wall_ms,
        when_away: Literal["refuse", "serve"] = "refuse",
        prefix: str = "torouter:",
        connect_s: float = 0.5,
        reply_s: float = 0.5,
        beat_s: float = 3.0,
        life_s: float = 10.0,
        ca_file: str | None = None,
        fixed_ms: Callable[[], int] | None = None,
    ) -> None:
        self._address = Address.parse(url)
        self._read_spent = read_spent
        self._read_minutes = read_minutes
        self._now_ms = now_ms
        self._fixed_ms = fixed_ms
        self._serves_away = when_away == "serve"
        self._base = f"{prefix}{{torouter}}:"
        self._connect_s, self._reply_s, self._beat_s = connect_s, reply_s, beat_s
        self._life_ms = int(life_s * 1000)
        self._ca_file = ca_file
        self._process = secrets.token_hex(8)
        self._next = count(1).__next__
        self._holds: dict[int, Hold] = {}
        """All that this process holds, wherever that is written down."""
        self._asking: set[int] = set()
        """Numbers that Redis was asked to take and has not answered."""
        self._unstored: dict[str, int] = {}
        """What this process has settled and the store has not been said to have, by meter."""
        self._totals: dict[str, int] = {}
        """Spending that the store has and Redis has not heard of yet."""
        self._untold: list[list[_Argument]] = []
        """The last arguments of `MERGE`: what was admitted in outages."""
        self._loads: dict[tuple[int, tuple[str, ...]], asyncio.Task[bool]] = {}
        self._restoring: asyncio.Task[Reply] | None = None
        self._connection = 0
        """Counts them. Redis obeys the latest."""
        self._offset_ms = 0
        """The clock of Redis less ours."""
        self._is_stale = False
        """Redis may hold something for us that we have settled."""
        self._redis: Redis | None = None
        self._outage = self._begin_outage()
        self._wake = asyncio.Event()

    # -- admission ------------------------------------------------------------------------------------------------

    async def check(self, ask: Ask) -> Refusal | None:
        if not ask.money:
            return None
        try:
            answer = await self._admit(ask, "")
        except StoreError:
            return AWAY if self._outage is None else await self._outage.meters.check(ask)
        return answer if isinstance(answer, Refusal) else None

    async def foresee(self, ask: Ask) -> Refusal | None:
        if not ask.is_limited:
            return None
        try:
            answer = await self._admit(ask, "?")
        except StoreError:
            return AWAY if self._outage is None else await self._outage.meters.foresee(ask)
        return answer if isinstance(answer, Refusal) else None

    async def reserve(self, ask: Ask) -> Hold | Refusal:
        if not ask.is_limited:
            return Hold(ask, 0)
        number, was_asked = self._next(), self._redis is not None
        self._asking.add(number)
        try:
            answer = await self._admit(ask, number)
        except StoreError:
            answer = None
        except BaseException:  # cancelled: what nobody waits for any more may be granted yet
            self._release(number)
            raise
        finally:
            self._asking.discard(number)
        if answer is None:
            return await self._reserve_away(ask, number, is_doubtful=was_asked)
        if isinstance(answer, Refusal):
            return answer
        hold = self._holds[number] = Hold(ask, answer, number)
        if self._outage is not None:  # it began after the answer had come
            self._outage.adopt(hold)
        return hold

    async def _reserve_away(self, ask: Ask, number: int, *, is_doubtful: bool) -> Hold | Refusal:
        outage = self._outage
        if outage is None:
            return AWAY
        hold = await outage.reserve(ask, number, is_doubtful=is_doubtful)
        if isinstance(hold, Hold):
            self._holds[number] = hold
            if self._outage is not outage:  # it ended while something was read
                self.settle(hold, 0, 0)
                return await self.reserve(ask)
        return hold

    async def _admit(self, ask: Ask, number: int | Literal["", "?"]) -> int | Refusal:
        """Without a number nothing is taken, as the script says. The time, or what refused it. Raises `StoreError` if
        Redis is away; what it did then is not known."""
        arguments = self._arguments(ask, number)
        for _ in range(_TRIES):
            redis = self._redis
            if redis is None:
                raise StoreError("Redis is away")
            reply = await self._do(redis, scripts.RESERVE, self._process, self._connection, *arguments)
            if isinstance(reply, int):
                return reply
            if reply[0] == 0:
                await self._restore(redis)
            elif reply[0] == 5:
                if not await self._load(redis, ask, reply[1:]):
                    return AWAY
            else:
                return _refusal(ask, reply)
        raise StoreError("Redis forgets what was loaded at once: does it evict, or is it being flushed?")

    def _arguments(self, ask: Ask, number: int | Literal["", "?"]) -> list[_Argument]:
        return [
            number,
            _record(ask),
            self._given_ms(),
            1 if ask.is_strict else 0,
            ask.hold_nusd,
            ask.key_id,
            ask.concurrency,
            ask.tokens_per_minute,
            ask.tokens,
            len(ask.money),
            *[part for meter in ask.money for part in meter],
            *[part for window in ask.windows for part in window],
        ]

    def settle(self, hold: Hold, cost_nusd: int, tokens: int) -> None:
        if hold.is_settled or not hold.number:
            return
        hold.is_settled = True
        self._holds.pop(hold.number, None)
        if cost_nusd:
            for name, _ in hold.ask.money:
                self._unstored[name] = self._unstored.get(name, 0) + cost_nusd
        if self._redis is not None:
            self._tell(self._redis, scripts.SETTLE, self._process, self._connection, hold.number, cost_nusd, tokens)
        elif self._outage is not None:
            self._outage.settle(hold, cost_nusd, tokens)

    def _release(self, number: int) -> None:
        """Behind the question, on the same connection: does nothing if that was refused."""
        if self._redis is not None:
            self._tell(self._redis, scripts.SETTLE, self._process, self._connection, number, 0, 0)

    def raise_spent(self, totals: Mapping[str, int], written: Mapping[str, int]) -> None:
        self._keep(totals)
        ours = {name: self._store(name, amount) for name, amount in written.items()}
        if self._outage is not None:
            self._outage.meters.raise_spent(totals, written)
        if self._redis is not None:
            self._tell_totals(self._redis, ours)

    def _store(self, name: str, written: int) -> int:
        """How much of it was settled here: what was written may have been admitted without this meter."""
        unstored = self._unstored.get(name, 0)
        if unstored > written:
            self._unstored[name] = unstored - written
        else:
            self._unstored.pop(name, None)
        return min(unstored, written)

    # -- getting to know ------------------------------------------------------------------------------------------

    async def _load(self, redis: Redis, ask: Ask, missing: Sequence[int | bytes]) -> bool:
        """Reads what Redis does not know of; whether that went well. Who asks for the same waits for one reading."""
        names = tuple(ask.money[each].name if isinstance(each, int) else each.decode() for each in missing)
        place = (ask.key_id, names)
        if place not in self._loads:
            task = self._loads[place] = asyncio.create_task(self._read(redis, ask, names))
            task.add_done_callback(lambda _: self._loads.pop(place))
        return await asyncio.shield(self._loads[place])

    async def _read(self, redis: Redis, ask: Ask, names: Sequence[str]) -> bool:
        loop = asyncio.get_running_loop()
        meters = [name for name in names if name not in SPANS]
        windows: list[WindowName] = [name for name in SPANS if name in names]
        arguments: list[_Argument] = [self._given_ms(), ask.key_id, len(meters)]
        try:
            if meters:
                totals = await loop.run_in_executor(None, self._read_spent, meters)
                arguments += [word for name in meters for word in (name, totals.get(name, 0))]
            if windows:
                minutes = await loop.run_in_executor(None, self._read_minutes, ask.key_id, self._since_minute(windows))
                arguments += [word for name in windows for word in _slots(name, minutes)]
        except StoreError as error:
            _log.error("spending and requests so far could not be read error=%s", error.message)
            return False
        except Exception:
            _log.exception("spending and requests so far could not be read")
            return False
        await self._do(redis, scripts.LOAD, *arguments)
        return True

    async def _restore(self, redis: Redis) -> None:
        """Once for all that find out at the same time: what is told may be long."""
        if self._restoring is None:
            self._restoring = asyncio.create_task(self._tell_held(redis))
            self._restoring.add_done_callback(self._restored)
        await asyncio.shield(self._restoring)

    async def _tell_held(self, redis: Redis) -> Reply:
        """What is told is what is so when it is sent: between the two nothing waits."""
        return await self._do(redis, scripts.RESTORE, *self._held())

    def _restored(self, _: asyncio.Task[Reply]) -> None:
        self._restoring = None

    def _since_minute(self, windows: Sequence[WindowName]) -> int:
        longest_ms = max(SPANS[name].window_ms + SPANS[name].slot_ms for name in windows)
        return (self._server_ms() - longest_ms) // _MINUTE_MS

    # -- the connection -------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Connects, if `run` has not yet."""
        if self._redis is None:
            await self._come_back()

    async def run(self) -> None:
        """Keeps the connection, beats, and lets go what dead processes hold."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                if self._redis is None:
                    await self._come_back()
                pause_s = _FIRST_PAUSE_S
                await self._sleep(await self._beat(self._redis))
            except StoreError as error:
                if pause_s == _FIRST_PAUSE_S:
                    _log.warning("limits cannot be shared: %s", error)
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
                if self._outage is not None:
                    self._outage.tidy(self._server_ms())

    async def close(self) -> None:
        """Lets go what this process still holds."""
        redis, self._redis = self._redis, None
        if redis is not None:
            with contextlib.suppress(StoreError):
                await self._do(redis, scripts.LEAVE, self._process)
            redis.close()
            await redis.closed()

    async def _sleep(self, pause_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                await self._wake.wait()
        self._wake.clear()

    async def _beat(self, redis: Redis | None) -> float:
        """Seconds until the next one."""
        if redis is None:
            return 0.0
        server_ms = await self._do(redis, scripts.BEAT, self._process, self._life_ms)
        if self._is_stale or not server_ms:
            self._is_stale = False
            await self._tell_held(redis)
        if server_ms:
            self._offset_ms = server_ms - self._now_ms()
        swept: list[int] = await self._do(redis, scripts.SWEEP)
        released, next_ms = swept
        if released:
            _log.warning("let go what a dead process held holds=%d", released)
        return min(self._beat_s, max(0, next_ms) / 1000 + 0.01)

    async def _come_back(self) -> None:
        redis = await Redis.open(
            self._address,
            connect_s=self._connect_s,
            reply_s=self._reply_s,
            ca_file=self._ca_file,
            on_lost=self._lost,
        )
        self._connection += 1
        try:
            await asyncio.gather(*(redis.ask("SCRIPT", "LOAD", script.source) for script in scripts.ALL))
            before = await self._tell_held(redis)
            server_ms = await self._do(redis, scripts.BEAT, self._process, self._life_ms)
        except BaseException:
            redis.close()
            raise
        self._offset_ms = server_ms - self._now_ms()
        self._go_on(redis, {int(each) for each in before})

    def _go_on(self, redis: Redis, before: set[int]) -> None:
        """Tells Redis what changed while it was being told, and all that it has missed. Nothing waits in here, so that
        whoever asks next comes behind this."""
        outage, self._outage, self._redis = self._outage, None, redis
        self._tell(redis, scripts.RESTORE, *self._held())
        if outage is not None and (counts := outage.counted(before)):
            words = [word for place, number in counts.items() for word in (*place, number)]
            for at in range(0, len(words), 5 * _AT_ONCE):
                self._untold.append([outage.since_ms, *words[at : at + 5 * _AT_ONCE]])
        untold, self._untold = self._untold, []
        for each in untold:
            arguments = (self._process, self._connection, self._given_ms(), *each)
            self._put(redis, scripts.MERGE, arguments, partial(self._untold.append, each))
        self._tell_totals(redis, {})
        for hold in self._holds.values():
            hold.twin = None

    def _tell_totals(self, redis: Redis, ours: Mapping[str, int]) -> None:
        totals, self._totals = self._totals, {}
        names = list(totals)
        for at in range(0, len(names), _AT_ONCE):
            part = {name: totals[name] for name in names[at : at + _AT_ONCE]}
            words = [word for name, total in part.items() for word in (name, total, ours.get(name, 0))]
            arguments = (self._process, self._connection, *words)
            self._put(redis, scripts.RAISE, arguments, partial(self._keep, part))

    def _keep(self, totals: Mapping[str, int]) -> None:
        for name, total in totals.items():
            self._totals[name] = max(total, self._totals.get(name, 0))

    def _lost(self, error: StoreError) -> None:
        if self._redis is None:
            return
        _log.warning("Redis is away: %s", error)
        self._redis = None
        self._outage = self._begin_outage()
        self._wake.set()

    def _begin_outage(self) -> Outage | None:
        if not self._serves_away:
            return None
        meters = LocalMeters(read_spent=self._read_spent, read_minutes=self._read_minutes, now_ms=self._server_ms)
        return Outage(meters, self._server_ms(), self._holds.values())

    # -- commands -------------------------------------------------------------------------------------------------

    async def _do(self, redis: Redis, script: Script, *arguments: _Argument) -> Reply:
        """Raises `StoreError`: then Redis is away, or so ill that it is taken for away."""
        reply = redis.ask("EVALSHA", script.sha, 1, self._base, *arguments)
        try:
            return await reply
        except StoreError as error:
            if error.code != "NOSCRIPT":
                redis.lose(error)
                raise
        except BaseException:
            reply.add_done_callback(_overhear)
            raise
        for each in scripts.ALL:  # somebody has flushed them
            redis.tell(self._note, "SCRIPT", "LOAD", each.source)
        return await redis.ask("EVAL", script.source, 1, self._base, *arguments)

    def _tell(self, redis: Redis, script: Script, *arguments: _Argument) -> None:
        redis.tell(self._note, "EVALSHA", script.sha, 1, self._base, *arguments)

    def _note(self, error: StoreError) -> None:
        """Something that nobody waits for was not done: the next beat tells Redis again what is held."""
        self._is_stale = True
        self._wake.set()

    def _put(self, redis: Redis, script: Script, arguments: Sequence[_Argument], otherwise: Callable[[], None]) -> None:
        def look(error: StoreError) -> None:
            otherwise()
            self._note(error)

        redis.tell(look, "EVALSHA", script.sha, 1, self._base, *arguments)

    def _held(self) -> list[_Argument]:
        """Arguments of `RESTORE`."""
        found: list[_Argument] = [self._process, self._connection, self._life_ms, len(self._holds)]
        for number, hold in self._holds.items():
            found += (number, f"{hold.at_ms}\n{_record(hold.ask)}")
        found.append(len(self._unstored))
        for item in self._unstored.items():
            found += item
        return [*found, *(self._asking - self._holds.keys())]

    def _server_ms(self) -> int:
        return self._now_ms() + self._offset_ms if self._fixed_ms is None else self._fixed_ms()

    def _given_ms(self) -> str | int:
        return "" if self._fixed_ms is None else self._fixed_ms()


def _record(ask: Ask) -> str:
    """What `scripts` calls a record, but for its first line."""
    tokens = ask.tokens if ask.tokens_per_minute else "-"
    head = f"{ask.hold_nusd}\n{tokens}\n{ask.key_id}\n{1 if ask.concurrency else 0}"
    return "\n".join([head, *(name for name, _ in ask.money)])


def _slots(name: WindowName, minutes: Mapping[int, int]) -> list[_Argument]:
    slots = in_slots(minutes, SPANS[name])
    return [name, len(slots), *[part for slot in slots.items() for part in slot]]


def _refusal(ask: Ask, reply: Sequence[Reply]) -> Refusal:
    kind = reply[0]
    if kind == 1:
        return Refusal("money", ask.money[reply[1]].name, None)
    if kind == 2:
        return Refusal("requests", reply[1].decode(), _in_s(reply[2]))
    return Refusal("tokens", "1m", _in_s(reply[1])) if kind == 3 else Refusal("concurrency", "", None)


def _in_s(wait_ms: int) -> float | None:
    return None if wait_ms < 0 else wait_ms / 1000


def _overhear(reply: asyncio.Future[Reply]) -> None:
    """Takes note of an error that nobody waits for, so that the loop does not complain of it."""
    if not reply.cancelled():
        reply.exception()
