"""A second attempt beside a slow one: who wins, what becomes of the other, and what is written down."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.relay.answers import asking, frames_of, streamed, whole
from tests.relay.stage import Handler, stage
from tests.relay.test_failover import STOPS, broken, failing, served
from tests.relay.test_fallbacks import ByModel
from torouter.channels import Policy
from torouter.routing.planner import Planner
from torouter.routing.snapshot import Candidate
from torouter.units import Dialect
from torouter.wire.memory import Reply

HEDGES = {name: Policy(hedges=True) for name in "ab"}
MODELS = {name: {"big": "up-big"} for name in "ab"}


class Known(Planner):
    """Every model's 95th first token comes within 20 ms."""

    def __init__(self) -> None:
        super().__init__(lambda: 0.5)
        self.under_way = 0

    def slow_after_s(self, candidate: Candidate, *, is_whole: bool) -> float | None:
        return 0.02

    def began(self, candidate: Candidate, now_s: float) -> None:
        self.under_way += 1
        super().began(candidate, now_s)

    def ended(self, candidate: Candidate, now_s: float) -> None:
        self.under_way -= 1
        super().ended(candidate, now_s)


def late(dialect: Dialect, *, stream: bool, after_s: float = 5.0) -> Handler:
    """A head at once, and what it says much later."""
    frames = frames_of(dialect) if stream else [b" ", *(b"%b" % piece for piece in _halves(dialect))]
    if stream:
        return lambda _: streamed(b": nothing yet\n\n", *frames, pace_s=after_s)
    return lambda _: Reply(200, [(b"content-type", b"application/json")], frames, after_s)


def _halves(dialect: Dialect) -> tuple[bytes, bytes]:
    body = json.dumps(whole(dialect)).encode()
    return body[:20], body[20:]


WAYS = pytest.mark.parametrize(
    ("dialect", "stream"),
    [(dialect, stream) for dialect in ("openai-chat", "anthropic") for stream in (False, True)],
)


def body_of(*, stream: bool) -> tuple[str, dict[str, object]]:
    path, body = asking("openai-chat", stream=stream)
    return path, {**body, "model": "big"}


async def quiet(planner: Known) -> None:
    async with asyncio.timeout(5):
        while planner.under_way:
            await asyncio.sleep(0.005)


@WAYS
async def test_the_second_wins_where_the_first_is_slow(dialect: Dialect, stream: bool) -> None:
    planner, (path, body) = Known(), body_of(stream=stream)
    handlers = {"a": late(dialect, stream=stream), "b": served(dialect, stream=stream)}
    async with stage(
        handlers, dialects=(dialect,), channel_models=MODELS, policies=HEDGES, planner=planner, charged=ByModel()
    ) as on:
        answer = await on.post(path, body)
        assert (answer.status, answer.is_complete) == (200, True)
        assert b"word number 39" in answer.body
        [entry] = await on.settled()
        await quiet(planner)
        assert entry.usage.channel == "b"
        lost, won = entry.attempts
        assert (lost.channel, lost.outcome, lost.left_for, lost.amount_nusd) == ("a", "lost", "lost", 0)
        assert lost.cost_nusd > 0
        assert (won.channel, won.picked, won.left_for) == ("b", "hedge", "")
        assert (-won.amount_nusd, won.cost_nusd) == (entry.usage.cost_nusd, entry.usage.cost_nusd)


@WAYS
async def test_the_first_wins_where_it_is_the_first_to_say_something(dialect: Dialect, stream: bool) -> None:
    planner, (path, body) = Known(), body_of(stream=stream)
    handlers = {"a": late(dialect, stream=stream, after_s=0.06), "b": late(dialect, stream=stream)}
    async with stage(handlers, dialects=(dialect,), channel_models=MODELS, policies=HEDGES, planner=planner) as on:
        answer = await on.post(path, body)
        assert answer.status == 200
        assert b"word number 39" in answer.body
        [entry] = await on.settled()
        await quiet(planner)
        assert [(row.channel, row.outcome) for row in entry.attempts] == [("b", "lost"), ("a", "ok")]


async def test_one_that_is_quick_has_no_rival() -> None:
    planner, (path, body) = Known(), body_of(stream=True)
    handlers = {"a": served("openai-chat", stream=True), "b": served("openai-chat", stream=True)}
    async with stage(handlers, channel_models=MODELS, policies=HEDGES, planner=planner) as on:
        assert (await on.post(path, body)).status == 200
        assert [name for name, _ in on.asked] == ["a"]
        assert planner.under_way == 0


@pytest.mark.parametrize("second", [failing(500), failing(401), broken("connect"), STOPS["400"][0]])
async def test_one_that_fails_leaves_it_to_the_other(second: Handler) -> None:
    planner, (path, body) = Known(), body_of(stream=True)
    handlers = {"a": late("anthropic", stream=True, after_s=0.06), "b": second}
    async with stage(handlers, dialects=("anthropic",), channel_models=MODELS, policies=HEDGES, planner=planner) as on:
        answer = await on.post(path, body)
        assert (answer.status, b"word number 39" in answer.body) == (200, True)
        [entry] = await on.settled()
        assert [row.channel for row in entry.attempts] == ["b", "a"]
        assert planner.under_way == 0


async def test_both_fail_and_a_third_serves() -> None:
    planner, (path, body) = Known(), body_of(stream=True)
    slow_to_fail: Handler = lambda _: Reply(500, [], [b"{", b"}"], 0.05)  # noqa: E731
    models = {name: {"big": "up-big"} for name in "abc"}
    handlers = {"a": slow_to_fail, "b": failing(500), "c": served("openai-chat", stream=True)}
    async with stage(handlers, channel_models=models, policies=HEDGES, planner=planner) as on:
        answer = await on.post(path, body)
        assert (answer.status, b"[DONE]" in answer.body) == (200, True)
        [entry] = await on.settled()
        assert sorted(row.channel for row in entry.attempts) == ["a", "b", "c"]
        assert entry.attempts[-1].channel == "c"
        assert planner.under_way == 0


async def test_a_client_that_leaves_takes_both_along() -> None:
    planner, (path, body) = Known(), body_of(stream=True)
    handlers = {"a": late("openai-chat", stream=True), "b": late("openai-chat", stream=True)}
    async with stage(handlers, channel_models=MODELS, policies=HEDGES, planner=planner) as on:
        _, writer = await asyncio.open_connection("127.0.0.1", on.port)
        writer.write(on.request(path, body))
        async with asyncio.timeout(5):
            while len(on.asked) < 2:
                await asyncio.sleep(0.005)
        writer.close()
        [entry] = await on.settled()
        await quiet(planner)
        assert entry.usage.outcome == "client_left"
        assert sorted((row.channel, row.outcome) for row in entry.attempts) == [("a", "client_left"), ("b", "lost")]


async def test_without_the_policy_nobody_is_asked_beside() -> None:
    planner, (path, body) = Known(), body_of(stream=True)
    handlers = {"a": late("openai-chat", stream=True, after_s=0.03), "b": served("openai-chat", stream=True)}
    async with stage(handlers, channel_models=MODELS, planner=planner) as on:
        assert (await on.post(path, body)).status == 200
        assert [name for name, _ in on.asked] == ["a"]


async def test_whole_answers_are_compared_with_whole_answers() -> None:
    """First tokens of streams come long before a whole answer could."""
    planner = Planner(lambda: 0.5)
    handlers = {"a": late("openai-chat", stream=False, after_s=0.02), "b": served("openai-chat", stream=False)}
    streams = {"a": served("openai-chat", stream=True), "b": served("openai-chat", stream=True)}
    async with stage(streams, channel_models=MODELS, policies=HEDGES, planner=planner) as on:
        path, body = body_of(stream=True)
        for _ in range(20):
            assert (await on.post(path, body)).status == 200
        assert {name for name, _ in on.asked} == {"a"}
    async with stage(handlers, channel_models=MODELS, policies=HEDGES, planner=planner) as on:
        path, body = body_of(stream=False)
        for _ in range(20):
            assert (await on.post(path, body)).status == 200
        assert {name for name, _ in on.asked} == {"a"}


@pytest.mark.parametrize("dialect", ["openai-chat", "anthropic"])
async def test_times_of_whole_answers_are_known_with_and_without_a_race(dialect: Dialect) -> None:
    planner, (path, body) = Planner(lambda: 0.5), body_of(stream=False)
    slow_from_now_on = iter([*[late(dialect, stream=False, after_s=0.01)] * 25, late(dialect, stream=False)])
    handlers = {"a": lambda request: next(slow_from_now_on)(request), "b": served(dialect, stream=False)}
    async with stage(handlers, dialects=(dialect,), channel_models=MODELS, policies=HEDGES, planner=planner) as on:
        for _ in range(25):
            assert (await on.post(path, body)).status == 200
        del on.asked[:]
        assert (await on.post(path, body)).status == 200
        assert [name for name, _ in on.asked] == ["a", "b"]
        entries = await on.settled(26)
        assert [(row.channel, row.outcome) for row in entries[-1].attempts] == [("a", "lost"), ("b", "ok")]


@pytest.mark.parametrize(("attempts", "switches"), [(1, 3), (6, 0)])
async def test_an_attempt_beside_another_is_one_of_those_that_are_allowed(attempts: int, switches: int) -> None:
    planner, (path, body) = Known(), body_of(stream=True)
    handlers = {"a": late("openai-chat", stream=True, after_s=0.03), "b": served("openai-chat", stream=True)}
    async with stage(
        handlers, channel_models=MODELS, policies=HEDGES, planner=planner, max_attempts=attempts, max_switches=switches
    ) as on:
        assert (await on.post(path, body)).status == 200
        assert [name for name, _ in on.asked] == ["a"]


async def test_both_of_two_count_as_attempts() -> None:
    planner, (path, body) = Known(), body_of(stream=True)
    slow_to_fail: Handler = lambda _: Reply(500, [], [b"{", b"}"], 0.05)  # noqa: E731
    models = {name: {"big": "up-big"} for name in "abcd"}
    handlers = {"a": slow_to_fail, "b": failing(500), "c": failing(500), "d": served("openai-chat", stream=True)}
    async with stage(handlers, channel_models=models, policies=HEDGES, planner=planner, max_attempts=3) as on:
        assert (await on.post(path, body)).status == 502
        assert [name for name, _ in on.asked] == ["a", "b", "c"]


async def test_a_cap_holds_for_those_that_come_together() -> None:
    path, body = body_of(stream=True)
    policies = {"a": Policy(hedges=True, concurrency=1), "b": Policy()}
    paced: Handler = lambda _: streamed(*frames_of("openai-chat"), pace_s=0.001)  # noqa: E731
    handlers = {"a": paced, "b": paced}
    together: list[str] = []

    class Counting(Known):
        def began(self, candidate: Candidate, now_s: float) -> None:
            super().began(candidate, now_s)
            together.append(f"{candidate.channel.name}{self.in_flight(candidate.channel.name)}")

    planner = Counting()
    async with stage(handlers, channel_models=MODELS, policies=policies, planner=planner) as on:
        connections = [await asyncio.open_connection("127.0.0.1", on.port) for _ in range(8)]
        await asyncio.sleep(0.05)
        for _, writer in connections:
            writer.write(on.request(path, body))
        await on.settled(8)
        for _, writer in connections:
            writer.close()
        assert "a1" in together
        assert "a2" not in together
        assert planner.under_way == 0
