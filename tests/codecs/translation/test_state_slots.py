"""State in the slots of clients' streams, where the order of things is awkward; and requests that stay the same."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.roads import options, payloads
from torouter.canon.blocks import Blob, BlobKind, Origin
from torouter.canon.capsule import Place, Tenant, wrap
from torouter.canon.events import Event, Finish, PartBlob, PartDelta, PartEnd, PartStart, Start
from torouter.canon.fold import fold
from torouter.canon.reasoning import ModelFacts
from torouter.canon.restoring import restored
from torouter.codecs import CODECS, Translation
from torouter.units import Dialect

SEALED = Blob(kind="thought_signature", data="QUJD", origin=Origin(dialect="gemini"), sealed="CAPSULE")
END = Finish(reason="stop")


def road(dialect: Dialect) -> Translation:
    found = CODECS[dialect].translation
    assert found is not None
    return found


def both(dialect: Dialect, *events: Event, **more: Any) -> tuple[bytes, Any]:
    """(the stream, the whole body)"""
    said = options(mark="MARK", **more)
    encoder = road(dialect).encoder(said)
    stream = b"".join(map(encoder.feed, (Start(), *events)))
    return stream, json.loads(road(dialect).encode_answer(fold(events, "gemini"), said))


def blocks_of(stream: bytes) -> list[dict[str, Any]]:
    """The content that a Messages client puts together, one block at a time."""
    found: list[dict[str, Any]] = []
    for event in payloads(stream):
        if event["type"] == "content_block_start":
            assert event["index"] == len(found)
            found.append(event["content_block"])
        elif event["type"] == "content_block_delta":
            delta = event["delta"]
            for name, where in (("text", "text"), ("thinking", "thinking"), ("signature", "signature")):
                if name in delta:
                    found[-1][where] += delta[name]
    return found


def messages(*events: Event, **more: Any) -> list[dict[str, Any]]:
    stream, whole = both("anthropic", *events, **more)
    assert blocks_of(stream) == whole["content"]
    return blocks_of(stream)


THINKING = (PartStart(part=0, kind="reasoning"), PartDelta(0, "hm"), PartEnd(0))
TEXT = (PartStart(part=1, kind="text"), PartDelta(1, "Hi"))


class TestMessages:
    def test_thinking_without_state_is_marked(self) -> None:
        assert messages(*THINKING, *TEXT, PartEnd(1), END) == [
            {"type": "thinking", "thinking": "hm", "signature": "MARK"},
            {"type": "text", "text": "Hi"},
        ]

    def test_a_late_signature_is_no_new_block_behind_the_text(self) -> None:
        """Pitfall 102: it signs what has been shown already."""
        found = messages(*THINKING, *TEXT, PartBlob(1, SEALED), PartEnd(1), END)
        assert [block["type"] for block in found] == ["thinking", "text"]

    def test_a_late_signature_is_that_of_thinking_which_is_still_open(self) -> None:
        opened = (PartStart(part=0, kind="reasoning"), PartDelta(0, "hm"))
        empty = (PartStart(part=1, kind="text"), PartBlob(1, SEALED), PartEnd(1))
        assert messages(*opened, *empty, PartEnd(0), END) == [
            {"type": "thinking", "thinking": "hm", "signature": "CAPSULE"}
        ]

    def test_state_of_a_call_stands_in_front_of_it(self) -> None:
        call = PartStart(part=2, kind="tool_call", id="c", name="f", blobs=(SEALED,))
        found = messages(*TEXT, PartEnd(1), call, PartDelta(2, "{}"), PartEnd(2), END)
        assert [block["type"] for block in found] == ["text", "redacted_thinking", "tool_use"]
        assert found[1] == {"type": "redacted_thinking", "data": "CAPSULE"}

    def test_a_client_that_asked_for_no_thinking_is_given_no_blocks_of_it(self) -> None:
        call = PartStart(part=2, kind="tool_call", id="c", name="f", blobs=(SEALED,))
        events = (*THINKING, *TEXT, PartBlob(1, SEALED), PartEnd(1), call, PartEnd(2), END)
        found = messages(*events, show_reasoning=False, takes_state=False)
        assert [block["type"] for block in found] == ["text", "tool_use"]

    def test_reasoning_that_is_hidden_leaves_its_state(self) -> None:
        signed = (PartStart(part=0, kind="reasoning"), PartDelta(0, "hm"), PartBlob(0, SEALED), PartEnd(0))
        assert messages(*signed, *TEXT, END, show_reasoning=False) == [
            {"type": "redacted_thinking", "data": "CAPSULE"},
            {"type": "text", "text": "Hi"},
        ]

    def test_two_signatures_are_never_joined(self) -> None:
        other = Blob(kind="signature", data="x", origin=SEALED.origin, sealed="OTHER")
        opened = (PartStart(part=0, kind="reasoning"), PartDelta(0, "hm"), PartBlob(0, SEALED), PartBlob(0, other))
        [thought] = messages(*opened, PartEnd(0), END)
        assert thought["signature"] == "CAPSULE"


class TestChat:
    def test_the_list_comes_in_one_delta_and_names_calls(self) -> None:
        other = Blob(kind="encrypted", data="x", origin=Origin(dialect="openai-responses"), sealed="OTHER")
        thought = (PartStart(part=0, kind="reasoning"), PartBlob(0, other), PartEnd(0))
        call = PartStart(part=1, kind="tool_call", id="c", name="f", blobs=(SEALED,))
        stream, whole = both("openai-chat", *thought, call, PartDelta(1, "{}"), PartEnd(1), END)
        deltas = [chunk["choices"][0]["delta"] for chunk in payloads(stream) if chunk["choices"]]
        told = [delta["reasoning_details"] for delta in deltas if "reasoning_details" in delta]
        entry = {"type": "reasoning.encrypted", "data": "OTHER", "id": "c", "format": "torouter-v1", "index": 0}
        assert told == [[entry]]
        message = whole["choices"][0]["message"]
        assert message["reasoning_details"] == [entry]
        calls = [delta["tool_calls"][0] for delta in deltas if "tool_calls" in delta]
        beside = {"google": {"thought_signature": "CAPSULE"}}
        assert [each.get("extra_content") for each in calls] == [beside, None]
        assert message["tool_calls"][0]["extra_content"] == beside


class TestResponses:
    def test_the_state_of_a_text_follows_it_and_that_of_a_call_precedes_it(self) -> None:
        call = PartStart(part=2, kind="tool_call", id="c", name="f", blobs=(SEALED,))
        events = (*TEXT, PartBlob(1, SEALED), PartEnd(1), call, PartDelta(2, "{}"), PartEnd(2), END)
        stream, whole = both("openai-responses", *events)
        streamed = payloads(stream)[-1]["response"]
        assert [item["type"] for item in streamed["output"]] == ["message", "reasoning", "reasoning", "function_call"]
        assert streamed["output"] == whole["output"]
        assert streamed["output"][1]["encrypted_content"] == "CAPSULE"


@pytest.mark.parametrize(
    ("dialect", "kind", "place"),
    [
        ("openai-responses", "encrypted", "reasoning"),
        ("anthropic", "signature", "reasoning"),
        ("gemini", "thought_signature", "call"),
    ],
)
def test_a_history_with_state_only_grows(dialect: Dialect, kind: BlobKind, place: Place) -> None:
    """The bytes of a turn stay what they were when turns are added: prefixes are what upstreams' caches match."""
    tenant = Tenant(b"k" * 32)
    own = wrap(Blob(kind=kind, data="QUJD", origin=Origin(dialect=dialect)), b"s", place, text="hm", is_first=True)
    entry = {"type": "reasoning.encrypted", "data": tenant.seal(own), "index": 0}
    facts = ModelFacts(reasoning="level", max_output_tokens=100)

    def encoded(turns: int) -> bytes:
        history: list[dict[str, Any]] = [{"role": "user", "content": "hi"}]
        for number in range(turns):
            call = {"id": f"c{number}", "type": "function", "function": {"name": "f", "arguments": "{}"}}
            state = [{**entry, "id": f"c{number}"}]
            history.append({"role": "assistant", "content": "x", "tool_calls": [call], "reasoning_details": state})
            history.append({"role": "tool", "tool_call_id": f"c{number}", "content": "42"})
        request = road("openai-chat").decode_request(json.dumps({"messages": history}).encode())
        return road(dialect).encode_request(restored(request, tenant.open, wants_text=False), "up", facts).body

    assert encoded(3).count(b"QUJD") == 3
    assert encoded(3) == encoded(3)
    assert encoded(3).startswith(encoded(2)[: -len(b"]}")])
