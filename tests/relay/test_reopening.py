"""A stream that was cut is gone on with by another channel, where the policy says so: what is asked, and what is
written down. (What is compared, and given to the client, is tested with `resuming`.)"""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from tests.relay.answers import asking, frames_of, streamed
from tests.relay.stage import GROUP, Handler, stage
from tests.relay.test_failover import failing, served
from tests.relay.test_fallbacks import ByModel
from tests.relay.test_hedging import Known
from torouter.channels import Policy
from torouter.errors import UpstreamError
from torouter.units import Dialect

RESUMES = Policy(on_cut="resume-if-identical")
MODELS = {name: {"big": "up-big"} for name in "abc"}
WAYS = pytest.mark.parametrize("dialect", ["openai-chat", "anthropic", "gemini"])


def cut(dialect: Dialect) -> Handler:
    fault = UpstreamError("cut", phase="stream", upstream_status=200, code="upstream_truncated")
    return lambda _: streamed(*frames_of(dialect)[:20], fault=fault)


def other(dialect: Dialect) -> Handler:
    frames = [frame.replace(b"word number 10 ", b"another word ") for frame in frames_of(dialect)]
    return lambda _: streamed(*frames)


def body_of() -> tuple[str, dict[str, object]]:
    path, body = asking("openai-chat", stream=True)
    return path, {**body, "model": "big"}


@WAYS
async def test_another_goes_on_and_both_are_on_the_books(dialect: Dialect) -> None:
    path, body = body_of()
    planner = Known()
    handlers = {"a": cut(dialect), "b": failing(503), "c": served(dialect, stream=True)}
    policies = {"a": RESUMES}
    async with stage(
        handlers, dialects=(dialect,), channel_models=MODELS, policies=policies, charged=ByModel(), planner=planner
    ) as on:
        answer = await on.post(path, body)
        assert b"[DONE]" in answer.body
        assert b"error" not in answer.body
        assert [answer.body.count(b"word number %d " % number) for number in range(40)] == [1] * 40
        [entry] = await on.settled()
        assert (entry.usage.channel, entry.usage.outcome) == ("c", "ok")
        assert (entry.usage.input_tokens, entry.usage.output_tokens) == (100, 40)
        rows = {row.channel: row for row in entry.attempts}
        assert (rows["a"].outcome, rows["a"].left_for, rows["a"].amount_nusd) == ("truncated", "cut", 0)
        assert rows["a"].cost_nusd > 0
        assert rows["b"].left_for == "overloaded"
        assert (rows["c"].outcome, rows["c"].left_for, -rows["c"].amount_nusd) == ("ok", "", entry.usage.cost_nusd)
        assert planner.under_way == 0


@WAYS
async def test_at_the_first_difference_it_ends_in_the_error(dialect: Dialect) -> None:
    path, body = body_of()
    planner = Known()
    async with stage(
        {"a": cut(dialect), "b": other(dialect)}, dialects=(dialect,), channel_models=MODELS, planner=planner,
        group=replace(GROUP, on_cut="resume-if-identical"),
    ) as on:  # fmt: skip
        answer = await on.post(path, body)
        assert b"[DONE]" not in answer.body
        assert b"error" in answer.body
        assert b"another word" not in answer.body
        [entry] = await on.settled()
        assert entry.usage.outcome == "truncated"
        assert [row.channel for row in entry.attempts] == ["a", "b"]
        assert planner.under_way == 0


async def test_without_the_policy_nobody_is_asked_again() -> None:
    path, body = body_of()
    async with stage({"a": cut("openai-chat"), "b": served("openai-chat", stream=True)}, channel_models=MODELS) as on:
        answer = await on.post(path, body)
        assert b"[DONE]" not in answer.body
        assert [name for name, _ in on.asked] == ["a"]
    policies = {"a": Policy(on_cut="error")}
    group = replace(GROUP, on_cut="resume-if-identical")
    handlers = {"a": cut("openai-chat"), "b": served("openai-chat", stream=True)}
    async with stage(handlers, channel_models=MODELS, policies=policies, group=group) as on:
        assert b"[DONE]" not in (await on.post(path, body)).body


async def test_what_a_vendors_own_tools_do_keeps_to_the_bytes() -> None:
    path, body = asking("anthropic", stream=True)
    body = {**body, "model": "big", "tools": [{"type": "web_search_20250305", "name": "web_search"}]}
    handlers = {"a": cut("anthropic"), "b": served("anthropic", stream=True)}
    policies = dict.fromkeys("ab", RESUMES)
    async with stage(handlers, dialects=("anthropic",), channel_models=MODELS, policies=policies) as on:
        answer = await on.post(path, body)
        assert answer.body.startswith(b"".join(frames_of("anthropic")[:20]))
        assert b"event: error" in answer.body
        assert [name for name, _ in on.asked] == ["a"]


MORE: dict[str, tuple[Dialect, dict[str, object]]] = {
    "two choices": ("openai-chat", {"n": 2}),
    "speech": ("openai-chat", {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}}),
    "two candidates": ("gemini", {"generationConfig": {"candidateCount": 2}}),
    "what canon does not read": ("openai-chat", {"messages": [{"role": "critic", "content": "hm"}]}),
}


@pytest.mark.parametrize("name", MORE)
async def test_what_has_no_form_of_ours_keeps_to_the_bytes(name: str) -> None:
    dialect, more = MORE[name]
    path, body = asking(dialect, stream=True)
    frames = [frame.replace(b'"index": 0', b'"index": 1') for frame in frames_of(dialect, usage=False)]
    policies = dict.fromkeys("ab", RESUMES)
    handlers: dict[str, Handler] = dict.fromkeys("ab", lambda _: streamed(*frames))
    async with stage(handlers, dialects=(dialect,), policies=policies) as on:
        answer = await on.post(path, {**body, **more})
        assert (answer.status, answer.body) == (200, b"".join(frames))
        assert [channel for channel, _ in on.asked] == ["a"]


@pytest.mark.parametrize("code", ["content_filter", "context_length_exceeded"])
@pytest.mark.parametrize("dialect", ["openai-chat", "anthropic"])
async def test_what_another_would_say_too_is_not_asked_of_it(dialect: Dialect, code: str) -> None:
    """A refusal behind the first words is no cut: nobody goes on past it."""
    path, body = body_of()
    refused = b'event: error\ndata: {"type":"error","error":{"message":"no","code":"%b"}}\n\n' % code.encode()
    handlers: dict[str, Handler] = {
        "a": lambda _: streamed(*frames_of(dialect)[:20], refused),
        "b": served(dialect, stream=True),
    }
    policies = dict.fromkeys("ab", RESUMES)
    async with stage(handlers, dialects=(dialect,), channel_models=MODELS, policies=policies) as on:
        answer = await on.post(path, body)
        assert b"[DONE]" not in answer.body
        assert b"error" in answer.body
        assert [name for name, _ in on.asked] == ["a"]


async def test_nobody_else_to_ask_is_the_error() -> None:
    path, body = body_of()
    handlers = {"a": cut("anthropic"), "b": failing(401)}
    async with stage(handlers, dialects=("anthropic",), channel_models=MODELS, policies={"a": RESUMES}) as on:
        answer = await on.post(path, body)
        assert b"[DONE]" not in answer.body
        [entry] = await on.settled()
        assert (entry.usage.outcome, entry.usage.channel) == ("truncated", "a")
        rows = [(row.channel, row.left_for, row.outcome) for row in entry.attempts]
        assert rows == [("b", "bad_credential", "upstream_error"), ("a", "cut", "truncated")]


async def test_the_winner_of_a_race_is_gone_on_with() -> None:
    path, body = body_of()
    planner = Known()
    policy = Policy(hedges=True, on_cut="resume-if-identical")
    frames = frames_of("anthropic")
    late: Handler = lambda _: streamed(b": nothing yet\n\n", *frames, pace_s=5.0)  # noqa: E731
    handlers = {"a": late, "b": cut("anthropic"), "c": served("anthropic", stream=True)}
    policies = dict.fromkeys("ab", policy)
    async with stage(
        handlers, dialects=("anthropic",), channel_models=MODELS, policies=policies, planner=planner
    ) as on:
        answer = await on.post(path, body)
        assert b"[DONE]" in answer.body
        [entry] = await on.settled()
        assert [(row.channel, row.outcome) for row in entry.attempts] == [
            ("a", "lost"),
            ("b", "truncated"),
            ("c", "ok"),
        ]
        assert planner.under_way == 0


@pytest.mark.parametrize(("attempts", "switches"), [(1, 3), (6, 0)])
async def test_the_one_that_was_cut_is_an_attempt_too(attempts: int, switches: int) -> None:
    path, body = body_of()
    handlers = {"a": cut("openai-chat"), "b": served("openai-chat", stream=True)}
    async with stage(
        handlers, channel_models=MODELS, policies={"a": RESUMES}, max_attempts=attempts, max_switches=switches
    ) as on:
        assert b"error" in (await on.post(path, body)).body
        assert [name for name, _ in on.asked] == ["a"]
