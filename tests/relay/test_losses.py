"""Losses reach the caller in a header and the operator in the record: bounded, plain ASCII, the same in both."""

from __future__ import annotations

from typing import Any

import pytest

from tests.relay.stage import Answer, json_reply, sse_reply, stage
from tests.relay.test_translation import CHAT, MESSAGE
from torouter.canon.losses import Loss
from torouter.errors import RequestError
from torouter.relay.losses import ANSWER, refused_field, told, told_text
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request

HEADER = b"x-torouter-losses"
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {}}
SEARCHED = {**MESSAGE, "content": [SEARCH, {"type": "text", "text": "yes"}], "stop_reason": "dizzy"}


def streamed(*events: str) -> Reply:
    return sse_reply(b"".join(f"event: e\ndata: {event}\n\n".encode() for event in events))


def searching(_: Request) -> Reply:
    return streamed(
        '{"type":"message_start","message":{"id":"m","model":"x","usage":{"input_tokens":1,"output_tokens":1}}}',
        '{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use","id":"s","name":"w"}}',
        '{"type":"content_block_stop","index":0}',
        '{"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}',
        '{"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"yes"}}',
        '{"type":"content_block_stop","index":1}',
        '{"type":"weather_report","sky":"blue"}',
        '{"type":"message_delta","delta":{"stop_reason":"dizzy"},"usage":{"output_tokens":2}}',
        '{"type":"message_stop"}',
    )


class TestTelling:
    def test_a_field_is_plain_whatever_the_caller_called_it(self) -> None:
        name = 'a\r\nx-evil: 1, b;c "d" \\ 中'
        (entry,) = told([Loss(field=name, what="dropped", reason="r")])
        assert entry == "a%0D%0Ax-evil:%201%2C%20b%3Bc%20%22d%22%20%5C%20%4E2D;dropped"
        assert refused_field(RequestError("no", param="a b")) == ("a%20b;refused",)
        assert refused_field(RequestError("no")) == ()

    def test_a_long_field_is_cut(self) -> None:
        (entry,) = told([Loss(field="x" * 5000, what="dropped", reason="r")], ANSWER)
        assert entry == f"answer.{'x' * 197}...;dropped"

    def test_the_text_is_bounded_and_cut_between_entries(self) -> None:
        entries = [f"messages.{number}.name;dropped" for number in range(1000)]
        text = told_text(entries)
        assert 4000 < len(text) <= 4096
        *whole, last = text.split(", ")
        assert last == "..."
        assert whole == entries[: len(whole)]
        assert told_text(entries[:3]) == ", ".join(entries[:3])


class TestOnTheWay:
    async def test_of_a_whole_answer_header_and_record_say_the_same(self) -> None:
        async with stage({"a": lambda _: json_reply(200, SEARCHED)}, dialects=("anthropic",)) as on:
            answer = await on.post("/v1/chat/completions", {**CHAT, "seed": 7})
            expected = "seed;dropped, answer.server_tool_use;dropped, answer.finish_reason;approximated"
            assert answer.headers[HEADER].decode() == expected
            assert on.rows[0].losses == expected

    async def test_of_a_stream_the_header_has_the_requests_and_the_record_all(self) -> None:
        async with stage({"a": searching}, dialects=("anthropic",)) as on:
            answer = await on.post("/v1/chat/completions", {**CHAT, "seed": 7, "stream": True})
            assert answer.headers[HEADER] == b"seed;dropped"
            assert b'"content":"yes"' in answer.body
            assert answer.body.endswith(b"data: [DONE]\n\n")
            assert on.rows[0].losses == (
                "seed;dropped, answer.server_tool_use;dropped, answer.weather_report;dropped, "
                "answer.finish_reason;approximated"
            )

    async def test_without_losses_there_is_no_header(self) -> None:
        async with stage({"a": lambda _: json_reply(200, MESSAGE)}, dialects=("anthropic",)) as on:
            assert HEADER not in (await on.post("/v1/chat/completions", CHAT)).headers
            assert on.rows[0].losses is None

    async def test_a_header_holds_what_a_caller_made_up(self) -> None:
        """A name with a line break in it would be a header of its own."""
        async with stage({"a": lambda _: json_reply(200, MESSAGE)}, dialects=("anthropic",)) as on:
            answer = await on.post("/v1/chat/completions", {**CHAT, "a\r\nx-evil: 1": 1})
            assert answer.status == 200
            assert b"x-evil" not in answer.headers
            assert answer.headers[HEADER] == b"a%0D%0Ax-evil:%201;dropped"

    async def test_the_record_of_a_refused_request_names_the_field(self) -> None:
        async with stage({"a": lambda _: json_reply(200, MESSAGE)}, dialects=("anthropic",)) as on:
            await on.post("/v1/chat/completions", {**CHAT, "n": 2})
            assert (on.rows[0].outcome, on.rows[0].losses) == ("refused", "n;refused")


class TestStrict:
    @pytest.mark.parametrize(
        ("is_configured", "said", "status"),
        [
            (False, None, 200),
            (False, "1", 400),
            (False, "true", 400),
            (False, "0", 200),
            (True, None, 400),
            (True, "1", 400),
            (True, "off", 200),
        ],
    )
    async def test_the_request_wins_over_the_configuration(
        self, is_configured: bool, said: str | None, status: int
    ) -> None:
        headers = {} if said is None else {"x-torouter-strict": said}
        async with strict(is_configured) as on:
            answer = await on.post("/v1/chat/completions", {**CHAT, "seed": 7, "made_up": 1}, headers)
            assert answer.status == status
            assert len(on.asked) == (status == 200)
            if status == 400:
                self.names_the_field(answer)
                assert on.rows[0].losses == "made_up;refused"

    def names_the_field(self, answer: Answer) -> None:
        error = answer.json["error"]
        assert error["param"] == "made_up"
        assert "`made_up`" in error["message"]
        assert "strict mode" in error["message"]
        assert "(1 more besides)" in error["message"]
        assert "What to do: " in error["message"]

    async def test_a_request_without_losses_passes(self) -> None:
        async with strict(True) as on:
            assert (await on.post("/v1/chat/completions", CHAT)).status == 200

    async def test_the_clients_own_dialect_has_no_losses(self) -> None:
        chat: dict[str, Any] = {"id": "c", "choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}]}
        async with stage({"a": lambda _: json_reply(200, chat)}, is_strict=True) as on:
            assert (await on.post("/v1/chat/completions", {**CHAT, "made_up": 1})).status == 200


def strict(is_configured: bool) -> Any:
    on: Any = stage({"a": lambda _: json_reply(200, MESSAGE)}, dialects=("anthropic",), is_strict=is_configured)
    return on
