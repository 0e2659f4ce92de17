"""Responses over a WebSocket: what is refused, at the door and within a turn, and how an upstream's faults are told."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from tests.live.callers import bearer
from tests.live.conftest import TakeSlot
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.upstream import Answer, json_answer, recorded_answer, sse_answer, until
from tests.live.websocket import opened
from tests.live.wire import Connection
from tests.recorded import frames, recorded

TEXT = "openai-responses/stream/007"

# What goes wrong within a turn; the connection is as good as before.


MISTAKES: dict[str, tuple[str | bytes, object, object]] = {
    "no JSON": ("{", None, None),
    "no object": ("[]", None, None),
    "nothing": ("", None, None),
    "no type": ("{}", "type", None),
    "a number as type": ('{"type":3}', "type", None),
    "an unknown type": ('{"type":"response.cancel"}', "type", None),
    "steering": ('{"type":"response.steer","previous_response_id":"r","input":"x"}', "type", None),
    "binary": (b'{"type":"response.create"}', None, "binary_message"),
    "no model": ('{"type":"response.create","input":"hi"}', "model", None),
    "a number as model": ('{"type":"response.create","model":3}', "model", None),
    "two models": ('{"type":"response.create","model":"a","model":"b"}', "model", None),
    "the background": ('{"type":"response.create","model":"m","background":true}', "background", None),
    "a number as lane": ('{"type":"response.create","model":"m","stream_id":3}', "stream_id", None),
    "a number for generate": ('{"type":"response.create","model":"m","generate":0}', "generate", None),
    "a number to go on from": (
        '{"type":"response.create","model":"m","previous_response_id":3}', "previous_response_id", None,
    ),
    "a stranger to go on from": (
        '{"type":"response.create","model":"m","previous_response_id":"r","store":false}',
        "previous_response_id",
        "previous_response_not_found",
    ),
    "deep nesting": ('{"type":"response.create","model":"m","input":' + "[" * 100_000, None, None),
}  # fmt: skip


def test_mistakes_are_answered_and_forgotten(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-responses", recorded_answer(TEXT))
    with opened(gateway) as socket:
        for name, (message, param, code) in MISTAKES.items():
            event = socket.send(message)
            assert (event["type"], event["status"]) == ("error", 400), name
            assert event["error"]["type"] == "invalid_request_error", name
            assert event["error"]["message"], name
            assert (event["error"]["param"], event["error"]["code"]) == (param, code), name
            assert event["headers"]["x-request-id"].startswith("req_"), name
        assert socket.ask(model=slot.model, input="hi")["type"] == "response.completed"
    assert len(slot.visits) == 1


def test_an_input_that_cannot_be_gone_on_with(gateway: Gateway) -> None:
    with opened(gateway) as socket:
        warm = socket.ask(model="openai-responses-slot-0", input="hi", generate=False)
        error = socket.ask(model="m", input=3, previous_response_id=warm["response"]["id"])
    assert (error["status"], error["error"]["param"]) == (400, "input")


def test_an_acknowledgement_is_not_answered(gateway: Gateway) -> None:
    with opened(gateway) as socket:
        socket.connection.send('{"type":"response.processed","response_id":"resp_1"}')
        assert socket.ask(model="no-such-model", input="hi")["status"] == 404


def test_an_upstreams_error_is_an_event(gateway: Gateway, take: TakeSlot) -> None:
    error = {
        "message": "Too long.",
        "type": "invalid_request_error",
        "param": "input",
        "code": "context_length_exceeded",
    }
    slot = take("openai-responses", json_answer({"error": error}, status=400), recorded_answer(TEXT))
    with opened(gateway) as socket:
        event = socket.ask(model=slot.model, input="hi")
        assert (event["type"], event["status"]) == ("error", 400)
        assert {name: event["error"][name] for name in error} == error
        assert socket.ask(model=slot.model, input="hi")["type"] == "response.completed"


def test_an_error_that_is_no_envelope_is_put_into_one(gateway: Gateway, take: TakeSlot) -> None:
    html = Answer(status=422, headers=[("content-type", "text/html")], pieces=(b"<h1>No</h1>",))
    slot = take("openai-responses", html)
    with opened(gateway) as socket:
        event = socket.ask(model=slot.model, input="hi")
    assert (event["status"], event["error"]["type"]) == (422, "invalid_request_error")
    assert event["error"]["message"]


def test_a_stream_that_breaks_off_ends_as_failed(gateway: Gateway, take: TakeSlot) -> None:
    """And there is nothing to go on from."""
    begun = list(frames(recorded(TEXT).response_body))[:5]
    slot = take("openai-responses", sse_answer(*begun, b'data: {"type":"resp', ending="close"), recorded_answer(TEXT))
    with opened(gateway) as socket:
        socket.say(model=slot.model, input="hi", store=False)
        events = socket.rest()
        assert events[-1]["type"] == "response.failed"
        failed = events[0]["response"]["id"]
        event = socket.ask(model=slot.model, input="hm", previous_response_id=failed, store=False)
        assert event["error"]["code"] == "previous_response_not_found"
        assert socket.ask(model=slot.model, input="hi")["type"] == "response.completed"


@pytest.mark.parametrize("framing", ["length", "chunked"])
def test_a_whole_answer_is_an_ending(gateway: Gateway, take: TakeSlot, framing: Any) -> None:
    """Of an upstream that was asked for a stream and answered with a response object. It can be gone on from."""
    whole = recorded("openai-responses/json/001").response_body
    pieces = (whole[:50], whole[50:])
    json_type = [("content-type", "application/json")]
    slot = take("openai-responses", Answer(headers=json_type, pieces=pieces, framing=framing), recorded_answer(TEXT))
    with opened(gateway) as socket:
        event = socket.ask(model=slot.model, input="hi")
        assert event["type"] == "response.completed"
        assert event["response"] == json.loads(whole)
        socket.ask(model=slot.model, input="and?", previous_response_id=event["response"]["id"])
    assert len(json.loads(slot.visits[1].body)["input"]) == 2 + len(event["response"]["output"])


def test_a_stream_that_came_at_once_is_taken_apart(gateway: Gateway, take: TakeSlot) -> None:
    body = recorded(TEXT).response_body
    slot = take("openai-responses", Answer(headers=[("content-type", "text/event-stream")], pieces=(body,)))
    with opened(gateway) as socket:
        socket.say(model=slot.model, input="hi")
        assert len(socket.rest()) == len(list(frames(body)))


def test_a_key_that_is_disabled_meanwhile(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-responses", recorded_answer(TEXT))
    credential = bearer(gateway.run("key", "create", "--name", "revoked").strip())
    assert until(lambda: _status(gateway, headers=credential) == 101)
    with opened(gateway, headers=credential) as socket:
        assert socket.ask(model=slot.model, input="hi")["type"] == "response.completed"
        number = re.search(r"^\s*(\d+)\s.*\brevoked\b", gateway.run("key", "list"), re.MULTILINE)
        assert number is not None
        gateway.run("key", "disable", number[1])
        assert until(lambda: socket.ask(model=slot.model, input="hi").get("status") == 401)
    assert _status(gateway, headers=credential) == 401


# Who gets a socket.


def _status(gateway: Gateway, path: str = "/v1/responses", headers: Iterable[tuple[str, str]] = ()) -> int:
    """Of the answer to the upgrade."""
    try:
        with opened(gateway, path, headers):
            return 101
    except InvalidStatus as refused:
        return refused.response.status_code


@pytest.mark.parametrize("path", ["/v1/responses", "/api/v1/responses", "/v1/responses?x=1"])
@pytest.mark.parametrize("name", ["authorization", "x-api-key", "x-goog-api-key"])
def test_a_key_in_any_header_opens_it(gateway: Gateway, path: str, name: str) -> None:
    value = f"Bearer {FIRST_KEY}" if name == "authorization" else FIRST_KEY
    assert _status(gateway, path, [(name, value)]) == 101


HANDSHAKE = (
    ("connection", "Upgrade"),
    ("upgrade", "websocket"),
    ("sec-websocket-version", "13"),
    ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
)
REFUSED: dict[str, tuple[tuple[tuple[str, str], ...], str, int, str]] = {
    "no key": (HANDSHAKE, "", 401, "API_KEY_REQUIRED"),
    "no key, from a web page": ((*HANDSHAKE, ("origin", "https://app.example")), "", 401, "API_KEY_REQUIRED"),
    "a key as subprotocol": (
        (*HANDSHAKE, ("sec-websocket-protocol", f"realtime, openai-insecure-api-key.{FIRST_KEY}")),
        "", 401, "API_KEY_REQUIRED",
    ),
    "an unknown key": ((*HANDSHAKE, *bearer("sk-unknown")), "", 401, "INVALID_API_KEY"),
    "a key in the query": (HANDSHAKE, f"?api_key={FIRST_KEY}", 400, "api_key_in_query_deprecated"),
    "an old version": ((*HANDSHAKE[:2], HANDSHAKE[3], ("sec-websocket-version", "8"), *bearer()), "", 426, ""),
    "no version": ((*HANDSHAKE[:2], HANDSHAKE[3], *bearer()), "", 400, ""),
    "no nonce": ((*HANDSHAKE[:3], *bearer()), "", 400, ""),
    "a short nonce": ((*HANDSHAKE[:3], ("sec-websocket-key", "YQ=="), *bearer()), "", 400, ""),
    "two nonces": ((*HANDSHAKE, HANDSHAKE[3], *bearer()), "", 400, ""),
    "another protocol": ((HANDSHAKE[0], ("upgrade", "h2c"), *bearer()), "", 405, ""),
    "no connection header": ((*HANDSHAKE[1:], *bearer()), "", 405, ""),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_refused_upgrade_is_an_http_answer(gateway: Gateway, name: str) -> None:
    headers, query, status, code = REFUSED[name]
    with Connection(gateway.port) as connection:
        reply = connection.ask("GET", f"/v1/responses{query}", headers)
        assert reply.status == status
        assert set(reply.error) >= {"message", "type", "code", "param"}
        assert code in (reply.error["type"], "")
        assert reply.header("x-request-id")
        if status == 426:
            assert (reply.header("upgrade"), reply.header("sec-websocket-version")) == ("websocket", "13")
        assert reply.is_last == ({*HANDSHAKE[:2]} <= {*headers})


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages", "/v1/responses/", "/v1/models"])
def test_no_other_path_is_a_socket(gateway: Gateway, path: str) -> None:
    assert _status(gateway, path, bearer()) in (200, 404, 405)
