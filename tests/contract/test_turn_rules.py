"""The rules of turns have teeth: what a vendor refuses, they name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.contract.turn_rules import (
    chat_turn_faults,
    gemini_turn_faults,
    messages_turn_faults,
    responses_turn_faults,
)

Turns = list[dict[str, Any]]

_USER = {"role": "user", "content": "hi"}


def _chat_call(*ids: str, arguments: str = "{}") -> dict[str, Any]:
    function = {"name": "f", "arguments": arguments}
    return {"role": "assistant", "content": None, "tool_calls": [{"id": each, "function": function} for each in ids]}


def _tool(call_id: str) -> dict[str, Any]:
    return {"role": "tool", "tool_call_id": call_id, "content": "done"}


def test_chat_in_order() -> None:
    assert chat_turn_faults({"messages": [_USER, _chat_call("a", "b"), _tool("b"), _tool("a"), _USER]}) == []


@pytest.mark.parametrize(
    ("messages", "fault"),
    [
        ([_chat_call("a"), _USER, _tool("a")], "not answered"),
        ([_chat_call("a")], "not answered at the end"),
        ([_USER, _tool("a")], "no call of the last turn"),
        ([_chat_call("a", arguments="{"), _tool("a")], "arguments"),
        ([{"role": "assistant", "content": None}], "says nothing"),
    ],
)
def test_chat_out_of_order(messages: Turns, fault: str) -> None:
    assert fault in str(chat_turn_faults({"messages": messages}))


_CALL = {"type": "function_call", "call_id": "a", "name": "f", "arguments": "{}", "id": "fc_1"}
_OUTPUT = {"type": "function_call_output", "call_id": "a", "output": "done"}
_THOUGHT = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "ours"}


def test_responses_in_order() -> None:
    assert responses_turn_faults({"input": [_USER, _THOUGHT, _CALL, _OUTPUT]}, ["ours"]) == []


@pytest.mark.parametrize(
    ("items", "fault"),
    [
        ([_OUTPUT, _CALL], "before its call"),
        ([_CALL], "answered by"),
        ([_THOUGHT, _USER], "led to nothing"),
        ([{**_THOUGHT, "encrypted_content": "theirs"}, _CALL, _OUTPUT], "sealed by somebody else"),
        ([_CALL, _OUTPUT, {**_CALL, "call_id": "b"}, {**_OUTPUT, "call_id": "b"}], "fc_1 stands 2 times"),
    ],
)
def test_responses_out_of_order(items: Turns, fault: str) -> None:
    assert fault in str(responses_turn_faults({"input": items}, ["ours"]))


_USE = {"type": "tool_use", "id": "a", "name": "f", "input": {}}
_RESULT = {"type": "tool_result", "tool_use_id": "a", "content": "done"}
_TEXT = {"type": "text", "text": "hi"}
_THINKING = {"type": "thinking", "thinking": "hm", "signature": "ours"}


def _says(role: str, *blocks: dict[str, Any]) -> dict[str, Any]:
    return {"role": role, "content": list(blocks)}


def test_messages_in_order() -> None:
    messages = [_USER, _says("assistant", _THINKING, _TEXT, _USE), _says("user", _RESULT, _TEXT)]
    assert messages_turn_faults({"messages": messages, "thinking": {"type": "enabled"}}, ["ours"]) == []


@pytest.mark.parametrize(
    ("messages", "fault"),
    [
        ([_USER, _says("assistant", _USE), _says("user", _TEXT, _RESULT)], "results do not come first"),
        ([_USER, _says("assistant", _USE), _USER], "answered by []"),
        ([_USER, _USER], "two of user in a row"),
        ([_says("assistant", _TEXT), _USER], "the user does not begin"),
        ([_USER, _says("assistant", _TEXT)], "a prefill"),
        ([_says("user", {"type": "text", "text": " "})], "an empty text"),
        ([_USER, _says("assistant", {**_THINKING, "signature": "theirs"}), _USER], "no signature of ours"),
        ([_USER, _says("assistant", _TEXT), {"role": "system", "content": "s"}, _USER], "a system message between"),
        ([_USER, _says("assistant", {**_USE, "id": "a.b"}), _says("user", {**_RESULT, "tool_use_id": "a.b"})], "no id"),
        ([_USER, _says("assistant", _USE), _says("user", _RESULT)], "without its thinking"),
    ],
)
def test_messages_out_of_order(messages: Turns, fault: str) -> None:
    faults = messages_turn_faults({"messages": messages, "thinking": {"type": "enabled"}}, ["ours"])
    assert fault in str(faults)


_ASKED = {"role": "user", "parts": [{"text": "hi"}]}
_RESPONSE = {"role": "user", "parts": [{"functionResponse": {"name": "f"}}]}


def _gemini_call(seal: str | None) -> dict[str, Any]:
    part: dict[str, Any] = {"functionCall": {"name": "f"}}
    return {"role": "model", "parts": [part if seal is None else {**part, "thoughtSignature": seal}]}


@pytest.mark.parametrize("seal", ["ours", "skip_thought_signature_validator"])
def test_gemini_is_signed(seal: str) -> None:
    assert gemini_turn_faults({"contents": [_ASKED, _gemini_call(seal), _RESPONSE]}, ["ours"]) == []


@pytest.mark.parametrize(("seal", "fault"), [(None, "has no signature"), ("theirs", "no signature of ours")])
def test_gemini_is_not_signed(seal: str | None, fault: str) -> None:
    assert fault in str(gemini_turn_faults({"contents": [_ASKED, _gemini_call(seal), _RESPONSE]}, ["ours"]))


def test_gemini_wants_no_signature_of_a_past_turn() -> None:
    contents = [_ASKED, _gemini_call(None), _RESPONSE, {"role": "model", "parts": [{"text": "so"}]}, _ASKED]
    assert gemini_turn_faults({"contents": contents}, ["ours"]) == []
