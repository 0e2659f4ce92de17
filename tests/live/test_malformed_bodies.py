"""Bodies that are not what a dialect says: a 400 in that dialect that names the field, nothing upstream."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from tests.live.callers import CALLERS, bearer
from tests.live.conftest import TakeSlot
from tests.live.gateway import Gateway
from tests.live.slots import Slot, channels_to
from tests.live.test_endpoints import assert_refused
from tests.live.upstream import Upstream, json_answer, recorded_answer
from tests.live.wire import Connection, Reply

OK = json_answer({"ok": 1})

NOT_JSON = {
    "empty": b"",
    "spaces": b" \r\n\t ",
    "truncated": b'{"model":"%b","messages":[{"role":"us',
    "trailing": b'{"model":"%b"} {"model":"%b"}',
    "trailing-comma": b'{"model":"%b",}',
    "single-quotes": b"{'model':'%b'}",
    "no-quotes": b"{model:%b}",
    "nan": b'{"model":"%b","temperature":NaN}',
    "infinity": b'{"model":"%b","temperature":-Infinity}',
    "hex": b'{"model":"%b","n":0x10}',
    "leading-zero": b'{"model":"%b","n":01}',
    "bad-utf-8": b'{"model":"%b","a":"\xff\xfe"}',
    "cut-utf-8": b'{"model":"%b","a":"\xc3"}',
    "utf-16": '{"model":"m"}'.encode("utf-16"),
    "bom": b'\xef\xbb\xbf{"model":"%b"}',
    "nul": b'{"model":"%b"}\0',
    "control-in-string": b'{"model":"%b","a":"\n"}',
    "bad-escape": b'{"model":"%b","a":"\\x41"}',
    "comment": b'{"model":"%b"/* hi */}',
    "array": b'[{"model":"%b"}]',
    "string": b'"%b"',
    "number": b"1",
    "null": b"null",
    "deep-arrays": b'{"model":"%b","a":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep-objects": b'{"model":"%b","a":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
    "deep-unclosed": b"[" * 100_000,
    "form": b"model=%b&messages=x",
    "html": b"<!doctype html><title>model</title>",
}

NO_MODEL = {
    "missing": b'{"messages":[]}',
    "null": b'{"model":null}',
    "number": b'{"model":5}',
    "array": b'{"model":["m"]}',
    "object": b'{"model":{}}',
    "bool": b'{"model":true}',
    "inner-only": b'{"metadata":{"model":"m"}}',
}


def ask(gateway: Gateway, dialect: str, model: str, body: bytes, *headers: tuple[str, str]) -> Reply:
    caller = CALLERS[dialect]
    with Connection(gateway.port) as connection:
        return connection.ask("POST", caller.target(model), caller.headers(*headers), body)


@pytest.mark.parametrize("case", NOT_JSON)
@pytest.mark.parametrize("dialect", CALLERS)
def test_not_json(gateway: Gateway, take: TakeSlot, dialect: str, case: str) -> None:
    slot = take(dialect, OK)
    body = NOT_JSON[case].replace(b"%b", slot.model.encode())
    assert_refused(ask(gateway, dialect, slot.model, body), dialect, 400)
    assert slot.visits == []


@pytest.mark.parametrize("case", NO_MODEL)
@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses", "anthropic"])
def test_no_model(gateway: Gateway, dialect: str, case: str) -> None:
    reply = ask(gateway, dialect, "", NO_MODEL[case])
    assert_refused(reply, dialect, 400)
    assert "model" in str(reply.error["message"])


@pytest.mark.parametrize("path", ["/embeddings", "/images/generations", "/images/edits", "/audio/speech", "/rerank"])
@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"model":5}', b'{"a":1}'])
def test_other_operations(gateway: Gateway, path: str, body: bytes) -> None:
    with Connection(gateway.port) as connection:
        reply = connection.ask("POST", f"/v1{path}", (*bearer(), ("content-type", "application/json")), body)
    assert_refused(reply, "openai-chat", 400)


@pytest.mark.parametrize(
    ("dialect", "model"),
    [
        ("openai-chat", ""),
        ("openai-chat", "m" * 100_000),
        ("anthropic", "a\\u0000b"),
        ("openai-responses", "\\ud800"),
        ("openai-chat", "\\r\\nx-evil: 1"),
        ("anthropic", "../../etc/passwd"),
        ("openai-chat", " gpt-5 "),
    ],
)
def test_models_that_cannot_be(gateway: Gateway, dialect: str, model: str) -> None:
    reply = ask(gateway, dialect, "", b'{"model":"%b","messages":[],"max_tokens":1}' % model.encode())
    assert reply.status in (400, 404)
    assert_refused(reply, dialect, reply.status)
    assert len(reply.body) < 5000, "a caller's name is not echoed at any length"


@pytest.mark.parametrize(
    "name", ["%00", "%0d%0ax-evil:%201", "..%2f..%2fadmin", "%ff%fe", "a%20b", "%2e%2e", "m%3Fkey=1", "a" * 20_000]
)
def test_gemini_models_that_cannot_be(gateway: Gateway, upstream: Upstream, name: str) -> None:
    before = upstream.accepted
    with Connection(gateway.port) as connection:
        caller = CALLERS["gemini"]
        reply = connection.ask("POST", f"/v1beta/models/{name}:generateContent", caller.headers(), b"{}")
    assert reply.status in (400, 404)
    assert len(reply.body) < 5000
    assert upstream.accepted - before <= 1


@pytest.mark.parametrize("value", ["1", '"true"', "[]", "{}", "null"])
@pytest.mark.parametrize("dialect", ["openai-chat", "openai-responses", "anthropic"])
def test_stream_of_the_wrong_type(gateway: Gateway, take: TakeSlot, dialect: str, value: str) -> None:
    """Refused here or left to the upstream, but never a fault; `null` is the default."""
    slot = take(dialect, OK)
    reply = ask(gateway, dialect, slot.model, b'{"model":"%b","stream":%b}' % (slot.model.encode(), value.encode()))
    assert reply.status in ((200,) if value == "null" else (200, 400))
    if reply.status == 400:
        assert_refused(reply, dialect, 400)


# Multipart.

FORM = "multipart/form-data; boundary=cut"
HEAD = b'Content-Disposition: form-data; name="model"\r\n\r\n'

FORMS = {
    "no-boundary": ("multipart/form-data", b"--cut\r\n" + HEAD + b"%b\r\n--cut--\r\n"),
    "other-boundary": ("multipart/form-data; boundary=other", b"--cut\r\n" + HEAD + b"%b\r\n--cut--\r\n"),
    "empty": (FORM, b""),
    "no-model": (FORM, b"--cut\r\n" + HEAD.replace(b"model", b"other") + b"b\r\n--cut--\r\n"),
    "unclosed": (FORM, b"--cut\r\n" + HEAD + b"%b"),
    "no-blank-line": (FORM, b"--cut\r\n" + HEAD[:-2] + b"%b\r\n--cut--\r\n"),
    "two-models": (FORM, (b"--cut\r\n" + HEAD + b"%b\r\n") * 2 + b"--cut--\r\n"),
    "not-utf-8": (FORM, b"--cut\r\n" + HEAD + b"\xff\xfe\r\n--cut--\r\n"),
    "model-as-file": (
        "multipart/form-data; boundary=cut",
        b'--cut\r\nContent-Disposition: form-data; name="file"; filename="model"\r\n\r\n%b\r\n--cut--\r\n',
    ),
    "huge-part-head": (FORM, b"--cut\r\nx: " + b"y" * 300_000 + b"\r\n" + HEAD + b"%b\r\n--cut--\r\n"),
    "many-parts": (FORM, b"--cut\r\n\r\n\r\n" * 20_000 + b"--cut--\r\n"),
    "long-boundary": (f"multipart/form-data; boundary={'c' * 5000}", b"--cut\r\n" + HEAD + b"%b\r\n--cut--\r\n"),
}


@pytest.mark.parametrize("path", ["/v1/audio/transcriptions", "/v1/images/edits"])
@pytest.mark.parametrize("case", FORMS)
def test_bad_forms(gateway: Gateway, take: TakeSlot, path: str, case: str) -> None:
    slot = take("openai-chat", OK)
    kind, body = FORMS[case]
    with Connection(gateway.port) as connection:
        reply = connection.ask(
            "POST", path, (*bearer(), ("content-type", kind)), body.replace(b"%b", slot.model.encode())
        )
    assert_refused(reply, "openai-chat", 400)
    assert slot.visits == []


def test_multipart_where_json_is_asked(gateway: Gateway) -> None:
    with Connection(gateway.port) as connection:
        reply = connection.ask(
            "POST",
            "/v1/chat/completions",
            (*bearer(), ("content-type", "multipart/form-data; boundary=cut")),
            b"--cut\r\n" + HEAD + b"m\r\n--cut--\r\n",
        )
    assert reply.status in (400, 415)
    assert_refused(reply, "openai-chat", reply.status)


def test_json_by_any_content_type(gateway: Gateway, take: TakeSlot) -> None:
    for kind in ("text/plain", "application/json; charset=utf-8", "application/x-www-form-urlencoded", ""):
        slot = take("openai-chat", OK)
        with Connection(gateway.port) as connection:
            reply = connection.ask(
                "POST",
                "/v1/chat/completions",
                (*bearer(), ("content-type", kind)),
                b'{"model":"%b"}' % slot.model.encode(),
            )
        assert reply.status == 200, kind


# Size.


@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("dialect", CALLERS)
def test_over_the_body_limit(small: tuple[Gateway, dict[str, Slot]], dialect: str, is_chunked: bool) -> None:
    gateway, slots = small
    slot, caller = slots[dialect], CALLERS[dialect]
    body = b'{"model":"%b","a":"%b"}' % (slot.model.encode(), b"x" * 1_100_000)
    target = caller.target(slot.model)
    with Connection(gateway.port) as connection:
        if is_chunked:
            head = f"POST {target} HTTP/1.1\r\nhost: g\r\ntransfer-encoding: chunked\r\n"
            fields = "".join(f"{name}: {value}\r\n" for name, value in caller.headers())
            connection.send(f"{head}{fields}\r\n".encode())
            reply = connection.send(b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)).read()
        else:
            reply = connection.ask("POST", target, caller.headers(), body)
    assert_refused(reply, dialect, 413)
    assert slot.visits == []


def test_just_under_the_body_limit(small: tuple[Gateway, dict[str, Slot]]) -> None:
    gateway, slots = small
    slot = slots["anthropic"]
    body = b'{"model":"%b","a":"%b"}' % (slot.model.encode(), b"x" * 1_000_000)
    assert ask(gateway, "anthropic", slot.model, body).status == 200
    assert len(slot.visit.body) > 1_000_000


@pytest.fixture(scope="module")
def small(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Gateway, dict[str, Slot]]]:
    """A gateway that takes a megabyte."""
    slots = {dialect: Slot(f"small-{dialect}", f"vendor-small-{dialect}", upstream).script(OK) for dialect in CALLERS}
    models = {dialect: {slot.model: slot.upstream_model} for dialect, slot in slots.items()}
    folder = tmp_path_factory.mktemp("small")
    with Gateway(folder, channels=channels_to(upstream, models), server={"body_limit_mb": 1}) as running:
        yield running, slots


# Anything at all.

JUNK = st.one_of(
    st.binary(max_size=60),
    st.text(max_size=40).map(
        str.encode,
    ),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=6),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    [
                        "model",
                        "messages",
                        "role",
                        "content",
                        "stream",
                        "tools",
                        "input",
                        "contents",
                        "parts",
                        "max_tokens",
                        "x",
                    ]
                ),
                inner,
                max_size=5,
            )
        ),
        max_leaves=15,
    ).map(lambda told: json.dumps(told).encode("utf-8", "surrogatepass")),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=JUNK)
@example(b'{"model":"\\ud800"}')
@pytest.mark.parametrize("dialect", CALLERS)
def test_junk_is_the_callers_fault(gateway: Gateway, dialect: str, body: bytes) -> None:
    reply = ask(gateway, dialect, "no-such-model", body)
    assert reply.status in (400, 404)
    assert_refused(reply, dialect, reply.status)


FIELDS = [
    "messages",
    "tools",
    "tool_choice",
    "max_tokens",
    "system",
    "stop",
    "temperature",
    "thinking",
    "response_format",
    "stream_options",
    "n",
    "metadata",
    "top_p",
    "stop_sequences",
    "reasoning_effort",
    "tool_calls",
]

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 10**20) | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "role",
                    "content",
                    "type",
                    "text",
                    "name",
                    "input",
                    "id",
                    "function",
                    "arguments",
                    "source",
                    "tool_use_id",
                    "tool_call_id",
                    "tool_calls",
                    "image_url",
                    "input_schema",
                    "budget_tokens",
                ]
            ),
            inner
            | st.sampled_from(
                ["user", "assistant", "tool", "system", "text", "tool_use", "tool_result", "image", "function"]
            ),
            max_size=4,
        )
    ),
    max_leaves=15,
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=st.dictionaries(st.sampled_from(FIELDS), VALUES, max_size=5), stream=st.booleans())
@pytest.mark.parametrize(
    ("client", "theirs", "answer"),
    [
        ("openai-chat", "anthropic", "anthropic-messages/json/008"),
        ("anthropic", "openai-chat", "openai-chat/json/001"),
    ],
)
def test_junk_through_the_canon_is_never_a_fault(
    gateway: Gateway, take: TakeSlot, client: str, theirs: str, answer: str, told: dict[str, object], stream: bool
) -> None:
    """A valid model, any fields: translated, or a 400 that says what is wrong. An upstream that answers a request
    for a stream with a whole body is at fault itself, so a stream may end as a 502."""
    slot = take(theirs, recorded_answer(answer))
    body = json.dumps({**told, "model": slot.model, "stream": stream}).encode("utf-8", "surrogatepass")
    reply = ask(gateway, client, slot.model, body)
    assert reply.status in ((200, 400, 502) if stream else (200, 400)), reply.body
    if reply.status == 400:
        assert_refused(reply, client, 400)
        assert slot.visits == []
    else:
        json.loads(slot.visit.body)
