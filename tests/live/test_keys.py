"""Keys made and changed with the command line while the gateway runs: in force within about a second."""

from __future__ import annotations

import re
import time
from collections.abc import Callable

import pytest

from tests.live.callers import CALLERS, JSON_TYPE, bearer
from tests.live.conftest import TakeSlot
from tests.live.gateway import Gateway
from tests.live.test_endpoints import OK, assert_refused
from tests.live.upstream import json_answer
from tests.live.wire import Connection, Reply
from torouter.accounts import add_key, load_pepper
from torouter.store import Store
from torouter.units import new_api_key

SEEN_WITHIN_S = 4.0


def _create(gateway: Gateway, *options: str) -> str:
    """A new key's text: all that `torouter key create` says on standard output."""
    key = gateway.run("key", "create", *options).strip()
    assert re.fullmatch(r"sk-[A-Za-z0-9]{48}", key)
    return key


def _id(gateway: Gateway, name: str) -> str:
    """A key's number, by its name, from `torouter key list`."""
    found = re.search(rf"^\s*(\d+)\s.*\b{name}\b", gateway.run("key", "list"), re.MULTILINE)
    assert found
    return found[1]


def _ask(gateway: Gateway, dialect: str, key: str, model: str) -> Reply:
    caller = CALLERS[dialect]
    with Connection(gateway.port) as connection:
        return connection.ask("POST", caller.target(model), (*bearer(key), JSON_TYPE), caller.encode(model))


def _await(told: Callable[[], Reply], status: int) -> Reply:
    """Asks until the answer has this status, for as long as a change may take to be seen."""
    deadline = time.monotonic() + SEEN_WITHIN_S
    while (reply := told()).status != status and time.monotonic() < deadline:
        time.sleep(0.05)
    assert reply.status == status, reply.body
    return reply


def test_a_new_key_works_and_a_deleted_one_does_not(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-chat", OK)
    key = _create(gateway, "--name", "short-lived")
    _await(lambda: _ask(gateway, "openai-chat", key, slot.model), 200)
    gateway.run("key", "delete", _id(gateway, "short-lived"), "--yes")
    reply = _await(lambda: _ask(gateway, "openai-chat", key, slot.model), 401)
    assert_refused(reply, "openai-chat", 401, "INVALID_API_KEY")


def test_a_disabled_key(gateway: Gateway, take: TakeSlot) -> None:
    slots = {dialect: take(dialect, OK) for dialect in CALLERS}
    key = _create(gateway, "--name", "switched")
    _await(lambda: _ask(gateway, "gemini", key, slots["gemini"].model), 200)
    gateway.run("key", "disable", _id(gateway, "switched"))
    _await(lambda: _ask(gateway, "gemini", key, slots["gemini"].model), 401)
    for dialect, slot in slots.items():
        assert_refused(_ask(gateway, dialect, key, slot.model), dialect, 401, "API_KEY_DISABLED")
    gateway.run("key", "enable", _id(gateway, "switched"))
    _await(lambda: _ask(gateway, "gemini", key, slots["gemini"].model), 200)


@pytest.mark.parametrize("dialect", CALLERS)
def test_a_model_outside_the_keys_list(gateway: Gateway, take: TakeSlot, dialect: str) -> None:
    allowed, other = take(dialect, OK), take(dialect, OK)
    key = _create(gateway, "--name", f"narrow-{dialect}", "--models", allowed.model)
    _await(lambda: _ask(gateway, dialect, key, allowed.model), 200)
    reply = _ask(gateway, dialect, key, other.model)
    assert_refused(reply, dialect, 403, "ACCESS_DENIED")
    if dialect != "anthropic":  # its envelope has a type and a message, no code
        assert "model_not_allowed" in reply.body.decode()
    assert other.visits == []


def test_the_keys_list_narrows_the_models(gateway: Gateway) -> None:
    key = _create(gateway, "--name", "two-models", "--models", "openai-chat-slot-1,gemini-slot-1")
    with Connection(gateway.port) as connection:
        listed = _await(lambda: connection.ask("GET", "/v1/models", bearer(key)), 200).json()["data"]
    assert isinstance(listed, list)
    assert {model["id"] for model in listed} == {"openai-chat-slot-1", "gemini-slot-1"}


def test_the_base_name_admits_the_thinking_variant(gateway: Gateway, take: TakeSlot) -> None:
    """Whitelisting `m` admits `m-thinking`: not a 403, whatever the model can do."""
    slot = take("openai-chat", json_answer({"ok": True}))
    key = _create(gateway, "--name", "thinking", "--models", slot.model)
    _await(lambda: _ask(gateway, "openai-chat", key, slot.model), 200)
    assert _ask(gateway, "openai-chat", key, f"{slot.model}-thinking").status != 403


@pytest.mark.parametrize("dialect", CALLERS)
def test_an_expired_key(gateway: Gateway, take: TakeSlot, dialect: str) -> None:
    """The command line counts in days; this key is put into the store with an end that has come."""
    slot = take(dialect, OK)
    key = new_api_key()
    with Store.open(gateway.data) as store:
        account = store.first_account()
        assert account is not None
        pepper = load_pepper(gateway.data, {}, may_create=False)
        add_key(store, pepper, key, account_id=account.id, name="gone", group="default", models=[], expires_ms=1)
    reply = _await(lambda: _ask(gateway, dialect, key, slot.model), 403)
    assert_refused(reply, dialect, 403, "API_KEY_EXPIRED")
    assert slot.visits == []
