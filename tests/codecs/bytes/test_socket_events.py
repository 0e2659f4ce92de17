"""Events of the WebSocket form, as bytes: what of a client's event is the request, and answers that are no stream."""

from __future__ import annotations

import json

import pytest
from openai.types.responses.responses_server_event import ResponseWsError
from pydantic import TypeAdapter

from tests.contract.typed_params import responses_faults
from torouter.codecs.openai_responses.socket_events import Create, in_lane, is_event, read_event, whole_event
from torouter.errors import RequestError

WS_ERROR = TypeAdapter(ResponseWsError)


@pytest.mark.parametrize(
    ("event", "create"),
    [
        (b'{"type":"response.create","model":"m"}', Create(body=b'{"model":"m","stream":true}')),
        (b'{"stream":false, "type":"response.create"}', Create(body=b'{"stream":true}')),
        (
            b'{"model":"m" ,"type":"response.create","top_p":1.00,"stream":null}',
            Create(body=b'{"model":"m" ,"top_p":1.00,"stream":true}'),
        ),
        (
            b'{"type":"response.create","stream_id":"\\u0061"}',
            Create(body=b'{"stream":true}', lane=b'"\\u0061"'),
        ),
        (b'{"type":"response.create","generate":true}', Create(body=b'{"stream":true}')),
        (b'{"type":"response.create","generate":null}', Create(body=b'{"stream":true}')),
        (b'{"type":"response.create","generate":false}', Create(body=b'{"stream":true}', is_warm_up=True)),
        (
            b'{"type":"response.create","generate":true,"prompt_cache_options":{"prewarm":true}}',
            Create(body=b'{"prompt_cache_options":{"prewarm":true},"stream":true}', is_warm_up=True),
        ),
        (
            b'{"type":"response.create","prompt_cache_options":3}',
            Create(body=b'{"prompt_cache_options":3,"stream":true}'),
        ),
        (b'{"type":"response.create","background":false}', Create(body=b'{"background":false,"stream":true}')),
        (b'{"type":"x","type":"response.create"}', Create(body=b'{"stream":true}')),
    ],
)
def test_the_request_of_an_event(event: bytes, create: Create) -> None:
    assert read_event(event) == create


def test_every_field_of_the_sockets_own_is_gone() -> None:
    told = {"type": "response.create", "stream_id": "a", "generate": True, "model": "m", "input": "hi", "store": False}
    create = read_event(json.dumps(told).encode())
    assert create is not None
    assert responses_faults(json.loads(create.body)) == []


def test_a_lane_is_repeated_so_it_must_be_short() -> None:
    """In each event: one read from the upstream may hold hundreds, and all would be written before anybody waits."""
    create = read_event(b'{"type":"response.create","stream_id":"%b"}' % (b"x" * 254))
    assert create is not None
    assert len(create.lane) == 256
    with pytest.raises(RequestError) as caught:
        read_event(b'{"type":"response.create","stream_id":"%b"}' % (b"x" * 255))
    assert caught.value.param == "stream_id"


@pytest.mark.parametrize("event", [b"", b"[]", b"{", b'{"type":"response.create"', b"3"])
def test_what_is_no_event(event: bytes) -> None:
    with pytest.raises(RequestError):
        read_event(event)


ENVELOPE = {"message": "No.", "type": "invalid_request_error", "code": "c", "param": "p"}


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (400, json.dumps({"error": ENVELOPE}).encode(), "No."),
        (429, b'{"error":"slow down"}', "slow down"),
        (500, b'{"error":{"message":3}}', None),
        (502, b"<html>", None),
        (503, b"", None),
        (200, b"not JSON", None),
    ],
)
def test_errors_are_as_the_packages_type_has_them(status: int, body: bytes, message: str | None) -> None:
    told = whole_event(status, {"x-request-id": "req_1", "retry-after": "3"}, body)
    event = WS_ERROR.validate_json(told, strict=True)
    assert event.status == (502 if status == 200 else status)
    assert event.error.message
    assert message is None or message in event.error.message
    assert event.error.headers == {"x-request-id": "req_1", "retry-after": "3"}
    assert json.loads(told)["headers"] == event.error.headers


@pytest.mark.parametrize(
    ("status", "kind"),
    [("completed", "completed"), ("incomplete", "incomplete"), ("failed", "failed"), ("queued", "completed")],
)
def test_a_response_object_is_an_ending(status: str, kind: str) -> None:
    body = b'{"id": "resp_1",  "status":"%b"}' % status.encode()
    event = whole_event(200, {}, body)
    assert event == b'{"type":"response.%b","sequence_number":0,"response":%b}' % (kind.encode(), body)


@pytest.mark.parametrize("status", [b"[]", b"{}", b"[[1]]", b"7", b"null"])
def test_a_status_that_is_no_word(status: bytes) -> None:
    body = b'{"status":%b}' % status
    assert json.loads(whole_event(200, {}, body))["type"] == "response.completed"


@pytest.mark.parametrize(
    ("data", "is_one"),
    [(b'{"type":"x"}', True), (b"{}", True), (b"[DONE]", False), (b'{"type":"x', False), (b"3", False), (b"", False),
     (b'{"delta":"\\ud83d"}', True)],
)  # fmt: skip
def test_what_may_be_said(data: bytes, is_one: bool) -> None:
    assert is_event(data) is is_one


@pytest.mark.parametrize("event", [b"{}", b' {"type": "x"}', b'{"stream_id":"other"}', b'{"delta":"\\ud83d"}'])
def test_a_lane(event: bytes) -> None:
    assert json.loads(in_lane(event, b'"a"')) == {**json.loads(event), "stream_id": "a"}
    assert in_lane(event, b"") == event
