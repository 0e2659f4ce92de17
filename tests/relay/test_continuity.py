"""State in the relay: whose it is, where it may go, who is asked first, and what a client gets to see of reasoning."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.relay.stage import Stage, json_reply, stage
from tests.relay.test_vault import Shelf
from torouter.canon.capsule import PREFIX
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request

SIGNATURE = "ErUBCkYIBxgCKkD/+w=="
THINKING = {"type": "thinking", "thinking": "hm", "signature": SIGNATURE}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "f", "input": {}}
TOOLS = [{"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}]
ASKED = {"role": "user", "content": "hi"}


def message(*content: dict[str, Any]) -> Reply:
    stop = "tool_use" if CALL in content else "end_turn"
    usage = {"input_tokens": 3, "output_tokens": 2}
    head = {"id": "msg_1", "type": "message", "role": "assistant", "model": "up-m"}
    return json_reply(200, {**head, "content": list(content), "stop_reason": stop, "usage": usage})


def completion(**said: Any) -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", "content": "yes", **said}, "finish_reason": "stop"}
    return json_reply(200, {"id": "c", "choices": [choice]})


def thinking(request: Request) -> Reply:
    return message(THINKING, CALL)


def down(request: Request) -> Reply:
    return json_reply(503, {"error": {"message": "down"}})


async def first_turn(on: Stage) -> list[dict[str, Any]]:
    """A Chat client's history after a turn of a Messages upstream."""
    answer = await on.post("/v1/chat/completions", {"model": "m", "messages": [ASKED], "tools": TOOLS})
    said = answer.json["choices"][0]["message"]
    assert said["reasoning_details"][0]["data"].startswith(PREFIX)
    return [ASKED, said, {"role": "tool", "tool_call_id": "toolu_1", "content": "42"}]


def blocks(request: Request) -> list[str]:
    """What the assistant's turn holds, as it reached the upstream."""
    return [block["type"] for block in json.loads(request.body)["messages"][1]["content"]]


class TestWhereStateMayGo:
    async def test_back_to_where_it_came_from(self) -> None:
        async with stage({"a": thinking}, dialects=("anthropic",)) as on:
            history = await first_turn(on)
            answer = await on.post("/v1/chat/completions", {"model": "m", "messages": history, "tools": TOOLS})
            assert answer.status == 200
            assert answer.headers[b"x-torouter-losses"] == b"max_completion_tokens;added"
            assert json.loads(on.asked[1][1].body)["messages"][1]["content"][0] == THINKING

    async def test_not_to_another_account(self) -> None:
        async with stage({"a": thinking}, dialects=("anthropic",)) as on:
            history = await first_turn(on)
            body = {"model": "m", "messages": history, "tools": TOOLS}
            answer = await on.post("/v1/chat/completions", body, {"authorization": "Bearer sk-other"})
            assert answer.status == 200
            assert b"reasoning_content;dropped" in answer.headers[b"x-torouter-losses"]
            assert blocks(on.asked[1][1]) == ["tool_use"]

    async def test_not_to_another_channel(self) -> None:
        is_up = True

        def sometimes(request: Request) -> Reply:
            return thinking(request) if is_up else down(request)

        async with stage({"a": sometimes, "b": thinking}, dialects=("anthropic",)) as on:
            history = await first_turn(on)
            is_up = False
            answer = await on.post("/v1/chat/completions", {"model": "m", "messages": history, "tools": TOOLS})
            assert answer.status == 200
            assert [host for host, _ in on.asked] == ["a", "a", "b"]
            assert blocks(on.asked[1][1]) == ["thinking", "tool_use"]
            assert blocks(on.asked[2][1]) == ["tool_use"]
            assert b"reasoning_content;dropped" in answer.headers[b"x-torouter-losses"]

    async def test_claude_reads_claudes_wherever_it_runs(self) -> None:
        async with stage(
            {"a": thinking, "b": down}, dialects=("anthropic",), kind="anthropic", models={"m": "claude-opus-4-7"}
        ) as on:
            history = await first_turn(on)
        async with stage(
            {"c": thinking}, dialects=("anthropic",), kind="anthropic", models={"m": "claude-sonnet-4-5"}
        ) as on:
            await on.post("/v1/chat/completions", {"model": "m", "messages": history, "tools": TOOLS})
            assert blocks(on.asked[0][1]) == ["thinking", "tool_use"]

    async def test_tampered_or_cut_it_is_dropped_and_nothing_breaks(self) -> None:
        async with stage({"a": thinking}, dialects=("anthropic",)) as on:
            history = await first_turn(on)
            [entry] = history[1]["reasoning_details"]
            for data in (entry["data"][:-4], entry["data"][:-4] + "AAAA", PREFIX, f"{PREFIX}é"):
                history[1]["reasoning_details"] = [{**entry, "data": data}]
                answer = await on.post("/v1/chat/completions", {"model": "m", "messages": history, "tools": TOOLS})
                assert answer.status == 200
                assert blocks(on.asked[-1][1]) == ["tool_use"]

    @pytest.mark.parametrize("odd", ["x", 7, {"a": 1}, [1, "x", None, {"data": 1}, {"id": 2, "signature": "s"}]])
    async def test_odd_forms_of_fields_that_are_nobodys_are_no_errors(self, odd: object) -> None:
        call = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}, "extra_content": odd}
        said = {"role": "assistant", "tool_calls": [call], "reasoning_details": odd}
        history = [ASKED, said, {"role": "tool", "tool_call_id": "c1", "content": "42"}]
        async with stage({"a": thinking}, dialects=("anthropic",)) as on:
            answer = await on.post("/v1/chat/completions", {"model": "m", "messages": history, "tools": TOOLS})
            assert answer.status == 200


class TestWhoIsAskedFirst:
    async def test_the_channel_that_can_read_the_state(self) -> None:
        is_up = False

        def later(request: Request) -> Reply:
            return thinking(request) if is_up else json_reply(500, {"error": {"message": "down"}})

        async with stage({"a": later, "b": thinking}, dialects=("anthropic",)) as on:
            history = await first_turn(on)
            is_up = True
            await on.post("/v1/chat/completions", {"model": "m", "messages": history, "tools": TOOLS})
            assert [host for host, _ in on.asked] == ["a", "b", "b"]
            assert blocks(on.asked[2][1]) == ["thinking", "tool_use"]

    async def test_also_where_only_the_vault_knows_of_it(self) -> None:
        is_up = False

        def later(request: Request) -> Reply:
            return thinking(request) if is_up else json_reply(500, {"error": {"message": "down"}})

        vault = Shelf().vault()
        async with stage({"a": later, "b": thinking}, dialects=("anthropic",), vault=vault) as on:
            history = await first_turn(on)
            del history[1]["reasoning_details"], history[1]["reasoning_content"]
            is_up = True
            await on.post("/v1/chat/completions", {"model": "m", "messages": history, "tools": TOOLS})
            assert [host for host, _ in on.asked] == ["a", "b", "b"]
            assert json.loads(on.asked[2][1].body)["messages"][1]["content"][0] == THINKING


class TestOwnDialect:
    async def test_foreign_state_is_taken_out_and_nothing_else(self) -> None:
        async with stage({"a": thinking}, dialects=("anthropic",)) as on:
            history = await first_turn(on)
        body = {"messages": history, "model": "m", "tools": TOOLS, "odd": [1, 2.50]}
        async with stage({"a": lambda _: completion()}) as on:
            answer = await on.post("/v1/chat/completions", body)
            assert answer.status == 200
            sent = json.loads(on.asked[0][1].body)
            del history[1]["reasoning_details"]
            assert sent == {**body, "messages": history, "model": "up-m"}
            assert on.rows[0].losses == "messages.1.reasoning_details.0;dropped"


class TestWhatIsSeen:
    async def test_a_client_that_did_not_ask_sees_none_of_it(self) -> None:
        asked = {"model": "m", "max_tokens": 64, "messages": [ASKED]}
        async with stage({"a": lambda _: completion(reasoning_content="hm")}) as on:
            answer = await on.post("/v1/messages", asked)
            assert answer.json["content"] == [{"type": "text", "text": "yes"}]

    async def test_a_thinking_name_asks_for_it(self) -> None:
        models = {"deepseek-chat": "deepseek-chat"}
        said = {"a": lambda _: completion(reasoning_content="hm")}
        async with stage(said, models=models, kind="openai-compatible") as on:
            asked: dict[str, Any] = {"model": "deepseek-chat-thinking", "max_tokens": 64, "messages": [ASKED]}
            answer = await on.post("/v1/messages", asked)
            [thought, text] = answer.json["content"]
            assert (thought["thinking"], text["text"]) == ("hm", "yes")
            assert thought["signature"].startswith(PREFIX)

            path = "/v1beta/models/deepseek-chat-thinking:generateContent"
            answer = await on.post(path, {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]})
            [first, _] = answer.json["candidates"][0]["content"]["parts"]
            assert first == {"text": "hm", "thought": True}

            answer = await on.post("/v1/responses", {"model": "deepseek-chat-thinking", "input": "hi"})
            assert answer.json["output"][0]["summary"] == [{"type": "summary_text", "text": "hm"}]

    async def test_marked_thinking_comes_back_to_a_server_that_reads_it(self) -> None:
        models = {"deepseek-chat": "deepseek-chat"}
        async with stage({"a": lambda _: completion(reasoning_content="hm")}, models=models, kind="deepseek") as on:
            asked: dict[str, Any] = {"model": "deepseek-chat", "max_tokens": 64, "messages": [ASKED]}
            asked["thinking"] = {"type": "adaptive"}
            answer = await on.post("/v1/messages", asked)
            asked["messages"] = [ASKED, {"role": "assistant", "content": answer.json["content"]}, ASKED]
            answer = await on.post("/v1/messages", asked)
            assert answer.status == 200
            assert json.loads(on.asked[1][1].body)["messages"][1]["reasoning_content"] == "hm"
