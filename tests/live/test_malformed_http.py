"""HTTP as attackers and broken proxies write it. Nothing here may reach an upstream; each gets a 4xx or a
close, in time, and the gateway answers the next connection as if nothing had been."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.live.callers import JSON_TYPE, bearer
from tests.live.conftest import TakeSlot
from tests.live.gateway import FIRST_KEY, Gateway
from tests.live.slots import Slot
from tests.live.upstream import json_answer
from tests.live.wire import Connection, request

AUTH = f"authorization: Bearer {FIRST_KEY}\r\ncontent-type: application/json\r\n".encode()
PATH = b"/v1/chat/completions"


@pytest.fixture
def slot(take: TakeSlot) -> Slot:
    return take("openai-chat", json_answer({"ok": 1}))


@pytest.fixture(autouse=True)
def _still_serving(gateway: Gateway) -> Iterator[None]:
    yield
    with Connection(gateway.port) as connection:
        assert connection.ask("GET", "/healthz").status == 200


def _body(slot: Slot) -> bytes:
    return json.dumps({"model": slot.model, "messages": []}).encode()


def _post(head: bytes, body: bytes = b"", host: bytes = b"host: gateway\r\n", line: bytes = b"") -> bytes:
    return (line or b"POST %b HTTP/1.1\r\n" % PATH) + host + AUTH + head + b"\r\n" + body


def assert_refused(gateway: Gateway, data: bytes, slot: Slot, *statuses: int) -> None:
    """One refusal (or none), then the end of the connection, and nothing upstream."""
    with Connection(gateway.port, timeout_s=5) as connection:
        try:
            reply = connection.send(data).read()
        except ConnectionError:
            pass
        else:
            assert reply.status in (statuses or (400,)), reply.body
            assert (reply.header("x-request-id") or "").startswith("req_")
            assert reply.is_last
            assert reply.error["message"]
            assert connection.is_closed(), "bytes behind a refusal: the rest was read as a request"
    assert slot.visits == []


CHUNKED = b"transfer-encoding: chunked\r\n"

FRAMINGS = {
    "length-and-chunked": (b"content-length: 5\r\n" + CHUNKED, b"0\r\n\r\n"),
    "chunked-and-length": (CHUNKED + b"content-length: 5\r\n", b"0\r\n\r\n"),
    "two-lengths": (b"content-length: 5\r\ncontent-length: 6\r\n", b"hello!"),
    "two-equal-lengths": (b"content-length: 5\r\ncontent-length: 5\r\n", b"hello"),
    "length-list": (b"content-length: 5, 5\r\n", b"hello"),
    "length-negative": (b"content-length: -1\r\n", b""),
    "length-plus": (b"content-length: +5\r\n", b"hello"),
    "length-hex": (b"content-length: 0x5\r\n", b"hello"),
    "length-octal-digits": (b"content-length: \xd9\xa5\r\n", b"hello"),
    "length-underscore": (b"content-length: 1_0\r\n", b"hellohello"),
    "length-float": (b"content-length: 5.0\r\n", b"hello"),
    "length-empty": (b"content-length:\r\n", b""),
    "length-inner-space": (b"content-length: 1 0\r\n", b"hellohello"),
    "length-overflow": (b"content-length: 18446744073709551621\r\n", b"hello"),
    "length-thousands-of-digits": (b"content-length: " + b"9" * 5000 + b"\r\n", b"hello"),
    "te-identity": (b"transfer-encoding: identity\r\n", b""),
    "te-gzip": (b"transfer-encoding: gzip\r\n", b""),
    "te-gzip-chunked": (b"transfer-encoding: gzip, chunked\r\n", b"0\r\n\r\n"),
    "te-chunked-gzip": (b"transfer-encoding: chunked, gzip\r\n", b"0\r\n\r\n"),
    "te-chunked-twice": (b"transfer-encoding: chunked, chunked\r\n", b"0\r\n\r\n"),
    "te-two-fields": (CHUNKED + CHUNKED, b"0\r\n\r\n"),
    "te-two-fields-identity": (CHUNKED + b"transfer-encoding: identity\r\n", b"0\r\n\r\n"),
    "te-xchunked": (b"transfer-encoding: xchunked\r\n", b"0\r\n\r\n"),
    "te-vertical-tab": (b"transfer-encoding: \x0bchunked\r\n", b"0\r\n\r\n"),
    "te-quoted": (b'transfer-encoding: "chunked"\r\n', b"0\r\n\r\n"),
    "te-empty": (b"transfer-encoding:\r\n", b""),
    "te-with-parameter": (b"transfer-encoding: chunked;a=b\r\n", b"0\r\n\r\n"),
    "te-space-before-colon": (b"transfer-encoding : chunked\r\n", b"0\r\n\r\n"),
    "te-folded": (b"transfer-encoding:\r\n chunked\r\n", b"0\r\n\r\n"),
}


@pytest.mark.parametrize("framing", FRAMINGS)
def test_ambiguous_framing(gateway: Gateway, slot: Slot, framing: str) -> None:
    """With a second request behind it, which must never be answered (request smuggling)."""
    head, body = FRAMINGS[framing]
    smuggled = request("POST", PATH.decode(), (*bearer(), JSON_TYPE), _body(slot))
    assert_refused(gateway, _post(head, body + smuggled), slot, 400, 413)


CHUNKS = {
    "size-not-hex": b"zz\r\nhello\r\n0\r\n\r\n",
    "size-negative": b"-5\r\nhello\r\n0\r\n\r\n",
    "size-plus": b"+5\r\nhello\r\n0\r\n\r\n",
    "size-0x": b"0x5\r\nhello\r\n0\r\n\r\n",
    "size-empty": b"\r\nhello\r\n0\r\n\r\n",
    "size-overflow": b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    "size-overflow-to-five": b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    "size-inner-space": b"0 5\r\nhello\r\n0\r\n\r\n",
    "size-leading-space": b" 5\r\nhello\r\n0\r\n\r\n",
    "bare-lf": b"5\nhello\n0\n\n",
    "no-crlf-behind-data": b"5\r\nhelloX\r\n0\r\n\r\n",
    "data-too-long": b"5\r\nhello world\r\n0\r\n\r\n",
    "lf-in-extension": b"5;a\n\r\nhello\r\n0\r\n\r\n",
    "cr-behind-size": b"5\rX\nhello\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("chunk", CHUNKS)
def test_bad_chunks(gateway: Gateway, slot: Slot, chunk: str) -> None:
    smuggled = request("POST", PATH.decode(), (*bearer(), JSON_TYPE), _body(slot))
    assert_refused(gateway, _post(CHUNKED, CHUNKS[chunk] + smuggled), slot, 400, 413)


LINES = {
    "empty-method": b" /v1/models HTTP/1.1\r\n",
    "no-version": b"GET /v1/models\r\n",
    "http-0.9": b"GET /v1/models\r\n\r\n",
    "version-2.0": b"GET /v1/models HTTP/2.0\r\n",
    "version-1.2": b"GET /v1/models HTTP/1.2\r\n",
    "version-odd": b"GET /v1/models HTTP/1.10\r\n",
    "version-lower-case": b"GET /v1/models http/1.1\r\n",
    "not-http": b"GET /v1/models ICY/1.1\r\n",
    "tab": b"GET\t/v1/models HTTP/1.1\r\n",
    "space-in-target": b"GET /v1/mo dels HTTP/1.1\r\n",
    "nul-in-target": b"GET /v1/mo\0dels HTTP/1.1\r\n",
    "lower-case-method": b"get /v1/models HTTP/1.1\r\n",
    "method-with-braces": b"{GET} /v1/models HTTP/1.1\r\n",
    "unknown-method": b"FETCHALL /v1/models HTTP/1.1\r\n",
    "tls-hello": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "ssh": b"SSH-2.0-OpenSSH_9.9\r\n",
    "nothing-but-crlf": b"\r\n" * 500 + b"X",
    "bare-cr": b"GET /v1/models HTTP/1.1\rhost: x\r\r",
}


@pytest.mark.parametrize("line", LINES)
def test_bad_request_lines(gateway: Gateway, slot: Slot, line: str) -> None:
    assert_refused(gateway, LINES[line] + b"host: gateway\r\n" + AUTH + b"\r\n", slot, 400, 404, 405)


FIELDS = {
    "space-before-colon": b"x-a : 1\r\n",
    "tab-before-colon": b"x-a\t: 1\r\n",
    "no-colon": b"x-a\r\n",
    "empty-name": b": 1\r\n",
    "nul-in-value": b"x-a: 1\x002\r\n",
    "nul-in-name": b"x-\0a: 1\r\n",
    "cr-in-value": b"x-a: 1\r2\r\n",
    "folded": b"x-a: 1\r\n 2\r\n",
    "folded-first": b" x-a: 1\r\n",
    "name-with-brackets": b"x[a]: 1\r\n",
    "name-not-ascii": b"x-\xc3\xa9: 1\r\n",
    "control-in-value": b"x-a: \x01\x07\r\n",
    "delete-in-value": b"x-a: \x7f\r\n",
    "bare-lf": b"x-a: 1\nx-b: 2\r\n",
}


@pytest.mark.parametrize("field", FIELDS)
def test_bad_fields(gateway: Gateway, slot: Slot, field: str) -> None:
    body = _body(slot)
    head = FIELDS[field] + b"content-length: %d\r\n" % len(body)
    assert_refused(gateway, _post(head, body), slot, 400)


def test_bare_lf_heads(gateway: Gateway, slot: Slot) -> None:
    body = _body(slot)
    data = _post(b"content-length: %d\r\n" % len(body), body).replace(b"\r\n", b"\n")
    assert_refused(gateway, data, slot, 400)


@pytest.mark.parametrize(
    "host", [b"", b"host: a\r\nhost: b\r\n", b"host: a\r\nhost: a\r\n"], ids=["none", "two", "two-alike"]
)
def test_host_stands_once(gateway: Gateway, slot: Slot, host: bytes) -> None:
    body = _body(slot)
    assert_refused(gateway, _post(b"content-length: %d\r\n" % len(body), body, host=host), slot, 400)


@pytest.mark.parametrize(
    "head",
    [
        b"x-long: " + b"y" * 200_000 + b"\r\n",
        b"".join(b"x-%d: %b\r\n" % (n, b"y" * 1000) for n in range(120)),
        b"x-many: 1\r\n" * 2000,
        b"%b: 1\r\n" % (b"n" * 100_000),
    ],
    ids=["one-field", "all-fields", "too-many", "long-name"],
)
def test_huge_heads(gateway: Gateway, slot: Slot, head: bytes) -> None:
    body = _body(slot)
    assert_refused(gateway, _post(head + b"content-length: %d\r\n" % len(body), body), slot, 431)


def test_a_huge_target(gateway: Gateway, slot: Slot) -> None:
    line = b"POST /v1/chat/completions?%b HTTP/1.1\r\n" % (b"q" * 200_000)
    assert_refused(gateway, _post(b"content-length: 0\r\n", line=line), slot, 414, 431)


def test_a_head_without_end(gateway: Gateway, slot: Slot) -> None:
    """It is refused while it comes, not collected."""
    with Connection(gateway.port, timeout_s=5) as connection:
        connection.send(b"POST %b HTTP/1.1\r\nhost: g\r\n" % PATH)
        for _ in range(300):
            connection.send(b"x-a: " + b"y" * 2000 + b"\r\n")
        try:
            assert connection.read().status == 431
        except ConnectionError:
            pass
    assert slot.visits == []


@pytest.mark.parametrize("preface", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\0\0\0\4\0\0\0\0\0"])
def test_the_http2_preface(gateway: Gateway, slot: Slot, preface: bytes) -> None:
    assert_refused(gateway, preface, slot, 400)


@pytest.mark.parametrize(
    ("line", "statuses"),
    [
        (b"CONNECT upstream:443 HTTP/1.1\r\n", (400, 404, 405)),
        (b"TRACE /v1/models HTTP/1.1\r\n", (404, 405)),
        (b"GET * HTTP/1.1\r\n", (400, 404)),
        (b"GET upstream:443 HTTP/1.1\r\n", (400,)),
        (b"GET ftp://elsewhere/v1/models HTTP/1.1\r\n", (400,)),
    ],
)
def test_odd_methods_and_targets(gateway: Gateway, line: bytes, statuses: tuple[int, ...]) -> None:
    with Connection(gateway.port, timeout_s=5) as connection:
        reply = connection.send(line + b"host: gateway\r\n" + AUTH + b"\r\n").read()
    assert reply.status in statuses
    assert AUTH not in reply.body, "TRACE must not echo credentials"


# What must work.


def test_an_absolute_target_is_the_same_path(gateway: Gateway, slot: Slot) -> None:
    target = f"http://gateway{PATH.decode()}?x=1"
    with Connection(gateway.port) as connection:
        reply = connection.ask("POST", target, (*bearer(), JSON_TYPE), _body(slot))
    assert reply.status == 200
    assert slot.visit.target == f"{PATH.decode()}?x=1"


@pytest.mark.parametrize("version", [b"HTTP/1.0", b"HTTP/1.1"])
@pytest.mark.parametrize("wish", [b"", b"connection: close\r\n", b"connection: keep-alive\r\n"])
def test_keep_alive(gateway: Gateway, slot: Slot, version: bytes, wish: bytes) -> None:
    body = _body(slot)
    line = b"POST %b %b\r\n" % (PATH, version)
    data = _post(wish + b"content-length: %d\r\n" % len(body), body, line=line)
    stays = b"close" not in wish and (version == b"HTTP/1.1" or b"keep-alive" in wish)
    with Connection(gateway.port, timeout_s=5) as connection:
        assert connection.send(data).read().status == 200
        if stays:
            assert connection.send(data).read().status == 200
        else:
            assert connection.is_closed()


def test_http10_streams_until_close(gateway: Gateway, take: TakeSlot) -> None:
    """Chunks were not invented yet."""
    slot = take("openai-chat", json_answer({"ok": 1}))
    body = json.dumps({"model": slot.model, "stream": True}).encode()
    data = _post(b"content-length: %d\r\n" % len(body), body, line=b"POST %b HTTP/1.0\r\n" % PATH)
    with Connection(gateway.port, timeout_s=5) as connection:
        reply = connection.send(data).read()
    assert reply.header("transfer-encoding") is None


def test_chunked_bodies_with_extensions_and_trailers(gateway: Gateway, slot: Slot) -> None:
    body = _body(slot)
    chunks = b"".join(b"%x;ext=1\r\n%b\r\n" % (1, body[at : at + 1]) for at in range(len(body)))
    data = _post(CHUNKED, chunks + b"0\r\nx-trailer: 1\r\nauthorization: Bearer sk-other-key-000000\r\n\r\n")
    with Connection(gateway.port) as connection:
        assert connection.send(data).read().status == 200
        assert connection.ask("GET", "/healthz").status == 200
    assert json.loads(slot.visit.body)["model"] == slot.upstream_model
    assert "x-trailer" not in slot.visit.names()


def test_any_cut_of_a_request_is_the_same_request(gateway: Gateway, slot: Slot) -> None:
    body = _body(slot)
    data = _post(CHUNKED, b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body))
    with Connection(gateway.port) as connection:
        assert connection.drip(data).read().status == 200
        for step in (2, 3, 7):
            assert connection.drip(data, step=step).read().status == 200
    assert {visit.body for visit in slot.visits} == {slot.visits[0].body}


def test_pipelined_requests_are_answered_in_order(gateway: Gateway, take: TakeSlot) -> None:
    """Also when the first is the slowest, one of them is refused and one is a stream."""
    slow, quick = (take("openai-chat", json_answer({"who": name})) for name in ("slow", "quick"))
    stream = take("openai-chat", json_answer({"who": "stream"}))
    slow.script(replace(json_answer({"who": "slow"}), delay_s=0.3))
    told = [
        {"model": slow.model},
        {"model": "no-such-model"},
        {"model": quick.model},
        {"model": stream.model, "stream": True},
        {"model": quick.model},
    ]
    data = b"".join(request("POST", PATH.decode(), (*bearer(), JSON_TYPE), json.dumps(body).encode()) for body in told)
    with Connection(gateway.port) as connection:
        connection.send(data)
        replies = [connection.read() for _ in told]
    assert [reply.status for reply in replies] == [200, 404, 200, 200, 200]
    assert [reply.json().get("who") for reply in replies] == ["slow", None, "quick", "stream", "quick"]
    assert len({reply.header("x-request-id") for reply in replies}) == len(told)


def test_many_pipelined_requests(gateway: Gateway, slot: Slot) -> None:
    """More than are read ahead: back-pressure, not a refusal."""
    data = request("POST", PATH.decode(), (*bearer(), JSON_TYPE), _body(slot)) * 100
    with Connection(gateway.port) as connection:
        connection.send(data)
        assert [connection.read().status for _ in range(100)] == [200] * 100


def test_a_bad_request_behind_a_good_one(gateway: Gateway, slot: Slot) -> None:
    good = request("POST", PATH.decode(), (*bearer(), JSON_TYPE), _body(slot))
    with Connection(gateway.port, timeout_s=5) as connection:
        connection.send(good + b"\0\0\0garbage\r\n\r\n")
        assert connection.read().status == 200
        rest = connection.read_to_end()
    assert rest == b"" or rest.startswith(b"HTTP/1.1 400 ")
    assert len(slot.visits) == 1


@pytest.mark.parametrize("size", [10, 100_000])
def test_expect_100_continue(gateway: Gateway, slot: Slot, size: int) -> None:
    body = json.dumps({"model": slot.model, "pad": "x" * size}).encode()
    with Connection(gateway.port) as connection:
        connection.send(_post(b"expect: 100-continue\r\ncontent-length: %d\r\n" % len(body)))
        assert connection.read_head()[0] == 100
        assert connection.send(body).read().status == 200


def test_an_unknown_expectation(gateway: Gateway, slot: Slot) -> None:
    body = _body(slot)
    data = _post(b"expect: a-pony\r\ncontent-length: %d\r\n" % len(body), body)
    assert_refused(gateway, data, slot, 417)


def test_a_body_over_the_limit_is_refused_at_its_head(gateway: Gateway, slot: Slot) -> None:
    with Connection(gateway.port, timeout_s=5) as connection:
        reply = connection.send(_post(b"content-length: 10000000000\r\n")).read()
        assert reply.status == 413
        assert connection.is_closed()
    with Connection(gateway.port, timeout_s=5) as connection:
        connection.send(_post(b"expect: 100-continue\r\ncontent-length: 10000000000\r\n"))
        assert connection.read_head()[0] == 413


@pytest.mark.parametrize(
    ("target", "headers"),
    [
        ("/v1/messages", (("x-api-key", FIRST_KEY), ("anthropic-version", "2023-06-01"))),
        ("/v1beta/models/m:generateContent", (("x-goog-api-key", FIRST_KEY),)),
        ("/v1/responses", bearer()),
    ],
)
def test_refusals_of_the_transport_wear_the_dialect(
    gateway: Gateway, target: str, headers: tuple[tuple[str, str], ...]
) -> None:
    with Connection(gateway.port, timeout_s=5) as connection:
        data = request("POST", target, (*headers, ("content-length", "10000000000")))
        reply = connection.send(data).read()
    assert reply.status == 413
    told = reply.json()
    assert isinstance(told["error"], dict)
    if "messages" in target:
        assert told["type"] == "error"
        assert told["request_id"] == reply.header("x-request-id")
    if "v1beta" in target:
        assert told["error"]["code"] == 413


def test_a_half_closed_client_gets_an_answer_or_a_close(gateway: Gateway, slot: Slot) -> None:
    with Connection(gateway.port, timeout_s=5) as connection:
        connection.send(request("POST", PATH.decode(), (*bearer(), JSON_TYPE), _body(slot))).half_close()
        rest = connection.read_to_end()
    assert rest == b"" or (rest.startswith(b"HTTP/1.1 200 ") and rest.endswith(b'{"ok": 1}'))


def test_a_client_that_leaves_in_its_body(gateway: Gateway, slot: Slot) -> None:
    with Connection(gateway.port, timeout_s=5) as connection:
        connection.send(_post(b"content-length: 1000\r\n", b'{"model"')).half_close()
        assert connection.read_to_end()[:12] in (b"", b"HTTP/1.1 400")
    assert slot.visits == []


LIKE_HTTP = st.builds(
    lambda method, target, fields, body: b"%b %b HTTP/1.1\r\nhost: g\r\n%b\r\n%b" % (method, target, fields, body),
    st.sampled_from([b"GET", b"POST", b"HEAD", b"OPTIONS", b"X", b""]),
    st.sampled_from([b"/", PATH, b"/v1/models", b"*", b"http://a/", b"//", b"/%", b"/v1beta/models/:"]),
    st.lists(
        st.sampled_from(
            [
                AUTH,
                CHUNKED,
                b"content-length: 3\r\n",
                b"content-length: 0\r\n",
                b"expect: 100-continue\r\n",
                b"connection: upgrade\r\nupgrade: h2c\r\n",
                b"upgrade: websocket\r\n",
                b"a:b\r\n",
                b"\0",
            ]
        ),
        max_size=4,
    ).map(b"".join),
    st.sampled_from([b"", b"{}\n", b"abc", b"3\r\nabc\r\n0\r\n\r\n", b"0\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n"]),
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(min_size=1, max_size=200) | LIKE_HTTP)
def test_any_bytes_get_an_answer_or_a_close(gateway: Gateway, data: bytes) -> None:
    """Half-closed behind the bytes, so that a gateway that waits for more sees there is none. No hang, no 500."""
    began = time.monotonic()
    with Connection(gateway.port, timeout_s=8) as connection:
        try:
            connection.send(data).half_close()
        except OSError:
            return
        said = connection.read_to_end()
    assert b"HTTP/1.1 500 " not in said
    assert said == b"" or said.startswith(b"HTTP/1.1 ")
    assert time.monotonic() - began < 7
