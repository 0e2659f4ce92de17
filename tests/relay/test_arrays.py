"""Gemini's stream as a growing JSON array: whatever becomes of it, what the client has is JSON, and its end no lie."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.relay.answers import asking
from tests.relay.stage import Handler, stage
from torouter.errors import UpstreamError
from torouter.relay.framing import WholeElements
from torouter.wire.memory import Reply

PATH = "/v1beta/models/m:streamGenerateContent"
CUT = UpstreamError("cut", phase="stream", upstream_status=200, code="upstream_reset")


def element(text: str, reason: str | None = None) -> bytes:
    candidate = {"content": {"role": "model", "parts": [{"text": text}]}, "index": 0}
    return json.dumps({"candidates": [candidate if reason is None else {**candidate, "finishReason": reason}]}).encode()


WORDS = [element("one ] "), element('two } " \\ '), element("three [{")]


def answering(*pieces: bytes, fault: UpstreamError | None = None) -> Handler:
    return lambda _: Reply(200, [(b"content-type", b"application/json")], pieces, pace_s=0.001, fault=fault)


def opened(words: Sequence[bytes]) -> list[bytes]:
    return [b"[" + words[0], *(b",\r\n" + word for word in words[1:])]


@pytest.mark.parametrize("tail", [b"", b",", b",\r\n" + WORDS[2][:30], b"\r\n]", b"]"])
@pytest.mark.parametrize("fault", [None, CUT], ids=["ended", "reset"])
async def test_a_cut_is_the_last_element(tail: bytes, fault: UpstreamError | None) -> None:
    """Whatever came behind the last whole element, the closing bracket above all, is not given."""
    _, body = asking("gemini", stream=True)
    async with stage({"a": answering(*opened(WORDS), tail, fault=fault)}, dialects=("gemini",)) as on:
        answer = await on.post(PATH, body)
        *said, last = json.loads(answer.body)
        assert said == [json.loads(word) for word in WORDS]
        assert last["error"]["code"] >= 500


async def test_a_whole_one_is_given_to_the_byte_wherever_it_is_cut() -> None:
    _, body = asking("gemini", stream=True)
    whole = b"".join([*opened(WORDS), b",\r\n", element("", "STOP"), b"\r\n]\n"])
    for size in (1, 7, 64, len(whole) // 2):
        pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
        async with stage({"a": answering(*pieces)}, dialects=("gemini",)) as on:
            assert (await on.post(PATH, body)).body == whole


@given(st.lists(st.integers(1, 40), max_size=20), st.integers(0, 3))
def test_only_whole_elements(sizes: list[int], count: int) -> None:
    whole = b"".join(opened(WORDS[:count])) + b"\n]" if count else b"[]"
    elements, given, at = WholeElements(), b"", 0
    for size in [*sizes, len(whole)]:
        given += elements.feed(whole[at : at + size])
        at += size
        assert given in (b"", *(b"".join(opened(WORDS[:number])) for number in range(1, count + 1)))
    assert given + elements.rest() == whole


def test_a_large_element_is_given_as_it_comes() -> None:
    large = b"[" + element("x" * 200_000)
    elements = WholeElements()
    assert elements.feed(large[:100_000]) == large[:100_000]
    assert elements.is_torn
    assert elements.feed(large[100_000:] + b"\n]") == large[100_000:]
    assert not elements.is_torn
    assert elements.rest() == b"\n]"
