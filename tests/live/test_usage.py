"""What is left on record of a request: one row with tokens, outcome and channel, never a word of a body or a key."""

from __future__ import annotations

import json

import pytest

from tests.live.callers import CALLERS
from tests.live.conftest import TakeSlot
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.slots import UPSTREAM_KEY
from tests.live.upstream import EVENT_STREAM, Answer, json_answer, recorded_answer, sse_answer, until
from tests.live.wire import Connection, Reply, request
from tests.recorded import frames, recorded
from torouter.store import Store, UsageFilter, UsageRow

STREAMS = [
    ("openai-chat", "openai-chat/stream/010", 126),
    ("openai-responses", "openai-responses/stream/007", 28),
    ("anthropic", "anthropic-messages/stream/003", 762 + 33),
    ("gemini", "gemini/stream/002", 1427),
]
"""Dialect, recording, and the total that its provider reported."""


def _row(gateway: Gateway, request_id: str | None) -> UsageRow:
    """The row of a request; rows are written a few times a second."""
    found: list[UsageRow] = []

    def is_written() -> bool:
        with Store.open(gateway.data) as store:
            found.extend(stored.row for stored in store.usage_page(UsageFilter(request_id=request_id)))
        return bool(found)

    assert until(is_written, 5), "no usage row"
    [row] = found
    return row


def _total(row: UsageRow) -> int:
    return sum(value for name, value in row._asdict().items() if name.endswith("_tokens"))


def _stream(gateway: Gateway, dialect: str, model: str) -> Reply:
    caller = CALLERS[dialect]
    with Connection(gateway.port) as connection:
        target, body = caller.target(model, stream=True), caller.encode(model, stream=True)
        return connection.ask("POST", target, caller.headers(), body)


@pytest.mark.parametrize(("dialect", "recording", "total"), STREAMS)
def test_a_streams_tokens(gateway: Gateway, take: TakeSlot, dialect: str, recording: str, total: int) -> None:
    slot = take(dialect, recorded_answer(recording))
    row = _row(gateway, _stream(gateway, dialect, slot.model).header("x-request-id"))
    assert (row.channel, row.model, row.upstream_model) == (f"up-{dialect}", slot.model, slot.upstream_model)
    assert (row.dialect_in, row.dialect_out, row.operation) == (dialect, dialect, "chat")
    assert (row.status, row.outcome, row.is_stream, row.retries) == (200, "ok", True, 0)
    assert (row.quality, _total(row)) == ("reported", total)
    assert row.first_token_ms is not None
    assert row.latency_ms >= row.first_token_ms


def test_a_count_is_no_use_of_tokens(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-chat", json_answer({}))
    caller = CALLERS["anthropic"]
    with Connection(gateway.port) as connection:
        reply = connection.ask("POST", "/v1/messages/count_tokens", caller.headers(), caller.encode(slot.model))
    row = _row(gateway, reply.header("x-request-id"))
    assert (row.operation, row.dialect_in, row.dialect_out) == ("count_tokens", "anthropic", "openai-chat")
    assert (row.status, row.outcome, row.quality, _total(row)) == (200, "ok", "none", 0)


@pytest.mark.parametrize(
    ("said", "quality", "total"), [({"promptTokenCount": 9}, "reported", 9), (None, "estimated", 2)]
)
def test_translated_embeddings_tokens(
    gateway: Gateway, take: TakeSlot, said: dict[str, int] | None, quality: str, total: int
) -> None:
    slot = take("gemini", json_answer({"embeddings": [{"values": [0.5]}], "usageMetadata": said}))
    body = json.dumps({"model": slot.model, "input": "hello world", "user": "u"}).encode()
    with Connection(gateway.port) as connection:
        reply = connection.ask("POST", "/v1/embeddings", CALLERS["openai-chat"].headers(), body)
    row = _row(gateway, reply.header("x-request-id"))
    assert (row.operation, row.dialect_in, row.dialect_out) == ("embeddings", "openai-chat", "gemini")
    assert (row.quality, row.input_tokens, row.losses) == (quality, total, "user;dropped")


def test_a_translated_answers_tokens(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("anthropic", recorded_answer("anthropic-messages/stream/003"))
    row = _row(gateway, _stream(gateway, "openai-chat", slot.model).header("x-request-id"))
    assert (row.dialect_in, row.dialect_out) == ("openai-chat", "anthropic")
    assert (row.input_tokens, row.output_tokens, row.quality) == (762, 33, "reported")


def test_an_abandoned_streams_tokens(gateway: Gateway, take: TakeSlot) -> None:
    """Anthropic says what went in before anything comes out."""
    begun = list(frames(recorded("anthropic-messages/stream/003").response_body))[:4]
    slot = take("anthropic", sse_answer(*begun, *[b": wait\n\n"] * 100, pace_s=0.05))
    caller = CALLERS["anthropic"]
    with Connection(gateway.port) as connection:
        body = caller.encode(slot.model, stream=True)
        _, headers = connection.send(request("POST", "/v1/messages", caller.headers(), body)).read_head()
        for _ in zip(range(4), connection.pieces(), strict=False):
            pass
    row = _row(gateway, dict(headers)["x-request-id"])
    assert (row.outcome, row.quality, row.input_tokens) == ("client_left", "partial", 762)


def test_an_upstreams_error(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("anthropic", recorded_answer("anthropic-messages/json/016"))
    row = _row(gateway, _stream(gateway, "anthropic", slot.model).header("x-request-id"))
    assert (row.status, row.outcome, _total(row)) == (400, "upstream_error", 0)


def test_nothing_that_was_said_is_kept(gateway: Gateway, take: TakeSlot) -> None:
    """Neither in the store nor in the log: no prompt, no answer, no key of either side."""
    secrets = ("a-prompt-that-nobody-may-keep", "an-answer-that-nobody-may-keep", FIRST_KEY, UPSTREAM_KEY)
    slot = take("openai-chat", Answer(pieces=(json.dumps({"choices": secrets[1]}).encode(),)))
    with Connection(gateway.port) as connection:
        caller = CALLERS["openai-chat"]
        body = json.dumps({"model": slot.model, "messages": secrets[0]}).encode()
        reply = connection.ask("POST", "/v1/chat/completions?x=1", caller.headers(), body)
    _row(gateway, reply.header("x-request-id"))
    kept = gateway.log.read_bytes() + b"".join(path.read_bytes() for path in gateway.data.rglob("*") if path.is_file())
    for secret in secrets:
        assert secret.encode() not in kept


def test_a_stream_that_comes_in_one_piece_has_its_status(gateway: Gateway, take: TakeSlot) -> None:
    """Its end is seen before its answer is begun."""
    whole = b"".join(frames(recorded("openai-responses/stream/007").response_body))
    slot = take("openai-responses", Answer(headers=EVENT_STREAM, pieces=(whole,)))
    row = _row(gateway, _stream(gateway, "openai-responses", slot.model).header("x-request-id"))
    assert (row.status, row.outcome, row.quality) == (200, "ok", "reported")
