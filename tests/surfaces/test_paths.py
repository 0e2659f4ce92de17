from __future__ import annotations

import pytest

from torouter.errors import RequestError
from torouter.surfaces.cors import Cors
from torouter.surfaces.credentials import credential_of, without_key
from torouter.surfaces.gemini import is_beta_path, parse_call


@pytest.mark.parametrize(
    "prefix",
    [
        *(b"/v1beta", b"/api/v1beta", b"/v1", b"/api/v1", b"/v1alpha", b""),
        *(b"/v1beta/v1beta", b"/v1beta/v1", b"/api/v1beta/v1beta", b"/v1beta/v1alpha"),
    ],
)
def test_every_mount_of_a_gemini_method(prefix: bytes) -> None:
    call = parse_call(prefix + b"/models/gemini-3-flash-preview:generateContent", b"")
    assert call is not None
    assert (call.model, call.verb, call.framing) == ("gemini-3-flash-preview", "generateContent", "whole")


@pytest.mark.parametrize(
    ("path", "query", "model", "framing"),
    [
        (b"/v1beta/models/m:streamGenerateContent", b"alt=sse", "m", "sse"),
        (b"/v1beta/models/m:streamGenerateContent", b"foo=1&alt=sse", "m", "sse"),
        (b"/v1beta/models/m:streamGenerateContent", b"", "m", "array"),
        (b"/v1beta/models/google%2Fgemini%3AstreamGenerateContent", b"", "google/gemini", "array"),
        (b"/v1beta/tunedModels/abc:generateContent", b"", "tunedModels/abc", "whole"),
        (b"/v1beta/models/ft:gpt:x:generateContent", b"", "ft:gpt:x", "whole"),
    ],
)
def test_models_verbs_and_framings(path: bytes, query: bytes, model: str, framing: str) -> None:
    call = parse_call(path, query)
    assert call is not None
    assert (call.model, call.framing) == (model, framing)


def test_unknown_verbs_and_other_paths() -> None:
    unknown = parse_call(b"/v1beta/models/m:predict", b"")
    assert unknown is not None
    assert unknown.endpoint is None
    for path in (b"/v1beta/models/m", b"/v1/chat/completions", b"/v1beta/v1/v1/models/m:generateContent", b"/"):
        assert parse_call(path, b"") is None


def credential(fields: dict[bytes, bytes], query: bytes = b"", *, anthropic: bool = False, beta: bool = False) -> bytes:
    return credential_of(fields, query, is_anthropic=anthropic, may_be_in_query=beta)


def test_each_form_of_a_credential() -> None:
    assert credential({b"authorization": b"Bearer sk-a"}) == b"sk-a"
    assert credential({b"authorization": b"bearer  sk-a "}) == b"sk-a"
    assert credential({b"x-api-key": b"sk-b"}) == b"sk-b"
    assert credential({b"x-goog-api-key": b"sk-c"}) == b"sk-c"
    assert credential({}, b"alt=sse&key=sk-d", beta=True) == b"sk-d"
    assert credential({b"authorization": b"Basic abc"}) == b""
    assert credential({}) == b""


def test_with_both_headers_the_anthropic_surface_reads_x_api_key() -> None:
    both = {b"authorization": b"Bearer sk-a", b"x-api-key": b"sk-b"}
    assert credential(both, anthropic=True) == b"sk-b"
    assert credential(both) == b"sk-a"


@pytest.mark.parametrize(
    ("query", "beta"),
    [(b"key=sk-a", False), (b"api_key=sk-a", False), (b"api_key=sk-a", True), (b"%6Bey=x", False), (b"KEY=x", False)],
)
def test_keys_in_a_query_are_refused_even_beside_a_header(query: bytes, beta: bool) -> None:
    with pytest.raises(RequestError) as caught:
        credential({b"authorization": b"Bearer sk-a"}, query, beta=beta)
    assert caught.value.type == "api_key_in_query_deprecated"


def test_the_key_never_goes_upstream() -> None:
    assert without_key(b"alt=sse&key=sk-a&x=1") == b"alt=sse&x=1"
    assert without_key(b"%6bey=sk-a&KEY=sk-b") == b""
    assert without_key(b"monkey=1") == b"monkey=1"


def test_where_a_query_key_is_accepted() -> None:
    assert is_beta_path(b"/v1beta/models/m:generateContent")
    assert is_beta_path(b"/api/v1beta/v1/models")
    assert not is_beta_path(b"/v1/models/m:generateContent")


def test_cross_origin_headers() -> None:
    assert b"access-control-allow-origin: *\r\n" in Cors(["*"]).block(b"https://a.example")
    named = Cors(["https://a.example"])
    assert b"access-control-allow-origin: https://a.example\r\n" in named.block(b"https://a.example")
    assert named.block(b"https://b.example") == b"vary: origin\r\n"
    assert b"access-control-allow-headers: x-api-key\r\n" in named.preflight_block(b"https://a.example", b"x-api-key")
    assert b"allow-headers" not in named.preflight_block(b"https://b.example", b"x-api-key")
