"""Requests towards channels, to the byte: URLs, heads, keys; and what must never get into them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from torouter import __version__
from torouter.channels import KINDS, Channel, Credential
from torouter.channels.base_url import BaseUrl
from torouter.errors import ConfigError, RequestError, TorouterError
from torouter.units import Dialect, Operation, Secret
from torouter.wire.upstream import Deadlines, Origin, Request

AGENT = f"user-agent: torouter/{__version__}\r\n".encode()
DEADLINES = Deadlines(head_s=1.0)


def channel(
    kind: str, base_url: str | None = None, key: str | None = "k-1", dialects: tuple[Dialect, ...] = ()
) -> Channel:
    credential = Credential(secret=Secret(key) if key is not None else None)
    return Channel(name="up", kind=KINDS[kind], base_url=base_url, credentials=(credential,), dialects=dialects)


def ask(
    upstream: Channel,
    dialect: Dialect,
    operation: Operation = "chat",
    *,
    model: str = "m",
    verb: str = "",
    is_stream: bool = False,
    content_type: bytes = b"application/json",
    passed: bytes = b"",
    query: bytes = b"",
) -> Request:
    target = upstream.target(dialect, operation)
    assert target is not None
    return target.request(
        model=model,
        verb=verb,
        is_stream=is_stream,
        content_type=content_type,
        passed=passed,
        query=query,
        body=b"{}",
        deadlines=DEADLINES,
    )


def test_a_whole_head() -> None:
    request = ask(channel("openai"), "openai-chat", passed=b"accept: application/json\r\n")
    assert request == Request(
        Origin("https", "api.openai.com", 443),
        b"POST",
        b"/v1/chat/completions",
        b"POST /v1/chat/completions HTTP/1.1\r\n"
        b"host: api.openai.com\r\n"
        b"authorization: Bearer k-1\r\n"
        b"accept-encoding: identity\r\n"
        b"accept: application/json\r\n" + AGENT + b"content-type: application/json\r\n",
        b"{}",
        DEADLINES,
    )


def test_the_clients_own_agent_and_version_stay() -> None:
    passed = b"user-agent: x/1\r\nanthropic-version: 2026-10-21\r\n"
    assert ask(channel("anthropic"), "anthropic", passed=passed, query=b"beta=true").head == (
        b"POST /v1/messages?beta=true HTTP/1.1\r\nhost: api.anthropic.com\r\nx-api-key: k-1\r\n"
        b"accept-encoding: identity\r\nuser-agent: x/1\r\nanthropic-version: 2026-10-21\r\n"
        b"content-type: application/json\r\n"
    )


def test_anthropic_gets_a_version_where_the_client_sent_none() -> None:
    assert ask(channel("anthropic"), "anthropic").head.count(b"\r\nanthropic-version: 2023-06-01\r\n") == 1
    assert b"anthropic-version" not in ask(channel("openai"), "openai-chat").head


@pytest.mark.parametrize(
    ("kind", "dialect", "origin", "path", "auth"),
    [
        ("openai", "openai-chat", "https://api.openai.com", "/v1/chat/completions", "authorization: Bearer k-1"),
        ("openai", "openai-responses", "https://api.openai.com", "/v1/responses", "authorization: Bearer k-1"),
        ("anthropic", "anthropic", "https://api.anthropic.com", "/v1/messages", "x-api-key: k-1"),
        ("openrouter", "openai-chat", "https://openrouter.ai", "/api/v1/chat/completions", "authorization: Bearer k-1"),
        ("openrouter", "anthropic", "https://openrouter.ai", "/api/v1/messages", "authorization: Bearer k-1"),
        ("deepseek", "anthropic", "https://api.deepseek.com", "/anthropic/v1/messages", "x-api-key: k-1"),
        ("moonshot", "anthropic", "https://api.moonshot.ai", "/anthropic/v1/messages", "authorization: Bearer k-1"),
        ("groq", "openai-chat", "https://api.groq.com", "/openai/v1/chat/completions", "authorization: Bearer k-1"),
        ("fireworks", "anthropic", "https://api.fireworks.ai", "/inference/v1/messages", "authorization: Bearer k-1"),
        ("vllm", "anthropic", "http://127.0.0.1:8000", "/v1/messages", "authorization: Bearer k-1"),
        ("ollama", "openai-responses", "http://127.0.0.1:11434", "/v1/responses", "authorization: Bearer k-1"),
    ],
)
def test_urls_and_keys_per_kind(kind: str, dialect: Dialect, origin: str, path: str, auth: str) -> None:
    request = ask(channel(kind), dialect)
    assert request.target == path.encode()
    assert request.head.startswith(f"POST {path} HTTP/1.1\r\nhost: {origin.split('//')[1]}\r\n{auth}\r\n".encode())
    assert request.origin == BaseUrl.parse(origin).origin


def test_azure_takes_its_key_in_a_field_of_its_own() -> None:
    base_url = "https://mine.openai.azure.com/openai/v1"
    key = Credential(secret=Secret("k-1"))
    azure = Channel(name="c", kind=KINDS["azure"], base_url=base_url, credentials=(key,))
    for dialect, path in (("openai-chat", "chat/completions"), ("openai-responses", "responses")):
        request = ask(azure, dialect)  # type: ignore[arg-type]
        assert request.target == f"/openai/v1/{path}".encode()
        assert b"\r\nhost: mine.openai.azure.com\r\napi-key: k-1\r\n" in request.head
        assert b"authorization" not in request.head


def test_no_key_no_header() -> None:
    head = ask(channel("vllm", key=None), "openai-chat").head
    assert b"authorization" not in head
    assert b"api-key" not in head


@pytest.mark.parametrize(
    ("operation", "path"),
    [
        ("chat", b"/v1/chat/completions"),
        ("embeddings", b"/v1/embeddings"),
        ("images", b"/v1/images/generations"),
        ("image_edits", b"/v1/images/edits"),
        ("transcriptions", b"/v1/audio/transcriptions"),
        ("speech", b"/v1/audio/speech"),
        ("rerank", b"/v1/rerank"),
    ],
)
def test_openai_operations(operation: Operation, path: bytes) -> None:
    request = ask(channel("openai", "http://127.0.0.1:9001/v1/"), "openai-chat", operation)
    assert request.target == path
    assert b"\r\nhost: 127.0.0.1:9001\r\n" in request.head


def test_a_vendors_own_url_offers_what_the_vendor_has_and_another_anything() -> None:
    assert channel("openai").target("openai-chat", "rerank") is None
    assert channel("deepseek").target("anthropic", "count_tokens") is None
    assert channel("anthropic").target("openai-chat", "chat") is None
    assert channel("openai", "http://h/v1").target("openai-chat", "rerank") is not None


@pytest.mark.parametrize(
    ("base_url", "messages", "count"),
    [
        ("http://h", "/v1/messages", "/v1/messages/count_tokens"),
        ("http://h/", "/v1/messages", "/v1/messages/count_tokens"),
        ("http://h/v1", "/v1/messages", "/v1/messages/count_tokens"),
        ("http://h/api/v1/", "/api/v1/messages", "/api/v1/messages/count_tokens"),
        ("http://h/anthropic", "/anthropic/v1/messages", "/anthropic/v1/messages/count_tokens"),
    ],
)
def test_anthropic_urls(base_url: str, messages: str, count: str) -> None:
    upstream = channel("anthropic", base_url)
    assert ask(upstream, "anthropic").target == messages.encode()
    assert ask(upstream, "anthropic", "count_tokens").target == count.encode()


@pytest.mark.parametrize(
    ("base_url", "model", "path"),
    [
        (None, "gemini-2.5-pro", "/v1beta/models/gemini-2.5-pro"),
        ("http://h", "m", "/v1beta/models/m"),
        ("http://h/v1", "m", "/v1/models/m"),
        ("http://h/v1beta/", "m", "/v1beta/models/m"),
        ("http://h/x/v1alpha", "m", "/x/v1alpha/models/m"),
        (None, "models/m", "/v1beta/models/m"),
        (None, "tunedModels/my-model", "/v1beta/tunedModels/my-model"),
        (None, "publishers/google/models/m", "/v1beta/publishers/google/models/m"),
        (None, "a/b", "/v1beta/models/a%2Fb"),
        (None, "a b?c#d:e%", "/v1beta/models/a%20b%3Fc%23d%3Ae%25"),
        (None, "modèle", "/v1beta/models/mod%C3%A8le"),
    ],
)
def test_gemini_urls(base_url: str | None, model: str, path: str) -> None:
    request = ask(channel("gemini", base_url), "gemini", model=model, verb="generateContent")
    assert request.target == f"{path}:generateContent".encode()
    assert b"\r\nx-goog-api-key: k-1\r\n" in request.head


@pytest.mark.parametrize(
    ("operation", "verb", "is_stream", "query", "end"),
    [
        ("chat", "generateContent", False, b"", b":generateContent"),
        ("chat", "streamGenerateContent", True, b"alt=sse", b":streamGenerateContent?alt=sse"),
        ("chat", "streamGenerateContent", True, b"", b":streamGenerateContent"),
        ("chat", "", True, b"", b":streamGenerateContent?alt=sse"),
        ("chat", "", False, b"", b":generateContent"),
        ("count_tokens", "countTokens", False, b"a=b&c", b":countTokens?a=b&c"),
        ("count_tokens", "", False, b"", b":countTokens"),
        ("embeddings", "embedContent", False, b"", b":embedContent"),
        ("embeddings", "batchEmbedContents", False, b"", b":batchEmbedContents"),
    ],
)
def test_gemini_verbs(operation: Operation, verb: str, is_stream: bool, query: bytes, end: bytes) -> None:
    request = ask(channel("gemini"), "gemini", operation, verb=verb, is_stream=is_stream, query=query)
    assert request.target == b"/v1beta/models/m" + end
    assert request.head.startswith(b"POST %b HTTP/1.1\r\n" % request.target)


@pytest.mark.parametrize("verb", ["countTokens", "predict", "generateContent/../x", "x\r\ny"])
def test_a_verb_of_another_operation_is_not_found(verb: str) -> None:
    with pytest.raises(RequestError) as caught:
        ask(channel("gemini"), "gemini", verb=verb)
    assert caught.value.status == 404


@pytest.mark.parametrize(
    "model",
    ["", "..", ".", "models/../../x", "tunedModels//x", "models/", "a\r\nx: y", "a\0b", "a\nb", "\x7f", "\u2028"],
)
def test_models_that_cannot_stand_in_a_path(model: str) -> None:
    with pytest.raises(RequestError) as caught:
        ask(channel("gemini"), "gemini", model=model, verb="generateContent")
    assert caught.value.param == "model"


@pytest.mark.parametrize("query", [b"a=b\r\nx: y", b"a=\nb", b"a\0", b"a b", b"a#b", "ä=1".encode()])
def test_queries_that_would_leave_their_line(query: bytes) -> None:
    with pytest.raises(RequestError):
        ask(channel("anthropic"), "anthropic", query=query)


@pytest.mark.parametrize("value", [b"application/json\r\nx: y", b"a\nb", b"a\0b", b"\xff"])
def test_content_types_that_would_leave_their_line(value: bytes) -> None:
    with pytest.raises(RequestError):
        ask(channel("openai"), "openai-chat", content_type=value)


def test_a_multipart_content_type_passes() -> None:
    value = b'multipart/form-data; boundary="a b"'
    request = ask(channel("openai"), "openai-chat", "image_edits", content_type=value)
    assert request.head.endswith(b'\r\ncontent-type: multipart/form-data; boundary="a b"\r\n')


@pytest.mark.parametrize("key", ["", "a\r\nx: y", "a\nb", "a\0", "a b", "schlüssel", "tab\t", "\x7f"])
def test_keys_that_cannot_be_sent_are_refused_and_not_shown(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        channel("openai", key=key)
    assert "api_key" in caught.value.message
    assert len(key) < 2 or key not in caught.value.message


@pytest.mark.parametrize(
    ("url", "origin", "host", "path"),
    [
        ("http://h", Origin("http", "h", 80), b"h", ""),
        ("HTTP://H:80/", Origin("http", "h", 80), b"h", ""),
        ("https://h:443/a/b//", Origin("https", "h", 443), b"h", "/a/b"),
        ("https://h:8443/v1", Origin("https", "h", 8443), b"h:8443", "/v1"),
        ("http://[::1]:8080/v1", Origin("http", "::1", 8080), b"[::1]:8080", "/v1"),
        ("http://[2001:db8::1]/v1", Origin("http", "2001:db8::1", 80), b"[2001:db8::1]", "/v1"),
    ],
)
def test_base_urls(url: str, origin: Origin, host: bytes, path: str) -> None:
    assert BaseUrl.parse(url) == BaseUrl(origin, host, path)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "h/v1",
        "//h/v1",
        "ftp://h",
        "http://",
        "http:///v1",
        "http://user:pw@h/v1",
        "http://user@h/v1",
        "http://@h/v1",
        "http://h/v1?x=y",
        "http://h/v1?",
        "http://h/v1#f",
        "http://h:port/v1",
        "http://h:99999/v1",
        "http://[::1/v1",
        "http://h\r\nx: y/v1",
        "http://h/v1\n",
        "http://h/a b",
        "http://höst/v1",
        "http://h\t/v1",
        "memory://demo/v1",
    ],
)
def test_base_urls_refused(url: str) -> None:
    with pytest.raises(ConfigError):
        channel("openai", url)


def test_what_a_channel_cannot_be() -> None:
    with pytest.raises(ConfigError, match="up: kind openai-compatible needs a base_url"):
        channel("openai-compatible")
    with pytest.raises(ConfigError, match="up: openai does not speak gemini at its own base URL"):
        channel("openai", dialects=("gemini",))


def test_dialects_declared_win() -> None:
    upstream = channel("openai", "http://h/v1", dialects=("anthropic",))
    assert upstream.target("openai-chat", "chat") is None
    assert ask(upstream, "anthropic").target == b"/v1/messages"


def test_nothing_shows_the_key() -> None:
    upstream = channel("openai", key="sk-very-secret")
    assert "very-secret" not in repr(upstream)
    assert "very-secret" not in repr(upstream.target("openai-chat", "chat"))


@given(
    model=st.text(max_size=20),
    query=st.binary(max_size=20),
    content_type=st.binary(max_size=20),
    verb=st.sampled_from(["generateContent", ""]) | st.text(max_size=5),
)
def test_no_input_adds_a_line(model: str, query: bytes, content_type: bytes, verb: str) -> None:
    kinds: tuple[tuple[Dialect, str], ...] = (("gemini", "gemini"), ("anthropic", "anthropic"))
    for dialect, kind in kinds:
        upstream = channel(kind)
        ordinary = ask(upstream, dialect).head.count(b"\r\n")
        try:
            request = ask(upstream, dialect, model=model, verb=verb, query=query, content_type=content_type)
        except TorouterError:
            continue
        assert request.head.count(b"\r\n") == request.head.count(b"\n") == request.head.count(b"\r") == ordinary
        assert b"\0" not in request.head
        assert request.head.split(b"\r\n")[0].count(b" ") == 2
