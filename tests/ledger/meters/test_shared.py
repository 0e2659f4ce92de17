"""Several processes, or what could be several, with one Redis."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.ledger.meters.kept import Kept
from tests.ledger.meters.worker import ASK, LIFE_S, THREE
from tests.servers.redis import RedisServer
from torouter.ledger.meters import Ask, Hold, Meter, Refusal, SharedMeters, Window, scripts
from torouter.wire.drive import Drive

ROOT = Path(__file__).resolve().parents[3]
BASE = "torouter:{torouter}:"
PARTS = ("s", "u", "h")
"""Of a meter: stored, not stored yet, held."""


@asynccontextmanager
async def sharing(server: RedisServer, kept: Kept | None = None, **more: Any) -> AsyncIterator[SharedMeters]:
    """Open, and at work."""
    kept = kept or Kept()
    meters = SharedMeters(server.url, read_spent=kept.read_spent, read_minutes=kept.read_minutes, **more)
    await meters.open()
    running = asyncio.create_task(meters.run())
    try:
        yield meters
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        await meters.close()


@contextlib.contextmanager
def workers(server: RedisServer, what: str, number: int) -> Iterator[list[subprocess.Popen[str]]]:
    command = [sys.executable, "-m", "tests.ledger.meters.worker", server.url, what]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "cwd": ROOT}
    started = [subprocess.Popen(command, **pipes) for _ in range(number)]  # type: ignore[call-overload]
    try:
        for each in started:
            assert each.stdout.readline() == "ready\n"
        yield started
    finally:
        for each in started:
            each.kill()
            each.communicate()


def say(worker: subprocess.Popen[str]) -> None:
    assert worker.stdin is not None
    worker.stdin.write("\n")
    worker.stdin.flush()


def number_from(worker: subprocess.Popen[str]) -> int:
    assert worker.stdout is not None
    return int(worker.stdout.readline())


def field(server: RedisServer, key: str, name: str) -> int:
    return int(server.command("HGET", BASE + key, name).split("\r\n")[1])


class TestManyAtOnce:
    async def test_two_of_them_against_a_cap_worth_three(self, redis_server: RedisServer) -> None:
        async with sharing(redis_server) as one, sharing(redis_server) as other:
            answers = await asyncio.gather(*(meters.reserve(THREE) for _ in range(100) for meters in (one, other)))
            assert sum(isinstance(each, Hold) for each in answers) == 3
            assert [each for each in answers if isinstance(each, Refusal)] == [Refusal("money", "k:1", None)] * 197
            assert field(redis_server, "m:k:1", "h") == field(redis_server, "m:a:1", "h") == 30
            assert field(redis_server, "w:1:5h", "n") == 3

    def test_four_processes_against_a_cap_worth_three(self, redis_server: RedisServer) -> None:
        with workers(redis_server, "race", 4) as started:
            for each in started:
                say(each)
            assert sum(number_from(each) for each in started) == 3
            assert field(redis_server, "m:k:1", "h") == 30
            for each in started:
                say(each)
                assert each.wait(10) == 0
            assert field(redis_server, "m:k:1", "h") == 0, "a process that ends holds nothing"
            assert field(redis_server, "w:1:5h", "n") == 3


class TestDeath:
    @pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
    async def test_another_lets_go_what_a_dead_process_held(
        self, redis_server: RedisServer, how: signal.Signals
    ) -> None:
        with workers(redis_server, "hold", 1) as (worker,):
            say(worker)
            assert number_from(worker) == 20
            async with sharing(redis_server, beat_s=LIFE_S / 3, life_s=LIFE_S) as meters, sharing(redis_server):
                assert isinstance(await meters.reserve(ASK), Hold)
                await asyncio.sleep(2 * LIFE_S)
                assert field(redis_server, "m:k:1", "h") == 21 * 7, "the living lost what they hold"
                worker.send_signal(how)
                killed = time.monotonic()
                while field(redis_server, "m:k:1", "h") != 7:
                    await asyncio.sleep(0.01)
                    assert time.monotonic() < killed + LIFE_S + 1.0
                assert redis_server.command("GET", BASE + "c:1") == "$1\r\n1\r\n"
                await asyncio.sleep(0.5)
                assert field(redis_server, "m:k:1", "h") == 7, "it was let go twice"
                if how == signal.SIGSTOP:  # it was not dead: it takes back what it holds
                    worker.send_signal(signal.SIGCONT)
                    while field(redis_server, "m:k:1", "h") != 21 * 7:
                        await asyncio.sleep(0.01)
                        assert time.monotonic() < killed + 5.0

    async def test_a_settlement_of_what_was_let_go_counts_once(self, redis_server: RedisServer) -> None:
        kept = Kept()
        async with sharing(redis_server, kept) as meters:
            hold = await meters.reserve(ASK)
            assert isinstance(hold, Hold)
            redis_server.command("DEL", f"{BASE}p:{meters._process}")
            async with sharing(redis_server):
                while field(redis_server, "m:k:1", "h") != 0:
                    await asyncio.sleep(0.01)
            kept.settle(meters, hold, 5)
            kept.flush()
            assert await meters.check(Ask(key_id=1, money=(Meter("k:1", 5),))) == Refusal("money", "k:1", None)
            assert await meters.check(Ask(key_id=1, money=(Meter("k:1", 6),))) is None
            assert field(redis_server, "m:k:1", "h") == 0


class TestGivenUp:
    async def test_a_task_that_is_cancelled_while_it_asks_holds_nothing(self, redis_server: RedisServer) -> None:
        async with sharing(redis_server) as meters:
            assert isinstance(await meters.reserve(ASK), Hold)
            for turns in range(6):
                task = asyncio.create_task(meters.reserve(ASK))
                for _ in range(turns):
                    await asyncio.sleep(0)
                task.cancel()
                answer = (await asyncio.gather(task, return_exceptions=True))[0]
                if isinstance(answer, Hold):
                    meters.settle(answer, 0, 0)
            await meters.check(ASK)
            assert field(redis_server, "m:k:1", "h") == 7
            assert redis_server.command("GET", BASE + "c:1") == "$1\r\n1\r\n"

    async def test_a_drive_that_is_cancelled_while_it_asks_holds_nothing(self, redis_server: RedisServer) -> None:
        """Requests are no tasks."""
        async with sharing(redis_server) as meters:
            held: list[Hold | Refusal] = []

            async def ask() -> None:
                with contextlib.suppress(asyncio.CancelledError):
                    held.append(await meters.reserve(ASK))

            Drive(ask()).start()  # the first reads the store on its way
            while not held:
                await asyncio.sleep(0.001)
            gone = Drive(ask())
            gone.start()
            gone.cancel()
            await asyncio.sleep(0.05)
            assert len(held) == 1
            assert field(redis_server, "m:k:1", "h") == 7


class TestForgetting:
    async def test_a_server_that_was_flushed_learns_all_again(self, redis_server: RedisServer) -> None:
        kept = Kept()
        async with sharing(redis_server, kept) as meters:
            for _ in range(5):
                hold = await meters.reserve(ASK)
                assert isinstance(hold, Hold)
                kept.settle(meters, hold, 100)
            kept.flush()
            assert isinstance(await meters.reserve(ASK), Hold)
            redis_server.command("FLUSHALL")
            redis_server.command("SCRIPT", "FLUSH")
            answers = await asyncio.gather(*(meters.reserve(ASK) for _ in range(50)))
            assert all(isinstance(each, Hold) for each in answers)
            assert field(redis_server, "m:k:1", "s") == 500
            assert field(redis_server, "m:k:1", "h") == 51 * 7
            assert field(redis_server, "w:1:7d", "n") == 55  # what ran at that moment is not in the store yet
            assert redis_server.command("GET", BASE + "c:1") == "$2\r\n51\r\n"

    async def test_a_settlement_whose_script_was_flushed_is_made_good(self, redis_server: RedisServer) -> None:
        kept = Kept()
        async with sharing(redis_server, kept, beat_s=0.05) as meters:
            hold = await meters.reserve(ASK)
            assert isinstance(hold, Hold)
            redis_server.command("SCRIPT", "FLUSH")
            kept.settle(meters, hold, 11)
            await asyncio.sleep(0.2)
            kept.flush()
            await asyncio.sleep(0.2)
            assert (field(redis_server, "m:k:1", "h"), field(redis_server, "m:k:1", "s")) == (0, 11)

    async def test_what_is_idle_expires(self, redis_server: RedisServer) -> None:
        ask = Ask(key_id=1, money=ASK.money, windows=(Window("5h", 5),), tokens_per_minute=9, tokens=1, concurrency=1)
        async with sharing(redis_server) as meters:
            assert isinstance(await meters.reserve(ask), Hold)
            meters.raise_spent({"k:2": 5}, {})
            await meters.check(ask)
            keys = redis_server.command("KEYS", BASE + "*").split("\r\n")[2::2]
            lasting = {key for key in keys if redis_server.command("PTTL", key) == ":-1\r\n"}
            assert len(keys) == 8
            assert lasting == {BASE + "all", BASE + "c:1", f"{BASE}h:{meters._process}"}
        assert redis_server.command("KEYS", f"{BASE}[hpuac]*") == "*0\r\n", "it has left"


class TestRestoring:
    async def test_leaves_what_was_asked_for_just_now(self, redis_server: RedisServer) -> None:
        async with sharing(redis_server) as meters:
            assert isinstance(await meters.reserve(ASK), Hold)
            assert meters._redis is not None
            asking = asyncio.create_task(meters.reserve(ASK))
            await asyncio.sleep(0)  # it is sent, and not answered
            assert [int(each) for each in await meters._tell_held(meters._redis)] == [1, 2]
            hold = await asking
            assert isinstance(hold, Hold)
            assert field(redis_server, "m:k:1", "h") == 14
            meters.settle(hold, 3, 0)
            await meters._tell_held(meters._redis)
            assert [field(redis_server, "m:k:1", part) for part in "hu"] == [7, 3]

    async def test_what_an_earlier_connection_left_in_a_buffer_does_nothing(self, redis_server: RedisServer) -> None:
        async with sharing(redis_server) as meters:
            hold = await meters.reserve(ASK)
            assert isinstance(hold, Hold)
            redis, process = meters._redis, meters._process
            assert redis is not None
            before = meters._held()
            meters._connection += 1
            meters.settle(hold, 5, 0)
            held_by_mistake = await meters._tell_held(redis)
            assert [int(each) for each in held_by_mistake] == [1]
            earlier = meters._connection - 1
            arguments = meters._arguments(ASK, 99)
            assert await meters._do(redis, scripts.RESERVE, process, earlier, *arguments) == [0]
            assert await meters._do(redis, scripts.RESTORE, *before) == []
            await meters._do(redis, scripts.RAISE, process, earlier, "k:1", 5, 5)
            assert [field(redis_server, "m:k:1", part) for part in PARTS] == [5, 5, 0]
            meters.raise_spent({"k:1": 5}, {"k:1": 5})
            another = await meters.reserve(ASK)
            assert isinstance(another, Hold)
            assert await meters._do(redis, scripts.SETTLE, process, earlier, another.number, 5, 0) == 0
            assert [field(redis_server, "m:k:1", part) for part in PARTS] == [5, 0, 7]

    async def test_a_store_that_hears_of_a_cost_before_redis_does_counts_it_once(
        self, redis_server: RedisServer
    ) -> None:
        """A settlement is under way while another process says what the store has, that cost included."""
        async with sharing(redis_server) as one, sharing(redis_server) as other:
            hold = await one.reserve(ASK)
            assert isinstance(hold, Hold)
            other.raise_spent({"k:1": 40}, {})
            await other.check(ASK)
            one.settle(hold, 40, 0)
            one.raise_spent({"k:1": 40}, {"k:1": 40})
            await one.check(ASK)
            assert [field(redis_server, "m:k:1", part) for part in PARTS] == [40, 0, 0]


async def test_the_servers_clock_counts(redis_server: RedisServer) -> None:
    """Not ours: that may be a day off."""
    ask = Ask(key_id=1, windows=(Window("1m", 1), Window("5h", 2)))
    async with (
        sharing(redis_server, now_ms=lambda: 1) as one,
        sharing(redis_server, now_ms=lambda: 2 * time.time_ns() // 1_000_000) as other,
    ):
        assert isinstance(await one.reserve(ask), Hold)
        refusal = await other.reserve(ask)
        assert isinstance(refusal, Refusal)
        assert refusal.name == "1m"
        assert refusal.retry_after_s is not None
        assert 59.0 < refusal.retry_after_s <= 60.5


async def test_commands_of_one_turn_take_one_write(redis_server: RedisServer) -> None:
    async with sharing(redis_server) as meters:
        hold = await meters.reserve(ASK)
        assert isinstance(hold, Hold)
        assert meters._redis is not None
        writes: list[bytes] = []
        transport = meters._redis._transport
        meters._redis._transport = type("", (), {"write": lambda _, data: writes.append(data)})()  # type: ignore[assignment]
        asking = [asyncio.create_task(meters.reserve(ASK)) for _ in range(10)]
        await asyncio.sleep(0)
        meters.settle(hold, 1, 0)
        await asyncio.sleep(0)
        assert len(writes) == 1
        meters._redis._transport = transport
        assert transport is not None
        transport.write(writes[0])
        assert all(isinstance(each, Hold) for each in await asyncio.gather(*asking))
