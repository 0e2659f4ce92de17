"""Recorded answers that hold opaque state, in the hands of the other vendors' clients: each finds it in its slot, whole
and streamed, and what it sends back holds it to the letter, on the blocks that it was on."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.genai_sdk import parsed_genai, streamed_genai
from tests.contract.sdk import (
    accumulated_chat,
    accumulated_messages,
    accumulated_response,
    parsed_chat,
    parsed_messages,
    parsed_response,
)
from tests.recorded import Exchange, exchanges
from torouter.canon.blocks import Blob, Block, Origin, ReasoningBlock, TextBlock, ToolCallBlock
from torouter.canon.capsule import PREFIX, Tenant
from torouter.canon.events import Event, Finish, PartBlob, PartStart
from torouter.canon.fold import fold
from torouter.canon.restoring import restored
from torouter.canon.sealing import Sealer, mark
from torouter.codecs import CODECS, AnswerOptions, Translation
from torouter.units import DIALECTS, Dialect

Json = dict[str, Any]

FOLDERS: dict[str, Dialect] = {
    "gemini": "gemini",
    "anthropic-messages": "anthropic",
    "openai-responses": "openai-responses",
    "openai-chat": "openai-chat",
}
TENANT = Tenant(b"k" * 32)


def translation(dialect: Dialect) -> Translation:
    found = CODECS[dialect].translation
    assert found is not None
    return found


def events_of(exchange: Exchange) -> list[Event]:
    decoder = translation(FOLDERS[exchange.protocol]).decoder("sse" if exchange.is_stream else "whole")
    return [*decoder.feed(exchange.response_body), *decoder.close()]


def has_state(exchange: Exchange) -> bool:
    events = events_of(exchange) if exchange.status == 200 else []
    return any(isinstance(event, Finish) for event in events) and any(
        isinstance(event, PartBlob) or (isinstance(event, PartStart) and event.blobs) for event in events
    )


STATEFUL = [exchange for folder in FOLDERS for exchange in exchanges(folder) if has_state(exchange)]
CELLS = [(exchange, client) for exchange in STATEFUL for client in DIALECTS if client != FOLDERS[exchange.protocol]]


def history_of_chat(whole: bytes | None, stream: bytes) -> list[Json]:
    completion = accumulated_chat(stream) if whole is None else parsed_chat(whole)
    return [completion.choices[0].message.model_dump(exclude_none=True)]


def history_of_responses(whole: bytes | None, stream: bytes) -> list[Json]:
    response = accumulated_response(stream) if whole is None else parsed_response(whole)
    return [item.model_dump(exclude_none=True, exclude={"parsed_arguments"}) for item in response.output]


def history_of_messages(whole: bytes | None, stream: bytes) -> list[Json]:
    message = accumulated_messages(stream) if whole is None else parsed_messages(whole)
    return [{"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in message.content]}]


def history_of_gemini(whole: bytes | None, stream: bytes) -> list[Json]:
    chunks = streamed_genai(stream) if whole is None else [parsed_genai(whole)]
    contents = [chunk.candidates[0].content for chunk in chunks if chunk.candidates]
    parts = [part for content in contents if content for part in content.parts or ()]
    told = [part.model_dump(mode="json", by_alias=True, exclude_none=True) for part in parts]
    return [{"role": "model", "parts": told}]


HISTORY: dict[Dialect, Callable[[bytes | None, bytes], list[Json]]] = {
    "openai-chat": history_of_chat,
    "openai-responses": history_of_responses,
    "anthropic": history_of_messages,
    "gemini": history_of_gemini,
}
BODIES: dict[Dialect, Callable[[list[Json]], Json]] = {
    "openai-chat": lambda said: {"messages": said},
    "openai-responses": lambda said: {"input": said},
    "anthropic": lambda said: {"max_tokens": 9, "messages": said},
    "gemini": lambda said: {"contents": said},
}


def options(client: Dialect, upstream: Dialect, *, is_stream: bool, is_shown: bool) -> AnswerOptions:
    return AnswerOptions(
        framing="sse" if is_stream else "whole",
        model="m",
        seed="s1",
        created_s=1,
        show_reasoning=is_shown,
        mark=mark(TENANT, upstream, b"here"),
    )


def state_of(blocks: list[Block], dialect: Dialect) -> list[tuple[str, str]]:
    """(what it is on, the state)"""
    return [
        (type(block).__name__, blob.data)
        for block in blocks
        if isinstance(block, TextBlock | ReasoningBlock | ToolCallBlock)
        for blob in block.blobs
        if blob.origin.dialect == dialect and blob.kind != "mark"
    ]


def returned(client: Dialect, history: list[Json]) -> list[Block]:
    """What our decoder makes of the client's next request, opened."""
    request = translation(client).decode_request(json.dumps(BODIES[client](history)).encode())
    done = restored(request, TENANT.open, wants_text=False)
    return [block for message in done.messages for block in message.blocks]


@pytest.mark.parametrize("is_shown", [True, False], ids=["shown", "hidden"])
@pytest.mark.parametrize(("exchange", "client"), CELLS, ids=lambda each: getattr(each, "label", each))
def test_state_survives_the_client(exchange: Exchange, client: Dialect, is_shown: bool) -> None:
    upstream = FOLDERS[exchange.protocol]
    events = events_of(exchange)
    own = state_of(list(fold(events, upstream).blocks), upstream)
    if client == "anthropic":  # a text that has been said has no slot there: a signature on it is no call's
        own = [each for each in own if each[0] != "TextBlock"]
    has_text = client not in ("anthropic", "openai-responses") or not is_shown
    sealed = list(map(Sealer(TENANT, b"here", has_text=has_text).feed, events))
    said = options(client, upstream, is_stream=True, is_shown=is_shown)
    encoder = translation(client).encoder(said)
    stream = b"".join(map(encoder.feed, sealed))
    at_rest = options(client, upstream, is_stream=False, is_shown=is_shown)
    whole = translation(client).encode_answer(fold(sealed, upstream), at_rest)
    for history in (HISTORY[client](None, stream), HISTORY[client](whole, b"")):
        assert state_of(returned(client, history), upstream) == own
        assert json.dumps(history).count(PREFIX) >= len(own)


@pytest.mark.parametrize(
    "exchange", [each for each in STATEFUL if each.protocol == "anthropic-messages"], ids=lambda each: each.label
)
def test_thinking_comes_back_with_its_own_words(exchange: Exchange) -> None:
    events = events_of(exchange)
    own = [block for block in fold(events, "anthropic").blocks if isinstance(block, ReasoningBlock)]
    for client in ("openai-chat", "openai-responses", "gemini"):
        sealed = list(map(Sealer(TENANT, b"here", has_text=True).feed, events))
        encoder = translation(client).encoder(options(client, "anthropic", is_stream=True, is_shown=True))
        history = HISTORY[client](None, b"".join(map(encoder.feed, sealed)))
        thoughts = [block for block in returned(client, history) if isinstance(block, ReasoningBlock)]
        assert [(block.text, block.blobs) for block in thoughts] == [(block.text, block.blobs) for block in own]


def test_unsealed_state_of_another_vendor_is_never_given_away() -> None:
    """Without a capsule it means nothing to a client, and would be a lie in its slot."""
    blob = Blob(kind="signature", data="ErUB", origin=Origin(dialect="gemini"))
    events: list[Event] = [PartStart(part=0, kind="tool_call", id="c", name="f", blobs=(blob,))]
    for client in ("openai-chat", "openai-responses", "anthropic"):
        encoder = translation(client).encoder(options(client, "gemini", is_stream=True, is_shown=True))
        assert b"ErUB" not in b"".join(map(encoder.feed, events))
