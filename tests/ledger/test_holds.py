"""What is held: a guess for most, and for strict keys more than anything that the request can cost."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ledger.test_cost import UNIT, USD, multipliers, prices, usages
from torouter.canon.reasoning import ModelFacts
from torouter.canon.usage import Usage
from torouter.ledger.bounds import MAX_CONTEXT_TOKENS
from torouter.ledger.cost import cost
from torouter.ledger.holds import estimated, expected_tokens, hold_nusd, unbounded_param, worst_tokens
from torouter.ledger.listed import Catalogue
from torouter.ledger.rates import ContextTier, Price, Rates, ServiceTier
from torouter.units import Operation

UNKNOWN = ModelFacts()
KNOWN = ModelFacts(max_output_tokens=500)


@pytest.mark.parametrize(
    ("operation", "body_bytes", "ceiling", "expected"),
    [
        ("chat", 0, None, (0, 1024)),
        ("chat", 4000, None, (1000, 1024)),
        ("chat", 4001, 256, (1001, 256)),
        ("chat", 4, 100_000, (1, 4096)),
        ("images", 4, None, (1, 1024)),
        ("embeddings", 400, None, (100, 0)),
        ("rerank", 400, 50, (100, 0)),
        ("count_tokens", 400, None, (0, 0)),
    ],
)
def test_what_is_expected(
    operation: Operation, body_bytes: int, ceiling: int | None, expected: tuple[int, int]
) -> None:
    assert expected_tokens(operation, body_bytes, ceiling) == expected


def test_the_worst_of_an_answer_is_its_ceiling_or_the_models() -> None:
    body = b'{"messages":[]}'
    read = len(body) + 4096
    assert worst_tokens("chat", body, 100, KNOWN) == (read, 116)
    assert worst_tokens("chat", body, None, KNOWN) == (read, 516)
    assert worst_tokens("chat", body, 100, UNKNOWN, 3) == (read, 348)
    assert worst_tokens("chat", body, None, UNKNOWN) is None
    assert unbounded_param("chat", body, "max_completion_tokens") == "max_completion_tokens"
    assert worst_tokens("images", body, None, UNKNOWN) is None
    assert worst_tokens("embeddings", body, None, UNKNOWN) == (read, 0)
    assert worst_tokens("count_tokens", body, None, UNKNOWN) == (0, 0)


def body(**fields: Any) -> bytes:
    return msgspec.json.encode({"messages": [{"role": "user", "content": "hi"}], **fields})


FUNCTION = {"type": "function", "function": {"name": "web_search"}}
CLIENTS = [
    {"tools": [FUNCTION]},
    {"tools": [{"type": "function", "name": "web_search"}, {"type": "custom", "name": "x"}, {"type": "local_shell"}]},
    {"tools": [{"name": "a", "input_schema": {}}, {"type": "bash_20250124", "name": "bash"}]},
    {"tools": [{"functionDeclarations": []}]},
    {"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "function", "name": "f"}]}]},
    {"tools": None, "web_search_options": None, "mcp_servers": []},
    {"messages": [{"role": "user", "content": '{"tools": [{"type": "web_search"}]}'}]},
]
PROVIDERS = [
    ({"tools": [FUNCTION, {"type": "web_search"}]}, "tools[1]"),
    ({"tools": [{"type": "web_search_20250305", "name": "web_search"}]}, "tools[0]"),
    ({"tools": [{"type": "of tomorrow"}]}, "tools[0]"),
    ({"tools": [{"googleSearch": {}}]}, "tools[0]"),
    ({"tools": [{"functionDeclarations": []}, {"codeExecution": {}}]}, "tools[1]"),
    ({"tools": [{"type": "namespace", "name": "n", "tools": [{"type": "mcp"}]}]}, "tools[0]"),
    ({"tools": ["web_search"]}, "tools[0]"),
    ({"web_search_options": {}}, "web_search_options"),
    ({"mcp_servers": [{"url": "https://a.test"}]}, "mcp_servers"),
    ({"messages": [{"tools": [1]}]}, "tools"),
]


@pytest.mark.parametrize("fields", CLIENTS)
def test_tools_of_the_client_are_text(fields: dict[str, Any]) -> None:
    asked = body(**fields)
    assert worst_tokens("chat", asked, 10, UNKNOWN) == (len(asked) + 4096, 26)


@pytest.mark.parametrize(("fields", "param"), PROVIDERS)
def test_tools_that_run_at_the_provider_have_no_bound(fields: dict[str, Any], param: str) -> None:
    asked = body(**fields)
    assert worst_tokens("chat", asked, 10, KNOWN) is None
    assert unbounded_param("chat", asked, "max_tokens") == param


def test_a_field_that_is_given_twice_or_spelled_out_hides_nothing() -> None:
    assert worst_tokens("chat", b'{"tools":[{"type":"mcp"}],"tools":[]}', 10, UNKNOWN) is None
    assert worst_tokens("chat", b'{"mcp_servers":[1],"mcp_servers":[]}', 10, UNKNOWN) is None
    assert worst_tokens("chat", b'{"\\u0074ools":[{"type":"mcp"}]}', 10, UNKNOWN) is None
    spelled = b'{"messages":[{"content":[{"type":"im\\u0061ge"}]}]}'
    assert worst_tokens("chat", spelled, 10, UNKNOWN) == (MAX_CONTEXT_TOKENS, 26)


DATA = "A" * 40_000
SOURCE = {"type": "image", "source": {"type": "base64", "data": DATA}}
PICTURES = [
    {"messages": [{"content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DATA}"}}]}]},
    {"input": [{"content": [{"type": "input_image", "image_url": f"data:image/png;base64,{DATA}"}]}]},
    {"input": [{"output": [{"type": "input_image", "image_url": f"data:image/png;base64,{DATA}"}]}]},
    {"messages": [{"content": [SOURCE]}]},
    {"messages": [{"content": [{"type": "tool_result", "content": [SOURCE]}]}]},
    {"contents": [{"parts": [{"inlineData": {"mimeType": "image/png", "data": DATA}}]}]},
    {"contents": [{"parts": [{"inline_data": {"mime_type": "image/png", "data": DATA}}]}]},
]
NOT_PICTURES = [
    {"messages": [{"content": f"data:image/png;base64,{DATA}"}]},
    {"messages": [{"content": [{"type": "tool_use", "input": {"type": "picture", "source": {"data": DATA}}}]}]},
    {"contents": [{"parts": [{"functionResponse": {"response": {"mime": "image/png", "data": DATA}}}]}]},
]


@pytest.mark.parametrize("asked", PICTURES)
def test_a_picture_has_a_bound_of_its_own(asked: dict[str, Any]) -> None:
    encoded = msgspec.json.encode(asked)
    worst = worst_tokens("chat", encoded, 10, UNKNOWN)
    assert worst is not None
    assert 50_000 + 4096 <= worst[0] <= len(encoded) - len(DATA) + 50_000 + 4096


@pytest.mark.parametrize("asked", NOT_PICTURES)
def test_what_only_looks_like_a_picture_is_text(asked: dict[str, Any]) -> None:
    encoded = msgspec.json.encode(asked)
    worst = worst_tokens("chat", encoded, 10, UNKNOWN)
    assert worst is not None
    assert worst[0] >= len(encoded)


@pytest.mark.parametrize(
    "fields",
    [
        {"previous_response_id": "resp_1"},
        {"prompt": {"id": "pmpt_1"}},
        {"cachedContent": "cachedContents/1"},
        {"messages": [{"content": [{"type": "document", "source": {"type": "base64", "data": "AA"}}]}]},
        {"messages": [{"content": [{"type": "file", "file": {"file_id": "file-1"}}]}]},
        {"contents": [{"parts": [{"fileData": {"fileUri": "https://youtu.be/x"}}]}]},
        {"contents": [{"parts": [{"inlineData": {"mimeType": "video/mp4", "data": "AA"}}]}]},
    ],
)
def test_what_is_not_in_the_body_is_as_large_as_a_context(fields: dict[str, Any]) -> None:
    assert worst_tokens("chat", body(**fields), 10, UNKNOWN) == (MAX_CONTEXT_TOKENS, 26)


def test_a_picture_is_asked_for_with_words() -> None:
    assert worst_tokens("images", body(prompt="a cat"), 10, UNKNOWN) == (len(body(prompt="a cat")) + 4096, 26)


def test_rerankers_read_the_query_with_each_document() -> None:
    asked = msgspec.json.encode({"query": "q" * 100, "documents": ["d" * 50] * 20})
    worst = worst_tokens("rerank", asked, None, UNKNOWN)
    assert worst is not None
    assert worst[0] >= 20 * (100 + 50)
    assert worst[1] == 0
    assert worst_tokens("rerank", b"[]", None, UNKNOWN) == (MAX_CONTEXT_TOKENS, 0)


def test_a_form_is_as_large_as_its_bytes() -> None:
    form = b'--b\r\ncontent-disposition: form-data; name="model"\r\n\r\nwhisper-1\r\n--b--'
    assert worst_tokens("transcriptions", form, None, KNOWN) == (len(form) + 4096, 516)


def test_holds_are_at_the_plain_rates_or_at_the_dearest() -> None:
    price = Price(
        "own 1",
        Rates(
            input_per_mtok=1 * USD,
            output_per_mtok=5 * USD,
            cache_write_1h_per_mtok=2 * USD,
            output_audio_per_mtok=8 * USD,
            request_nusd=1000,
            tiers=(ContextTier(above_tokens=1000, rates=Rates(input_per_mtok=3 * USD, output_per_mtok=7 * USD)),),
            service_tiers={"batch": ServiceTier(factor_ppm=UNIT // 2)},
        ),
    )
    assert hold_nusd(price, 1000, 100, UNIT) == 1000 * 1000 + 100 * 5000 + 1000
    assert hold_nusd(price, 1001, 100, UNIT) == 1001 * 3000 + 100 * 7000  # a tier's fee is its own
    assert hold_nusd(price, 1000, 100, UNIT, is_worst=True) == 1000 * 2000 + 100 * 8000 + 1000 + 7
    assert hold_nusd(price, 1001, 100, UNIT, is_worst=True) == 1001 * 3000 + 100 * 8000 + 1000 + 7
    assert hold_nusd(price, 1000, 100, 2 * UNIT) == 2 * hold_nusd(price, 1000, 100, UNIT)


@given(prices, usages(), multipliers, st.integers(0, 10**6), st.integers(0, 10**6))
def test_no_cost_is_above_the_worst_hold(price: Price, usage: Usage, multiplier: int, more: int, longer: int) -> None:
    bound = usage.total_input_tokens + more, usage.total_output_tokens + longer
    held = hold_nusd(price, *bound, multiplier, is_worst=True)
    searches = sum(part[3] for part in cost(price, usage, multiplier).parts if part[0] == "web_search")
    assert cost(price, usage, multiplier).total_nusd - searches <= held  # which have no bound: no hold is asked for
    assert 0 <= hold_nusd(price, *bound, multiplier) <= held


def test_no_cost_of_a_real_price_is_above_the_worst_hold(catalogue: Catalogue) -> None:
    for model in ("claude-sonnet-4-5", "claude-opus-4-7"):
        listed = catalogue.find("anthropic", model)
        price = listed and listed.price_at(1_796_000_000_000)
        assert price is not None
        for size in (1, 200_000, 200_001, 900_000):
            held = hold_nusd(price, size, 1000, UNIT, is_worst=True)
            for counter in ("input_tokens", "cache_read_tokens", "cache_write_1h_tokens"):
                for tier in ("standard", "batch", "fast"):
                    usage = Usage(**{counter: size}, output_tokens=1000, service_tier=tier)  # type: ignore[arg-type]
                    assert cost(price, usage, UNIT).total_nusd <= held


def test_an_estimate_fills_what_was_not_told() -> None:
    assert estimated(Usage(), 100, 20) == Usage(input_tokens=100, output_tokens=20, quality="estimated")
    begun = Usage(input_tokens=7, cache_read_tokens=3, output_tokens=1, quality="partial", service_tier="flex")
    filled = estimated(begun, 100, 20)
    assert (filled.total_input_tokens, filled.total_output_tokens, filled.quality) == (10, 20, "estimated")
    assert (filled.cache_read_tokens, filled.service_tier) == (3, "flex")
    assert estimated(begun, 100, 0).total_output_tokens == 1
    told = Usage(input_tokens=1, quality="reported")
    assert estimated(told, 100, 20) is told
