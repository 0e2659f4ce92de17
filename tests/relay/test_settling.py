"""Settling: exactly once, before an answer is whole; what it used, by whose word; what it cost; each attempt."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.relay.answers import DIALECTS, INPUT, OUTPUT, WORDS, asking, frames_of, last_mark, streamed, whole
from tests.relay.stage import Handler, Stage, json_reply, stage
from torouter.access.terms import Terms
from torouter.errors import UpstreamError
from torouter.ledger.books import Entry, PlanWindow
from torouter.ledger.cost import read_parts
from torouter.ledger.meters import Ask, Hold, Refusal
from torouter.ledger.rates import Price, Rates
from torouter.units import Dialect
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request

PRICE = Price("own 1", Rates(input_per_mtok=1_000_000, output_per_mtok=3_000_000))
"""1 and 3 nano-dollars per token."""
FULL_NUSD = INPUT + 3 * OUTPUT
SAID_TOKENS = len("".join(WORDS)) // 4
ROADS = [
    (client, upstream)
    for client in DIALECTS
    for upstream in DIALECTS
    if client == upstream or "openai-chat" in (client, upstream)
]
"""Each dialect to itself, and to and from one other."""


class Prices:
    def __init__(self, price: Price | None = PRICE) -> None:
        self._price = price
        self.asked: list[tuple[str, str, str, str]] = []

    def find(self, kind: str, channel: str, upstream_model: str, model: str, at_ms: int) -> Price | None:
        self.asked.append((kind, channel, upstream_model, model))
        return self._price


class Meters:
    def __init__(self) -> None:
        self.settled: list[tuple[Hold, int, int]] = []

    async def check(self, ask: Ask) -> Refusal | None:
        raise AssertionError("the relay asks for nothing")

    async def reserve(self, ask: Ask) -> Hold | Refusal:
        raise AssertionError("the relay asks for nothing")

    def settle(self, hold: Hold, cost_nusd: int, tokens: int) -> None:
        self.settled.append((hold, cost_nusd, tokens))

    def raise_spent(self, totals: Mapping[str, int]) -> None:
        raise AssertionError("the books do")


def replying(upstream: Dialect, *, stream: bool, usage: bool = True) -> Handler:
    if stream:
        return lambda _: streamed(*frames_of(upstream, usage=usage))
    return lambda _: json_reply(200, whole(upstream, usage=usage))


def tokens(entry: Entry) -> tuple[int, int, str]:
    row = entry.usage
    return row.input_tokens, row.output_tokens, row.quality


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(("client", "upstream"), ROADS)
async def test_what_was_told_is_charged_once(client: Dialect, upstream: Dialect, stream: bool) -> None:
    prices = Prices()
    terms = Terms(group_id=7, multiplier_ppm=2_000_000, address="192.0.2.9", is_windowed=True)
    handlers = {"a": replying(upstream, stream=stream)}
    async with stage(handlers, dialects=(upstream,), charged=prices, terms=terms) as on:
        answer = await on.post(*asking(client, stream=stream))
        assert (answer.status, answer.is_complete) == (200, True)
        [entry] = on.entries
    row, [attempt] = entry.usage, entry.attempts
    assert tokens(entry) == (INPUT, OUTPUT, "reported")
    assert (row.status, row.outcome, row.group_id, row.price_version) == (200, "ok", 7, "own 1")
    assert row.cost_nusd == 2 * FULL_NUSD
    assert row.cost_parts is not None
    assert read_parts(row.cost_parts).total_nusd == row.cost_nusd
    assert (attempt.attempt, attempt.kind, attempt.amount_nusd) == (1, "attempt", -row.cost_nusd)
    assert (attempt.channel, attempt.upstream_model, attempt.status, attempt.outcome) == ("a", "up-m", 200, "ok")
    assert (attempt.request_id, attempt.at_ms) == (row.request_id, row.at_ms)
    assert attempt.first_token_ms is not None
    assert (entry.address, entry.is_windowed) == ("192.0.2.9", True)
    assert prices.asked == [("openai", "a", "up-m", "m")]
    assert on.counters.cost_nusd == {"a": row.cost_nusd}
    assert on.counters.in_flight == 0


class TestBeforeTheEnd:
    """An entry that cannot be written stops the answer: so it is written before the client has all of it."""

    @staticmethod
    def fail(entry: Entry) -> None:
        raise ZeroDivisionError

    @pytest.mark.parametrize(("client", "upstream"), ROADS)
    async def test_a_stream(self, client: Dialect, upstream: Dialect, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("CRITICAL")
        handlers = {"a": replying(upstream, stream=True)}
        async with stage(handlers, dialects=(upstream,), on_settle=self.fail) as on:
            answer = await on.post(*asking(client, stream=True))
            assert not answer.is_complete
            assert WORDS[-1].strip().encode() in answer.body
            assert not last_mark(client) or last_mark(client) not in answer.body
            assert len(on.entries) == 1

    @pytest.mark.parametrize("pieces", [1, 3], ids=["with its head", "piece by piece"])
    @pytest.mark.parametrize("has_length", [True, False])
    @pytest.mark.parametrize(("client", "upstream"), ROADS)
    async def test_a_whole_answer(
        self, client: Dialect, upstream: Dialect, has_length: bool, pieces: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level("CRITICAL")
        body = json.dumps(whole(upstream)).encode()
        step = -(-len(body) // pieces)
        headers = [(b"content-type", b"application/json")]
        if has_length:
            headers.append((b"content-length", str(len(body)).encode()))
        reply = Reply(200, headers, [body[at : at + step] for at in range(0, len(body), step)])
        async with stage({"a": lambda _: reply}, dialects=(upstream,), on_settle=self.fail) as on:
            answer = await on.post(*asking(client, stream=False))
            assert answer.status == 500 or not answer.is_complete
            assert tokens(on.entries[0]) == (INPUT, OUTPUT, "reported")

    async def test_a_growing_array(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("CRITICAL")
        array = json.dumps([whole("gemini")]).encode()
        reply = Reply(200, [(b"content-type", b"application/json")], [array[:50], array[50:]])
        async with stage({"a": lambda _: reply}, dialects=("gemini",), on_settle=self.fail) as on:
            answer = await on.post("/v1beta/models/m:streamGenerateContent", asking("gemini", stream=True)[1])
            assert (answer.body, answer.is_complete) == (array, False)
            assert tokens(on.entries[0]) == (INPUT, OUTPUT, "reported")

    async def test_an_answer_that_is_kept(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("CRITICAL")
        handlers = {"a": replying("anthropic", stream=True)}
        async with stage(handlers, dialects=("anthropic",), keeps=True, on_settle=self.fail) as on:
            answer = await on.post(*asking("openai-responses", stream=True))
            assert not answer.is_complete
            assert b"response.completed" not in answer.body

    async def test_an_upstreams_error(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("CRITICAL")
        reply = json_reply(400, {"error": {"message": "no", "type": "invalid_request_error"}})
        async with stage({"a": lambda _: reply}, on_settle=self.fail) as on:
            assert (await on.post(*asking("openai-chat", stream=False))).status == 500


class TestAttempts:
    async def test_each_has_its_row_and_the_one_that_served_bears_the_cost(self) -> None:
        def connect(_: Request) -> Reply:
            raise UpstreamError("nobody there", phase="connect")

        def late(_: Request) -> Reply:
            raise UpstreamError("too late", phase="head", kind="timeout")

        handlers = {
            "busy": lambda _: json_reply(429, {"error": {"message": "busy"}}),
            "gone": connect,
            "late": late,
            "ill": lambda _: json_reply(500, {"error": {"message": "ill"}}),
            "cut": lambda _: streamed(fault=UpstreamError("reset", phase="stream")),
            "well": lambda _: streamed(*frames_of("openai-chat")),
        }
        async with stage(handlers, max_switches=9, charged=Prices()) as on:
            await on.post(*asking("openai-chat", stream=True))
            [entry] = on.entries
        assert [(row.attempt, row.channel, row.status, row.outcome, row.amount_nusd) for row in entry.attempts] == [
            (1, "busy", 429, "rate_limited", 0),
            (2, "gone", 0, "connect", 0),
            (3, "late", 0, "timeout", 0),
            (4, "ill", 500, "upstream_error", 0),
            (5, "cut", 0, "upstream_error", 0),
            (6, "well", 200, "ok", -FULL_NUSD),
        ]
        assert (entry.usage.channel, entry.usage.retries, entry.usage.cost_nusd) == ("well", 5, FULL_NUSD)
        assert {row.request_id for row in entry.attempts} == {entry.usage.request_id}

    @pytest.mark.parametrize("upstream", DIALECTS)
    @pytest.mark.parametrize(
        ("status", "word"), [(400, "upstream_error"), (429, "rate_limited"), (503, "upstream_error")]
    )
    async def test_an_error_is_free(self, upstream: Dialect, status: int, word: str) -> None:
        handlers = {"a": lambda _: json_reply(status, {"error": {"message": "no"}, "usage": {"prompt_tokens": 9}})}
        meters = Meters()
        terms = Terms(hold=Hold(Ask(key_id=1), 0))
        async with stage(handlers, dialects=(upstream,), charged=Prices(), meters=meters, terms=terms) as on:
            await on.post(*asking("openai-chat", stream=False))
            [entry] = on.entries
        asked = {(row.status, row.outcome, row.amount_nusd, row.cost_nusd) for row in entry.attempts}
        assert asked == {(status, word, 0, 0)}
        assert (entry.usage.outcome, entry.usage.cost_nusd, tokens(entry)) == ("upstream_error", 0, (0, 0, "none"))
        assert meters.settled == [(terms.hold, 0, 0)]

    async def test_what_nobody_was_asked_for_has_none(self) -> None:
        async with stage({"a": replying("anthropic", stream=False)}, dialects=("anthropic",), charged=Prices()) as on:
            path, body = asking("openai-chat", stream=False)
            await on.post(path, {**body, "n": 2})
            [entry] = on.entries
        assert (entry.usage.outcome, entry.attempts, entry.usage.cost_nusd) == ("refused", (), 0)

    async def test_a_count_is_free(self) -> None:
        counted = json_reply(200, {"input_tokens": 12})
        async with stage({"a": lambda _: counted}, dialects=("anthropic",), kind="anthropic", charged=Prices()) as on:
            answer = await on.post("/v1/messages/count_tokens", asking("anthropic", stream=False)[1])
            [entry] = on.entries
        assert answer.json == {"input_tokens": 12}
        assert (entry.usage.operation, entry.usage.cost_nusd, entry.usage.price_version) == ("count_tokens", 0, "")
        assert [row.amount_nusd for row in entry.attempts] == [0]


async def test_the_limits_are_told_once() -> None:
    meters, hold = Meters(), Hold(Ask(key_id=1), 0)
    windows = (PlanWindow(3, "day", 1000),)
    terms = Terms(hold=hold, plan_windows=windows)
    handlers = {"a": replying("openai-chat", stream=True)}
    async with stage(handlers, charged=Prices(), meters=meters, terms=terms) as on:
        await on.post(*asking("openai-chat", stream=True))
        assert on.entries[0].plan_windows == windows
    assert meters.settled == [(hold, FULL_NUSD, INPUT + OUTPUT)]


async def test_what_a_plan_pays_the_balance_does_not() -> None:
    terms = Terms(plan_windows=(PlanWindow(3, "day", 1000),), is_on_balance=False)
    async with stage({"a": replying("openai-chat", stream=False)}, charged=Prices(), terms=terms) as on:
        await on.post(*asking("openai-chat", stream=False))
        [entry] = on.entries
    assert entry.usage.cost_nusd == FULL_NUSD
    assert [(row.amount_nusd, row.note) for row in entry.attempts] == [(0, "paid by a plan")]


async def test_without_a_price_it_is_flagged() -> None:
    async with stage({"a": replying("openai-chat", stream=False)}, charged=Prices(None)) as on:
        await on.post(*asking("openai-chat", stream=False))
        row = on.entries[0].usage
    assert (row.cost_nusd, row.price_version, row.cost_parts) == (0, "", None)
    assert tokens(on.entries[0]) == (INPUT, OUTPUT, "reported")
    assert on.counters.unpriced == {"a": 1}


@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(("client", "upstream"), ROADS)
async def test_an_upstream_that_tells_nothing_is_estimated(client: Dialect, upstream: Dialect, stream: bool) -> None:
    handlers = {"a": replying(upstream, stream=stream, usage=False)}
    async with stage(handlers, dialects=(upstream,), charged=Prices()) as on:
        answer = await on.post(*asking(client, stream=stream))
        assert (answer.status, answer.is_complete) == (200, True)
        [entry] = on.entries
    input_tokens, output_tokens, quality = tokens(entry)
    assert quality == "estimated"
    assert 216 // 4 <= input_tokens <= 216 // 4 + 10
    assert SAID_TOKENS * 0.97 <= output_tokens <= SAID_TOKENS * 1.03
    assert entry.usage.cost_nusd == input_tokens + 3 * output_tokens


async def test_a_stream_that_we_end_ourselves_is_billed_as_far_as_it_came() -> None:
    """Responses cannot be told a stop sequence, so its answer is searched for it."""
    path, body = asking("openai-chat", stream=True)
    handlers = {"a": replying("openai-responses", stream=True)}
    async with stage(handlers, dialects=("openai-responses",), charged=Prices()) as on:
        await on.post(path, {**body, "stop": [WORDS[20].strip()]})
        [entry] = on.entries
    input_tokens, output_tokens, quality = tokens(entry)
    assert (quality, entry.usage.outcome) == ("estimated", "ok")
    assert 54 <= input_tokens <= 64
    assert output_tokens == sum(map(len, WORDS[:20])) // 4


class TestCut:
    """An upstream that breaks off after the first bytes."""

    @pytest.mark.parametrize(("client", "upstream"), ROADS)
    async def test_what_was_served_is_billed(self, client: Dialect, upstream: Dialect) -> None:
        frames = frames_of(upstream)
        reply = streamed(*frames[: len(frames) // 2], fault=UpstreamError("reset", phase="stream"))
        async with stage({"a": lambda _: reply}, dialects=(upstream,), charged=Prices()) as on:
            answer = await on.post(*asking(client, stream=True))
            [entry] = on.entries
        said = max(number for number in range(40) if f"word number {number} ".encode() in answer.body) + 1
        input_tokens, output_tokens, quality = tokens(entry)
        assert (entry.usage.outcome, entry.attempts[0].outcome) == ("truncated", "truncated")
        assert quality == ("partial" if upstream in ("anthropic", "gemini") else "estimated")
        assert input_tokens == INPUT if quality == "partial" else 54 <= input_tokens <= 64
        expected = said if upstream == "gemini" else sum(map(len, WORDS[:said])) / 4
        assert abs(output_tokens - expected) <= 2
        assert entry.attempts[0].amount_nusd == -(input_tokens + 3 * output_tokens)

    @pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses", "anthropic"])
    async def test_an_error_before_anything_was_said_is_free(self, dialect: Dialect) -> None:
        said = next(number for number, frame in enumerate(frames_of(dialect)) if b"word number" in frame)
        reply = streamed(*frames_of(dialect)[:said], fault=UpstreamError("reset", phase="stream"))
        async with stage({"a": lambda _: reply}, dialects=(dialect,), charged=Prices()) as on:
            await on.post(*asking(dialect, stream=True))
            [entry] = on.entries
        assert (entry.usage.outcome, entry.usage.cost_nusd, tokens(entry)) == ("upstream_error", 0, (0, 0, "none"))
        assert [row.amount_nusd for row in entry.attempts] == [0]

    async def test_a_whole_body_in_its_middle_is_no_answer_and_free(self) -> None:
        body = json.dumps(whole("openai-chat")).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        reply = Reply(200, headers, [body[:500]], fault=UpstreamError("reset", phase="body"))
        async with stage({"a": lambda _: reply}, charged=Prices()) as on:
            await on.post(*asking("openai-chat", stream=False))
            [entry] = on.entries
        assert (entry.usage.outcome, entry.usage.cost_nusd, tokens(entry)) == ("upstream_error", 0, (0, 0, "none"))


def cuts(dialect: Dialect) -> st.SearchStrategy[tuple[int, list[int]]]:
    """How many bytes come, and where they are cut into pieces."""
    size = len(b"".join(frames_of(dialect)))
    return st.tuples(st.integers(0, size), st.lists(st.integers(1, size), max_size=8))


@pytest.mark.parametrize(("client", "upstream"), ROADS)
def test_any_cut_of_a_stream_is_one_entry_with_the_figures_seen(client: Dialect, upstream: Dialect) -> None:
    async def serve(reply: Reply) -> tuple[Stage, bytes]:
        async with stage({"a": lambda _: reply}, dialects=(upstream,), charged=Prices()) as on:
            return on, (await on.post(*asking(client, stream=True))).body

    @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
    @given(cuts(upstream))
    def hold(cut: tuple[int, list[int]]) -> None:
        size, marks = cut
        everything = b"".join(frames_of(upstream))
        data = everything[:size]
        edges = [0, *sorted({mark for mark in marks if mark < size}), size]
        pieces = [data[start:end] for start, end in pairwise(edges) if start < end]
        on, body = asyncio.run(serve(streamed(*pieces)))
        [entry] = on.entries
        row = entry.usage
        assert row.cost_nusd == row.input_tokens + 3 * row.output_tokens
        assert [attempt.amount_nusd for attempt in entry.attempts] == [-row.cost_nusd]
        if row.quality == "reported":
            assert (row.input_tokens, row.output_tokens) == (INPUT, OUTPUT)
        elif b"word number 1 " in body:
            assert row.cost_nusd > 0
            assert row.output_tokens <= SAID_TOKENS * 1.1
        if data == everything:
            assert (row.quality, row.outcome) == ("reported", "ok")

    hold()
