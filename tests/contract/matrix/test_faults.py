"""What goes wrong upstream is an error in the caller's own words, and never the end of an answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.contract.matrix.cells import CELLS, Cell, Stage
from tests.contract.matrix.hearing import heard
from tests.contract.matrix.test_tells import ASKED
from tests.contract.matrix.vendors import Said, streamed
from tests.live.upstream import json_answer, sse_answer

TOO_LONG: dict[str, dict[str, Any]] = {
    "openai-chat": {
        "error": {
            "message": "This model's maximum context length is 8 tokens.",
            "type": "invalid_request_error",
            "param": "messages",
            "code": "context_length_exceeded",
        }
    },
    "openai-responses": {
        "error": {
            "message": "Your input exceeds the context window of this model.",
            "type": "invalid_request_error",
            "param": "input",
            "code": "context_length_exceeded",
        }
    },
    "anthropic": {
        "type": "error",
        "error": {"type": "invalid_request_error", "message": "prompt is too long: 9 tokens > 8 maximum"},
    },
    "gemini": {
        "error": {
            "code": 400,
            "message": "The input token count (9) exceeds the maximum number of tokens allowed (8).",
            "status": "INVALID_ARGUMENT",
        }
    },
}
TERMINATORS = {
    "openai-chat": (b'"finish_reason":"', b"[DONE]"),
    "openai-responses": (b"response.completed", b"response.incomplete"),
    "anthropic": (b"message_stop", b'"stop_reason":"'),
    "gemini": (b'"finishReason"',),
}
LAST = {
    "openai-chat": "error",
    "openai-responses": "response",
    "anthropic": "error",
    "gemini": "error",
}


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_prompt_that_is_too_long(stage: Stage, cell: Cell) -> None:
    """Agents make their history shorter when they are told so in the words that they know."""
    said = TOO_LONG[cell.upstream]
    asked = stage.play(cell, "whole", ASKED[cell.client], json_answer(said, status=400))
    error = asked.reply.error
    assert asked.reply.status == 400
    assert said["error"]["message"] in str(error["message"])
    if cell.client == "anthropic":
        assert error["type"] == "invalid_request_error"
        assert "prompt is too long" in str(error["message"])
    elif cell.client == "gemini":
        assert (error["code"], error["status"]) == (400, "INVALID_ARGUMENT")
    else:
        assert error["code"] == "context_length_exceeded"


def _events(cell: Cell) -> list[bytes]:
    said = streamed(cell.upstream, Said(text="a text that nobody hears the end of"))
    separator = b"\r\n\r\n" if cell.upstream == "gemini" else b"\n\n"
    return [event + separator for event in said.split(separator) if event]


@pytest.mark.parametrize("at", [0.5, 0.65])
@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_stream_that_is_cut(stage: Stage, cell: Cell, at: float) -> None:
    """Whatever has been said is kept, and then comes the dialect's error."""
    events = _events(cell)
    kept = b"".join(events[: int(len(events) * at)])
    asked = stage.play(cell, "streamed", ASKED[cell.client], sse_answer(kept, ending="close"))
    told = asked.reply.body
    assert asked.reply.status == 200, told
    assert all(word not in told for word in TERMINATORS[cell.client]), told
    last = json.loads(told.rstrip().rsplit(b"data: ", 1)[1])
    assert last[LAST[cell.client]], told
    if cell.client == "openai-responses":
        assert last["type"] == "response.failed"
        assert last["response"]["error"]["message"]


@pytest.mark.parametrize("cell", CELLS, ids=str)
def test_a_stream_that_is_cut_behind_its_end(stage: Stage, cell: Cell) -> None:
    """What the dialect calls the end has come; that HTTP's own has not changes nothing. Gemini's dialect has no mark
    behind which nothing comes, so there a cut is a cut."""
    asked = stage.play(cell, "streamed", ASKED[cell.client], sse_answer(*_events(cell), ending="close"))
    told = asked.reply.body
    last = json.loads(told.removesuffix(b"data: [DONE]\n\n").rstrip().rsplit(b"data: ", 1)[1])
    if cell.upstream == "gemini":
        assert last.get("type") == "response.failed" or last["error"]
    else:
        assert heard(cell.client, "streamed", told).text == "a text that nobody hears the end of"
        assert last.get("type") != "response.failed"
        assert "error" not in last
