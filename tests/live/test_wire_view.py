"""The wire view of a gateway of two processes: what it tells is what was on the wire, byte for byte."""

from __future__ import annotations

import json
import re
import time
from base64 import b64decode
from collections.abc import Iterator
from typing import Any

import pytest

from tests.live.callers import CALLERS, JSON_TYPE, bearer
from tests.live.faults import good
from tests.live.gateway import Gateway
from tests.live.office import RATES, Office, opened
from tests.live.portal import Session
from tests.live.scripted import channel
from tests.live.slots import DIALECTS
from tests.live.upstream import EVENT_STREAM, Answer, Upstream, json_answer
from tests.live.wire import Connection, Reply
from tests.servers.redis import running_redis
from torouter.store import UsageFilter

SECRET = "an-upstreams-own-secret-key"
WATCHED = ("x-torouter-wire", "1")
WORDS = ("Some words ", "中文 und ü, ", "and an end.")
_OTHER = dict(zip(DIALECTS, (*DIALECTS[1:], DIALECTS[0]), strict=True))
WAYS = [
    pytest.param(client, upstream, stream, id=f"{client}-{'stream' if stream else 'whole'}-over-{upstream}")
    for client in DIALECTS
    for upstream in (client, _OTHER[client])
    for stream in (False, True)
]


@pytest.fixture(scope="module")
def served(upstream: Upstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gateway]:
    channels = [
        channel(f"main-{dialect}", dialect, upstream.origin, {f"by-{dialect}": f"theirs-{dialect}"}, api_key=SECRET)
        for dialect in DIALECTS
    ]
    channels += [
        channel(
            f"{role}-{place}", dialect, upstream.origin, {f"{role}s": f"{role}-{place}"}, api_key=SECRET, priority=at
        )
        for role in ("admin", "user")
        for at, (place, dialect) in enumerate((("first", "openai-chat"), ("second", "anthropic")))
    ]
    with (
        running_redis() as redis,
        Gateway(tmp_path_factory.mktemp("wire"), channels=channels, workers=2, redis={"url": redis.url}) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def office(served: Gateway) -> Iterator[Office]:
    with opened(served) as office:
        office.edit(lambda store: store.add_price("by-*", "", 0, RATES, ""))
        yield office


@pytest.fixture(scope="module")
def admins_key(served: Gateway, office: Office) -> str:
    return Session(served).key()


@pytest.fixture(scope="module")
def users_key(served: Gateway, office: Office) -> str:
    account_id = office.account(billing="unlimited")
    return Session(served, account_id, "a-session-of-a-user").key()


def ask(gateway: Gateway, dialect: str, key: str, model: str, *fields: tuple[str, str], stream: bool = False) -> Reply:
    caller = CALLERS[dialect]
    body = caller.encode(model, stream=stream)
    with Connection(gateway.port) as connection:
        return connection.ask("POST", caller.target(model, stream=stream), (*bearer(key), JSON_TYPE, *fields), body)


def frames(reply: Reply) -> list[dict[str, Any]]:
    assert (reply.status, reply.header("content-type")) == (200, "application/x-ndjson"), reply.body
    return [json.loads(line) for line in reply.body.splitlines()]


def of(told: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [each for each in told if each["kind"] == kind]


def joined(pieces: list[dict[str, Any]]) -> bytes:
    return b"".join(b64decode(each["data"]) if each.get("base64") else each["data"].encode() for each in pieces)


def torn(dialect: str, stream: bool) -> Answer:
    """In pieces that end within characters, of which some take several bytes."""
    said = b"".join(good(dialect, stream, WORDS).bodies())
    said = re.sub(rb"\\u([0-9a-f]{4})", lambda found: chr(int(found[1], 16)).encode(), said)
    pieces = tuple(said[at : at + 97] for at in range(0, len(said), 97))
    return Answer(headers=EVENT_STREAM, pieces=pieces, framing="chunked") if stream else json_answer(json.loads(said))


def nameless(body: bytes, request_id: str | None) -> bytes:
    """Without what is of one request only: its id, and the second in which it was answered."""
    assert request_id is not None
    body = body.replace(request_id.removeprefix("req_").encode(), b"ID")
    return re.sub(rb'"created(_at)?":[0-9]+', b"", body)


@pytest.mark.parametrize(("client", "upstreams", "stream"), WAYS)
def test_what_it_tells_is_what_was_on_the_wire(
    served: Gateway, upstream: Upstream, admins_key: str, client: str, upstreams: str, stream: bool
) -> None:
    answer = torn(upstreams, stream)
    upstream.script(f"theirs-{upstreams}", answer)
    plain = ask(served, client, admins_key, f"by-{upstreams}", stream=stream)
    told = frames(ask(served, client, admins_key, f"by-{upstreams}", WATCHED, stream=stream))
    first, second = upstream.visits(f"theirs-{upstreams}")
    (attempt,), (status,), (done,) = of(told, "attempt"), of(told, "status"), of(told, "done")

    assert attempt["body"].encode() == second.body == first.body
    assert attempt["url"] == f"{upstream.origin}{second.target}"
    sent = [(name, value.replace(SECRET, "•••")) for name, value in second.headers]
    assert sorted(map(tuple, attempt["headers"])) == sorted(sent)
    assert "x-torouter-wire" not in second.names()
    assert joined(of(told, "chunk")) == b"".join(answer.bodies())
    returned = nameless(joined(of(told, "returned")), done["request_id"])
    assert returned == nameless(plain.body, plain.header("x-request-id"))
    assert status["status"] == plain.status == 200
    assert dict(status["headers"])["content-type"] == plain.header("content-type")
    assert SECRET not in json.dumps(told, ensure_ascii=False)
    assert admins_key not in json.dumps(told)
    assert attempt["is_translated"] is (client != upstreams)
    assert float(done["cost_usd"]) > 0


def test_a_stream_is_told_as_it_comes(served: Gateway, upstream: Upstream, admins_key: str) -> None:
    slow = good("openai-chat", True, tuple(f"{number} " for number in range(8)))
    upstream.script(
        "theirs-openai-chat", Answer(headers=EVENT_STREAM, pieces=slow.bodies(), pace_s=0.1, framing="chunked")
    )
    reply = ask(served, "anthropic", admins_key, "by-openai-chat", WATCHED, stream=True)
    chunks = of(frames(reply), "chunk")
    arrived = [at for at, piece in reply.arrivals if b'"kind":"chunk"' in piece]
    assert len(chunks) >= 8
    assert arrived[-1] - arrived[0] > 0.5
    assert chunks[-1]["at_ms"] - chunks[0]["at_ms"] > 500


@pytest.mark.parametrize("role", ["admin", "user"])
def test_failover_is_two_attempts(
    served: Gateway, upstream: Upstream, admins_key: str, users_key: str, role: str
) -> None:
    refusal = json_answer({"error": {"message": "account 4711 is not known"}}, status=401)
    upstream.script(f"{role}-first", refusal)
    upstream.script(f"{role}-second", good("anthropic", True, WORDS))
    is_admin = role == "admin"
    reply = ask(served, "openai-chat", admins_key if is_admin else users_key, f"{role}s", WATCHED, stream=True)
    told = frames(reply)
    first, second = of(told, "attempt")
    (left,), (done,) = of(told, "left"), of(told, "done")
    assert (left["number"], left["why"], done["outcome"]) == (1, "bad_credential", "ok")
    assert [each["status"] for each in of(told, "came")] == [401, 200]
    assert [first["channel"], second["channel"]] == (["admin-first", "admin-second"] if is_admin else [None, None])
    assert (b"4711" in reply.body) is is_admin
    assert (upstream.origin.encode() in reply.body) is is_admin
    assert joined(of(told, "returned")).endswith(b"data: [DONE]\n\n")
    assert SECRET.encode() not in reply.body


def test_what_it_used_is_on_the_books(served: Gateway, upstream: Upstream, office: Office) -> None:
    """As without it: of the account, under the key's name, and no more than once."""
    session = Session(served, token="a-session-that-counts")
    key = session.key(group="default")
    upstream.script("theirs-anthropic", good("anthropic", False, WORDS))
    plain = ask(served, "openai-chat", key, "by-anthropic")
    (done,) = of(frames(ask(served, "openai-chat", key, "by-anthropic", WATCHED)), "done")
    rows = stored(office, plain.header("x-request-id"), done["request_id"])
    (mine,) = {row.key_id for row in rows}
    assert office.store.get_key(mine).name == "Playground"
    first, second = (row._replace(request_id="", at_ms=0, latency_ms=0, first_token_ms=None) for row in rows)
    assert first == second
    assert done["usage"]["output_tokens"] == first.output_tokens
    assert round(float(done["cost_usd"]) * 1e9) == first.cost_nusd > 0


def stored(office: Office, *request_ids: str | None) -> list[Any]:
    """Their rows, as soon as they are all there."""
    for _ in range(200):
        pages = [office.store.usage_page(UsageFilter(request_id=str(each)), None, 2) for each in request_ids]
        if all(len(page) == 1 for page in pages):
            return [page[0].row for page in pages]
        time.sleep(0.05)
    raise AssertionError(f"not stored: {request_ids}")


class TestSessionKeys:
    def test_one_works_in_every_process_at_once_and_ends_with_its_session(
        self, served: Gateway, upstream: Upstream, office: Office
    ) -> None:
        upstream.script("theirs-openai-chat", good("openai-chat", False, WORDS))
        session = Session(served, token="a-session-that-ends")
        key = session.key()
        assert {ask(served, "openai-chat", key, "by-openai-chat").status for _ in range(8)} == {200}
        assert session.post("/sign-out").status == 303
        assert {ask(served, "openai-chat", key, "by-openai-chat").status for _ in range(8)} == {401}

    def test_it_is_no_admin_token(self, served: Gateway, admins_key: str) -> None:
        with Connection(served.port) as connection:
            assert connection.ask("GET", "/admin/v1/keys", bearer(admins_key)).status == 401

    def test_other_keys_have_no_wire_view(self, served: Gateway) -> None:
        for dialect in DIALECTS:
            reply = ask(served, dialect, served.key, f"by-{dialect}", WATCHED)
            assert reply.status == 403
            assert "x-torouter-wire" in str(reply.error["message"])
