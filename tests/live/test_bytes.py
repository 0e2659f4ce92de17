"""Bodies and headers as no library would write them, in both directions: what is not the model's name arrives as it was
sent, and only the header fields of a list pass."""

from __future__ import annotations

import gzip
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.live.callers import CALLERS, JSON_TYPE, bearer
from tests.live.conftest import TakeSlot
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.slots import UPSTREAM_KEY
from tests.live.upstream import Answer, Upstream, json_answer, recorded_answer
from tests.live.wire import Connection, Reply

ODD_BODIES = {
    "odd-spacing": b'  {\r\n\t"model"  :\n"%b" ,"messages":[ ] ,  "max_tokens" : 5 }  \n',
    "model-last": b'{"messages":[],"max_tokens":5,"x":{"model":"inner"},"model":"%b"}',
    "model-in-strings": b'{"a":"{\\"model\\":\\"no\\"}","b":[{"model":"no"}],"model":"%b","c":"\\\\"}',
    "big-numbers": b'{"model":"%b","a":1180591620717411303424,"b":1e400,"c":-0.0,"d":1E+2,"e":0.10000000000000000001}',
    "duplicate-keys": b'{"a":1,"model":"%b","a":2,"messages":[],"messages":[],"":0,"":1}',
    "escapes": b'{"model":"%b","a":"\\u00e9\\ud83d\\ude00\\/\\u0000","c":"\xc3\xa9\xf0\x9f\x98\x80\xe2\x80\xa8"}',
    "lone-surrogate": b'{"model":"%b","a":"\\ud800"}',
    "unknown-fields": b'{"model":"%b","future":{"x":[null,true,{"y":{}}]},"metadata":{"\xf0\x9f\x98\x80":""}}',
    "only-model": b'{"model":"%b"}',
    "key-order": b'{"z":1,"model":"%b","a":2,"m":3}',
    "long": b'{"model":"%b","a":"' + b"x" * 300_000 + b'","b":[' + b"1," * 50_000 + b"1]}",
    "deep-but-fine": b'{"model":"%b","a":' + b"[" * 60 + b"]" * 60 + b"}",
}


def ask(gateway: Gateway, dialect: str, model: str, body: bytes, *headers: tuple[str, str], query: str = "") -> Reply:
    caller = CALLERS[dialect]
    with Connection(gateway.port) as connection:
        target = caller.target(model) + query
        return connection.ask("POST", target, caller.headers(*headers), body)


# Bodies.


@pytest.mark.parametrize("odd", ODD_BODIES)
@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses", "anthropic"])
def test_an_odd_body_passes_but_for_the_model(gateway: Gateway, take: TakeSlot, dialect: str, odd: str) -> None:
    slot = take(dialect, json_answer({"ok": 1}))
    reply = ask(gateway, dialect, slot.model, ODD_BODIES[odd].replace(b"%b", slot.model.encode()))
    assert reply.status == 200, reply.body
    assert slot.visit.body == ODD_BODIES[odd].replace(b"%b", slot.upstream_model.encode())


@pytest.mark.parametrize("odd", ODD_BODIES)
def test_an_odd_gemini_body_passes_but_for_the_model(gateway: Gateway, take: TakeSlot, odd: str) -> None:
    """The model stands in the path. Where a body repeats it, it must not name another."""
    slot = take("gemini", json_answer({"ok": 1}))
    body = ODD_BODIES[odd]
    assert ask(gateway, "gemini", slot.model, body.replace(b"%b", f"models/{slot.model}".encode())).status == 200
    assert slot.visit.body == body.replace(b"%b", f"models/{slot.upstream_model}".encode())


@pytest.mark.parametrize("odd", ODD_BODIES)
def test_a_gemini_body_without_model_passes_whole(gateway: Gateway, take: TakeSlot, odd: str) -> None:
    slot = take("gemini", json_answer({"ok": 1}))
    body = ODD_BODIES[odd].replace(b'"model"', b'"mode1"').replace(b'model\\"', b'mode1\\"')
    assert ask(gateway, "gemini", slot.model, body).status == 200
    assert slot.visit.body == body


def test_an_escaped_model_name_is_the_same_model(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-chat", json_answer({"ok": 1}))
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in slot.model).encode()
    assert ask(gateway, "openai-chat", slot.model, b'{ "a":1, "model" : "%b" }' % escaped).status == 200
    assert slot.visit.body == b'{ "a":1, "model" : "%b" }' % slot.upstream_model.encode()


@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses", "anthropic"])
@pytest.mark.parametrize("second", [b'"model"', b'"mod\\u0065l"'])
def test_two_models_are_refused(gateway: Gateway, take: TakeSlot, dialect: str, second: bytes) -> None:
    """The gateway and the upstream might read different ones: what is whitelisted must be what is asked."""
    slot = take(dialect, json_answer({"ok": 1}))
    body = b'{"model":"%b",%b:"other-model"}' % (slot.model.encode(), second)
    assert ask(gateway, dialect, slot.model, body).status == 400
    assert slot.visits == []


def test_the_usage_flag_is_the_only_other_edit(gateway: Gateway, take: TakeSlot) -> None:
    answer = recorded_answer("openai-chat/stream/016")
    for sent, got in (
        (b'{"model":"%b", "stream":true }', b'{"model":"%b", "stream":true ,"stream_options":{"include_usage":true}}'),
        (b'{"model":"%b","stream":false}', b'{"model":"%b","stream":false}'),
        (
            b'{"stream_options":{"include_usage":true,"x":1},"model":"%b","stream":true}',
            b'{"stream_options":{"include_usage":true,"x":1},"model":"%b","stream":true}',
        ),
    ):
        slot = take("openai-chat", answer)
        assert ask(gateway, "openai-chat", slot.model, sent % slot.model.encode()).status == 200
        assert slot.visit.body == got % slot.upstream_model.encode()


def test_an_explicit_no_to_usage_is_kept_towards_the_client(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-chat", recorded_answer("openai-chat/stream/010"))
    body = b'{"model":"%b","stream":true,"stream_options":{"include_usage":false,"other":1}}' % slot.model.encode()
    reply = ask(gateway, "openai-chat", slot.model, body)
    told = json.loads(slot.visit.body)
    assert told["stream_options"]["other"] == 1
    assert b'"choices":[]' not in reply.body.replace(b" ", b"")
    assert reply.body.endswith(b"data: [DONE]\n\n")


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    before=st.dictionaries(st.text(max_size=6), JSON_VALUES, max_size=4),
    after=st.dictionaries(st.text(max_size=6), JSON_VALUES, max_size=4),
    indent=st.sampled_from([None, 0, 1, "\t"]),
    is_ascii=st.booleans(),
)
def test_any_body_passes_but_for_the_model(
    gateway: Gateway,
    take: TakeSlot,
    before: dict[str, object],
    after: dict[str, object],
    indent: int | str | None,
    is_ascii: bool,
) -> None:
    for told in (before, after):
        for name in ("model", "stream", "stream_options"):
            told.pop(name, None)
    slot = take("anthropic", json_answer({"ok": 1}))
    fields = list(before.items()) + [("model", "THE-MODEL")] + [(k, v) for k, v in after.items() if k not in before]
    text = json.dumps(dict(fields), indent=indent, ensure_ascii=is_ascii)
    body = text.encode("utf-8", "surrogatepass")
    reply = ask(gateway, "anthropic", slot.model, body.replace(b"THE-MODEL", slot.model.encode()))
    try:
        body.decode()
    except UnicodeDecodeError:
        assert reply.status == 400
    else:
        assert reply.status == 200, reply.body
        assert slot.visit.body == body.replace(b"THE-MODEL", slot.upstream_model.encode())


@pytest.mark.parametrize("dialect", CALLERS)
def test_any_answer_passes(gateway: Gateway, take: TakeSlot, dialect: str) -> None:
    """Even odd JSON, with odd statuses of success, or of no such type."""
    for status, kind, body in (
        (200, "application/json", b' {"b" : 1e400, "a":\r\n2, "a":3}\n\n'),
        (201, "application/vnd.api+json; charset=utf-8", b"[]"),
        (202, "text/x-odd", b'{"long": "%b"}' % (b"x" * 150_000)),
    ):
        slot = take(dialect, Answer(status=status, headers=[("content-type", kind)], pieces=(body,) if body else ()))
        reply = ask(gateway, dialect, slot.model, b'{"model":"%b"}' % slot.model.encode())
        assert (reply.status, reply.body, reply.header("content-type")) == (status, body, kind)


@pytest.mark.parametrize("body", [b"not json at all \xff\xfe\x00", bytes(range(256)) * 600, b""])
@pytest.mark.parametrize("dialect", CALLERS)
def test_what_is_no_answer_is_not_passed_for_one(gateway: Gateway, take: TakeSlot, dialect: str, body: bytes) -> None:
    slot = take(dialect, Answer(pieces=(body,) if body else ()))
    assert ask(gateway, dialect, slot.model, b'{"model":"%b"}' % slot.model.encode()).status == 502


@pytest.mark.parametrize(
    ("status", "body"),
    [(400, b'{"error":{"message":"no","odd":1e400}}'), (404, b"<h1>?</h1>"), (413, b""), (422, b'{"detail":[]}')],
)
@pytest.mark.parametrize("dialect", CALLERS)
def test_the_upstreams_own_errors_pass_verbatim(
    gateway: Gateway, take: TakeSlot, dialect: str, status: int, body: bytes
) -> None:
    slot = take(dialect, Answer(status=status, headers=[("content-type", "text/x-odd")], pieces=(body,)))
    reply = ask(gateway, dialect, slot.model, b'{"model":"%b"}' % slot.model.encode())
    assert (reply.status, reply.body, reply.header("content-type")) == (status, body, "text/x-odd")


# Compression.


def test_the_upstream_is_asked_not_to_compress(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-chat", json_answer({"ok": 1}))
    body = b'{"model":"%b"}' % slot.model.encode()
    reply = ask(gateway, "openai-chat", slot.model, body, ("accept-encoding", "gzip, br"))
    assert slot.visit.header("accept-encoding") == "identity"
    assert reply.header("content-encoding") is None


def test_an_upstream_that_compresses_anyway(gateway: Gateway, take: TakeSlot) -> None:
    packed = gzip.compress(b'{"ok": 1}')
    headers = [("content-type", "application/json"), ("content-encoding", "gzip")]
    slot = take("openai-chat", Answer(headers=headers, pieces=(packed,)))
    reply = ask(gateway, "openai-chat", slot.model, b'{"model":"%b"}' % slot.model.encode())
    assert (reply.body, reply.header("content-encoding")) == (packed, "gzip")


def test_a_compressed_request_is_refused(gateway: Gateway, take: TakeSlot) -> None:
    """No dialect has one; guessing would open a way around the body limit."""
    slot = take("openai-chat", json_answer({"ok": 1}))
    body = gzip.compress(b'{"model":"%b"}' % slot.model.encode())
    reply = ask(gateway, "openai-chat", slot.model, body, ("content-encoding", "gzip"))
    assert reply.status in (400, 415)
    assert slot.visits == []


# Header fields.


@pytest.mark.parametrize("dialect", CALLERS)
def test_fields_that_pass(gateway: Gateway, take: TakeSlot, dialect: str) -> None:
    passing = [
        ("anthropic-beta", "prompt-caching-2024-07-31"),
        ("anthropic-beta", "extended-cache-ttl-2025-04-11"),
        ("openai-beta", "assistants=v2"),
        ("user-agent", "a-client/1.0"),
        ("accept", "text/event-stream"),
        ("idempotency-key", "k1"),
        ("x-goog-api-client", "gl-python"),
        ("http-referer", "https://app.example"),
    ]
    slot = take(dialect, json_answer({"ok": 1}))
    ask(gateway, dialect, slot.model, b'{"model":"%b"}' % slot.model.encode(), *passing)
    assert [field for field in slot.visit.headers if field in passing] == passing


@pytest.mark.parametrize("version", ["2023-06-01", "2026-10-21", "2099-01-01"])
def test_the_anthropic_version_passes(gateway: Gateway, take: TakeSlot, version: str) -> None:
    slot = take("anthropic", json_answer({"ok": 1}))
    with Connection(gateway.port) as connection:
        connection.ask(
            "POST",
            "/v1/messages?beta=true",
            (*bearer(), JSON_TYPE, ("anthropic-version", version)),
            b'{"model":"%b"}' % slot.model.encode(),
        )
    assert [value for name, value in slot.visit.headers if name == "anthropic-version"] == [version]
    assert slot.visit.target == "/v1/messages?beta=true"


@pytest.mark.parametrize("dialect", CALLERS)
def test_fields_that_stop(gateway: Gateway, take: TakeSlot, upstream: Upstream, dialect: str) -> None:
    stopping = [
        ("cookie", "session=1"),
        ("x-forwarded-for", "10.0.0.1"),
        ("forwarded", "for=10.0.0.1"),
        ("via", "1.1 x"),
        ("x-real-ip", "10.0.0.1"),
        ("proxy-authorization", "Basic eA=="),
        ("te", "trailers"),
        ("keep-alive", "timeout=5"),
        ("origin", "https://app.example"),
        ("referer", "https://app.example/secret"),
        ("x-request-id", "theirs"),
        ("traceparent", "00-0-0-00"),
        ("openai-organization", "org-theirs"),
        ("openai-project", "proj"),
        ("x-unknown", "1"),
        ("x-hop", "1"),
        ("proxy-connection", "keep-alive"),
        ("x-amzn-trace-id", "1"),
    ]
    keys = [("authorization", f"Bearer {FIRST_KEY}"), ("x-api-key", FIRST_KEY), ("x-goog-api-key", FIRST_KEY)]
    slot, caller = take(dialect, json_answer({"ok": 1})), CALLERS[dialect]
    with Connection(gateway.port) as connection:
        connection.ask(
            "POST",
            caller.target(slot.model),
            (*keys, *stopping, JSON_TYPE, ("connection", "keep-alive, x-hop")),
            b'{"model":"%b"}' % slot.model.encode(),
        )
    visit = slot.visit
    assert visit.names().isdisjoint({name for name, _ in stopping})
    assert FIRST_KEY.encode() not in visit.head
    assert visit.head.count(UPSTREAM_KEY.encode()) == 1
    assert visit.header("host") == upstream.origin.removeprefix("http://")
    assert visit.header("content-length") == str(len(visit.body))
    assert len(visit.headers) == len(visit.names()), "a field stands twice"


@pytest.mark.parametrize("dialect", CALLERS)
def test_answer_fields_that_stop(gateway: Gateway, take: TakeSlot, dialect: str) -> None:
    theirs = [
        ("set-cookie", "a=b"),
        ("x-request-id", "theirs"),
        ("request-id", "theirs"),
        ("server", "cloudflare"),
        ("cf-ray", "1"),
        ("openai-organization", "org-ours"),
        ("x-ratelimit-limit-requests", "100"),
        ("anthropic-ratelimit-requests-limit", "100"),
        ("anthropic-organization-id", "ours"),
        ("alt-svc", "h3"),
        ("strict-transport-security", "max-age=1"),
        ("access-control-allow-origin", "https://evil.example"),
        ("connection", "x-hop"),
        ("x-hop", "1"),
        ("keep-alive", "timeout=5"),
        ("trailer", "x-t"),
    ]
    slot = take(
        dialect, json_answer({"ok": 1}, headers=[*theirs, ("retry-after-ms", "5"), ("openai-processing-ms", "9")])
    )
    reply = ask(gateway, dialect, slot.model, b'{"model":"%b"}' % slot.model.encode())
    assert not [field for field in reply.headers if field in theirs]
    assert reply.header("retry-after-ms") == "5"
    assert reply.header("openai-processing-ms") == "9"
    ids = [value for name, value in reply.headers if name == "x-request-id"]
    assert len(ids) == 1
    assert ids[0].startswith("req_")
    names = [name for name, _ in reply.headers]
    assert len(names) == len(set(names)), "a field stands twice"


def test_the_query_passes(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-chat", json_answer({"ok": 1}))
    ask(
        gateway,
        "openai-chat",
        slot.model,
        b'{"model":"%b"}' % slot.model.encode(),
        query="?api-version=2024-10-21&x=%20",
    )
    assert slot.visit.target == "/v1/chat/completions?api-version=2024-10-21&x=%20"
