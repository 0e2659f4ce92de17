"""How answers end and what they used, of every upstream for clients of every other dialect."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.gemini_roads import chunk, sse
from tests.codecs.translation.roads import chat_chunk, chat_sse, messages_sse, payloads
from tests.pitfalls.clients import failure_in, shown, shown_whole, stream_for, whole_for
from tests.pitfalls.upstreams import IN_EACH_CELL, End, Part, streamed, whole
from torouter.errors import UpstreamError
from torouter.units import DIALECTS, Dialect

Json = dict[str, Any]
TEXT: Part = ("text", "Hi there")
WHOLE: Part = ("call", "call_1", "run", '{"command":"ls"}')
HALF: Part = ("call", "call_2", "run", '{"command":"rm -r')


@IN_EACH_CELL
@pytest.mark.parametrize("end", ["length", "content_filter"])
@pytest.mark.parametrize("parts", [(TEXT,), (TEXT, WHOLE)], ids=["text", "call"])
@pytest.mark.pitfall(121, 122, 123, 127)
def test_what_was_cut_or_filtered_says_so(
    upstream: Dialect, client: Dialect, end: End, parts: tuple[Part, ...]
) -> None:
    """Also where a call was made: it is not told as one to be run."""
    stream = streamed(upstream, *parts, end=end)
    for found in (
        shown(client, upstream, stream),
        shown_whole(client, upstream, stream, "sse"),
        shown_whole(client, upstream, whole(upstream, *parts, end=end)),
    ):
        assert (found.end, found.text()) == (end, TEXT[1])
        assert found.tokens == (30, 10, 12)


@pytest.mark.parametrize("client", DIALECTS)
@pytest.mark.parametrize("upstream", [each for each in DIALECTS if each != "gemini"])
@pytest.mark.pitfall(123, 129)
def test_half_a_command_is_never_a_command(upstream: Dialect, client: Dialect) -> None:
    """Messages and Gemini have no form for it; to others it goes as it is, and the end says that it was cut. (Gemini's
    own calls come whole.)"""
    stream = streamed(upstream, TEXT, HALF, end="length")
    found = shown_whole(client, upstream, stream, "sse")
    assert found.end == "length"
    assert found.parts == ([TEXT] if client in ("anthropic", "gemini") else [TEXT, HALF])
    live = shown(client, upstream, stream)
    assert live.end == "length"
    assert live.parts == ([TEXT] if client == "gemini" else [TEXT, HALF])
    if client == "openai-responses":
        items = payloads(stream_for(client, upstream, stream))[-1]["response"]["output"]
        assert [item["status"] for item in items] == ["completed", "incomplete"]


@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "gemini"])
@pytest.mark.parametrize("word", ["MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "MALFORMED_RESPONSE"])
@pytest.mark.pitfall(124)
def test_a_call_that_gemini_spoilt_is_an_error(client: Dialect, word: str) -> None:
    body = sse(chunk({"text": "a"}), chunk(finish=word))
    assert word in failure_in(client, stream_for(client, "gemini", body))["message"]
    with pytest.raises(UpstreamError):
        whole_for(client, "gemini", body, "sse")


@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "gemini"])
@pytest.mark.pitfall(127)
def test_a_blocked_prompt_is_filtered(client: Dialect) -> None:
    body = sse({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "usageMetadata": {"promptTokenCount": 3}})
    assert shown(client, "gemini", body).end == "content_filter"


@pytest.mark.parametrize(("upstream", "is_told"), [("vllm", True), ("openai", False)])
@pytest.mark.pitfall(132)
def test_the_sequence_that_matched_is_told_where_it_is_known_and_never_guessed(upstream: str, is_told: bool) -> None:
    choice: Json = {"index": 0, "delta": {}, "finish_reason": "stop", **({"stop_reason": "END"} if is_told else {})}
    body = chat_sse(chat_chunk({"content": "x"}), chat_chunk(choices=[choice]))
    delta = payloads(stream_for("anthropic", "openai-chat", body))[-2]["delta"]
    told = json.loads(whole_for("anthropic", "openai-chat", body, "sse"))
    expected = ("stop_sequence", "END") if is_told else ("end_turn", None)
    assert (delta["stop_reason"], delta["stop_sequence"]) == expected
    assert (told["stop_reason"], told["stop_sequence"]) == expected


# Usage.


@pytest.mark.parametrize("upstream", [each for each in DIALECTS if each != "anthropic"])
@pytest.mark.pitfall(146, 154, 157)
def test_a_messages_client_gets_all_figures_in_the_end(upstream: Dialect) -> None:
    events = payloads(stream_for("anthropic", upstream, streamed(upstream, TEXT)))
    expected = {
        "input_tokens": 20,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 10,
        "output_tokens": 12,
    }
    assert events[-2]["usage"] == expected
    assert events[0]["message"]["usage"].keys() == expected.keys()
    assert json.loads(whole_for("anthropic", upstream, whole(upstream, TEXT)))["usage"] == expected


@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "openai-chat"])
@pytest.mark.parametrize("place", ["behind", "empty delta", "with the end", "every chunk", "no choices"])
@pytest.mark.pitfall(37, 38, 151)
def test_usage_of_chat_is_read_wherever_it_stands(client: Dialect, place: str) -> None:
    usage = {"prompt_tokens": 30, "completion_tokens": 12, "prompt_tokens_details": {"cached_tokens": 10}}
    said, end = chat_chunk({"content": "x"}), chat_chunk({}, "stop")
    chunks = {
        "behind": [said, end, {"id": "c1", "choices": [], "usage": usage}],
        "empty delta": [said, end, chat_chunk({}, usage=usage)],
        "with the end": [said, chat_chunk({}, "stop", usage=usage)],
        "every chunk": [chat_chunk({"content": "x"}, usage={"prompt_tokens": 30}), {**end, "usage": usage}],
        "no choices": [said, end, {"id": "c1", "usage": usage}],
    }
    assert shown(client, "openai-chat", chat_sse(*chunks[place])).tokens == (30, 10, 12)


START: Json = {"input_tokens": 20, "cache_read_input_tokens": 10, "cache_creation_input_tokens": 5, "output_tokens": 1}


@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "anthropic"])
@pytest.mark.parametrize(
    ("start", "delta"),
    [
        (START, {"output_tokens": 12}),
        (START, {**START, "output_tokens": 12}),
        (START, {"input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": 12}),
        ({}, {**START, "output_tokens": 12}),
        ({"input_tokens": 0, "output_tokens": 0}, {**START, "output_tokens": 12}),
    ],
    ids=["in the start", "in both", "zeros behind", "in the end", "zeros first"],
)
@pytest.mark.pitfall(147, 148, 149, 150, 153)
def test_usage_of_messages_is_each_fields_last_word(client: Dialect, start: Json, delta: Json) -> None:
    """And the prompt is all that went in: read from the cache, written to it, or neither."""
    body = messages_sse(
        {"type": "message_start", "message": {"id": "m", "usage": start}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "x"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": delta},
        {"type": "message_stop"},
    )
    assert shown(client, "anthropic", body).tokens == (35, 10, 12)


@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "gemini"])
@pytest.mark.parametrize("candidates", [8, 12], ids=["apart", "within the candidates"])
@pytest.mark.pitfall(155, 156)
def test_usage_of_gemini_counts_thoughts_and_caches_once(client: Dialect, candidates: int) -> None:
    usage = {
        "promptTokenCount": 30,
        "cachedContentTokenCount": 10,
        "candidatesTokenCount": candidates,
        "thoughtsTokenCount": 4,
        "totalTokenCount": 42,
    }
    assert shown(client, "gemini", sse(chunk({"text": "x"}, finish="STOP", usageMetadata=usage))).tokens == (30, 10, 12)


# Ids that must not be more than ids.


@pytest.mark.parametrize("client", [each for each in DIALECTS if each != "gemini"])
@pytest.mark.pitfall(67)
def test_no_signature_is_hidden_in_an_id(client: Dialect) -> None:
    """Which is the same with a signature and without, and short."""
    bare = {"functionCall": {"name": "f", "args": {}}}
    signed = {**bare, "thoughtSignature": "c2lnbmVk" * 400}
    ids = [shown(client, "gemini", sse(chunk(part, finish="STOP"))).calls[0][0] for part in (bare, signed)]
    assert ids[0] == ids[1]
    assert len(ids[0]) <= 40
