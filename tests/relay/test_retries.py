"""Asking the same channel again: who is, how often, after how long; and who waits for room, or for what it was told."""

from __future__ import annotations

import asyncio

import pytest

from tests.relay.answers import asking, frames_of, streamed
from tests.relay.stage import Handler, Stage, stage
from tests.relay.test_failover import CHAT, GOOD, broken, failing, good, silent
from torouter.channels import Policy
from torouter.errors import UpstreamError
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request

PATH = "/v1/chat/completions"


def first_then(first: Handler, then: Handler, times: int = 1) -> Handler:
    left = [first] * times
    return lambda request: (left.pop() if left else then)(request)


def by_secret(handlers: dict[str, Handler]) -> Handler:
    """What an upstream says to each of its keys."""

    def handle(request: Request) -> Reply:
        secret = next(secret for secret in handlers if f"Bearer {secret}".encode() in request.head)
        return handlers[secret](request)

    return handle


def names(on: Stage) -> list[str]:
    return [name for name, _ in on.asked]


@pytest.mark.parametrize("first", [failing(500), failing(503), failing(429), broken("connect"), broken("head")])
async def test_the_only_channel_is_asked_again(first: Handler) -> None:
    async with stage({"a": first_then(first, good)}) as on:
        answer = await on.post(PATH, CHAT)
        assert (answer.status, answer.json) == (200, GOOD)
        [entry] = await on.settled()
        assert [row.picked for row in entry.attempts] == ["only", "again"]
        assert entry.attempts[0].left_for
        assert sum(on.slept_s) <= 0.5


async def test_a_dying_upstream_is_not_asked_for_ever() -> None:
    async with stage({"a": failing(503)}) as on:
        assert (await on.post(PATH, CHAT)).status == 502
        assert names(on) == ["a"] * 3
        assert len(on.slept_s) == 2
        assert sum(on.slept_s) <= 1.5
    async with stage({name: failing(500) for name in "abcdef"}, max_switches=5, max_attempts=4) as on:
        assert (await on.post(PATH, CHAT)).status == 502
        assert names(on) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    "first",
    [
        silent("upstream_no_answer", "timeout", "head"),
        silent("upstream_connect_timeout", "timeout", "connect"),
        failing(504), failing(401), failing(402), failing(403),
        silent("upstream_malformed", None, "head"),
    ],
)  # fmt: skip
async def test_a_silent_one_is_not_asked_twice_nor_one_that_would_say_the_same(first: Handler) -> None:
    async with stage({"a": first_then(first, good)}) as on:
        assert (await on.post(PATH, CHAT)).status in (502, 504)
        assert (names(on), on.slept_s) == (["a"], [])


async def test_alternatives_come_before_waiting() -> None:
    async with stage({"a": first_then(failing(500), good), "b": failing(500), "c": failing(401)}) as on:
        assert (await on.post(PATH, CHAT)).status == 200
        assert names(on)[:3] == ["a", "b", "c"]
        assert names(on)[-1] == "a"
        assert on.slept_s


async def test_a_short_retry_after_is_waited_for() -> None:
    limited = failing(429, None, (b"retry-after", b"3"))
    async with stage({"a": first_then(limited, good)}) as on:
        assert (await on.post(PATH, CHAT)).status == 200
        assert (names(on), [round(slept_s) for slept_s in on.slept_s]) == (["a", "a"], [3])


async def test_a_long_retry_after_is_told_and_kept_to() -> None:
    limited = failing(429, None, (b"retry-after", b"60"))
    async with stage({"a": first_then(limited, good)}) as on:
        first, second = await on.post(PATH, CHAT), await on.post(PATH, CHAT)
        assert (first.status, first.headers[b"retry-after"]) == (429, b"60")
        assert (second.status, second.headers[b"retry-after"]) == (429, b"60")
        assert second.json["error"]["code"] == "upstream_rate_limited"
        assert (names(on), on.slept_s) == (["a"], [])
        on.slept_s.append(61.0)  # so much later
        assert (await on.post(PATH, CHAT)).status == 200


async def test_no_waiting_at_all() -> None:
    async with stage({"a": first_then(failing(500), good)}, retry_s=0.0) as on:
        assert (await on.post(PATH, CHAT)).status == 502
        assert (names(on), on.slept_s) == (["a"], [])


@pytest.mark.parametrize(
    ("first", "name"),
    [(failing(401), "bad_credential"), (failing(402), "no_credit"), (failing(429), "rate_limited")],
)
async def test_a_bad_credential_is_not_a_bad_channel(first: Handler, name: str) -> None:
    a = by_secret({"x": first, "y": good})
    async with stage({"a": a}, credentials={"a": ("x", "y")}) as on:
        for _ in range(4):
            assert (await on.post(PATH, CHAT)).status == 200
        entries = await on.settled(4)
        rows = [row for entry in entries for row in entry.attempts]
        assert [(row.credential, row.left_for) for row in rows if row.left_for] == [("x", name)] or all(
            row.credential == "y" for row in rows
        )
        assert all(entry.attempts[-1].credential == "y" for entry in entries)


async def test_a_failing_channel_is_not_asked_with_another_credential() -> None:
    async with stage({"a": failing(503), "b": good}, credentials={"a": ("x", "y")}) as on:
        assert (await on.post(PATH, CHAT)).status == 200
        assert names(on) == ["a", "b"]


def slow(_: Request) -> Reply:
    return streamed(*frames_of("openai-chat"), pace_s=0.01)


async def test_who_finds_a_channel_full_waits_for_room() -> None:
    path, body = asking("openai-chat", stream=True)
    policy = Policy(concurrency=1, queue_s=5.0)
    async with stage({"a": slow}, policies={"a": policy}) as on:
        answers = await asyncio.gather(*(on.post(path, body) for _ in range(3)))
        assert [answer.status for answer in answers] == [200, 200, 200]
        assert all(b"[DONE]" in answer.body for answer in answers)


async def test_a_full_channel_has_room_elsewhere() -> None:
    path, body = asking("openai-chat", stream=True)
    async with stage({"a": slow, "b": slow}, policies={"a": Policy(concurrency=1)}) as on:
        await asyncio.gather(*(on.post(path, body) for _ in range(3)))
        assert sorted(names(on)) == ["a", "b", "b"]


async def test_who_waits_too_long_is_told_that_it_is_busy() -> None:
    path, body = asking("openai-chat", stream=True)
    async with stage({"a": slow}, policies={"a": Policy(concurrency=1, queue_s=0.05)}) as on:
        first = asyncio.create_task(on.post(path, body))
        while not on.asked:
            await asyncio.sleep(0.005)
        second = await on.post(path, body)
        assert (second.status, second.headers[b"retry-after"]) == (503, b"1")
        assert (second.json["error"]["type"], second.json["error"]["code"]) == ("upstream_unavailable", "channel_busy")
        assert (await first).status == 200
        refused = next(row for row in on.rows if row.status == 503)
        assert (refused.channel, refused.outcome) == ("", "refused")


async def test_who_leaves_the_queue_is_not_asked_for() -> None:
    path, body = asking("openai-chat", stream=True)
    async with stage({"a": slow}, policies={"a": Policy(concurrency=1)}) as on:
        first = asyncio.create_task(on.post(path, body))
        while not on.asked:
            await asyncio.sleep(0.005)
        reader, writer = await asyncio.open_connection("127.0.0.1", on.port)
        writer.write(on.request(path, body))
        await asyncio.sleep(0.05)
        writer.close()
        assert (await first).status == 200
        entries = await on.settled(2)
        assert sorted(entry.usage.outcome for entry in entries) == ["client_left", "ok"]
        assert names(on) == ["a"]
        assert reader is not None


async def test_what_is_told_may_be_retried_only_if_it_may() -> None:
    async with stage({"a": failing(402)}) as on:
        spent = await on.post(PATH, CHAT)
        assert (spent.status, spent.headers[b"x-should-retry"]) == (502, b"false")
    async with stage({"a": failing(503)}) as on:
        assert b"x-should-retry" not in (await on.post(PATH, CHAT)).headers


CUT = UpstreamError("cut", phase="stream", upstream_status=200, code="upstream_truncated")


def cut_off(_: Request) -> Reply:
    return streamed(*frames_of("openai-chat")[:9], fault=CUT)


def to_its_end(_: Request) -> Reply:
    return streamed(*frames_of("openai-chat"))


async def test_a_cut_after_the_commit_speaks_against_the_channel() -> None:
    """The caller gets the error; when three in a row have failed so, others are not sent there any more."""
    path, body = asking("openai-chat", stream=True)
    async with stage({"a": cut_off, "b": to_its_end}) as on:
        for _ in range(3):
            answer = await on.post(path, body)
            assert b"[DONE]" not in answer.body
            assert b"error" in answer.body
        assert b"[DONE]" in (await on.post(path, body)).body
        assert names(on) == [*"aaa", "b"]


async def test_half_of_ten_that_are_cut_speak_against_the_channel() -> None:
    """Each counts once, though it is known twice: when it begins, and when it breaks off."""
    path, body = asking("openai-chat", stream=True)
    handlers = iter([to_its_end, cut_off] * 5)
    async with stage({"a": lambda request: next(handlers)(request), "b": to_its_end}) as on:
        for _ in range(11):
            await on.post(path, body)
        assert names(on) == [*"aaaaaaaaaa", "b"]


async def test_where_answers_break_off_one_that_begins_has_not_recovered() -> None:
    path, body = asking("openai-chat", stream=True)
    handlers = iter([*[cut_off] * 6, to_its_end, to_its_end])
    async with stage({"a": lambda request: next(handlers)(request), "b": to_its_end}) as on:
        for _ in range(3):
            await on.post(path, body)
        for cooled_s in (1.0, 2.0, 4.0):  # twice as long each time
            on.slept_s.append(0.5 * cooled_s)
            await on.post(path, body)
            on.slept_s.append(0.5 * cooled_s)
            await on.post(path, body)
        on.slept_s.append(8.0)
        for _ in range(2):
            assert b"[DONE]" in (await on.post(path, body)).body
        assert names(on) == [*"aaa", *"ba" * 3, *"aa"]


async def test_a_beginning_gives_traffic_back_where_no_answer_broke_off() -> None:
    """A long stream does not keep a primary that has recovered from its other requests."""
    path, body = asking("openai-chat", stream=True)
    handlers = iter([failing(503), slow, slow])
    async with stage({"a": lambda request: next(handlers)(request), "b": to_its_end}) as on:
        await on.post(path, body)
        on.slept_s.append(1.0)
        looking = asyncio.create_task(on.post(path, body))
        async with asyncio.timeout(5):
            while len(on.asked) < 3:
                await asyncio.sleep(0.005)
        await asyncio.sleep(0.05)
        assert not looking.done()
        await on.post(path, body)
        assert names(on) == [*"abaa"]
        assert b"[DONE]" in (await looking).body
