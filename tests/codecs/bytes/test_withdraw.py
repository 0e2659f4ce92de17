"""State of other providers is taken out of a body that goes to an upstream of the client's own dialect; every other
byte stays as it was."""

from __future__ import annotations

import json
from typing import Any

import pytest

from torouter.canon.blocks import Blob, Origin
from torouter.canon.capsule import PREFIX, Tenant, wrap
from torouter.canon.reasoning import ModelFacts
from torouter.codecs import CODECS, Edits
from torouter.units import Dialect

TOKEN = Tenant(b"k" * 32).seal(wrap(Blob(kind="signature", data="QUJD", origin=Origin(dialect="gemini")), b"s", "call"))
GEMINI_3 = ModelFacts(reasoning="level")


def amended(dialect: Dialect, body: bytes, facts: ModelFacts = GEMINI_3) -> tuple[bytes, list[str]]:
    """(the body, the paths of what is lost)"""
    done = CODECS[dialect].amend("chat", body, b"application/json", Edits(facts=facts))
    return done.body, [loss.field for loss in done.losses]


PIECES = {
    "<think>": '{"type":"thinking", "thinking":"hm","signature":"@"}',
    "<own>": '{"type":"thinking","thinking":"own","signature":"ErUB"}',
    "<text>": '{ "type" : "text","text":"\\u00e4 1.50" }',
    "<user>": '{"role":"user","content":"hi"}',
    "@": TOKEN,
}


def told(text: str) -> bytes:
    for name, piece in PIECES.items():
        text = text.replace(name, piece)
    return text.encode()


@pytest.mark.parametrize(
    ("dialect", "before", "after", "lost"),
    [
        (
            "anthropic",
            '{"x": 1.0,"messages":[<user>, {"role":"assistant","content":[ <think> ,<own>,  <text>]} ,<user>]}',
            '{"x": 1.0,"messages":[<user>, {"role":"assistant","content":[ <own>,  <text>]} ,<user>]}',
            ["messages.1.content.0"],
        ),
        (
            "anthropic",
            '{"messages":[<user>,{"role":"assistant","content":[{"type":"redacted_thinking","data":"@"}]},<user>]}',
            '{"messages":[<user>,<user>]}',
            ["messages.1.content.0"],
        ),
        (
            "openai-responses",
            '{"input":[{"type":"reasoning","id":"r","encrypted_content":"@"},\n {"role":"user","content":"@"}]}',
            '{"input":[{"role":"user","content":"@"}]}',
            ["input.0"],
        ),
        (
            "gemini",
            '{"contents":[{"role":"model","parts":[{"text":"a","thoughtSignature":"@"}, {"text":"","thought":true,'
            '"thought_signature":"@"},{"functionCall":{"name":"f"},"thoughtSignature":"@" }]}]}',
            '{"contents":[{"role":"model","parts":[{"text":"a"}, {"functionCall":{"name":"f"},'
            '"thoughtSignature":"skip_thought_signature_validator" }]}]}',
            ["contents.0.parts.0"],
        ),
        (
            "gemini",
            '{"contents":[{"parts":[{"text":"","thoughtSignature":"@"}],"role":"model"},{"parts":[{"text":"x"}]}]}',
            '{"contents":[{"parts":[{"text":"x"}]}]}',
            ["contents.0.parts.0"],
        ),
        (
            "openai-chat",
            '{"messages":[{"role":"assistant","content":null,"reasoning_details":[{"data":"@"},{"data":"own"}],'
            '"tool_calls":[{"id":"c","extra_content":{"google":{"thought_signature":"@"}},"function":{"name":"f"}}]}]}',
            '{"messages":[{"role":"assistant","content":null,"reasoning_details":[{"data":"own"}],"tool_calls":'
            '[{"id":"c","function":{"name":"f"}}]}]}',
            ["messages.0.reasoning_details.0"],
        ),
        (
            "openai-chat",
            '{"messages":[{"reasoning_details":[{"data":"@"}],"role":"assistant", "content":"x"}]}',
            '{"messages":[{"role":"assistant", "content":"x"}]}',
            ["messages.0.reasoning_details.0"],
        ),
        (
            "openai-chat",
            '{"messages":[{"tool_calls":[{"extra_content":{"google":{"thought_signature":"@","a":1}},"id":"c"}]}]}',
            '{"messages":[{"tool_calls":[{"extra_content":{"google":{"a":1}},"id":"c"}]}]}',
            ["messages.0.tool_calls.0.extra_content"],
        ),
    ],
)
def test_it_goes_and_nothing_else_changes(dialect: Dialect, before: str, after: str, lost: list[str]) -> None:
    assert amended(dialect, told(before)) == (told(after), lost)


@pytest.mark.parametrize(
    ("dialect", "body"),
    [
        ("anthropic", '{"messages":[{"role":"user","content":"what is @?"}, {"role":"user","content":[<text>]}]}'),
        ("anthropic", '{"messages":[{"role":"assistant","content":[{"type":"text","signature":"@"}]}]}'),
        ("anthropic", '{"messages":"@"}'),
        ("anthropic", '{"messages":["@",1,{"content":{"@":1}},{"x":"@"}]}'),
        ("openai-responses", '{"input":"@"}'),
        ("openai-responses", '{"input":[{"role":"user","content":[{"encrypted_content":"@"}]}]}'),
        ("gemini", '{"contents":{"parts":{"text":"@"}}}'),
        ("gemini", '{"contents":[{"parts":[{"text":"@","thoughtSignature":"own"}]}]}'),
        (
            "openai-chat",
            '{"messages":[{"content":"@","tool_calls":[{"extra_content":"@"},{"extra_content":{"a":1}}]}]}',
        ),
        ("openai-chat", '{"messages":[{"reasoning_details":"@"}]}'),
    ],
)
def test_where_no_state_can_be_it_is_the_clients_own_text(dialect: Dialect, body: str) -> None:
    assert amended(dialect, told(body)) == (told(body), [])


def test_an_older_gemini_needs_no_signature() -> None:
    before = '{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f"},"thoughtSignature":"@"}]}]}'
    after = '{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f"}}]}]}'
    assert amended("gemini", told(before), ModelFacts(reasoning="budget"))[0] == told(after)


def test_a_count_of_tokens_holds_a_history_too() -> None:
    body = told('{"generateContentRequest":{"contents":[{"parts":[{"text":"a","thoughtSignature":"@"}]}]}}')
    done = CODECS["gemini"].amend("count_tokens", body, b"application/json", Edits(facts=GEMINI_3))
    assert done.body == b'{"generateContentRequest":{"contents":[{"parts":[{"text":"a"}]}]}}'


def test_manual_thinking_waits_for_the_next_turn() -> None:
    """Claude refuses it where the calls that are answered have lost their thinking."""
    use = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}
    result = {"type": "tool_result", "tool_use_id": "t1", "content": "42"}
    thought = {"type": "thinking", "thinking": "hm", "signature": TOKEN}
    body: dict[str, Any] = {
        "messages": [{"role": "assistant", "content": [thought, use]}, {"role": "user", "content": [result]}],
        "thinking": {"type": "enabled", "budget_tokens": 2048},
    }
    left, lost = amended("anthropic", json.dumps(body).encode())
    assert json.loads(left) == {"messages": [{"role": "assistant", "content": [use]}, body["messages"][1]]}
    assert lost == ["messages.0.content.0", "thinking"]
    adaptive = {**body, "thinking": {"type": "adaptive"}}
    assert b'"adaptive"' in amended("anthropic", json.dumps(adaptive).encode())[0]


@pytest.mark.parametrize("dialect", CODECS)
def test_a_body_without_any_is_the_same_object(dialect: Dialect) -> None:
    body = b'{"messages":[{"role":"user","content":"hi"}],"input":"x","contents":[]}'
    assert PREFIX.encode() not in body
    assert CODECS[dialect].amend("chat", body, b"application/json", Edits()).body is body
