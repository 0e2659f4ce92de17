"""Asking servers for their models, and reading what they say."""

from __future__ import annotations

import pytest

from tests.recorded import exchanges
from torouter.channels import KINDS, Channel, Credential, read_models
from torouter.errors import UpstreamError
from torouter.units import Secret


@pytest.mark.parametrize(
    ("kind", "base_url", "target", "auth"),
    [
        ("openai", "http://h:1/v1", b"/v1/models", b"authorization: Bearer k"),
        ("vllm", "http://h:1/v1", b"/v1/models", b"authorization: Bearer k"),
        ("anthropic", "http://h:1", b"/v1/models?limit=1000", b"x-api-key: k"),
        ("gemini", "http://h:1", b"/v1beta/models?pageSize=1000", b"x-goog-api-key: k"),
    ],
)
def test_the_request(kind: str, base_url: str, target: bytes, auth: bytes) -> None:
    key = Credential(secret=Secret("k"))
    request = Channel(name="c", kind=KINDS[kind], base_url=base_url, credentials=(key,)).discovery()
    assert request is not None
    assert (request.method, request.target, request.body) == (b"GET", target, b"")
    lines = request.head.split(b"\r\n")
    assert lines[:3] == [b"GET %b HTTP/1.1" % target, b"host: h:1", auth]
    assert (b"anthropic-version: 2023-06-01" in lines) == (kind == "anthropic")
    assert request.head.endswith(b"\r\n")


def test_nothing_to_ask() -> None:
    assert Channel(name="c", kind=KINDS["openai"], models={"a": "b"}).discovery() is None
    assert Channel(name="c", kind=KINDS["demo"]).discovery() is None
    # Azure lists what could be deployed, not what is.
    assert Channel(name="c", kind=KINDS["azure"], base_url="https://h/openai/v1").discovery() is None


@pytest.mark.parametrize(
    ("body", "names"),
    [
        (b'{"object":"list","data":[{"id":"a","object":"model"},{"id":"b/c"},{"id":"a"}]}', ["a", "b/c"]),
        (b'{"data":[{"type":"model","id":"claude-x","display_name":"X"}],"has_more":false}', ["claude-x"]),
        (b'{"models":[{"name":"models/gemini-x"},{"name":"tunedModels/t"}]}', ["gemini-x", "tunedModels/t"]),
        (b'{"models":[{"name":"file.gguf"}],"data":[{"id":"alias"}]}', ["alias"]),
        (b'[{"id":"a"},{"id":""}]', ["a"]),
        (b'{"data":[]}', []),
    ],
)
def test_reading(body: bytes, names: list[str]) -> None:
    assert read_models(body) == names


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{}", b'{"data":{}}', b'{"data":[{"id":1}]}', b"[" * 5000, b'"\xff"']
)
def test_reading_what_is_no_list(body: bytes) -> None:
    with pytest.raises(UpstreamError) as caught:
        read_models(body)
    assert caught.value.phase == "body"


def test_recorded_lists() -> None:
    lists = [exchange for exchange in exchanges("models") if b'"models"' in exchange.response_body[:20]]
    assert lists
    for exchange in lists:
        assert "gemini-2.5-flash" in read_models(exchange.response_body)
