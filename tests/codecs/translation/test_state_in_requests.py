"""State that goes back to its issuer: in its place, and never where the issuer would refuse it."""

from __future__ import annotations

import json
from typing import Any

from torouter.canon.blocks import (
    Blob,
    BlobKind,
    Block,
    Origin,
    ReasoningBlock,
    TextBlock,
    ToolCallBlock,
    ToolResultBlock,
)
from torouter.canon.reasoning import ModelFacts, Reasoning
from torouter.canon.request import ChatRequest, Message, Tool
from torouter.codecs import CODECS, Encoded
from torouter.units import Dialect

CLAUDE = ModelFacts(reasoning="budget", max_output_tokens=32000)
GEMINI_3 = ModelFacts(reasoning="level")


def thought(dialect: Dialect, kind: BlobKind) -> ReasoningBlock:
    return ReasoningBlock(text="hm", blobs=(Blob(kind=kind, data="ErUB", origin=Origin(dialect=dialect)),), id="rs_1")


def encoded(dialect: Dialect, facts: ModelFacts, *said: Block, has_result: bool = True) -> Encoded:
    """A turn of the model with these blocks, answered by a result or by the user's next words."""
    answer: Block = (
        ToolResultBlock(call_id="c1", content=(TextBlock(text="42"),)) if has_result else TextBlock(text="go")
    )
    request = ChatRequest(
        dialect="openai-chat",
        messages=(
            Message(role="user", blocks=(TextBlock(text="hi"),), path="messages.0"),
            Message(role="assistant", blocks=said, path="messages.1"),
            Message(role="user", blocks=(answer,), path="messages.2"),
        ),
        tools=(Tool(name="f"),),
        reasoning=Reasoning(depth="low"),
        reasoning_path="reasoning_effort",
    )
    translation = CODECS[dialect].translation
    assert translation is not None
    return translation.encode_request(request, "up", facts)


def body(of: Encoded) -> Any:
    return json.loads(of.body)


CALL = ToolCallBlock(id="c1", name="f", arguments="{}")
TEXT = TextBlock(text="Hi")


class TestClaude:
    def test_a_loop_that_begins_with_its_own_thinking_goes_on_thinking(self) -> None:
        done = encoded("anthropic", CLAUDE, thought("anthropic", "signature"), TEXT, CALL)
        assert body(done)["thinking"] == {"type": "enabled", "budget_tokens": 2048}
        assert body(done)["messages"][1]["content"][0] == {"type": "thinking", "thinking": "hm", "signature": "ErUB"}
        assert "thinking" not in body(encoded("anthropic", CLAUDE, TEXT, CALL))

    def test_thinking_that_nothing_follows_is_left_out(self) -> None:
        done = encoded("anthropic", CLAUDE, TEXT, thought("anthropic", "redacted"), has_result=False)
        assert body(done)["messages"][1]["content"] == [{"type": "text", "text": "Hi"}]
        assert ("messages.1", "dropped") in [(loss.field, loss.what) for loss in done.losses]
        alone = encoded("anthropic", CLAUDE, thought("anthropic", "signature"), has_result=False)
        assert [turn["role"] for turn in body(alone)["messages"]] == ["user", "user"]

    def test_others_state_is_left_out_with_its_words(self) -> None:
        done = encoded("anthropic", CLAUDE, thought("gemini", "thought_signature"), TEXT, CALL)
        assert [block["type"] for block in body(done)["messages"][1]["content"]] == ["text", "tool_use"]
        assert b"hm" not in done.body
        assert "messages.1.content.0" in [loss.field for loss in done.losses]


class TestResponses:
    FACTS = ModelFacts(reasoning="effort")

    def test_an_item_stands_before_what_it_led_to(self) -> None:
        done = body(encoded("openai-responses", self.FACTS, thought("openai-responses", "encrypted"), TEXT, CALL))
        assert [item["type"] for item in done["input"]][1:4] == ["reasoning", "message", "function_call"]
        summary = [{"type": "summary_text", "text": "hm"}]
        assert done["input"][1] == {"type": "reasoning", "id": "rs_1", "summary": summary, "encrypted_content": "ErUB"}
        assert done["include"] == ["reasoning.encrypted_content"]

    def test_an_item_that_nothing_follows_is_left_out(self) -> None:
        done = encoded("openai-responses", self.FACTS, TEXT, thought("openai-responses", "encrypted"), has_result=False)
        assert [item["type"] for item in body(done)["input"]] == ["message", "message", "message"]
        assert "messages.1.content.1" in [loss.field for loss in done.losses]

    def test_models_that_do_not_reason_are_not_asked_for_state(self) -> None:
        assert "include" not in body(encoded("openai-responses", ModelFacts(), TEXT, CALL))


class TestGemini:
    def test_signatures_stay_on_their_parts_and_only_the_first_call_needs_one(self) -> None:
        own = (Blob(kind="thought_signature", data="ErUB", origin=Origin(dialect="gemini")),)
        other = ToolCallBlock(id="c2", name="f", arguments="{}")
        signed = ToolCallBlock(id="c1", name="f", arguments="{}", blobs=own)
        parts = body(encoded("gemini", GEMINI_3, TextBlock(text="", blobs=own), TEXT, signed, other))["contents"][1][
            "parts"
        ]
        assert [part.get("thoughtSignature") for part in parts] == ["ErUB", None, "ErUB", None]
        assert parts[0] == {"text": "", "thoughtSignature": "ErUB"}

    def test_a_call_of_anothers_gets_googles_own_value(self) -> None:
        parts = body(encoded("gemini", GEMINI_3, TEXT, CALL))["contents"][1]["parts"]
        assert parts[1]["thoughtSignature"] == "skip_thought_signature_validator"
