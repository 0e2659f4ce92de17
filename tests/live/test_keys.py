"""Keys made and changed while the gateway runs: what has been told to be done is in force for the next request."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.live.callers import CALLERS, JSON_TYPE, bearer
from tests.live.conftest import TakeSlot
from tests.live.gateway import Gateway
from tests.live.office import Office
from tests.live.office import opened as opened_office
from tests.live.test_endpoints import OK, assert_refused
from tests.live.test_faults import STREAMS, TERMINATORS
from tests.live.upstream import json_answer, recorded_answer, sse_answer
from tests.live.websocket import opened
from tests.live.wire import Connection, Reply, request
from tests.recorded import frames, recorded
from torouter.store import LimitColumns


@pytest.fixture(scope="module")
def office(gateway: Gateway) -> Iterator[Office]:
    with opened_office(gateway) as office:
        yield office


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


def _answered(reply: Reply, status: int) -> Reply:
    assert reply.status == status, reply.body
    return reply


def test_a_new_key_works_and_a_deleted_one_does_not(gateway: Gateway, take: TakeSlot) -> None:
    slot = take("openai-chat", OK)
    key = _create(gateway, "--name", "short-lived")
    _answered(_ask(gateway, "openai-chat", key, slot.model), 200)
    gateway.run("key", "delete", _id(gateway, "short-lived"), "--yes")
    reply = _answered(_ask(gateway, "openai-chat", key, slot.model), 401)
    assert_refused(reply, "openai-chat", 401, "INVALID_API_KEY")


def test_a_disabled_key(gateway: Gateway, take: TakeSlot) -> None:
    slots = {dialect: take(dialect, OK) for dialect in CALLERS}
    key = _create(gateway, "--name", "switched")
    _answered(_ask(gateway, "gemini", key, slots["gemini"].model), 200)
    gateway.run("key", "disable", _id(gateway, "switched"))
    _answered(_ask(gateway, "gemini", key, slots["gemini"].model), 401)
    for dialect, slot in slots.items():
        assert_refused(_ask(gateway, dialect, key, slot.model), dialect, 401, "API_KEY_DISABLED")
    gateway.run("key", "enable", _id(gateway, "switched"))
    _answered(_ask(gateway, "gemini", key, slots["gemini"].model), 200)


@pytest.mark.parametrize("dialect", CALLERS)
def test_a_model_outside_the_keys_list(gateway: Gateway, take: TakeSlot, dialect: str) -> None:
    allowed, other = take(dialect, OK), take(dialect, OK)
    key = _create(gateway, "--name", f"narrow-{dialect}", "--models", allowed.model)
    _answered(_ask(gateway, dialect, key, allowed.model), 200)
    reply = _ask(gateway, dialect, key, other.model)
    assert_refused(reply, dialect, 403, "ACCESS_DENIED")
    if dialect != "anthropic":  # its envelope has a type and a message, no code
        assert "model_not_allowed" in reply.body.decode()
    assert other.visits == []


def test_the_keys_list_narrows_the_models(gateway: Gateway) -> None:
    key = _create(gateway, "--name", "two-models", "--models", "openai-chat-slot-1,gemini-slot-1")
    with Connection(gateway.port) as connection:
        listed = _answered(connection.ask("GET", "/v1/models", bearer(key)), 200).json()["data"]
    assert isinstance(listed, list)
    assert {model["id"] for model in listed} == {"openai-chat-slot-1", "gemini-slot-1"}


def test_the_base_name_admits_the_thinking_variant(gateway: Gateway, take: TakeSlot) -> None:
    """Whitelisting `m` admits `m-thinking`: not a 403, whatever the model can do."""
    slot = take("openai-chat", json_answer({"ok": True}))
    key = _create(gateway, "--name", "thinking", "--models", slot.model)
    _answered(_ask(gateway, "openai-chat", key, slot.model), 200)
    assert _ask(gateway, "openai-chat", key, f"{slot.model}-thinking").status != 403


@pytest.mark.parametrize("dialect", CALLERS)
def test_an_expired_key(office: Office, gateway: Gateway, take: TakeSlot, dialect: str) -> None:
    """The command line counts in days; this key is put into the store with an end that has come."""
    slot = take(dialect, OK)
    key, _ = office.key(expires_ms=1)
    office.settle()
    assert_refused(_ask(gateway, dialect, key, slot.model), dialect, 403, "API_KEY_EXPIRED")
    assert slot.visits == []


class TestEdits:
    """Each is seen by the very next request, and what it does not name stays as it was."""

    def test_each_field(self, office: Office, gateway: Gateway, take: TakeSlot) -> None:
        slot = take("openai-chat", OK)
        key, row = office.key()
        office.settle()
        for changes, status in (
            ({"status": "disabled"}, 401),
            ({"status": "enabled"}, 200),
            ({"ip_allow": ["203.0.113.0/24"]}, 403),
            ({"ip_allow": ["127.0.0.1/32"], "ip_deny": ["127.0.0.0/8"]}, 403),
            ({"ip_deny": []}, 200),
            ({"models": ["another"]}, 403),
            ({"models": [slot.model]}, 200),
            ({"expires_ms": 1}, 403),
            ({"expires_ms": None}, 200),
            ({"rpm": 1}, 200),
            ({}, 429),
            ({"rpm": 0}, 200),
            ({"name": "another name"}, 200),
        ):
            if changes:
                office.store.change_key(row.id, changes)
                office.settle()
            assert _ask(gateway, "openai-chat", key, slot.model).status == status, changes
        kept = office.store.get_key(row.id)
        assert (kept.ip_allow, kept.models) == (("127.0.0.1/32",), (slot.model,))

    def test_accounts_and_groups(self, office: Office, gateway: Gateway, take: TakeSlot) -> None:
        slot, store = take("openai-chat", OK), office.store
        account_id, group = office.account(billing="unlimited"), office.group()
        group_id = store.get_group(group).id
        key, _ = office.key(account_id, group)
        office.settle()
        edits: tuple[tuple[Callable[[], object], int], ...] = (
            (lambda: None, 200),
            (lambda: store.change_account(account_id, {"status": "suspended"}), 401),
            (lambda: store.change_account(account_id, {"status": "active"}), 200),
            (lambda: store.change_group(group_id, {"models": ["another"]}), 404),
            (lambda: store.change_group(group_id, {"models": [slot.model]}), 200),
            (lambda: store.change_group(group_id, {"defaults": LimitColumns(rpm=1)}), 200),
            (lambda: None, 429),
            (lambda: store.change_group(group_id, {"defaults": LimitColumns()}), 200),
            (lambda: store.change_group(group_id, {"billing": "subscription"}), 200),
            (lambda: store.change_account(account_id, {"billing": "prepaid"}), 403),
            (lambda: store.change_group(group_id, {"billing": "balance"}), 402),
            (lambda: store.change_account(account_id, {"billing": "unlimited"}), 200),
            (lambda: store.delete_account(account_id), 401),
        )
        for number, (edit, status) in enumerate(edits):
            edit()
            office.settle()
            assert _ask(gateway, "openai-chat", key, slot.model).status == status, number

    def test_a_groups_new_name(self, office: Office, gateway: Gateway, take: TakeSlot) -> None:
        slot = take("openai-chat", OK)
        group = office.group()
        key, _ = office.key(group=group)
        office.edit(lambda store: store.change_group(store.get_group(group).id, {"name": f"{group}-anew"}))
        assert _ask(gateway, "openai-chat", key, slot.model).status == 200

    @pytest.mark.parametrize("dialect", CALLERS)
    def test_an_answer_that_has_begun_is_finished(
        self, office: Office, gateway: Gateway, take: TakeSlot, dialect: str
    ) -> None:
        """Its key is deleted meanwhile, and refused at once."""
        said = list(frames(recorded(STREAMS[dialect]).response_body))
        first, rest = b"".join(said[: len(said) // 2]), b"".join(said[len(said) // 2 :])
        slot = take(dialect, sse_answer(first, rest, pace_s=0.5))
        key, row = office.key()
        office.settle()
        caller = CALLERS[dialect]
        with Connection(gateway.port) as connection:
            body = caller.encode(slot.model, stream=True)
            connection.send(request("POST", caller.target(slot.model, stream=True), (*bearer(key), JSON_TYPE), body))
            assert connection.read_head()[0] == 200
            office.edit(lambda store: store.delete_key(row.id))
            assert_refused(_ask(gateway, dialect, key, slot.model), dialect, 401, "INVALID_API_KEY")
            given = b"".join(piece for _, piece in connection.pieces())
        assert given.startswith(first)
        assert len(given) > len(first)
        assert TERMINATORS[dialect] in given
        assert len(slot.visits) == 1

    def test_a_conversation_ends_with_its_key(self, office: Office, gateway: Gateway, take: TakeSlot) -> None:
        slot = take("openai-responses", recorded_answer("openai-responses/stream/007"))
        key, row = office.key()
        office.settle()
        with opened(gateway, headers=bearer(key)) as socket:
            assert socket.ask(model=slot.model, input="hi")["type"] == "response.completed"
            office.edit(lambda store: store.delete_key(row.id))
            told = socket.ask(model=slot.model, input="hi")
        assert (told["type"], told["status"], told["error"]["type"]) == ("error", 401, "INVALID_API_KEY")
        assert len(slot.visits) == 1

    def test_a_turn_is_reserved_like_a_request(self, office: Office, gateway: Gateway, take: TakeSlot) -> None:
        slot = take("openai-responses", recorded_answer("openai-responses/stream/007"))
        key, _ = office.key(rpm=1)
        office.settle()
        with opened(gateway, headers=bearer(key)) as socket:
            assert socket.ask(model=slot.model, input="hi")["type"] == "response.completed"
            told = socket.ask(model=slot.model, input="hi")
        assert (told["status"], told["error"]["code"]) == (429, "rate_limit_exceeded")
        assert int(told["headers"]["retry-after"]) > 0
