"""Every recorded exchange through the gateway, on every mount: the upstream gets the client's bytes but for the model's
name, the client gets the upstream's bytes, whatever way they are cut on the wire."""

from __future__ import annotations

import json
from urllib.parse import urlencode

import pytest

from tests.live.callers import CALLERS
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.slots import UPSTREAM_KEY, dialect_of, native_exchanges
from tests.live.upstream import Answer, Framing, Upstream, Visit
from tests.live.wire import Connection
from tests.recorded import Exchange, frames, recorded

RETRIABLE = {401, 402, 403, 429}
"""Statuses that speak of the channel's own account; tests/live/test_faults.py has them."""

NO_USAGE = b'"stream_options": {"include_usage": false}'
USAGE_FLAG = b',"stream_options":{"include_usage":true}}'

ENDS_WITHOUT_A_REASON = "openai-chat.s015"
"""Complete but for a `finish_reason`. `[DONE]` alone is no end, so an error stands in its place."""

PASSED = [
    exchange
    for exchange in native_exchanges()
    if exchange.status not in RETRIABLE and exchange.label != ENDS_WITHOUT_A_REASON
]


def _cuts(body: bytes, way: int) -> tuple[bytes, ...]:
    """The body in pieces: as frames, in odd sizes, byte by byte (short ones), or in one."""
    if way == 0:
        return tuple(frames(body))
    if way == 1:
        return tuple(body[at : at + 37] for at in range(0, len(body), 37))
    if way == 2 and len(body) < 4000:
        return tuple(body[at : at + 1] for at in range(len(body)))
    return (body,) if body else ()


def _answer(exchange: Exchange, way: int) -> Answer:
    framing: Framing = "chunked" if exchange.is_stream else ("length", "chunked", "until-close", "length")[way]
    kept = [(name, value) for name, value in exchange.response_headers.items() if name != "content-type"]
    headers = [
        ("content-type", exchange.content_type),
        *((name, value) for name, value in kept if name not in ("content-encoding", "transfer-encoding")),
    ]
    return Answer(status=exchange.status, headers=headers, pieces=_cuts(exchange.response_body, way), framing=framing)


def _body(exchange: Exchange, model: str) -> bytes:
    """The recorded body, asking for another model; a Gemini batch names it in every part."""
    told = json.loads(exchange.request_body)
    if isinstance(told, dict):
        if "model" in told:
            told["model"] = model
        for part in told.get("requests", ()):
            part["model"] = f"models/{model}"
        if isinstance(inner := told.get("generateContentRequest"), dict):
            inner["model"] = f"models/{model}"
    return json.dumps(told, ensure_ascii=False).encode()


def _targets(exchange: Exchange, model: str) -> list[str]:
    caller = CALLERS[dialect_of(exchange)]
    if caller.names_model_in_path:
        path = f"/models/{model}:{exchange.verb}"
    else:
        path = next(end for end in _ENDINGS if exchange.path.endswith(end))
    query = f"?{urlencode(exchange.query)}" if exchange.query else ""
    return [f"{mount}{path}{query}" for mount in caller.mounts]


_ENDINGS = ("/chat/completions", "/embeddings", "/responses", "/messages", "/messages/count_tokens")


def _headers(exchange: Exchange) -> tuple[tuple[str, str], ...]:
    caller = CALLERS[dialect_of(exchange)]
    told = dict(exchange.request_headers)
    told.setdefault("content-type", "application/json")
    return (*((name, value) for name, value in caller.credential if name not in told), *told.items())


def _asks_for_usage(exchange: Exchange) -> bool:
    options = json.loads(exchange.request_body).get("stream_options") or {}
    return bool(options.get("include_usage"))


def _flag_is_ours(exchange: Exchange) -> bool:
    return exchange.protocol == "openai-chat" and exchange.is_stream and not _asks_for_usage(exchange)


def _is_usage_only(frame: bytes) -> bool:
    data = frame.removeprefix(b"data: ").strip()
    told = json.loads(data) if data.startswith(b"{") else {}
    return told.get("choices") == [] and bool(told.get("usage"))


def _expected_upstream(exchange: Exchange) -> bytes:
    body = _body(exchange, f"vendor.{exchange.label}")
    if _flag_is_ours(exchange):
        if NO_USAGE in body:
            return body.replace(NO_USAGE, NO_USAGE.replace(b"false", b"true"))
        assert b"stream_options" not in body
        return body.removesuffix(b"}") + USAGE_FLAG
    return body


def _expected_client(exchange: Exchange) -> bytes:
    if _flag_is_ours(exchange):
        return b"".join(frame for frame in frames(exchange.response_body) if not _is_usage_only(frame))
    return exchange.response_body


def _assert_clean(visit: Visit) -> None:
    """The channel's credential and nothing of the client's."""
    whole = visit.head + visit.body
    assert FIRST_KEY.encode() not in whole
    assert visit.head.count(UPSTREAM_KEY.encode()) == 1
    assert visit.names().isdisjoint({"cookie", "x-forwarded-for", "forwarded", "via", "transfer-encoding", "expect"})
    assert visit.header("accept-encoding") == "identity"


@pytest.mark.parametrize("exchange", PASSED, ids=lambda exchange: exchange.name)
def test_recorded_exchange_passes_byte_for_byte(exchange: Exchange, gateway: Gateway, upstream: Upstream) -> None:
    theirs, ours = f"vendor.{exchange.label}", f"client.{exchange.label}"
    targets = _targets(exchange, ours)
    with Connection(gateway.port) as connection:
        for way, target in enumerate((targets * 2)[:6]):
            upstream.script(theirs, _answer(exchange, way % 4))
            reply = connection.ask("POST", target, _headers(exchange), _body(exchange, ours))
            assert reply.body == _expected_client(exchange), target
            assert reply.status == exchange.status
            assert reply.header("content-type") == exchange.content_type
            assert (reply.header("x-request-id") or "").startswith("req_")
            visit = upstream.visit(theirs)
            assert visit.body == _expected_upstream(exchange), target
            _assert_clean(visit)


def test_a_stream_that_gives_no_reason_for_its_end(gateway: Gateway, upstream: Upstream) -> None:
    """Snowflake's: all that it said, and then what was missed. SDKs stop reading at `[DONE]`, so it does not come."""
    exchange = recorded("openai-chat/stream/015")
    upstream.script(f"vendor.{exchange.label}", _answer(exchange, 0))
    with Connection(gateway.port) as connection:
        body = _body(exchange, f"client.{exchange.label}")
        reply = connection.ask("POST", "/v1/chat/completions", _headers(exchange), body)
    assert exchange.label == ENDS_WITHOUT_A_REASON
    said = exchange.response_body.partition(b"data: [DONE]")[0]
    assert reply.body.startswith(said)
    added = reply.body.removeprefix(said).strip()
    assert json.loads(added.removeprefix(b"data: "))["error"]["message"]


def test_every_recording_is_played_or_named() -> None:
    """168 exchanges, all but three model lists (the gateway makes its own) and the channel's own refusals."""
    refused = [exchange for exchange in native_exchanges() if exchange.status in RETRIABLE]
    assert len(PASSED) + len(refused) + 1 == 165
    assert {exchange.status for exchange in PASSED} == {200, 400, 404}
    assert {exchange.status for exchange in refused} == {401}
    assert len({exchange.label for exchange in PASSED}) == len(PASSED)
