"""Turns that are kept, and requests that hold them again: every item to the byte, and none that a request may not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.typed_params import responses_faults
from tests.recorded import Exchange, exchanges, frames
from torouter.codecs.openai_responses.history import Kept, Listener, expand, keep, kept_input, previous_id
from torouter.errors import RequestError

LIMIT_BYTES = 1_000_000
HI = b'[{"type":"message","role":"user","content":[{"type":"input_text","text":"h\\u0069"}]}]'


def _response(**fields: Any) -> bytes:
    return json.dumps({"id": "resp_1", "object": "response", "status": "completed", "output": [], **fields}).encode()


def _answered(exchange: Exchange) -> Kept | None:
    if not exchange.is_stream:
        return keep(exchange.request_body, exchange.response_body)
    listener = Listener()
    for frame in frames(exchange.response_body):
        for line in frame.splitlines():
            if line.startswith(b"data: "):
                listener.feed(line.removeprefix(b"data: "))
    return listener.kept(exchange.request_body)


ANSWERED = [(exchange, kept) for exchange in exchanges("openai-responses") if (kept := _answered(exchange))]
UNTYPED = {"openai-responses.s013", "openai-responses.j017"}
"""Their items have what the package's types know neither of answers nor of requests: a source of the type `api`, the
`vector_store_id` of a result."""


def test_most_recordings_can_be_gone_on_from() -> None:
    assert len(ANSWERED) > len(exchanges("openai-responses")) * 2 / 3


@pytest.mark.parametrize(("exchange", "kept"), ANSWERED, ids=[exchange.label for exchange, _ in ANSWERED])
def test_a_recorded_answer_becomes_input_as_the_types_have_it(exchange: Exchange, kept: Kept) -> None:
    body = json.dumps({"model": "m", "previous_response_id": kept.id, "input": "And now?"}).encode()
    whole = json.loads(expand(body, kept, LIMIT_BYTES))
    said = [
        *json.loads(kept.output),
        *json.loads(kept_input(body)),
    ]  # the recorded clients leave out what types require
    assert bool(responses_faults({**whole, "input": said})) == (exchange.label in UNTYPED)
    assert whole["input"] == [*json.loads(kept.input), *json.loads(kept.output), *json.loads(kept_input(body))]


@pytest.mark.parametrize(
    ("body", "items"),
    [
        (b'{"input":"h\\u0069"}', HI),
        (b'{"input": [ 1 , 2 ] }', b"[ 1 , 2 ]"),
        (b'{"input":null}', b"[]"),
        (b"{}", b"[]"),
        (b'{"input":"a","input":[]}', b"[]"),
    ],
)
def test_input_in_one_form(body: bytes, items: bytes) -> None:
    assert kept_input(body) == items


@pytest.mark.parametrize("said", [b"3", b"{}", b"true"])
def test_input_that_is_none(said: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        kept_input(b'{"input":%b}' % said)
    assert caught.value.param == "input"


def test_everything_but_the_input_stays_as_it_was() -> None:
    previous = Kept(id="resp_1", input=HI, output=b'[ {"type" : "message", "big": 1e400} ]')
    body = b'{ "model" : "m",\n "previous_response_id":"resp_1", "input" : [{"x":"\\ud83d"}] , "top_p": 1.00 }'
    assert expand(body, previous, LIMIT_BYTES) == (
        b'{ "model" : "m",\n "input" : [%b,{"type" : "message", "big": 1e400},{"x":"\\ud83d"}] , "top_p": 1.00 }'
        % HI[1:-1]
    )


def test_a_request_without_input_gets_what_was_said() -> None:
    previous = Kept(id="resp_1", input=b"[]", output=b"[1]")
    assert (
        expand(b'{"model":"m","previous_response_id":"resp_1"}', previous, LIMIT_BYTES) == b'{"model":"m","input":[1]}'
    )


@pytest.mark.parametrize("limit_bytes", [74, 10])
def test_what_would_be_too_large_is_not_made(limit_bytes: int) -> None:
    """With the rest of the request, or already by its items."""
    previous = Kept(id="resp_1", input=b"[1,2,3,4]", output=b"[5]")
    body = b'{"model":"a name of forty characters or so, perhaps","previous_response_id":"resp_1","input":[6]}'
    assert len(expand(body, previous, 75)) == 75
    with pytest.raises(RequestError) as caught:
        expand(body, previous, limit_bytes)
    assert (caught.value.status, caught.value.code) == (413, "request_too_large")


def test_an_input_that_is_there_twice_would_be_written_twice() -> None:
    with pytest.raises(RequestError) as caught:
        expand(b'{"input":[],"previous_response_id":"resp_1","input":[]}', Kept(id="resp_1", input=HI, output=HI), 9999)
    assert caught.value.param == "input"


def test_instructions_are_not_carried_over() -> None:
    kept = keep(b'{"instructions":"Be brief.","input":"hi"}', _response())
    assert kept is not None
    assert b"instructions" not in expand(b'{"previous_response_id":"resp_1","input":"go on"}', kept, LIMIT_BYTES)


@pytest.mark.parametrize(
    ("body", "found"),
    [(b"{}", None), (b'{"previous_response_id":null}', None), (b'{"previous_response_id":"resp_1"}', "resp_1")],
)
def test_what_a_request_refers_to(body: bytes, found: str | None) -> None:
    assert previous_id(body) == found


def test_a_reference_that_is_none() -> None:
    with pytest.raises(RequestError) as caught:
        previous_id(b'{"previous_response_id":3}')
    assert caught.value.param == "previous_response_id"


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"nonsense",
        b"[]",
        _response(status="failed"),
        _response(status="in_progress"),
        _response(status=["completed"]),
        _response(status={"completed": 1}),
        _response(id=None),
        b'{"type":"response.failed","response":%b}' % _response(status="failed"),
        b'{"error":{"message":"no"}}',
    ],
)
def test_nothing_follows_what_failed(answer: bytes) -> None:
    assert keep(b'{"input":"hi"}', answer) is None


@pytest.mark.parametrize("status", ["completed", "incomplete"])
def test_an_event_and_a_response_object_are_the_same(status: str) -> None:
    response = _response(status=status, output=[{"type": "message", "id": "msg_1"}])
    event = b'{"type":"response.%b","response":%b}' % (status.encode(), response)
    kept = keep(b'{"input":"hi"}', event)
    assert kept is not None
    assert kept == keep(b'{"input":"hi"}', response)


BARE = {"type": "reasoning", "id": "rs_x", "summary": [], "encrypted_content": None}
SUMMED = {"type": "reasoning", "id": "rs_y", "summary": [{"type": "summary_text", "text": "Hm."}]}
SEALED = {"type": "reasoning", "id": "rs_z", "summary": [], "encrypted_content": "gAAA"}
SAID = {"type": "reasoning", "id": "rs_t", "summary": [], "content": [{"type": "reasoning_text", "text": "Hm."}]}
OURS = {"type": "reasoning", "id": "rs_1_0", "summary": [{"type": "summary_text", "text": "Hm."}]}


@pytest.mark.parametrize(("store", "is_kept"), [(False, False), (True, True), (None, True)])
def test_reasoning_that_only_refers_to_what_is_not_stored_is_dropped(store: bool | None, is_kept: bool) -> None:
    """What was made of a foreign answer refers to nothing: its text may be all that the upstream has of it."""
    kept = keep(b'{"input":"hi"}', _response(store=store, output=[BARE, SUMMED, SEALED, SAID, OURS]))
    assert kept is not None
    assert json.loads(kept.output) == ([BARE, SUMMED] if is_kept else []) + [SEALED, SAID, OURS]


def test_who_made_an_item_is_no_part_of_a_request() -> None:
    call = {"type": "shell_call", "id": "sh_1", "call_id": "call_1", "created_by": "x"}
    kept = keep(b'{"input":"hi"}', _response(output=[call]))
    assert kept is not None
    assert kept.output == b'[{"type": "shell_call", "id": "sh_1", "call_id": "call_1"}]'


def test_an_ending_without_its_items_is_filled_from_the_stream() -> None:
    """The backend of Codex repeats nothing in `response.completed`."""
    listener = Listener()
    for event in (
        b'{"type":"response.created","response":%b}' % _response(status="in_progress"),
        b'{"type":"response.output_item.done","output_index":0,"item":{"id":"msg_1", "type":"message"}}',
        b'{"type":"response.output_text.delta","delta":"\\"response.completed\\""}',
        b'{"type":"response.completed","response":%b}' % _response(),
    ):
        listener.feed(event)
    kept = listener.kept(b'{"input":"hi"}')
    assert kept is not None
    assert kept.output == b'[{"id":"msg_1", "type":"message"}]'


def test_a_stream_that_broke_off_leaves_nothing() -> None:
    listener = Listener()
    listener.feed(b'{"type":"response.output_item.done","item":{"type":"message"}}')
    assert listener.kept(b'{"input":"hi"}') is None
