"""Names and ids that an upstream takes, and the way back."""

from __future__ import annotations

import re

import pytest

from torouter.canon.blocks import ToolCallBlock
from torouter.canon.events import PartDelta, PartStart
from torouter.canon.fold import Answer
from torouter.canon.names import restore_answer, restore_event, tool_names, wire_id, wire_name
from torouter.canon.request import ChatRequest, Message, Tool

FITTING = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")


@pytest.mark.parametrize("name", ["a", "get_weather", "A-1", "9lives", "x" * 64])
def test_a_name_that_fits_is_kept(name: str) -> None:
    assert wire_name(name, "openai-chat") == name


@pytest.mark.parametrize("name", ["a.b", "x" * 65, "日本語", "", "with space", "a/b:c"])
def test_another_is_made_to_fit(name: str) -> None:
    wire = wire_name(name, "openai-chat")
    assert FITTING.match(wire)
    assert wire == wire_name(name, "openai-chat")


@pytest.mark.pitfall(63, 69)
def test_names_that_look_alike_stay_apart() -> None:
    """Cleaning must not make two tools one."""
    names = ["a.b", "a_b", "a b", "a/b", "x" * 65 + "1", "x" * 65 + "2"]
    assert len({wire_name(name, "openai-chat") for name in names}) == len(names)


@pytest.mark.pitfall(70, 72)
def test_limits_differ_by_dialect() -> None:
    assert wire_name("x" * 65, "anthropic") == "x" * 65
    assert len(wire_name("x" * 129, "anthropic")) <= 128
    assert wire_name("9lives", "gemini").startswith("_9lives_")


@pytest.mark.parametrize("call_id", ["toolu_01ABC", "call_1"])
def test_an_id_that_fits_is_kept(call_id: str) -> None:
    assert wire_id(call_id, "anthropic") == wire_id(call_id, "openai-chat") == call_id


@pytest.mark.parametrize("call_id", ["functions.f:0", "i" * 200, ""])
@pytest.mark.pitfall(64, 66)
def test_another_id_is_mapped_and_never_cut(call_id: str) -> None:
    """OpenAI takes 40 characters."""
    wire = wire_id(call_id, "openai-chat")
    assert len(wire) <= 40
    assert FITTING.match(wire)
    assert wire != wire_id(call_id + "x", "openai-chat")


@pytest.mark.pitfall(63)
def test_answers_get_the_callers_names_back() -> None:
    request = ChatRequest(
        dialect="openai-chat",
        messages=(Message(role="assistant", blocks=(ToolCallBlock(id="1", name="old.tool", arguments="{}"),)),),
        tools=(Tool(name="my.tool"), Tool(name="plain")),
    )
    names = tool_names(request, "anthropic")
    assert names == {wire_name("my.tool", "anthropic"): "my.tool", wire_name("old.tool", "anthropic"): "old.tool"}
    head = PartStart(part=0, kind="tool_call", id="1", name=wire_name("my.tool", "anthropic"))
    restored = restore_event(head, names)
    assert isinstance(restored, PartStart)
    assert (restored.name, restored.id) == ("my.tool", "1")
    assert restore_event(PartDelta(0, "x"), names) == PartDelta(0, "x")
    call = ToolCallBlock(id="1", name=wire_name("my.tool", "anthropic"), arguments="{}")
    answer = restore_answer(Answer(blocks=(call, ToolCallBlock(id="2", name="plain", arguments=""))), names)
    assert [block.name for block in answer.blocks if isinstance(block, ToolCallBlock)] == ["my.tool", "plain"]
