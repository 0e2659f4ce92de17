"""Every recorded request: home without a loss, and across as a body that the other vendor's package could send."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.codecs.translation.roads import TRANSLATIONS
from tests.contract.typed_params import chat_faults, messages_faults
from tests.recorded import Exchange, exchanges
from torouter.canon.reasoning import ModelFacts
from torouter.errors import RequestError
from torouter.units import Dialect

CHATS = exchanges("openai-chat")
MESSAGES = exchanges("anthropic-messages")
FACTS = ModelFacts(reasoning="effort", max_output_tokens=64000)
CLAUDE = ModelFacts(reasoning="adaptive", max_output_tokens=64000)

REFUSED = {
    "openai-chat.s002": "n",
    "openai-chat.s003": "n",
    "openai-chat.j001": "n",
    "openai-chat.j002": "web_search_options",
    "openai-chat.j006": "tools.0",
    "openai-chat.j012": "messages.3.content.0",
    "anthropic-messages.s003": "messages.2.content.0",
    "anthropic-messages.s004": "tools.2",
    "anthropic-messages.s005": "tools.2",
    "anthropic-messages.s006": "mcp_servers",
    "anthropic-messages.s007": "tools.0",
    "anthropic-messages.s008": "tools.0",
    "anthropic-messages.s009": "tools.0",
    "anthropic-messages.s014": "tools.0",
    "anthropic-messages.j006": "tools.0",
    "anthropic-messages.j007": "tools.0",
    "anthropic-messages.j009": "tools.1",
    "anthropic-messages.j010": "tools.2",
    "anthropic-messages.j011": "mcp_servers",
    "anthropic-messages.j012": "tools.0",
    "anthropic-messages.j013": "tools.0",
    "anthropic-messages.j014": "context_management",
    "anthropic-messages.j018": "tools.0",
    "anthropic-messages.j019": "tools.0",
}
"""Recorded requests that nobody but their own vendor can serve, by the field that says so."""


def ids(exchange: Exchange) -> str:
    return exchange.label


def home(exchange: Exchange) -> Dialect:
    return "openai-chat" if exchange.protocol == "openai-chat" else "anthropic"


@pytest.mark.parametrize("exchange", [*CHATS, *MESSAGES], ids=ids)
def test_home_is_home(exchange: Exchange) -> None:
    """X → canon → X keeps all that the wire shows, and loses nothing."""
    translation = TRANSLATIONS[home(exchange)]
    request = translation.decode_request(exchange.request_body)
    encoded = translation.encode_request(request, request.model or "", ModelFacts())
    assert encoded.losses == ()
    assert _plain(json.loads(encoded.body)) == _plain(json.loads(exchange.request_body))


@pytest.mark.parametrize("exchange", [each for each in (*CHATS, *MESSAGES) if each.label not in REFUSED], ids=ids)
def test_across_is_a_body_that_the_other_package_could_send(exchange: Exchange) -> None:
    client = TRANSLATIONS[home(exchange)]
    is_chat = home(exchange) == "openai-chat"
    upstream = TRANSLATIONS["anthropic" if is_chat else "openai-chat"]
    request = client.decode_request(exchange.request_body)
    encoded = upstream.encode_request(request, "up", CLAUDE if is_chat else FACTS)
    body = json.loads(encoded.body)
    assert body["model"] == "up"
    assert (messages_faults if is_chat else chat_faults)(body) == []
    assert encoded == upstream.encode_request(request, "up", CLAUDE if is_chat else FACTS)
    for loss in encoded.losses:
        assert loss.field.split(".")[0] in json.loads(exchange.request_body)
        assert loss.reason


@pytest.mark.parametrize("exchange", [each for each in (*CHATS, *MESSAGES) if each.label in REFUSED], ids=ids)
@pytest.mark.pitfall(178)
def test_what_only_its_vendor_can_serve_is_refused_by_name(exchange: Exchange) -> None:
    """A server tool is never silently missing."""
    client = TRANSLATIONS[home(exchange)]
    upstream = TRANSLATIONS["anthropic" if home(exchange) == "openai-chat" else "openai-chat"]
    request = client.decode_request(exchange.request_body)
    with pytest.raises(RequestError) as caught:
        upstream.encode_request(request, "up", FACTS)
    assert caught.value.status == 400
    assert caught.value.param == REFUSED[exchange.label]
    assert f"`{caught.value.param}`" in caught.value.message


def _plain(value: Any) -> Any:
    """One spelling for what has two: a text alone is a list of one text part, and nothing is no list."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    plain = {name: _plain(each) for name, each in value.items()}
    for name in ("content", "system"):
        if isinstance(plain.get(name), str):
            plain[name] = [{"type": "text", "text": plain[name]}]
        elif name in plain and plain[name] in (None, []) and "role" in plain:
            del plain[name]
    if isinstance(plain.get("stop"), str):
        plain["stop"] = [plain["stop"]]
    if "role" in plain:
        for name in ("tool_calls", "refusal", "name", "function_call", "reasoning_content", "reasoning"):
            if plain.get(name) in (None, [], ""):
                plain.pop(name, None)
    for name in ("tools", "response_format", "tool_choice", "logit_bias", "metadata", "cache_control"):
        if name in plain and plain[name] in (None, []):
            del plain[name]
    if plain.get("is_error") is None:
        plain.pop("is_error", None)
    if plain.get("type") in ("text", "tool_use", "tool_result", "thinking"):
        for name in ("citations", "signature"):
            if plain.get(name) in (None, []):
                plain.pop(name, None)
    return plain
