"""By what the requests of a conversation are known as such."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from tests.relay.test_patience import route_of
from torouter.access.admission import Admission
from torouter.access.keyring import Key
from torouter.codecs import CODECS
from torouter.relay.affinity import affinity_of
from torouter.relay.call import Call
from torouter.routing.snapshot import Snapshot
from torouter.units import Dialect
from torouter.wire.exchange import Exchange
from torouter.wire.head import Head
from torouter.wire.server import Connection

LONG = "You are a helpful assistant. " * 300


def key_of(
    body: object, dialect: Dialect = "openai-chat", *, account: int = 1, model: str = "m", **headers: str
) -> bytes | None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = [(_header(name), value.encode()) for name, value in headers.items()]
    head = Head(b"POST", b"/v1/x", b"", fields, True)
    exchange = Exchange(Connection.__new__(Connection), head, data, b"req_1", 0.0)
    route = replace(route_of("a", "b")[0], model=model)
    admission = Admission(
        key=Key(id=1, account_id=account, group_id=1), snapshot=Snapshot(channels=()), model=model, route=route
    )
    call = Call(codec=CODECS[dialect], operation="chat", framing="sse", content_type=b"application/json")
    return affinity_of(exchange, admission, call)


def _header(name: str) -> bytes:
    """Codex's own have an underscore."""
    return name.encode() if name in ("session_id", "conversation_id") else name.replace("_", "-").encode()


def turns(count: int, first: str = "Begin.") -> list[dict[str, Any]]:
    said: list[dict[str, Any]] = [{"role": "user", "content": first}]
    for number in range(count):
        said += [{"role": "assistant", "content": f"{number}"}, {"role": "user", "content": f"go on {number}"}]
    return said


BODIES: dict[Dialect, Any] = {
    "openai-chat": lambda n, first="Begin.": {"messages": [{"role": "system", "content": LONG}, *turns(n, first)]},
    "openai-responses": lambda n, first="Begin.": {"instructions": LONG, "input": turns(n, first)},
    "anthropic": lambda n, first="Begin.": {"system": LONG, "messages": turns(n, first)},
    "gemini": lambda n, first="Begin.": {
        "systemInstruction": {"parts": [{"text": LONG}]},
        "contents": [{"role": each["role"], "parts": [{"text": each["content"]}]} for each in turns(n, first)],
    },
}


@pytest.mark.parametrize("dialect", BODIES)
def test_a_conversation_is_known_by_its_beginning(dialect: Dialect) -> None:
    body = BODIES[dialect]
    keys = {key_of(body(count), dialect) for count in range(5)}
    assert len(keys) == 1
    assert None not in keys
    assert key_of(body(2, "Begin differently."), dialect) not in keys
    assert key_of(body(2), dialect, account=2) not in keys
    assert key_of(body(2), dialect, model="n") not in keys
    assert key_of({**body(2), "tools": [{"name": "f"}]}, dialect) not in keys


def test_what_is_too_small_to_be_cached_has_no_key() -> None:
    assert key_of({"messages": turns(0)}) is None
    assert key_of(b"no json" * 1000) is None
    assert key_of({"messages": "no list", "padding": LONG}) is None


def test_a_mark_that_moves_on_changes_nothing() -> None:
    """Clients mark the latest messages, and the first user message is the latest in the first turn."""
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"}}
    block = {"type": "text", "text": "Begin."}
    first = {"system": LONG, "messages": [{"role": "user", "content": [{**block, **mark}]}]}
    later = {"system": LONG, "messages": [{"role": "user", "content": [block]}, {"role": "assistant", "content": "x"}]}
    assert key_of(first, "anthropic") == key_of(later, "anthropic") is not None


USER_ID = json.dumps({"device_id": "d", "account_uuid": "", "session_id": "c1149abe"})


@pytest.mark.parametrize(
    "named",
    [
        {"prompt_cache_key": "k"},
        {"metadata": {"user_id": USER_ID}},
        {"metadata": {"user_id": "user_1_account__session_c1149abe"}},
        {"conversation": "conv_1"},
        {"conversation": {"id": "conv_1"}},
        {"cachedContent": "cachedContents/x"},
    ],
    ids=["cache key", "session as JSON", "session", "conversation", "conversation object", "cached content"],
)
def test_a_name_in_the_body_wins_over_what_it_says(named: dict[str, Any]) -> None:
    first, second = {**named, "messages": turns(0)}, {**named, "messages": turns(3, "Something else.")}
    assert key_of(first) == key_of(second) is not None
    assert key_of({"messages": turns(0)}) is None


@pytest.mark.parametrize(
    "header", ["x_claude_code_session_id", "session_id", "conversation_id", "x_opencode_session", "x_session_affinity"]
)
def test_a_session_in_a_header_wins_over_all(header: str) -> None:
    one, other = {"messages": turns(0), "prompt_cache_key": "a"}, {"messages": turns(0), "prompt_cache_key": "b"}
    assert key_of(one, **{header: "s"}) == key_of(other, **{header: "s"}) is not None
    assert key_of(one, **{header: "s"}) != key_of(one, **{header: "t"})


def test_names_that_name_nothing() -> None:
    for nothing in (
        {"prompt_cache_key": None},
        {"metadata": {}},
        {"metadata": "x"},
        {"conversation": None},
        {"metadata": None},
    ):
        assert key_of({**nothing, "messages": turns(0)}) is None
    assert key_of({"messages": turns(0)}, session_id="") is None
