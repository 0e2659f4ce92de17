"""Responses over a WebSocket: what a client asks turn by turn, and what every sort of upstream is asked for it."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from openai import AsyncOpenAI, OpenAI

from tests.contract.typed_params import responses_faults
from tests.live.callers import bearer
from tests.live.conftest import TakeSlot
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.slots import DIALECTS, UPSTREAM_KEY, Slot
from tests.live.upstream import recorded_answer, sse_answer, until
from tests.live.websocket import Event, opened
from tests.recorded import frames, recorded
from torouter.store import Store, UsageFilter, UsageRow

TEXT = "openai-responses/stream/007"
CALL = "openai-responses/stream/001"
TOOL = {
    "type": "function", "name": "get_weather", "description": "d", "strict": False,
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
}  # fmt: skip
TURNS = {
    "openai-chat": ("openai-chat/stream/010", "openai-chat/stream/016"),
    "openai-responses": (CALL, TEXT),
    "anthropic": ("anthropic-messages/stream/013", "anthropic-messages/stream/003"),
    "gemini": ("gemini/stream/004", "gemini/stream/002"),
}
"""Of each dialect: an answer that calls a tool, and one in words."""


def _body(slot: Slot, turn: int) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(slot.visits[turn].body)
    return body


def _calls(event: Event) -> list[Event]:
    return [item for item in event["response"]["output"] if item["type"] == "function_call"]


# Turns.


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_conversation_over_every_dialect(gateway: Gateway, take: TakeSlot, dialect: str) -> None:
    """A warm-up, a tool call, its result: each turn says only what is new, and each upstream is told everything."""
    slot = take(dialect, *(recorded_answer(name) for name in TURNS[dialect]))
    with opened(gateway) as socket:
        said = {"model": slot.model, "tools": [TOOL], "store": False}
        warm = socket.ask(**said, input="What I said first.", generate=False)
        assert warm["response"]["output"] == []
        assert slot.visits == []
        called = socket.ask(**said, input="What I said second.", previous_response_id=warm["response"]["id"])
        calls = _calls(called)
        assert calls
        results = [
            {"type": "function_call_output", "call_id": call["call_id"], "output": f"It rains ({number})."}
            for number, call in enumerate(calls)
        ]
        told = socket.ask(**said, input=results, previous_response_id=called["response"]["id"])
    assert told["type"] == "response.completed"
    spoken = [item["type"] for item in told["response"]["output"] if item["type"] != "reasoning"]
    assert spoken == ["message"]
    first, second = (json.dumps(_body(slot, turn)) for turn in (0, 1))
    assert first.index("What I said first.") < first.index("What I said second.")
    places = [second.index(said) for said in ("What I said first.", "What I said second.", *(c["name"] for c in calls))]
    assert places[:2] == sorted(places[:2])
    assert all(f"It rains ({number})." in second for number in range(len(calls)))
    assert "generate" not in first + second


def test_a_responses_upstream_is_asked_as_by_http(gateway: Gateway, take: TakeSlot) -> None:
    """What goes to it is a request of the API: streamed, without a word of the socket's, every item to the byte."""
    slot = take("openai-responses", recorded_answer(CALL), recorded_answer(TEXT))
    beta = ("openai-beta", "responses_websockets=2026-02-06,x=1")
    with opened(gateway, headers=(*bearer(), beta, ("originator", "codex"))) as socket:
        said = '{"type":"response.create", "model":"MODEL","input":"hi","stream_id":"a" , "temperature":1.00}'
        socket.connection.send(said.replace("MODEL", slot.model))
        called = socket.rest()[-1]
        [call] = _calls(called)
        result = {"type": "function_call_output", "call_id": call["call_id"], "output": "rain"}
        socket.ask(model=slot.model, input=[result], previous_response_id=called["response"]["id"], instructions="Go.")
    first, second = slot.visits
    left = b'{"model":"%b","input":"hi","temperature":1.00,"stream":true}' % slot.upstream_model.encode()
    assert first.body == left
    assert (first.method, first.target) == ("POST", "/v1/responses")
    assert first.header("authorization") == f"Bearer {UPSTREAM_KEY}"
    assert (first.header("openai-beta"), first.header("originator")) == ("x=1", "codex")
    assert not {"upgrade", "sec-websocket-key", "sec-websocket-version"} & first.names()
    body = json.loads(second.body)
    assert responses_faults(body) == []
    hi = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "hi"}]}
    assert body["input"] == [hi, *called["response"]["output"], result]
    assert body["instructions"] == "Go."
    assert "previous_response_id" not in body
    done = re.search(rb'"response.output_item.done".*?"item":(\{.*\})\}\n', recorded(CALL).response_body)
    assert done is not None
    assert done[1] in second.body, "items are not written anew"


def test_what_an_upstream_keeps_itself_is_its_own_to_know(gateway: Gateway, take: TakeSlot) -> None:
    """Nothing of it is remembered here, so each turn goes on from the last by its id."""
    slot = take("openai-responses", recorded_answer(TEXT))
    with opened(gateway) as socket:
        second = socket.ask(model=slot.model, input="two", previous_response_id="resp_of_theirs")
        socket.ask(model=slot.model, input="three", previous_response_id=second["response"]["id"])
    first, again = _body(slot, 0), _body(slot, 1)
    assert (first["input"], first["previous_response_id"]) == ("two", "resp_of_theirs")
    assert (again["input"], again["previous_response_id"]) == ("three", second["response"]["id"])


def test_events_are_those_of_the_stream(gateway: Gateway, take: TakeSlot) -> None:
    """Each of them once, byte for byte, in a message of its own; the end of a chat stream is none."""
    slot = take("openai-responses", recorded_answer(TEXT))
    with opened(gateway) as socket:
        socket.say(model=slot.model, input="hi")
        heard = [socket.connection.recv(10) for _ in frames(recorded(TEXT).response_body)]
        assert socket.send("{}")["error"]["param"] == "type", "nothing more was said"
    said = [frame.partition(b"data: ")[2].strip().decode() for frame in frames(recorded(TEXT).response_body)]
    assert heard == said


def test_a_lane_is_named_on_every_event(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("anthropic", recorded_answer("anthropic-messages/stream/003"))
    with opened(gateway) as socket:
        socket.say(model=slot.model, input="hi", stream_id='one "lane"')
        events = socket.rest()
        assert {event["stream_id"] for event in events} == {'one "lane"'}
        assert socket.ask(model="no-such-model", input="hi", stream_id="two")["stream_id"] == "two"
        assert "stream_id" not in socket.ask(model="no-such-model", input="hi")


def test_turns_are_answered_in_order(gateway: Gateway, take: TakeSlot) -> None:
    """The second begins when the first is done, however early it was asked for."""
    slot = take("openai-responses", sse_answer(*frames(recorded(TEXT).response_body), pace_s=0.01))
    with opened(gateway) as socket:
        for lane in "abc":
            socket.say(model=slot.model, input="hi", stream_id=lane)
        lanes = [event["stream_id"] for _ in "abc" for event in socket.rest()]
    assert lanes == sorted(lanes)
    assert [visit.is_done for visit in slot.visits] == [True] * 3
    assert len({visit.connection for visit in slot.visits}) == 1, "never two at once"


def test_a_conversation_may_fork(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-responses", recorded_answer(TEXT))
    with opened(gateway) as socket:
        root = socket.ask(model=slot.model, input="root", generate=False)["response"]["id"]
        for branch in ("left", "right"):
            socket.ask(model=slot.model, input=branch, previous_response_id=root)
    said = [[item["content"][0]["text"] for item in _body(slot, turn)["input"]] for turn in (0, 1)]
    assert said == [["root", "left"], ["root", "right"]]


@pytest.mark.parametrize("asking", [{"generate": False}, {"prompt_cache_options": {"prewarm": True}}])
def test_a_warm_up_asks_nobody_and_costs_nothing(gateway: Gateway, take: TakeSlot, asking: dict[str, object]) -> None:
    slot = take("openai-responses", recorded_answer(TEXT))
    with opened(gateway) as socket:
        socket.say(model=slot.model, input="hi", **asking)
        events = socket.rest()
    assert [event["type"] for event in events] == ["response.created", "response.in_progress", "response.completed"]
    assert [event["sequence_number"] for event in events] == [0, 1, 2]
    response = events[-1]["response"]
    assert (response["status"], response["model"], response["usage"]["total_tokens"]) == ("completed", slot.model, 0)
    assert slot.visits == []


def test_a_warm_up_is_for_those_who_may(gateway: Gateway) -> None:
    with opened(gateway) as socket:
        error = socket.ask(model="no-such-model", input="hi", generate=False)
    assert (error["type"], error["status"], error["error"]["code"]) == ("error", 404, "model_not_found")


def test_each_turn_is_recorded_by_itself(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("anthropic", recorded_answer("anthropic-messages/stream/003"))
    with opened(gateway) as socket:
        ids = ["req_" + socket.ask(model=slot.model, input="hi")["response"]["id"][5:] for _ in range(2)]
    rows = _rows(gateway, slot, 2)
    assert {row.request_id for row in rows} == set(ids)
    for row in rows:
        assert (row.dialect_in, row.dialect_out, row.status, row.outcome) == (
            "openai-responses",
            "anthropic",
            200,
            "ok",
        )
        assert (row.input_tokens, row.output_tokens, row.is_stream) == (762, 33, True)


def _rows(gateway: Gateway, slot: Slot, count: int) -> list[UsageRow]:
    found: list[UsageRow] = []

    def are_written() -> bool:
        with Store.open(gateway.data) as store:
            found[:] = [row for _, row in store.usage_page(UsageFilter()) if row.model == slot.model][:count]
        return len(found) == count

    assert until(are_written, 5), f"{len(found)} usage rows"
    return found


# OpenAI's own client.


@pytest.mark.filterwarnings("ignore:connect\\(\\) must be used as a context manager:DeprecationWarning")
def test_the_sdks_connection(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("anthropic", *(recorded_answer(name) for name in TURNS["anthropic"]))
    with (
        OpenAI(base_url=f"{gateway.url}/v1", api_key=FIRST_KEY) as client,
        client.responses.connect() as connection,
    ):
        connection.response.create(model=slot.model, input="the weather?", tools=[TOOL])  # type: ignore[list-item]
        first = next(event for event in connection if event.type == "response.completed").response
        calls = [item for item in first.output if item.type == "function_call"]
        connection.response.create(
            model=slot.model,
            input=[{"type": "function_call_output", "call_id": call.call_id, "output": "rain"} for call in calls],
            previous_response_id=first.id,
        )
        second = next(event for event in connection if event.type == "response.completed").response
        connection.response.create(model=slot.model, input="hm", previous_response_id="resp_unknown")
        error = next(iter(connection))
    assert len(calls) == 2
    assert second.output_text.endswith("is 73°F (23°C).")
    assert error.type == "error"
    assert (error.status, error.error.code) == (400, "previous_response_not_found")
    assert error.error.headers is not None
    assert error.error.headers["x-request-id"].startswith("req_")


async def test_the_async_sdks_connection(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-chat", recorded_answer("openai-chat/stream/016"))
    async with (
        AsyncOpenAI(base_url=f"{gateway.url}/api/v1", api_key=FIRST_KEY) as client,
        client.responses.connect() as connection,
    ):
        await connection.send({"type": "response.create", "model": slot.model, "input": "hi"})
        text = ""
        async for event in connection:
            if event.type == "response.output_text.delta":
                text += event.delta
            if event.type == "response.completed":
                break
    assert text == "The current version of *llm* is **0.fixed-version**."
