"""The wire view: a request that is answered with what became of it."""

from __future__ import annotations

import asyncio
import json
import re
from base64 import b64decode
from contextlib import AbstractAsyncContextManager
from typing import Any, ClassVar

import pytest
from msgspec.structs import replace

from tests.relay.answers import DIALECTS, asking, frames_of, streamed, whole
from tests.relay.stage import ACCOUNT, KEY, Answer, Handler, Stage, json_reply, stage
from tests.relay.test_failover import broken
from tests.relay.test_hedging import HEDGES, MODELS, Known, late
from tests.relay.test_losses import searching
from tests.relay.test_pauses import message, one_after_the_other
from tests.relay.test_reopening import RESUMES, cut
from torouter.access.keyring import Account, Key
from torouter.access.terms import Terms
from torouter.errors import UpstreamError
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


def watched_stage(handlers: dict[str, Handler], **options: Any) -> AbstractAsyncContextManager[Stage]:
    """Whose key is a session's, and an administrator's."""
    return stage(handlers, **{"key": OF_SESSION, "account": ADMIN, **options})


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


def failing_with(status: int, message: str) -> Handler:
    return lambda _: json_reply(status, {"error": {"message": message, "type": "t", "code": None, "param": None}})


class TestAttempts:
    async def test_one_that_was_left_and_one_that_served(self) -> None:
        path, body = asking("openai-chat", stream=True)
        handlers = {"a": failing_with(500, "no"), "b": answering("anthropic", stream=True)}
        async with watched_stage(handlers, dialects={"a": ("openai-chat",), "b": ("anthropic",)}) as it:
            told = frames(await it.post(path, body, WATCHED))
            (entry,) = await it.settled()
        first, second = of(told, "attempt")
        assert [first["number"], first["channel"], first["is_translated"]] == [1, "a", False]
        assert [second["number"], second["channel"], second["is_translated"], second["picked"]] == [
            2,
            "b",
            True,
            "next",
        ]
        left = one(told, "left")
        assert (left["number"], left["verdict"], left["why"]) == (1, "next_channel", "server_error")
        assert left["message"] == "no"
        assert told.index(first) < told.index(left) < told.index(second)
        assert [each["status"] for each in of(told, "came")] == [500, 200]
        assert json.loads(data_of(of(told, "chunk", 1)))["error"]["message"] == "no"
        assert b"word number 39" in data_of(of(told, "chunk", 2))
        assert [row.channel for row in entry.attempts] == ["a", "b"]

    async def test_who_could_not_be_connected_to_says_nothing(self) -> None:
        async with watched_stage({"a": broken("connect")}, max_attempts=1) as it:
            told = frames(await it.post(*asking("anthropic", stream=False), WATCHED))
        assert not of(told, "came") + of(told, "chunk")
        assert one(told, "left")["why"] == "connect"
        assert (one(told, "status")["status"], one(told, "done")["outcome"]) == (502, "upstream_error")
        assert json.loads(data_of(of(told, "returned")))["type"] == "error"

    async def test_an_error_that_is_the_answer_is_not_left(self) -> None:
        async with watched_stage({"a": failing_with(400, "what?")}) as it:
            told = frames(await it.post(*asking("openai-chat", stream=False), WATCHED))
        assert not of(told, "left")
        assert one(told, "status")["status"] == 400
        assert data_of(of(told, "returned")) == data_of(of(told, "chunk"))

    async def test_two_at_a_time(self) -> None:
        path, body = asking("openai-chat", stream=True)
        handlers = {"a": late("anthropic", stream=True), "b": answering("anthropic", stream=True)}
        async with watched_stage(
            handlers, dialects=("anthropic",), policies=HEDGES, planner=Known(), channel_models=MODELS
        ) as it:
            told = frames(await it.post(path, {**body, "model": "big"}, WATCHED))
        assert [(each["number"], each["channel"]) for each in of(told, "attempt")] == [(1, "a"), (2, "b")]
        assert [(each["number"], each["verdict"], each["why"]) for each in of(told, "left")] == [(1, "lost", "lost")]
        assert b"nothing yet" in data_of(of(told, "chunk", 1))
        assert data_of(of(told, "chunk", 2)) == b"".join(frames_of("anthropic"))
        assert b"word number 39" in data_of(of(told, "returned"))

    async def test_a_stream_that_another_went_on_with(self) -> None:
        path, body = asking("openai-chat", stream=True)
        handlers = {"a": cut("gemini"), "b": answering("gemini", stream=True)}
        async with watched_stage(
            handlers, dialects=("gemini",), policies={"a": RESUMES}, planner=Known(), channel_models=MODELS
        ) as it:
            told = frames(await it.post(path, {**body, "model": "big"}, WATCHED))
        assert [(each["number"], each["why"]) for each in of(told, "left")] == [(1, "cut")]
        assert data_of(of(told, "chunk", 1)) == b"".join(frames_of("gemini")[:20])
        assert data_of(of(told, "chunk", 2)) == b"".join(frames_of("gemini"))
        returned = data_of(of(told, "returned"))
        assert [returned.count(b"word number %d " % number) for number in range(40)] == [1] * 40

    async def test_one_dialect_by_way_of_our_own_form_is_translated(self) -> None:
        """Where somebody else may have to go on with the answer."""
        path, body = asking("anthropic", stream=True)
        handlers = {name: answering("anthropic", stream=True) for name in "ab"}
        async with watched_stage(
            handlers, dialects=("anthropic",), policies={"a": RESUMES, "b": RESUMES}, channel_models=MODELS
        ) as it:
            told = frames(await it.post(path, {**body, "model": "big"}, WATCHED))
        assert (one(told, "attempt")["dialect"], one(told, "attempt")["is_translated"]) == ("anthropic", True)

    async def test_an_answer_in_pieces(self) -> None:
        paused = message({"type": "text", "text": "one"}, stop="pause_turn")
        ended = message({"type": "text", "text": "two"}, stop="end_turn")
        async with watched_stage({"up": one_after_the_other(paused, ended)}, dialects=("anthropic",)) as it:
            told = frames(await it.post(*asking("openai-chat", stream=False), WATCHED))
            bodies = [request.body for _, request in it.asked]
        first, second = of(told, "attempt")
        assert ("continues" in first, second["number"], second["continues"]) == (False, 2, 1)
        assert [each["body"].encode() for each in (first, second)] == bodies
        assert json.loads(data_of(of(told, "chunk", 1)))["stop_reason"] == "pause_turn"
        assert json.loads(data_of(of(told, "chunk", 2)))["stop_reason"] == "end_turn"
        assert not of(told, "left")

    async def test_another_model(self) -> None:
        path, body = asking("openai-chat", stream=False)
        handlers = {"a": failing_with(500, "no"), "b": answering("openai-chat", stream=False)}
        models = {"a": {"m": "up-m"}, "b": {"other": "up-other"}}
        asked = {**WATCHED, "x-torouter-fallbacks": "other"}
        async with watched_stage(handlers, channel_models=models, max_attempts=2) as it:
            told = frames(await it.post(path, body, asked))
        assert [each["model"] for each in of(told, "attempt")] == ["up-m", "up-other"]
        assert one(told, "status")["status"] == 200


class TestLosses:
    BODY: ClassVar = {"model": "m", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 9, "seed": 7}

    async def test_they_are_told_with_the_attempt(self) -> None:
        async with watched_stage({"up": answering("anthropic", stream=False)}, dialects=("anthropic",)) as it:
            answer = await it.post("/v1/chat/completions", self.BODY, WATCHED)
        told = frames(answer)
        losses = one(told, "losses")
        reason = losses["losses"][0]["why"]
        assert reason
        assert (losses["number"], losses["losses"]) == (1, [{"field": "seed", "what": "dropped", "why": reason}])
        assert told.index(one(told, "attempt")) < told.index(losses) < told.index(one(told, "came"))
        assert ["x-torouter-losses", "seed;dropped"] in one(told, "status")["headers"]

    async def test_those_of_the_answer_come_at_its_end(self) -> None:
        async with watched_stage({"up": searching}, dialects=("anthropic",)) as it:
            told = frames(await it.post("/v1/chat/completions", {**self.BODY, "stream": True}, WATCHED))
        of_request, of_answer = of(told, "losses")
        assert [each["field"] for each in of_request["losses"]] == ["seed"]
        assert all(each["field"].startswith("answer.") and each["why"] is None for each in of_answer["losses"])
        assert of_answer["losses"]
        assert told.index(of_request) < told.index(one(told, "status")) < told.index(of_answer)

    async def test_where_they_are_refused_nobody_is_asked(self) -> None:
        asked = {**WATCHED, "x-torouter-strict": "1"}
        async with watched_stage({"up": answering("anthropic", stream=False)}, dialects=("anthropic",)) as it:
            told = frames(await it.post("/v1/chat/completions", self.BODY, asked))
        assert [each["kind"] for each in told] == ["request", "status", "returned", "done"]
        assert (one(told, "status")["status"], one(told, "done")["outcome"]) == (400, "refused")
        assert one(told, "done")["cost_usd"] is None


class TestRefusals:
    @pytest.mark.parametrize("client", DIALECTS)
    async def test_other_keys_are_refused_in_the_callers_dialect(self, client: Dialect) -> None:
        async with stage({"up": answering(client, stream=False)}, dialects=(client,), account=ADMIN) as it:
            path, body = asking(client, stream=False)
            answer = await it.post(path, body, WATCHED)
            assert (answer.status, it.asked, it.rows) == (403, [], [])
            assert "x-torouter-wire" in answer.json["error"]["message"]
            assert (await it.post(path, body, {"x-torouter-wire": "0"})).headers[b"content-type"] == b"application/json"
            assert (await it.post(path, body)).status == 200, "the same connection's next head is its own"

    async def test_what_is_no_chat_is_refused(self) -> None:
        async with watched_stage({"up": answering("openai-chat", stream=False)}) as it:
            answer = await it.post("/v1/embeddings", {"model": "m", "input": "x"}, WATCHED)
            assert (answer.status, it.asked) == (400, [])
            assert "x-torouter-wire" in answer.json["error"]["message"]

    @pytest.mark.parametrize(("key", "status"), [(OF_SESSION, 400), (KEY, 403)], ids=["a session's", "any other"])
    async def test_a_websocket_is_refused(self, key: Key, status: int) -> None:
        lines = (
            b"GET /v1/responses HTTP/1.1", b"host: h", b"authorization: Bearer sk-good", b"x-torouter-wire: 1",
            b"connection: upgrade", b"upgrade: websocket", b"sec-websocket-version: 13",
            b"sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==", b"", b"",
        )  # fmt: skip
        async with watched_stage({"up": answering("openai-responses", stream=True)}, key=key) as it:
            reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
            writer.write(b"\r\n".join(lines))
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
            writer.close()
        assert head.startswith(b"HTTP/1.1 %d " % status)

    async def test_a_key_that_is_not_known_gets_no_frames(self) -> None:
        async with watched_stage({"up": answering("openai-chat", stream=False)}) as it:
            asked = {**WATCHED, "authorization": "Bearer sk-nobodys"}
            assert (await it.post(*asking("openai-chat", stream=False), asked)).status == 401

    async def test_what_is_refused_before_an_attempt_is_told(self) -> None:
        async with watched_stage({"up": answering("openai-chat", stream=False)}) as it:
            answers = [
                await it.post("/v1/chat/completions", {"model": "nobodys", "messages": []}, WATCHED),
                await it.post("/v1/messages", b"{", WATCHED),
            ]
            assert it.asked == []
        for answer, status in zip(answers, (404, 400), strict=True):
            told = frames(answer)
            assert [each["kind"] for each in told] == ["request", "status", "returned", "done"]
            assert one(told, "status")["status"] == status
            assert json.loads(data_of(of(told, "returned")))["error"]["message"]
            assert one(told, "done")["outcome"] == "refused"
        assert frames(answers[1])[0]["body"] == "{"

    async def test_a_fault_of_ours_is_told_too(self, caplog: pytest.LogCaptureFixture) -> None:
        def fault(_: Request) -> Reply:
            raise ValueError("a bug")

        async with watched_stage({"up": fault}) as it:
            told = frames(await it.post(*asking("openai-chat", stream=False), WATCHED))
        assert one(told, "status")["status"] == 500
        assert "a bug" not in json.dumps(told)
        assert "a bug" in caplog.text, "it is logged as any other"


class TestRedaction:
    """`SECRET` is the channel's, which answers with it wherever it can."""

    def echoing(self, status: int, *pieces: bytes) -> Handler:
        headers = [(b"content-type", b"text/event-stream"), (b"x-echo", SECRET.encode()), (b"x-request-id", b"up_1")]
        return lambda _: Reply(status, headers, pieces)

    def pieces(self) -> list[bytes]:
        """With the secret in a piece, and cut between two."""
        before, *between, last = frames_of("openai-chat")
        said = b": %b\n\n" % SECRET.encode()
        return [before, said, said[:15], said[15:], *between, last]

    @pytest.mark.parametrize("account", [ADMIN, ACCOUNT], ids=["an administrator", "a user"])
    async def test_credentials_are_nowhere(self, account: Account) -> None:
        key = "sk-session-key-0123456789-wxyz"
        headers = {**WATCHED, "x-api-key": key, "cookie": "torouter_session=abcdefgh"}
        handlers = {"a": self.echoing(500, SECRET.encode()), "b": self.echoing(200, *self.pieces())}
        async with watched_stage(handlers, account=account, credentials={"a": (SECRET,), "b": (SECRET + "2",)}) as it:
            answer = await it.post(*asking("openai-chat", stream=True), headers)
        told = frames(answer)
        assert SECRET not in json.dumps(of(told, "request") + of(told, "came") + of(told, "chunk") + of(told, "left"))
        for kind in ("chunk", "returned"):
            assert SECRET.encode() not in data_of(of(told, kind))
        assert key.encode() not in answer.body
        assert b"abcdefgh" not in answer.body
        fields = dict(one(told, "request")["headers"])
        assert fields["x-api-key"] == "•••wxyz"
        assert fields["authorization"] == "Bearer •••", "of a short one nothing is shown"
        assert fields["cookie"] == "•••"
        assert [dict(each["headers"])["authorization"] for each in of(told, "attempt")] == ["Bearer •••"] * 2

    async def test_what_a_user_sees(self) -> None:
        handlers = {"a": self.echoing(500, b"the operator's account is empty"), "b": self.echoing(200, *self.pieces())}
        async with watched_stage(handlers, account=ACCOUNT, credentials={"b": ("a-label-that-is-a-secret",)}) as it:
            told = frames(await it.post(*asking("openai-chat", stream=True), WATCHED))
        first, second = of(told, "attempt")
        assert (first["channel"], first["credential"], first["url"]) == (None, None, "/v1/chat/completions")
        assert second["model"] == "up-m", "it stands in the body too"
        assert dict(second["headers"])["host"] == "•••"
        assert dict(second["headers"])["content-type"] == "application/json"
        assert [each["headers"] for each in of(told, "came")] == [
            [["content-type", "text/event-stream"], ["x-request-id", "up_1"]]
        ] * 2
        (hidden,) = of(told, "chunk", 1)
        assert (hidden["data"], hidden["cut_bytes"]) == ("", 31)
        assert (one(told, "left")["why"], one(told, "left")["message"]) == ("server_error", None)
        assert "operator" not in json.dumps(told)

    async def test_what_an_administrator_sees(self) -> None:
        async with watched_stage({"b": self.echoing(200, *self.pieces())}, credentials={"b": (SECRET,)}) as it:
            told = frames(await it.post(*asking("openai-chat", stream=True), WATCHED))
        attempt = one(told, "attempt")
        assert (attempt["channel"], attempt["url"]) == ("b", "http://b/v1/chat/completions")
        assert dict(attempt["headers"])["host"] == "b"
        assert ["x-echo", "•••"] in one(told, "came")["headers"]

    async def test_a_key_in_the_query_is_not_repeated(self) -> None:
        _, body = asking("gemini", stream=False)
        async with watched_stage({"g": answering("gemini", stream=False)}, dialects=("gemini",)) as it:
            answer = await it.post(
                "/v1beta/models/m:generateContent?key=sk-good&x=1", body, {**WATCHED, "authorization": ""}
            )
        assert one(frames(answer), "request")["path"] == "/v1beta/models/m:generateContent?x=1"
        assert b"sk-good" not in answer.body


class TestEnds:
    async def test_a_client_that_leaves_is_on_record(self) -> None:
        pieces = frames_of("openai-chat")
        async with watched_stage({"up": lambda _: streamed(*pieces, pace_s=0.02)}) as it:
            reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
            path, body = asking("openai-chat", stream=True)
            request = it.request(path, body).replace(b"host: h\r\n", b"host: h\r\nx-torouter-wire: 1\r\n")
            writer.write(request)
            await reader.readuntil(b'"kind":"returned"')
            writer.close()
            (entry,) = await it.settled()
            assert (entry.usage.outcome, entry.usage.status) == ("client_left", 499)

    async def test_one_that_leaves_where_answers_are_read_to_their_end(self) -> None:
        pieces = frames_of("openai-chat")
        key = replace(OF_SESSION, on_hangup="drain")
        terms = Terms(on_hangup="drain")
        async with watched_stage({"up": lambda _: streamed(*pieces, pace_s=0.005)}, key=key, terms=terms) as it:
            reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
            path, body = asking("openai-chat", stream=True)
            writer.write(it.request(path, body).replace(b"host: h\r\n", b"host: h\r\nx-torouter-wire: 1\r\n"))
            await reader.readuntil(b'"kind":"returned"')
            writer.close()
            (entry,) = await it.settled()
            assert (entry.usage.outcome, entry.usage.output_tokens) == ("client_left", 40)
            assert entry.attempts[0].outcome == "ok", "it was read to its end"

    async def test_the_connection_goes_on(self) -> None:
        path, body = asking("openai-chat", stream=False)
        async with watched_stage({"up": answering("openai-chat", stream=False)}) as it:
            plain = it.request(path, body)
            watched = plain.replace(b"host: h\r\n", b"host: h\r\nx-torouter-wire: 1\r\n")
            reader, writer = await asyncio.open_connection("127.0.0.1", it.port)
            for _ in range(2):
                writer.write(watched)
                head = await reader.readuntil(b"\r\n\r\n")
                assert b"application/x-ndjson" in head
                await reader.readuntil(b"0\r\n\r\n")
                writer.write(plain)
                head = await reader.readuntil(b"\r\n\r\n")
                assert b"application/json" in head
                length = re.search(rb"content-length: (\d+)", head)
                assert length is not None
                await reader.readexactly(int(length[1]))
            writer.close()
            assert len(it.rows) == 4

    async def test_what_would_be_a_dropped_connection_says_so(self) -> None:
        """A whole body beyond what is held, which breaks off."""
        size = 9 * 1024 * 1024
        head = [(b"content-type", b"application/json"), (b"content-length", b"%d" % (2 * size))]
        fault = UpstreamError("cut", phase="stream", upstream_status=200, code="upstream_truncated")
        async with watched_stage({"up": lambda _: Reply(200, head, [b'{"a":"', b"x" * size], fault=fault)}) as it:
            told = frames(await it.post(*asking("openai-chat", stream=False), WATCHED))
        done = one(told, "done")
        assert (done["is_cut"], done["outcome"]) == (True, "truncated")
        assert of(told, "chunk")[1]["cut_bytes"] == size - 1024 * 1024
