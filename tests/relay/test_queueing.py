"""Waiting for room: in the order of coming, for a bounded time, and nobody stays behind."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import cast

import pytest

from tests.relay.answers import asking, frames_of, streamed
from tests.relay.stage import Handler, Stage, stage
from tests.relay.test_failover import failing
from tests.routing.channels import candidates_of, route_of
from tests.routing.channels import channel as routed
from torouter.channels import KINDS, Channel, Credential, Policy
from torouter.relay.passage import Passage
from torouter.relay.patience import Bounds, Patience
from torouter.relay.queueing import Queues
from torouter.relay.waiting import Waiting
from torouter.routing.planner import Pick, Planner
from torouter.routing.snapshot import Candidate, Route
from torouter.units import Secret
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request


def channel(name: str, cap: int = 1) -> Channel:
    return Channel(
        name=name, kind=KINDS["openai"], base_url=f"http://{name}/v1", models={"m": "m"},
        credentials=(Credential(secret=Secret("s")),), policy=Policy(concurrency=cap),
    )  # fmt: skip


A, B = channel("a"), channel("b")


class Rooms(Queues):
    """Queues at channels of which a test says how much room they have."""

    def __init__(self) -> None:
        super().__init__(self._take, self._give)
        self.free: Counter[str] = Counter()

    def ended(self, channel: str) -> None:
        self.free[channel] += 1
        self.room(channel)

    def _take(self, channel: Channel) -> bool:
        if not self.free[channel.name]:
            return False
        self.free[channel.name] -= 1
        return True

    def _give(self, channel: str) -> None:
        self.free[channel] += 1


async def waiting(
    queues: Rooms, *channels: Channel, wait_s: float = 5.0, is_first: bool = False
) -> asyncio.Task[str | None]:
    """Takes its place when it is woken."""

    async def wait() -> str | None:
        name = await queues.wait(channels, wait_s, is_first=is_first)
        if name is not None:
            queues.free[name] -= 1
        return name

    task = asyncio.create_task(wait())
    await asyncio.sleep(0)
    return task


async def test_who_came_first_goes_first() -> None:
    queues = Rooms()
    one, two = await waiting(queues, A), await waiting(queues, A)
    queues.ended("a")
    assert await one == "a"
    assert not two.done()
    three = await waiting(queues, A, is_first=True)
    queues.ended("a")
    assert await three
    queues.ended("a")
    assert await two
    assert len(queues) == 0


async def test_as_many_are_woken_as_there_is_room_for() -> None:
    queues = Rooms()
    one, two, three = [await waiting(queues, A) for _ in range(3)]
    queues.free["a"] = 2
    queues.room("a")
    assert await one
    assert await two
    assert not three.done()
    queues.room("a")  # nothing has ended
    await asyncio.sleep(0.01)
    assert not three.done()
    three.cancel()
    await asyncio.gather(three, return_exceptions=True)


async def test_room_anywhere_will_do() -> None:
    queues = Rooms()
    either = await waiting(queues, A, B)
    queues.ended("b")
    assert await either == "b"
    assert len(queues) == 0
    queues.ended("a")  # nobody waits for it any more
    assert queues.free["a"] == 1


async def test_a_time_has_its_end() -> None:
    queues = Rooms()
    assert await queues.wait((A,), 0.01, is_first=False) is None
    assert await queues.wait((A,), 0.0, is_first=False) is None
    assert len(queues) == 0


async def test_who_leaves_is_not_woken_and_gives_its_turn_on() -> None:
    queues = Rooms()
    one, two = await waiting(queues, A), await waiting(queues, A)
    queues.ended("a")
    one.cancel()  # woken, and gone before it could come
    assert await two
    with pytest.raises(asyncio.CancelledError):
        await one
    assert (len(queues), queues.free["a"]) == (0, 0)


async def test_a_queue_is_bounded() -> None:
    queues = Rooms()
    waiters = [await waiting(queues, A) for _ in range(64)]
    assert await queues.wait((A,), 5.0, is_first=False) is None
    assert len(queues) == 64
    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)
    assert len(queues) == 0


class Office:
    """A planner and those that wait at it, with a clock that a test sets."""

    def __init__(self, route: Route) -> None:
        self.now_s = 100.0
        self.planner = Planner(lambda: 0.5)
        self.route = route
        self.waiting = Waiting(self.planner, lambda: Patience(Bounds(), lambda: 0.5), lambda: self.now_s, asyncio.sleep)
        self.who = candidates_of(route)

    def newcomer(self) -> Pick | None:
        return self.planner.plan(self.route, self.now_s, affinity=None).next(self.now_s)

    async def come(self, queued_s: float = 0.0, patience: Patience | None = None) -> asyncio.Task[Candidate | None]:
        """One that takes its place as soon as it may."""
        passage = cast(Passage, SimpleNamespace(patience=patience, drain=None, queued_s=queued_s))
        plan = self.planner.plan(self.route, self.now_s, affinity=None)

        async def ask() -> Candidate | None:
            pick = await self.waiting.next(passage, plan)
            if pick is None:
                return None
            self.planner.began(pick.candidate, self.now_s)
            return pick.candidate

        task = asyncio.create_task(ask())
        await asyncio.sleep(0)
        return task


def capped(name: str, cap: int = 1, *, priority: int = 10) -> Channel:
    return routed(name, "m", concurrency=cap, priority=priority)


async def test_a_newcomer_does_not_get_what_somebody_has_waited_for() -> None:
    office = Office(route_of(capped("a")))
    first, second = await office.come(), await office.come()
    third = await office.come()
    a = await first
    assert a is not None
    office.planner.ended(a, office.now_s)  # the second is woken, and has not run yet
    assert office.newcomer() is None
    assert await second is a
    office.planner.ended(a, office.now_s)
    assert await third is a
    office.planner.ended(a, office.now_s)
    assert office.newcomer() is not None


async def test_room_that_nobody_takes_is_the_next_ones() -> None:
    """Who is woken finds a better channel that has recovered."""
    office = Office(route_of(routed("better", "m", priority=1), capped("a")))
    better, a = office.who["better"], office.who["a"]
    office.planner.failed(better, "channel", office.now_s, None)
    assert await (await office.come()) is a
    second, third = await office.come(), await office.come()
    office.now_s += 2.0
    office.planner.ended(a, office.now_s)
    assert await second is better
    async with asyncio.timeout(1):
        assert await third is a


async def test_room_that_can_not_be_used_is_not_passed_on_for_ever() -> None:
    """Its channel cools down by now: who waits hears of it, and of nothing more."""
    office = Office(route_of(capped("a")))
    a = office.who["a"]
    assert await (await office.come()) is a
    second, third = await office.come(), await office.come()
    office.planner.failed(a, "channel", office.now_s, 60.0)
    office.planner.ended(a, office.now_s)
    async with asyncio.timeout(1):
        assert await second is None
        assert await third is None


async def test_who_leaves_when_woken_leaves_its_place_to_newcomers() -> None:
    office = Office(route_of(capped("a")))
    a = await (await office.come())
    second = await office.come()
    assert a is not None
    office.planner.ended(a, office.now_s)
    second.cancel()
    await asyncio.gather(second, return_exceptions=True)
    assert office.newcomer() is not None


async def test_more_room_for_this_process_is_room_for_all_it_holds() -> None:
    office = Office(route_of(capped("a", 4)))
    office.planner.processes = 4
    a = await (await office.come())
    assert a is not None
    others = [await office.come() for _ in range(4)]
    office.planner.ended(a, office.now_s)
    assert await others[0] is a
    office.planner.processes = 1
    async with asyncio.timeout(1):
        assert await asyncio.gather(*others[1:]) == [a] * 3


async def test_a_request_waits_no_longer_than_it_may_in_all() -> None:
    office = Office(route_of(capped("a")))
    assert await (await office.come()) is not None
    async with asyncio.timeout(1):
        assert await (await office.come(queued_s=5.0)) is None


async def test_who_is_woken_and_has_no_attempt_left_leaves_its_place_to_the_next() -> None:
    office = Office(route_of(capped("a")))
    a = await (await office.come())
    assert a is not None
    tired, second = await office.come(patience=Patience(Bounds(attempts=0), lambda: 0.5)), await office.come()
    office.planner.ended(a, office.now_s)
    async with asyncio.timeout(1):
        assert await tired is None
        assert await second is a


STREAM = asking("openai-chat", stream=True)
FULL_ONCE = {"a": Policy(concurrency=1, queue_s=5.0)}


def paced(_: Request) -> Reply:
    return streamed(*frames_of("openai-chat"), pace_s=0.005)


def in_order(*handlers: Handler) -> Handler:
    left = iter(handlers)
    return lambda request: next(left)(request)


class Most(Planner):
    """Knows how many there were at a time."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.5)
        self.most = 0

    def began(self, candidate: Candidate, now_s: float) -> None:
        super().began(candidate, now_s)
        self.most = max(self.most, self.in_flight("a"))


class Crowd:
    """Others that come when a request pauses, and are being answered when it goes on."""

    def __init__(self, planner: Planner, count: int = 1) -> None:
        self.on: Stage | None = None
        self.others: list[asyncio.Task[bytes]] = []
        self._planner = planner
        self._count = count

    async def come(self) -> None:
        if len(self.others) < self._count:
            self.others.append(asyncio.create_task(self._ask()))
            while not self._planner.in_flight("a") or self._is_held_against():
                await asyncio.sleep(0.001)

    def _is_held_against(self) -> bool:
        return any(report.state != "closed" for report in self._planner.health.reports(0.0))

    async def _ask(self) -> bytes:
        assert self.on is not None
        return (await self.on.post(*STREAM)).body


@pytest.mark.parametrize("first", [failing(503), failing(429, None, (b"retry-after", b"3"))])
async def test_who_comes_back_after_a_pause_waits_for_room(first: Handler) -> None:
    """Somebody else has come meanwhile."""
    planner = Most()
    crowd = Crowd(planner)
    handlers = {"a": in_order(first, paced, paced)}
    async with stage(handlers, policies=FULL_ONCE, planner=planner, on_sleep=crowd.come) as on:
        crowd.on = on
        answer = await on.post(*STREAM)
        assert (answer.status, b"[DONE]" in answer.body) == (200, True)
        assert b"[DONE]" in await crowd.others[0]
        assert planner.most == 1


async def test_who_has_waited_as_its_upstream_said_waits_for_room_then() -> None:
    planner = Most()
    crowd = Crowd(planner)
    handlers = {"a": in_order(failing(429, None, (b"retry-after", b"3")), paced, paced)}
    async with stage(handlers, policies=FULL_ONCE, planner=planner, on_sleep=crowd.come, max_attempts=1) as on:
        crowd.on = on
        assert (await on.post(*STREAM)).status == 429
        answer = await on.post(*STREAM)
        assert (answer.status, b"[DONE]" in answer.body) == (200, True)
        assert b"[DONE]" in await crowd.others[0]
        assert planner.most == 1


async def test_the_next_candidate_is_waited_for_too() -> None:
    planner = Most()
    slow_to_fail: Handler = lambda _: Reply(503, [], [b"{", b"}"], 0.01)  # noqa: E731
    handlers = {"b": slow_to_fail, "a": paced}
    async with stage(handlers, policies=FULL_ONCE, planner=planner) as on:
        answers = await asyncio.gather(*(on.post(*STREAM) for _ in range(4)))
        assert [b"[DONE]" in answer.body for answer in answers] == [True] * 4
        assert planner.most == 1
