"""Turns that refer to others, and calls by id, over upstreams in memory."""

from __future__ import annotations

import asyncio
import json

import pytest
from msgspec.structs import replace

from tests.relay.stage import KEY, Answer, MemoryShelf, Stage, json_reply, sse_reply, stage
from torouter.errors import StoreError, UpstreamError
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request

CHAT = {
    "id": "c",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "y"}, "finish_reason": "stop"}],
}
THEIRS = {"id": "resp_theirs", "object": "response", "deleted": True}
MISSING = {"error": {"message": "no such response", "type": "invalid_request_error"}}


class SlowShelf(MemoryShelf):
    """Keeps when it is told to go on."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = asyncio.Event()
        self.may_go_on = asyncio.Event()

    async def keep(self, account_id: int, key_id: int, kept_id: str, document: bytes) -> bool:
        self.asked.set()
        await self.may_go_on.wait()
        return await super().keep(account_id, key_id, kept_id, document)


async def ask(on: Stage, method: str, path: str) -> Answer:
    head = "host: h\r\nauthorization: Bearer sk-good\r\nconnection: close\r\n"
    return await on.raw(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode())


def stream(*_: object) -> Reply:
    delta = {"choices": [{"index": 0, "delta": {"content": "y"}, "finish_reason": None}]}
    end = {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}
    return sse_reply(*(f"data: {json.dumps(each)}\n\n".encode() for each in (delta, end)), b"data: [DONE]\n\n")


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])
async def test_the_end_of_an_answer_waits_until_it_is_kept(is_stream: bool) -> None:
    shelf = SlowShelf()
    reply = stream if is_stream else lambda _: json_reply(200, CHAT)
    async with stage({"a": reply}, keeps=True, shelf=shelf) as on:
        asking = asyncio.create_task(on.post("/v1/responses", {"model": "m", "input": "hi", "stream": is_stream}))
        await asyncio.wait_for(shelf.asked.wait(), 10)
        await asyncio.sleep(0.05)
        assert not asking.done()
        shelf.may_go_on.set()
        answer = await asking
        assert answer.is_complete
        [document] = shelf.kept.values()
        kept = json.loads(document)["response"]
        if is_stream:
            assert answer.body.endswith(b"\n\n")
            assert json.loads(answer.body[answer.body.rindex(b"data: ") + 6 :])["response"] == kept
        else:
            assert answer.json == kept
        [row] = on.rows
        assert (row.status, row.outcome) == (200, "ok")


async def test_a_connection_that_breaks_behind_the_end_breaks_nothing() -> None:
    shelf = MemoryShelf()
    fault = UpstreamError("reset", phase="stream")
    reply = Reply(200, [(b"content-type", b"text/event-stream")], stream().pieces, fault=fault)
    async with stage({"a": lambda _: reply}, keeps=True, shelf=shelf) as on:
        answer = await on.post("/v1/responses", {"model": "m", "input": "hi", "stream": True})
        assert answer.is_complete
        assert answer.body.count(b"event: response.completed") == 1
        assert b"response.failed" not in answer.body
        assert len(shelf.kept) == 1
        assert on.rows[0].outcome == "ok"


@pytest.mark.parametrize("is_stream", [False, True], ids=["whole", "streamed"])
async def test_what_cannot_be_kept_is_answered_and_says_so(is_stream: bool) -> None:
    """A request that repeats a name so often that nobody will take it apart."""
    shelf = MemoryShelf()
    reply = stream if is_stream else lambda _: json_reply(200, CHAT)
    async with stage({"a": reply}, keeps=True, shelf=shelf) as on:
        repeated = b",".join([b'"user":"u"'] * 60)
        body = b'{"model":"m","input":"hi",%b,"stream":%b}' % (repeated, b"true" if is_stream else b"false")
        answer = await on.post("/v1/responses", body)
        assert (answer.status, answer.is_complete) == (200, True)
        last = answer.body[answer.body.rindex(b"data: ") + 6 :] if is_stream else answer.body
        told = json.loads(last)
        assert (told["response"] if is_stream else told)["store"] is False
        assert shelf.kept == {}
        assert on.rows[0].outcome == "ok"


class RefusingShelf(MemoryShelf):
    async def keep(self, account_id: int, key_id: int, kept_id: str, document: bytes) -> bool:
        raise StoreError("What no shelf should do.")


async def test_an_answer_that_has_begun_is_not_given_another(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever went wrong: it is cut off, so that the client sees that it is not whole."""
    async with stage({"a": stream}, keeps=True, shelf=RefusingShelf()) as on:
        body = json.dumps({"model": "m", "input": "hi", "stream": True})
        head = f"host: h\r\nauthorization: Bearer sk-good\r\ncontent-length: {len(body)}\r\n\r\n"
        reader, writer = await asyncio.open_connection("127.0.0.1", on.port)
        writer.write(f"POST /v1/responses HTTP/1.1\r\n{head}{body}".encode())
        got = await asyncio.wait_for(reader.read(-1), 10)
        writer.close()
    assert got.startswith(b"HTTP/1.1 200 ")
    assert got.count(b"HTTP/1.1 ") == 1
    assert not got.endswith(b"0\r\n\r\n")
    assert "What no shelf should do." in caplog.text
    assert len(on.rows) == 1


async def test_a_client_that_leaves_before_the_end_is_written_down() -> None:
    shelf = SlowShelf()
    async with stage({"a": stream}, keeps=True, shelf=shelf) as on:
        _, writer = await asyncio.open_connection("127.0.0.1", on.port)
        body = json.dumps({"model": "m", "input": "hi", "stream": True})
        writer.write(
            "POST /v1/responses HTTP/1.1\r\nhost: h\r\nauthorization: Bearer sk-good\r\n"
            f"content-length: {len(body)}\r\n\r\n{body}".encode()
        )
        await asyncio.wait_for(shelf.asked.wait(), 10)
        writer.close()
        async with asyncio.timeout(10):
            while not on.rows:
                await asyncio.sleep(0.01)
        assert on.rows[0].outcome == "client_left"
        assert shelf.kept == {}


async def test_what_a_request_refers_to_counts_to_its_size() -> None:
    """The stage takes bodies of 100 kB."""
    async with stage({"a": lambda _: json_reply(200, CHAT)}, keeps=True) as on:
        first = await on.post("/v1/responses", {"model": "m", "input": "x" * 60_000})
        again = {"model": "m", "input": "y" * 60_000, "previous_response_id": first.json["id"]}
        answer = await on.post("/v1/responses", again)
        assert (answer.status, answer.json["error"]["code"]) == (413, "request_too_large")
        assert [(row.status, row.outcome) for row in on.rows] == [(200, "ok"), (413, "refused")]
        assert len(on.asked) == 1


async def test_an_input_with_impossible_numbers_is_a_mistake_of_the_clients() -> None:
    async with stage({"a": lambda _: json_reply(200, CHAT)}) as on:
        body = b'{"model":"m","input":[{"type":1e400},{"type":"item_reference","id":"x"}]}'
        answer = await on.post("/v1/responses", body)
        assert answer.status == 400


async def test_what_is_looked_at_for_a_request_is_bounded() -> None:
    """Each name of an item makes all be read that led to its answer: with bodies of 100 kB, up to 400 kB."""
    shelf = MemoryShelf()
    seeds = [f"{n:024x}" for n in range(8)]
    for seed in seeds:
        said = {"type": "message", "id": f"msg_{seed}_0", "role": "assistant", "content": []}
        document = {"input": "x" * 60_000, "response": {"id": f"resp_{seed}", "status": "completed", "output": [said]}}
        shelf.kept[1, f"resp_{seed}"] = json.dumps(document).encode()
    async with stage({"a": lambda _: json_reply(200, CHAT)}, keeps=True, shelf=shelf) as on:
        for count, status in ((6, 200), (7, 413)):
            named = [{"type": "item_reference", "id": f"msg_{seed}_0"} for seed in seeds[:count]]
            answer = await on.post("/v1/responses", {"model": "m", "input": [*named, {"role": "user", "content": "?"}]})
            assert answer.status == status
        assert answer.json["error"]["code"] == "request_too_large"
        assert len(on.asked) == 1


class TestElsewhere:
    async def test_the_first_that_knows_answers(self) -> None:
        def knows(request: Request) -> Reply:
            return json_reply(200, THEIRS, (b"x-secret", b"s"), (b"openai-version", b"v"))

        handlers = {"a": lambda _: json_reply(404, MISSING), "b": knows, "c": knows}
        async with stage(handlers, dialects=("openai-responses",)) as on:
            answer = await ask(on, "DELETE", "/api/v1/responses/resp_theirs?x=1&key=sk-good")
            assert (answer.status, answer.json["error"]["type"]) == (400, "api_key_in_query_deprecated")
            assert on.asked == []
            answer = await ask(on, "DELETE", "/api/v1/responses/resp_theirs?x=1")
            assert (answer.status, answer.json) == (200, THEIRS)
            assert answer.headers[b"openai-version"] == b"v"
            assert b"x-secret" not in answer.headers
            assert [name for name, _ in on.asked] == ["a", "b"]
            request = on.asked[1][1]
            assert (request.method, request.target) == (b"DELETE", b"/v1/responses/resp_theirs?x=1")
            assert b"authorization: Bearer sk-up\r\n" in request.head
            assert b"sk-good" not in request.head
            assert on.rows == []

    @pytest.mark.parametrize("status", [404, 405, 501])
    async def test_nobody_knows(self, status: int) -> None:
        async with stage({"a": lambda _: json_reply(status, MISSING)}, dialects=("openai-responses",)) as on:
            answer = await ask(on, "GET", "/v1/responses/resp_nobodys/input_items")
            assert (answer.status, answer.json["error"]["param"]) == (404, "id")
            assert "resp_nobodys" in answer.json["error"]["message"]

    async def test_channels_of_other_dialects_are_not_asked(self) -> None:
        async with stage({"a": lambda _: json_reply(200, THEIRS)}, dialects=("openai-chat", "anthropic")) as on:
            assert (await ask(on, "GET", "/v1/responses/resp_x")).status == 404
            assert on.asked == []

    async def test_channels_without_a_model_of_the_key_are_not_asked(self) -> None:
        for models, asked in ((["other"], 0), (["other", "m"], 1), (["m-thinking"], 1), ([], 1)):
            key = replace(KEY, models=frozenset(models))
            async with stage({"a": lambda _: json_reply(200, THEIRS)}, dialects=("openai-responses",), key=key) as on:
                answer = await ask(on, "DELETE", "/v1/responses/resp_theirs")
                assert (answer.status, len(on.asked)) == (200 if asked else 404, asked)

    @pytest.mark.parametrize(("status", "told"), [(401, 502), (429, 429), (503, 502)])
    async def test_one_that_cannot_say_is_not_one_that_does_not_know(self, status: int, told: int) -> None:
        handlers = {"a": lambda _: json_reply(status, MISSING), "b": lambda _: json_reply(404, MISSING)}
        async with stage(handlers, dialects=("openai-responses",)) as on:
            assert (await ask(on, "GET", "/v1/responses/resp_x")).status == told

    async def test_one_that_is_not_there(self) -> None:
        def gone(_: Request) -> Reply:
            raise UpstreamError("refused", phase="connect")

        handlers = {"a": gone, "b": lambda _: json_reply(400, MISSING)}
        async with stage(handlers, dialects=("openai-responses",)) as on:
            answer = await ask(on, "GET", "/v1/responses/resp_x")
            assert (answer.status, answer.json) == (400, MISSING)
        async with stage({"a": gone}, dialects=("openai-responses",)) as on:
            assert (await ask(on, "GET", "/v1/responses/resp_x")).status == 502

    async def test_an_answer_in_pieces(self) -> None:
        pieces = (b'{"id":', b'"resp_theirs"}')
        handlers = {"a": lambda _: Reply(200, [(b"content-type", b"application/json")], pieces)}
        async with stage(handlers, dialects=("openai-responses",)) as on:
            answer = await ask(on, "GET", "/v1/responses/resp_theirs?stream=true")
            assert (answer.json, answer.is_complete) == ({"id": "resp_theirs"}, True)
        fault = UpstreamError("reset", phase="stream")
        broken = {"a": lambda _: Reply(200, [(b"content-type", b"application/json")], pieces[:1], fault=fault)}
        async with stage(broken, dialects=("openai-responses",)) as on:
            assert not (await ask(on, "GET", "/v1/responses/resp_theirs")).is_complete

    @pytest.mark.parametrize("path", ["/v1/responses/a%2Fb", "/v1/responses/..", "/v1/responses/" + "x" * 257])
    async def test_what_is_no_id_is_no_path(self, path: str) -> None:
        async with stage({"a": lambda _: json_reply(200, THEIRS)}, dialects=("openai-responses",)) as on:
            answer = await ask(on, "GET", path)
            assert (answer.status, answer.json["error"]["code"]) == (404, "unknown_path")
            assert on.asked == []


async def test_an_account_that_does_not_know_an_id_is_not_cooled() -> None:
    unknown = {"error": {"message": "gone", "type": "x", "code": "previous_response_not_found", "param": "p"}}
    handlers = {"a": lambda _: json_reply(400, unknown), "b": lambda _: json_reply(200, {"id": "r", "output": []})}
    async with stage(handlers, dialects=("openai-responses",)) as on:
        body = {"model": "m", "input": "hi", "previous_response_id": "resp_b"}
        assert [(await on.post("/v1/responses", body)).status for _ in range(2)] == [200, 200]
        assert [name for name, _ in on.asked] == ["a", "b", "a", "b"]
