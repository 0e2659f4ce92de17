"""The upstream and the client of these tests, face to face: what they say of each other must be true."""

from __future__ import annotations

import json
import time

import pytest

from tests.live.callers import JSON_TYPE
from tests.live.upstream import Answer, Upstream, json_answer, recorded_answer, sse_answer, until
from tests.live.wire import Connection, request
from tests.recorded import PROTOCOLS, RECORDINGS, exchanges, frames


def _request(model: str) -> bytes:
    return request("POST", "/v1/x", [JSON_TYPE], json.dumps({"a": {"model": "inner"}, "model": model}).encode())


def test_recordings_are_whole() -> None:
    counted = {protocol: len(exchanges(protocol)) for protocol in PROTOCOLS}
    assert sum(counted.values()) == 168
    assert all(counted.values())
    listed = json.loads((RECORDINGS / "index.json").read_text())
    assert len(listed) == 168
    for protocol in PROTOCOLS:
        for exchange in exchanges(protocol):
            assert b"".join(frames(exchange.response_body)) == exchange.response_body
            assert exchange.response_body


@pytest.mark.parametrize("framing", ["length", "chunked", "until-close"])
def test_answers_are_said_as_written(upstream: Upstream, framing: str) -> None:
    upstream.script("h", Answer(pieces=(b"one", b"two"), framing=framing))  # type: ignore[arg-type]
    with Connection(upstream.port) as connection:
        reply = connection.send(_request("h")).read()
    assert reply.body == b"onetwo"
    assert [piece for _, piece in reply.arrivals] == ([b"one", b"two"] if framing == "chunked" else [b"onetwo"])
    visit = upstream.visit("h")
    assert visit.head + visit.body == _request("h")
    assert until(lambda: visit.is_done)


def test_scripts_go_on_with_their_last_answer(upstream: Upstream) -> None:
    upstream.script("h", json_answer(1), json_answer(2))
    with Connection(upstream.port) as connection:
        assert [connection.send(_request("h")).read().body for _ in range(3)] == [b"1", b"2", b"2"]
    assert len({visit.connection for visit in upstream.visits("h")}) == 1


def test_models_are_found_in_paths_and_forms(upstream: Upstream) -> None:
    upstream.script("a b", json_answer("path"))
    upstream.script("f", json_answer("form"))
    with Connection(upstream.port) as connection:
        assert connection.ask("POST", "/v1beta/models/a%20b:generateContent?x=1", body=b"{}").body == b'"path"'
        form = b'--c\r\nContent-Disposition: form-data; name="model"\r\n\r\nf\r\n--c--\r\n'
        assert connection.ask("POST", "/v1/images/edits", body=form).body == b'"form"'
        assert connection.ask("POST", "/v1/x", body=b'{"model":"nobody"}').status == 418


@pytest.mark.parametrize("ending", ["close", "reset"])
def test_cuts_are_seen(upstream: Upstream, ending: str) -> None:
    upstream.script("h", sse_answer(b"one", pace_s=0.05, ending=ending))  # type: ignore[arg-type]
    with Connection(upstream.port) as connection, pytest.raises(ConnectionError):
        connection.send(_request("h")).read()


def test_leaving_is_seen_at_once(upstream: Upstream) -> None:
    upstream.script("h", sse_answer(*[b"x"] * 100, pace_s=0.05))
    with Connection(upstream.port) as connection:
        connection.send(_request("h")).read_head()
    left = time.monotonic()
    assert until(lambda: upstream.visit("h").left_at, 2)
    assert (upstream.visit("h").left_at or 0) - left < 0.2


def test_recorded_answers(upstream: Upstream) -> None:
    upstream.script("h", recorded_answer("gemini/stream/001"))
    with Connection(upstream.port) as connection:
        reply = connection.send(_request("h")).read()
    assert reply.body.startswith(b'data: {"candidates"')
    assert reply.header("content-type") == "text/event-stream"
