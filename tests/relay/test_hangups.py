"""What a client that hangs up pays: as far as the answer came, or the whole of it, which is read to its end."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import pytest

from tests.relay.answers import DIALECTS, INPUT, OUTPUT, WORDS, asking, frames_of, streamed, whole
from tests.relay.stage import Stage, json_reply, stage
from tests.relay.test_settling import ROADS, Meters, Prices, tokens
from torouter.access.terms import Terms
from torouter.errors import UpstreamError
from torouter.ledger.books import Entry
from torouter.ledger.meters import Ask, Hold
from torouter.store import OnHangup
from torouter.units import Dialect
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request

CANCEL, DRAIN = (Terms(on_hangup=on_hangup, hold=Hold(Ask(key_id=1), 0)) for on_hangup in ("cancel", "drain"))
SEEN = b"word number 9 "
PACE_S = 0.01


def paced(frames: Sequence[bytes], **options: object) -> Reply:
    return streamed(*frames, pace_s=PACE_S, **options)


async def hang_up(on: Stage, dialect: Dialect, *, stream: bool, after: bytes = b"") -> bytes:
    """Asks, reads until these bytes have come, and resets the connection; what was read."""
    reader, writer = await asyncio.open_connection("127.0.0.1", on.port)
    writer.write(on.request(*asking(dialect, stream=stream)))
    got = b""
    async with asyncio.timeout(10):
        while not on.asked:
            await asyncio.sleep(0.001)
        while after not in got:
            got += await reader.read(65536)
    writer.transport.abort()
    return got


@asynccontextmanager
async def staged(
    upstream: Dialect, reply: Reply, terms: Terms, drain_s: float = 60.0
) -> AsyncIterator[tuple[Stage, Meters]]:
    meters, handlers = Meters(), {"a": lambda _: reply}
    async with stage(
        handlers, dialects=(upstream,), charged=Prices(), meters=meters, terms=terms, drain_s=drain_s
    ) as on:
        yield on, meters


def check_money(entry: Entry, meters: Meters) -> None:
    """Whatever was used, it is charged once, and the same everywhere."""
    row, cost_nusd = entry.usage, entry.usage.input_tokens + 3 * entry.usage.output_tokens
    assert row.cost_nusd == cost_nusd
    assert [attempt.amount_nusd for attempt in entry.attempts] == [-cost_nusd]
    assert [(cost, count) for _, cost, count in meters.settled] == [(cost_nusd, row.input_tokens + row.output_tokens)]


@pytest.mark.parametrize(("client", "upstream"), ROADS)
async def test_cancelled_is_billed_as_far_as_it_came(client: Dialect, upstream: Dialect) -> None:
    async with staged(upstream, paced(frames_of(upstream)), CANCEL) as (on, meters):
        got = await hang_up(on, client, stream=True, after=SEEN)
        [entry] = await on.settled()
        assert (on.counters.drains, on.counters.in_flight) == (0, 0)
    check_money(entry, meters)
    assert (entry.usage.status, entry.usage.outcome, entry.attempts[0].outcome) == (499, "client_left", "client_left")
    said = max(number for number in range(40) if f"word number {number} ".encode() in got) + 1
    input_tokens, output_tokens, quality = tokens(entry)
    if upstream in ("anthropic", "gemini"):
        assert (input_tokens, quality) == (INPUT, "partial")
    else:
        assert quality == "estimated"
        assert 54 <= input_tokens <= 64
    least, most = sum(map(len, WORDS[:said])) / 4, sum(map(len, WORDS[: said + 6])) / 4
    if upstream == "gemini":
        least, most = said, said + 6
    assert least - 2 <= output_tokens <= most


@pytest.mark.parametrize(("client", "upstream"), ROADS)
async def test_drained_is_billed_by_what_the_upstream_tells_in_the_end(client: Dialect, upstream: Dialect) -> None:
    async with staged(upstream, paced(frames_of(upstream)), DRAIN) as (on, meters):
        await hang_up(on, client, stream=True, after=SEEN)
        [entry] = await on.settled()
        await asyncio.sleep(0.05)
        assert (on.counters.drains, on.counters.draining, on.counters.in_flight) == (1, 0, 0)
        assert len(on.entries) == 1
    check_money(entry, meters)
    assert tokens(entry) == (INPUT, OUTPUT, "reported")
    assert (entry.usage.status, entry.usage.outcome, entry.attempts[0].outcome) == (499, "client_left", "ok")


@pytest.mark.parametrize(("client", "upstream"), ROADS)
async def test_a_drain_that_takes_too_long_is_billed_as_a_cancelled_one(client: Dialect, upstream: Dialect) -> None:
    endless = [*frames_of(upstream)[:20], *[b": wait\n\n"] * 1000]
    async with staged(upstream, paced(endless), DRAIN, drain_s=0.2) as (on, meters):
        await hang_up(on, client, stream=True, after=SEEN)
        [entry] = await on.settled()
    check_money(entry, meters)
    assert entry.usage.quality == ("partial" if upstream in ("anthropic", "gemini") else "estimated")
    assert (entry.usage.outcome, entry.attempts[0].outcome) == ("client_left", "client_left")
    assert entry.usage.output_tokens >= (10 if upstream == "gemini" else 40)


class TestWholeAnswers:
    """Given when all of it is there: who leaves before has got nothing of it."""

    @staticmethod
    def reply(upstream: Dialect) -> Reply:
        body = json.dumps(whole(upstream)).encode()
        pieces = [body[at : at + 400] for at in range(0, len(body), 400)]
        return Reply(200, [(b"content-type", b"application/json")], pieces, pace_s=0.1)

    @pytest.mark.parametrize(("client", "upstream"), ROADS)
    async def test_drained(self, client: Dialect, upstream: Dialect) -> None:
        async with staged(upstream, self.reply(upstream), DRAIN) as (on, meters):
            await hang_up(on, client, stream=False)
            [entry] = await on.settled()
        check_money(entry, meters)
        assert tokens(entry) == (INPUT, OUTPUT, "reported")
        assert (entry.usage.outcome, entry.attempts[0].outcome) == ("client_left", "ok")

    @pytest.mark.parametrize("upstream", DIALECTS)
    async def test_cancelled_before_anything_came_is_free(self, upstream: Dialect) -> None:
        async with staged(upstream, self.reply(upstream), CANCEL) as (on, meters):
            await hang_up(on, "openai-chat", stream=False)
            [entry] = await on.settled()
        check_money(entry, meters)
        assert tokens(entry) == (0, 0, "none")
        assert (entry.usage.outcome, entry.usage.cost_nusd) == ("client_left", 0)


class TestDrains:
    async def test_no_other_channel_is_asked_for_nobody(self) -> None:
        """Only what somebody was waiting for is worth a second upstream."""
        headers = [(b"content-type", b"application/json")]
        slow = Reply(200, headers, [b" ", b" ", b"{"], pace_s=0.1, fault=UpstreamError("reset", phase="body"))
        handlers = {"a": lambda _: slow, "b": lambda _: json_reply(200, whole("anthropic"))}
        async with stage(handlers, dialects=("anthropic",), terms=DRAIN) as on:
            await hang_up(on, "openai-chat", stream=False)
            [entry] = await on.settled()
            assert [name for name, _ in on.asked] == ["a"]
        assert [(row.channel, row.outcome, row.amount_nusd) for row in entry.attempts] == [("a", "upstream_error", 0)]
        assert (entry.usage.outcome, tokens(entry)) == ("client_left", (0, 0, "none"))

    async def test_a_client_that_read_too_slowly_and_left_holds_nothing_up(self) -> None:
        """Its upstream was no longer read; now it is."""
        padding = b": %b\n\n" % (b"x" * 60_000)
        frames = frames_of("openai-chat")
        reply = streamed(*frames[:3], *[padding] * 200, *frames[3:])
        async with staged("openai-chat", reply, DRAIN) as (on, meters):
            _, writer = await asyncio.open_connection("127.0.0.1", on.port, limit=1024)
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            writer.write(on.request(*asking("openai-chat", stream=True)))
            await asyncio.sleep(0.3)
            assert on.entries == [], "it is paused"
            writer.transport.abort()
            [entry] = await on.settled()
        check_money(entry, meters)
        assert tokens(entry) == (INPUT, OUTPUT, "reported")

    async def test_the_end_of_an_answer_is_not_the_client_leaving(self) -> None:
        """One that closes when it has all it wants has had a whole answer."""
        frames = [*frames_of("openai-chat"), *[b": more\n\n"] * 50]
        async with staged("openai-chat", paced(frames), DRAIN) as (on, meters):
            await hang_up(on, "openai-chat", stream=True, after=b"[DONE]")
            [entry] = await on.settled()
            await asyncio.sleep(0.1)
            assert (on.counters.drains, on.counters.in_flight) == (0, 0)
        check_money(entry, meters)
        assert (entry.usage.outcome, tokens(entry)) == ("ok", (INPUT, OUTPUT, "reported"))

    async def test_what_has_not_been_sent_yet_is_not(self) -> None:
        """The client leaves while its request is still being made ready."""
        asked = asyncio.Event()

        class Slow:
            async def keep(self, account_id: int, key_id: int, kept_id: str, document: bytes) -> bool:
                return False

            async def find(self, account_id: int, kept_id: str) -> bytes | None:
                asked.set()
                await asyncio.sleep(10)
                return None

            async def delete(self, account_id: int, kept_id: str) -> bool:
                return False

        def never(_: Request) -> Reply:
            raise AssertionError("nobody wants it")

        async with stage({"a": never}, dialects=("anthropic",), shelf=Slow(), keeps=True, terms=DRAIN) as on:
            _, writer = await asyncio.open_connection("127.0.0.1", on.port)
            body = {"model": "m", "input": "hi", "previous_response_id": f"resp_{1:024x}"}
            writer.write(on.request("/v1/responses", body))
            await asyncio.wait_for(asked.wait(), 10)
            writer.transport.abort()
            [entry] = await on.settled()
        assert (entry.usage.outcome, entry.attempts) == ("client_left", ())


@pytest.mark.parametrize("on_hangup", ["cancel", "drain"])
async def test_a_translated_answer_that_is_being_kept(on_hangup: OnHangup) -> None:
    reply, terms = paced(frames_of("anthropic")), Terms(on_hangup=on_hangup)
    async with stage({"a": lambda _: reply}, dialects=("anthropic",), keeps=True, terms=terms, charged=Prices()) as on:
        await hang_up(on, "openai-responses", stream=True, after=SEEN)
        [entry] = await on.settled()
    assert entry.usage.outcome == "client_left"
    assert entry.usage.quality == ("reported" if on_hangup == "drain" else "partial")
    assert entry.attempts[0].amount_nusd == -entry.usage.cost_nusd < 0
