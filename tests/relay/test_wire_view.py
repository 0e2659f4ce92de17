"""The wire view: a request that is answered with what became of it."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from typing import Any

import pytest
from msgspec.structs import replace

from tests.relay.answers import DIALECTS, asking, frames_of, streamed, whole
from tests.relay.stage import ACCOUNT, KEY, Answer, Handler, json_reply, stage
from torouter.units import Dialect
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request

OF_SESSION = replace(KEY, is_session=True)
ADMIN = replace(ACCOUNT, is_admin=True)
WATCHED = {"x-torouter-wire": "1"}
SECRET = "sk-upstream-secret-0123456789"

SHAPES = [
    pytest.param(client, upstream, stream, id=f"{client} {'stream' if stream else 'whole'} over {upstream}")
    for client in DIALECTS
    for stream in (False, True)
    for upstream in DIALECTS
]


def answering(dialect: Dialect, *, stream: bool) -> Handler:
    def handler(_: Request) -> Reply:
        return streamed(*frames_of(dialect)) if stream else json_reply(200, whole(dialect))

    return handler


def frames(answer: Answer) -> list[dict[str, Any]]:
    assert (answer.status, answer.headers[b"content-type"]) == (200, b"application/x-ndjson")
    assert answer.headers[b"cache-control"] == b"no-store"
    assert answer.is_complete
    return [json.loads(line) for line in answer.body.splitlines()]


def of(told: list[dict[str, Any]], kind: str, number: int | None = None) -> list[dict[str, Any]]:
    return [each for each in told if each["kind"] == kind and number in (None, each.get("number"))]


def one(told: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    (found,) = of(told, kind)
    return found


def data_of(pieces: list[dict[str, Any]]) -> bytes:
    return b"".join(b64decode(each["data"]) if each.get("base64") else each["data"].encode() for each in pieces)


def without_ids(data: bytes, request_id: str) -> bytes:
    """And without the second in which it was made."""
    return re.sub(rb'"created(_at)?":[0-9]+', b"", data.replace(request_id.removeprefix("req_").encode(), b"ID"))


@pytest.mark.parametrize(("client", "upstream", "stream"), SHAPES)
async def test_it_tells_what_was_sent_what_came_and_what_is_returned(
    client: Dialect, upstream: Dialect, stream: bool
) -> None:
    path, body = asking(client, stream=stream)
    handler = answering(upstream, stream=stream)
    async with stage({"up": handler}, dialects=(upstream,), key=OF_SESSION, account=ADMIN) as it:
        plain = await it.post(path, body)
        told = frames(await it.post(path, body, WATCHED))
        (_, first), (_, second) = it.asked
        rows = [row._replace(request_id="", at_ms=0, latency_ms=0, first_token_ms=0) for row in it.rows]
    assert [each["kind"] for each in told if each["kind"] not in ("chunk", "returned", "losses", "came")] == [
        "request", "attempt", "status", "done",
    ]  # fmt: skip
    assert second.body == first.body
    attempt, request, done = one(told, "attempt"), one(told, "request"), one(told, "done")
    assert (request["method"], request["path"], json.loads(request["body"])) == ("POST", path, body)
    assert attempt["body"].encode() == second.body
    assert attempt["url"] == f"http://up{second.target.decode()}"
    assert (attempt["dialect"], attempt["is_translated"], attempt["model"]) == (upstream, client != upstream, "up-m")
    assert data_of(of(told, "chunk")) == b"".join(handler(second).pieces)
    ids = done["request_id"], plain.headers[b"x-request-id"].decode()
    assert without_ids(data_of(of(told, "returned")), ids[0]) == without_ids(plain.body, ids[1])
    status = one(told, "status")
    assert status["status"] == plain.status == 200
    assert ["content-type", plain.headers[b"content-type"].decode()] in status["headers"]
    assert ["x-request-id", ids[0]] in status["headers"]
    assert rows[0] == rows[1], "what is written down is the same"
    assert (done["outcome"], done["usage"]["output_tokens"]) == ("ok", rows[0].output_tokens)
    times = [each["at_ms"] for each in told if "at_ms" in each]
    assert times == sorted(times)
    assert b"x-torouter-wire" not in second.head
