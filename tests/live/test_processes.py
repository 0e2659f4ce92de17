"""Several processes, and stores that go away: what may serve side by side, when an edit is in force in all of them, and
what is done while limits or the store cannot be looked up."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.live.callers import CALLERS, JSON_TYPE, bearer
from tests.live.conftest import Launch
from tests.live.gateway import FIRST_KEY, Gateway, _children
from tests.live.office import Office, opened
from tests.live.slots import Slot
from tests.live.test_endpoints import OK
from tests.live.upstream import Upstream, until
from tests.live.wire import Connection, Reply
from tests.servers.redis import RedisServer, running_redis

MODEL = "processes"


@pytest.fixture
def slot(upstream: Upstream) -> Slot:
    return Slot(MODEL, f"up.{MODEL}", upstream).script(OK)


def models() -> dict[str, dict[str, str]]:
    return {"openai-chat": {MODEL: f"up.{MODEL}"}}


def ask(gateway: Gateway, key: str = FIRST_KEY) -> Reply:
    caller = CALLERS["openai-chat"]
    with Connection(gateway.port) as connection:
        return connection.ask("POST", caller.target(MODEL), (*bearer(key), JSON_TYPE), caller.encode(MODEL))


def ready(gateway: Gateway) -> tuple[int, object]:
    with Connection(gateway.port) as connection:
        reply = connection.ask("GET", "/readyz")
    return reply.status, reply.json()["status"]


def serve(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """A start that is expected to fail."""
    command = [str(Path(sys.executable).with_name("torouter")), "serve", "--port", "0", "--data", str(data), *arguments]
    environment = {"PATH": os.environ["PATH"], "HOME": str(data)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


class TestSideBySide:
    def test_workers_without_a_redis_are_refused(self, tmp_path: Path) -> None:
        done = serve(tmp_path, "--workers", "2")
        assert done.returncode == 2
        assert "2 workers need a Redis" in done.stderr
        assert "--redis" in done.stderr

    def test_a_second_server_on_the_same_data_is_refused(self, launch: Launch, slot: Slot) -> None:
        gateway = launch(models())
        done = serve(gateway.data)
        assert done.returncode == 2
        assert "Another `torouter serve` uses the data directory" in done.stderr
        assert ask(gateway).status == 200

    def test_one_that_was_killed_leaves_nothing_in_the_way(self, launch: Launch, slot: Slot) -> None:
        gateway = launch(models())
        os.kill(gateway.pid, signal.SIGKILL)
        gateway._process.wait()
        gateway.start()
        assert ask(gateway).status == 200

    def test_two_servers_with_one_redis_count_together(
        self, launch: Launch, slot: Slot, redis_server: RedisServer
    ) -> None:
        redis = {"url": redis_server.url}
        one = launch(models(), redis=redis)
        two = launch(models(), redis=redis, data=one.data)
        with opened(one) as office:
            key, _ = office.key(limit_5h=4)
            office.settle()
            statuses = [ask(gateway, key).status for _ in range(3) for gateway in (one, two)]
        assert statuses == [200] * 4 + [429] * 2

    def test_an_edit_is_in_force_in_every_worker(self, launch: Launch, slot: Slot, redis_server: RedisServer) -> None:
        gateway = launch(models(), workers=3, redis={"url": redis_server.url})
        with opened(gateway) as office:
            key, row = office.key()
            for status in ("disabled", "enabled") * 3:
                office.edit(lambda store, status=status: store.set_key_status(row.id, status))  # type: ignore[misc]
                told = {ask(gateway, key).status for _ in range(12)}
                assert told == {401 if status == "disabled" else 200}

    def test_a_worker_that_was_killed_holds_up_an_edit_for_its_lease_only(
        self, launch: Launch, slot: Slot, redis_server: RedisServer
    ) -> None:
        gateway = launch(models(), workers=2, redis={"url": redis_server.url})
        with opened(gateway) as office:
            key, row = office.key()
            office.settle()
            os.kill(_children(gateway.pid)[-1], signal.SIGKILL)
            begun_s = time.monotonic()
            office.edit(lambda store: store.delete_key(row.id))
            assert time.monotonic() - begun_s < 9
            assert {ask(gateway, key).status for _ in range(8)} == {401}


class TestRedisAway:
    @pytest.fixture
    def own_redis(self) -> Iterator[RedisServer]:
        with running_redis() as server:
            yield server

    def limited(self, office: Office) -> str:
        key, _ = office.key(rpm=1000)
        office.settle()
        return key

    def test_keys_with_limits_are_refused_and_others_served(
        self, launch: Launch, slot: Slot, own_redis: RedisServer
    ) -> None:
        gateway = launch(models(), redis={"url": own_redis.url})
        with opened(gateway) as office:
            key = self.limited(office)
            assert ask(gateway, key).status == 200
            own_redis.stop()
            assert until(lambda: ask(gateway, key).status == 503)
            reply = ask(gateway, key)
            assert reply.error["type"] == "limits_unavailable"
            assert reply.header("retry-after") == "1"
            assert ask(gateway).status == 200
            own_redis.start()
            assert until(lambda: ask(gateway, key).status == 200, 15)

    def test_or_served_by_what_this_process_knows(self, launch: Launch, slot: Slot, own_redis: RedisServer) -> None:
        gateway = launch(models(), redis={"url": own_redis.url, "when_away": "serve"})
        with opened(gateway) as office:
            key = self.limited(office)
            own_redis.stop()
            assert until(lambda: ask(gateway, key).status == 200)
            assert [ask(gateway, key).status for _ in range(5)] == [200] * 5


class TestStoreAway:
    """The file is held by somebody who writes and does not end: nothing can be beaten or edited."""

    def hold(self, gateway: Gateway) -> sqlite3.Connection:
        held = sqlite3.connect(gateway.data / "torouter.db", isolation_level=None, timeout=20)
        held.execute("BEGIN IMMEDIATE")
        return held

    def test_it_is_served_on_and_said_to_be_degraded(self, launch: Launch, slot: Slot) -> None:
        gateway = launch(models(), store={"stale_s": 5})
        assert ready(gateway) == (200, "ready")
        held = self.hold(gateway)
        assert until(lambda: ready(gateway) == (200, "degraded"), 15)
        assert ask(gateway).status == 200
        held.rollback()
        held.close()
        assert until(lambda: ready(gateway) == (200, "ready"), 15)

    def test_or_refused(self, launch: Launch, slot: Slot) -> None:
        gateway = launch(models(), store={"stale_s": 5, "when_away": "refuse"})
        held = self.hold(gateway)
        assert until(lambda: ready(gateway) == (503, "refusing"), 15)
        reply = ask(gateway)
        assert (reply.status, reply.error["type"]) == (503, "store_unavailable")
        assert reply.header("retry-after") == "1"
        held.rollback()
        held.close()
        assert until(lambda: ask(gateway).status == 200, 15)
        assert slot.visits


def test_prices_are_followed(launch: Launch, slot: Slot) -> None:
    gateway = launch(models(), prices={"unknown": "refuse"})
    assert ask(gateway).status == 403
    with opened(gateway) as office:
        price = office.store.add_price(MODEL, "", 0, {"input_per_mtok": 1, "output_per_mtok": 1}, "")
        office.settle()
        assert ask(gateway).status == 200
        office.edit(lambda store: store.delete_price(price.id))
    assert ask(gateway).status == 403


def test_the_balances_status_is_a_setting(launch: Launch, slot: Slot) -> None:
    gateway = launch(models(), errors={"insufficient_balance": 403})
    with opened(gateway) as office:
        key, _ = office.key(office.account())
        office.settle()
    reply = ask(gateway, key)
    assert (reply.status, reply.error["type"]) == (403, "INSUFFICIENT_BALANCE")
    assert slot.visits == []


def test_a_proxys_word_counts_where_it_is_trusted(launch: Launch, slot: Slot) -> None:
    gateway = launch(models(), server={"trusted_proxies": ["127.0.0.0/8"]})
    caller = CALLERS["openai-chat"]
    with opened(gateway) as office:
        key, _ = office.key(ip_allow=["203.0.113.0/24"])
        office.settle()
    for header, status in (
        ((), 403),
        ((("x-forwarded-for", "203.0.113.9"),), 200),
        ((("x-forwarded-for", "203.0.113.9, 198.51.100.1"),), 403),
        ((("forwarded", "for=203.0.113.9"),), 200),
        ((("x-forwarded-for", "unknown"),), 403),
    ):
        with Connection(gateway.port) as connection:
            fields = (*bearer(key), JSON_TYPE, *header)
            for _ in range(2):  # the second time it is remembered
                assert connection.ask("POST", caller.target(MODEL), fields, caller.encode(MODEL)).status == status


def test_metrics_are_for_this_machine_alone(launch: Launch) -> None:
    gateway = launch(models(), server={"trusted_proxies": ["127.0.0.0/8"]})
    for header, status in (((), 200), ((("x-forwarded-for", "203.0.113.9"),), 404)):
        with Connection(gateway.port) as connection:
            assert connection.ask("GET", "/metrics", header).status == status


def test_the_admin_token_of_the_environment_works(launch: Launch) -> None:
    gateway = launch(models(), environment={"TOROUTER_ADMIN_TOKEN": "an-admin-token-for-tests-only"})
    with Connection(gateway.port) as connection:
        fields = (("authorization", "Bearer an-admin-token-for-tests-only"),)
        reply = connection.ask("GET", "/admin/v1/keys", fields)
        assert reply.status == 200, reply.body
        assert connection.ask("GET", "/admin/v1/keys", bearer()).status == 401
    assert json.loads(reply.body)
