"""A reservation on its way through the gateway: taken once, settled once, and not at all where nothing is asked for."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from tests.relay.stage import KEY, json_reply, stage
from torouter.ledger.meters import Ask, Hold, LocalMeters, Refusal
from torouter.store import LimitColumns
from torouter.wire.memory import Reply
from torouter.wire.upstream import Request

BODY = {"model": "m", "messages": []}
LIMITED = replace(KEY, limits=LimitColumns(cap_nusd=10**9, rpm=100, concurrency=5))


class Watched(LocalMeters):
    def __init__(self, spent: Mapping[str, int] | None = None) -> None:
        known = dict(spent or {})
        super().__init__(
            read_spent=lambda names: {name: known.get(name, 0) for name in names}, read_minutes=lambda *_: {}
        )
        self.checked: list[Ask] = []
        self.reserved: list[Ask] = []
        self.settled: list[Hold] = []

    async def check(self, ask: Ask) -> Refusal | None:
        self.checked.append(ask)
        return await super().check(ask)

    async def reserve(self, ask: Ask) -> Hold | Refusal:
        self.reserved.append(ask)
        return await super().reserve(ask)

    def settle(self, hold: Hold, cost_nusd: int, tokens: int) -> None:
        self.settled.append(hold)
        super().settle(hold, cost_nusd, tokens)


def good(_: Request) -> Reply:
    choice = {"index": 0, "message": {"role": "assistant", "content": "yes"}, "finish_reason": "stop"}
    return json_reply(200, {"choices": [choice], "usage": {"prompt_tokens": 1, "completion_tokens": 1}})


def bad(_: Request) -> Reply:
    return json_reply(500, {"error": {"message": "no"}})


@pytest.mark.parametrize(("handlers", "status"), [({"a": good}, 200), ({"a": bad, "b": good}, 200), ({"a": bad}, 502)])
async def test_what_is_reserved_is_settled_once(handlers: dict[str, object], status: int) -> None:
    meters = Watched()
    async with stage(handlers, key=LIMITED, meters=meters) as on:  # type: ignore[arg-type]
        assert (await on.post("/v1/chat/completions", BODY)).status == status
    assert (len(meters.reserved), len(meters.settled), meters.checked) == (1, 1, [])


async def test_a_key_without_limits_asks_nothing() -> None:
    meters = Watched()
    async with stage({"a": good}, meters=meters) as on:
        assert (await on.post("/v1/chat/completions", BODY)).status == 200
        assert (await on.post("/v1/chat/completions", {"model": "nope"})).status == 404
    assert (meters.reserved, meters.checked, meters.settled) == ([], [], [])


async def test_a_refusal_that_comes_later_asks_for_the_money_alone() -> None:
    meters = Watched()
    async with stage({"a": good}, key=LIMITED, meters=meters) as on:
        assert (await on.post("/v1/chat/completions", {"model": "nope"})).status == 404
        assert (await on.post("/v1/chat/completions", b"{")).status == 400
    assert [ask.money[0].name for ask in meters.checked] == ["k:1", "k:1"]
    assert (meters.reserved, meters.settled) == ([], [])


async def test_what_is_spent_is_told_before_what_is_wrong_with_the_request() -> None:
    async with stage({"a": good}, key=LIMITED, meters=Watched({"k:1": 10**9})) as on:
        for body in (b"{", {"model": "nope"}, BODY):
            answer = await on.post("/v1/chat/completions", body)
            assert (answer.status, answer.json["error"]["type"]) == (429, "API_KEY_QUOTA_EXHAUSTED")
    assert on.asked == []


async def test_a_model_list_asks_no_meter() -> None:
    meters = Watched({"k:1": 10**9})
    async with stage({"a": good}, key=LIMITED, meters=meters) as on:
        answer = await on.raw(
            b"GET /v1/models HTTP/1.1\r\nhost: h\r\nauthorization: Bearer sk-good\r\nconnection: close\r\n\r\n"
        )
    assert answer.status == 200
    assert (meters.checked, meters.reserved) == ([], [])
