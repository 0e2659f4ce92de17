"""The phase of a message (OpenAI wants it back with the history) through clients whose dialects have no word for it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.relay.stage import Stage, json_reply, stage
from tests.relay.test_vault import Shelf
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request

CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "f", "arguments": "{}"}
TOOL = {"name": "f", "parameters": {"type": "object", "properties": {}}}


def text(said: str, phase: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": said, "annotations": [], "logprobs": []}]
    return {"type": "message", "id": f"msg_{phase}", "role": "assistant", "phase": phase, "content": content}


def answer(*output: dict[str, Any]) -> Reply:
    return json_reply(200, {"id": "r", "object": "response", "status": "completed", "output": list(output)})


def commenting(request: Request) -> Reply:
    return answer(text("I look.", "commentary"), CALL)


def concluding(request: Request) -> Reply:
    return answer(text("I saw.", "commentary"), text("42.", "final_answer"))


async def asked_of(on: Stage) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a Chat client is answered, and what it asked."""
    asked = [{"role": "user", "content": "hi"}]
    body = {"model": "m", "messages": asked, "tools": [{"type": "function", "function": TOOL}]}
    return (await on.post("/v1/chat/completions", body)).json["choices"][0]["message"], body


async def chat_turn(on: Stage, *, sheds: bool = False) -> None:
    said, body = await asked_of(on)
    if sheds:
        del said["reasoning_details"]
    more = said.get("tool_calls", [])
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "42"} for call in more]
    body["messages"] += [said, *(results or [{"role": "user", "content": "go on"}])]
    await on.post("/v1/chat/completions", body)


async def gemini_turn(on: Stage) -> None:
    contents: list[dict[str, Any]] = [{"role": "user", "parts": [{"text": "hi"}]}]
    body = {"contents": contents, "tools": [{"functionDeclarations": [TOOL]}]}
    said = (await on.post("/v1beta/models/m:generateContent", body)).json["candidates"][0]["content"]
    calls = [part["functionCall"] for part in said["parts"] if "functionCall" in part]
    results = [{"functionResponse": {"name": "f", "id": call["id"], "response": {"output": "42"}}} for call in calls]
    contents += [said, {"role": "user", "parts": results or [{"text": "go on"}]}]
    await on.post("/v1beta/models/m:generateContent", body)


def phases(request: Request) -> list[tuple[str, str | None]]:
    items = json.loads(request.body)["input"]
    return [(item["content"], item.get("phase")) for item in items if item.get("role") == "assistant"]


@pytest.mark.parametrize("turn", [chat_turn, gemini_turn])
async def test_it_comes_back_on_its_text(turn: Any) -> None:
    async with stage({"a": commenting}, dialects=("openai-responses",)) as on:
        await turn(on)
        assert phases(on.asked[1][1]) == [("I look.", "commentary")]


async def test_messages_of_two_phases_stay_two() -> None:
    async with stage({"a": concluding}, dialects=("openai-responses",)) as on:
        await gemini_turn(on)
        assert phases(on.asked[1][1]) == [("I saw.", "commentary"), ("42.", "final_answer")]


async def test_a_client_that_keeps_nothing_brings_it_back_with_its_call() -> None:
    async with stage({"a": commenting}, dialects=("openai-responses",), vault=Shelf().vault()) as on:
        await chat_turn(on, sheds=True)
        assert phases(on.asked[1][1]) == [("I look.", "commentary")]


async def test_another_channel_is_not_told() -> None:
    """It would be another account's word: left out, and reported."""
    is_up = True

    def sometimes(request: Request) -> Reply:
        return commenting(request) if is_up else json_reply(503, {"error": {"message": "down"}})

    async with stage({"a": sometimes, "b": commenting}, dialects=("openai-responses",)) as on:
        said, body = await asked_of(on)
        is_up = False
        body["messages"] += [said, {"role": "tool", "tool_call_id": "call_1", "content": "42"}]
        reply = await on.post("/v1/chat/completions", body)
        assert [host for host, _ in on.asked] == ["a", "a", "b"]
        assert phases(on.asked[2][1]) == [("I look.", None)]
        assert b";dropped" in reply.headers[b"x-torouter-losses"]


async def test_messages_clients_have_no_place_for_it() -> None:
    async with stage({"a": commenting}, dialects=("openai-responses",)) as on:
        body = {"model": "m", "max_tokens": 64, "messages": [{"role": "user", "content": "hi"}]}
        reply = await on.post("/v1/messages", body)
        assert b"answer.phase;dropped" in reply.headers[b"x-torouter-losses"]
