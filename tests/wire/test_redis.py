"""The Redis client with a real server, and with what only calls itself one."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trustme

from tests.servers.redis import RedisServer, running_redis
from tests.wire.servers import Peer, _splice, black_hole, serving
from torouter.errors import ConfigError, StoreError
from torouter.units import Secret
from torouter.wire.redis import Address, Redis

PASSWORD = "p@ss:w/rd"


@asynccontextmanager
async def connected(url: str, **more: Any) -> AsyncIterator[Redis]:
    redis = await Redis.open(Address.parse(url), **more)
    try:
        yield redis
    finally:
        redis.close()
        await redis.closed()


class TestAddress:
    @pytest.mark.parametrize(
        ("url", "address"),
        [
            ("redis://localhost", Address(host="localhost")),
            ("redis://[::1]:7000/3", Address(host="::1", port=7000, db=3)),
            ("redis://:p%40ss%3Aw%2Frd@h", Address(host="h", password=Secret(PASSWORD))),
            ("rediss://me:x@h:1/", Address(host="h", port=1, user="me", password=Secret("x"), is_tls=True)),
            ("unix:///run/redis.sock?db=2", Address(path="/run/redis.sock", db=2)),
            ("unix://me:x@/run/a%20b", Address(path="/run/a b", user="me", password=Secret("x"))),
        ],
    )
    def test_is_read(self, url: str, address: Address) -> None:
        assert Address.parse(url) == address

    @pytest.mark.parametrize(
        "url",
        ["", "h:6379", "http://:pass@h", "redis://:pass@", "redis://:pass@h:x", "redis://:pass@h/x", "unix://:pass@"],
    )
    def test_what_is_none_is_refused_without_being_repeated(self, url: str) -> None:
        with pytest.raises(ConfigError) as caught:
            Address.parse(url)
        assert "pass" not in str(caught.value)
        assert caught.value.__cause__ is None

    def test_shows_no_password(self) -> None:
        address = Address.parse("redis://me:hidden@h")
        assert "hidden" not in f"{address!r} {address}"


class TestCommands:
    async def test_replies_come_in_order(self, redis_server: RedisServer) -> None:
        async with connected(redis_server.url) as redis:
            asked = [redis.ask("SET", "n", 5), redis.ask("INCR", "n"), redis.ask("GET", b"n"), redis.ask("GET", "x")]
            assert await asyncio.gather(*asked) == [b"OK", 6, b"6", None]
            assert await redis.ask("MGET", "n", "x") == [b"6", None]

    async def test_an_error_is_that_of_its_command(self, redis_server: RedisServer) -> None:
        async with connected(redis_server.url) as redis:
            wrong = redis.ask("HGET", "n", "x"), redis.ask("NONE")
            await redis.ask("SET", "n", 5)
            right, late = redis.ask("GET", "n"), redis.ask("HGET", "n", "x")
            assert await right == b"5"
            assert await wrong[0] is None
            for each, code in ((wrong[1], "ERR"), (late, "WRONGTYPE")):
                with pytest.raises(StoreError) as caught:
                    await each
                assert caught.value.code == code

    async def test_what_is_only_told_says_no_more_than_its_errors(self, redis_server: RedisServer) -> None:
        errors: list[StoreError] = []
        async with connected(redis_server.url) as redis:
            redis.tell(errors.append, "SET", "n", 5)
            redis.tell(errors.append, "HGET", "n", "x")
            assert await redis.ask("GET", "n") == b"5"
        assert [error.code for error in errors] == ["WRONGTYPE"]

    async def test_one_that_nobody_waits_for_any_more_takes_no_others_reply(self, redis_server: RedisServer) -> None:
        async with connected(redis_server.url) as redis:
            gone = redis.ask("ECHO", "gone")
            gone.cancel()
            assert await redis.ask("ECHO", "here") == b"here"

    async def test_those_of_one_turn_leave_in_one_write(self) -> None:
        read: list[bytes] = []

        def script(peer: Peer) -> None:
            for number in (3, 1):
                read.append(peer.sock.recv(65536))
                peer.send(b"+OK\r\n" * number)
            peer.stall()

        with serving(script) as server:
            async with connected(f"redis://127.0.0.1:{server.port}") as redis:
                await asyncio.gather(*(redis.ask("PING") for _ in range(3)))
                await redis.ask("PING")
        assert [data.count(b"PING") for data in read] == [3, 1]

    async def test_a_large_reply_comes_whole(self, redis_server: RedisServer) -> None:
        async with connected(redis_server.url, reply_s=5.0) as redis:
            await redis.ask("SET", "large", b"x" * 5_000_000)
            assert await redis.ask("GET", "large") == b"x" * 5_000_000


class TestOpening:
    async def test_with_a_password(self) -> None:
        with running_redis(password=PASSWORD) as server:
            port = server.port
            async with connected(f"redis://:p%40ss%3Aw%2Frd@127.0.0.1:{port}") as redis:
                assert await redis.ask("PING") == b"PONG"
            async with connected(f"redis://default:p%40ss%3Aw%2Frd@127.0.0.1:{port}") as redis:
                assert await redis.ask("PING") == b"PONG"
            with pytest.raises(StoreError) as caught:
                await Redis.open(Address.parse(f"redis://:wrong-one@127.0.0.1:{port}"))
            assert caught.value.code == "WRONGPASS"
            assert "wrong-one" not in str(caught.value)
            async with connected(f"redis://127.0.0.1:{port}") as redis:
                with pytest.raises(StoreError, match="NOAUTH"):
                    await redis.ask("PING")

    async def test_with_a_database(self, redis_server: RedisServer) -> None:
        url = redis_server.url.removesuffix("/0")
        async with connected(f"{url}/3") as third, connected(f"{url}/0") as first:
            await third.ask("SET", "here", 1)
            assert [await third.ask("GET", "here"), await first.ask("GET", "here")] == [b"1", None]
            with pytest.raises(StoreError, match="out of range"):
                await Redis.open(Address.parse(f"{url}/99"))

    async def test_over_a_unix_socket(self, redis_server: RedisServer) -> None:
        async with connected(f"unix://{redis_server.socket_path}?db=1") as redis:
            assert await redis.ask("PING") == b"PONG"

    async def test_over_tls_with_a_certificate_that_is_trusted(self, redis_server: RedisServer, tmp_path: Path) -> None:
        authority = trustme.CA()
        ca_file = tmp_path / "ca.pem"
        authority.cert_pem.write_to_path(str(ca_file))

        def forward(peer: Peer) -> None:
            with socket.create_connection(("127.0.0.1", redis_server.port)) as target, contextlib.suppress(OSError):
                _splice(peer.sock, target)

        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("localhost").configure_cert(context)
        with serving(forward, context=context) as server:
            async with connected(f"rediss://localhost:{server.port}", ca_file=str(ca_file), connect_s=5.0) as redis:
                assert await redis.ask("PING") == b"PONG"
            for host, more in (("localhost", {}), ("127.0.0.1", {"ca_file": str(ca_file)})):
                with pytest.raises(StoreError, match="certificate verify failed"):
                    await Redis.open(Address.parse(f"rediss://{host}:{server.port}"), connect_s=5.0, **more)

    async def test_where_nobody_listens(self) -> None:
        with socket.create_server(("127.0.0.1", 0)) as unused:
            port = unused.getsockname()[1]
        with pytest.raises(StoreError, match=rf"Redis at 127\.0\.0\.1:{port} cannot be reached"):
            await Redis.open(Address.parse(f"redis://127.0.0.1:{port}"))
        with pytest.raises(StoreError, match="cannot be reached"):
            await Redis.open(Address.parse("unix:///nowhere/redis.sock"))

    async def test_where_nobody_answers(self) -> None:
        with black_hole() as port:
            began = time.monotonic()
            with pytest.raises(StoreError, match=r"no answer within 0\.1 s"):
                await Redis.open(Address.parse(f"redis://127.0.0.1:{port}"), connect_s=0.1)
            assert time.monotonic() - began < 2.0

    def test_without_the_library(self) -> None:
        script = """
import asyncio, sys
sys.modules["hiredis"] = None
from torouter.errors import ConfigError
from torouter.wire.redis import Address, Redis
try:
    asyncio.run(Redis.open(Address.parse("redis://localhost")))
except ConfigError as error:
    print(error)
"""
        said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
        assert 'pip install "torouter[redis]"' in said


class Busy(asyncio.Protocol):
    """Keeps the loop from everything else when something comes."""

    def data_received(self, data: bytes) -> None:
        time.sleep(0.3)


class TestLoss:
    async def test_a_loop_that_was_busy_reads_what_came_in_time(self, redis_server: RedisServer) -> None:
        here, there = socket.socketpair()
        with there:
            transport, _ = await asyncio.get_running_loop().create_connection(Busy, sock=here)
            async with connected(redis_server.url, reply_s=0.1) as redis:
                for _ in range(2):
                    asked = [redis.ask("PING") for _ in range(3)]
                    there.send(b"x")
                    assert await asyncio.gather(*asked) == [b"PONG"] * 3
            transport.close()

    async def test_a_server_that_is_silent_is_given_up(self) -> None:
        lost: list[StoreError] = []
        with running_redis() as server:
            async with connected(server.url, reply_s=0.2, on_lost=lost.append) as redis:
                assert await redis.ask("PING") == b"PONG"
                await asyncio.sleep(0.5)
                server.pause()
                began = time.monotonic()
                asked = [redis.ask("PING") for _ in range(3)]
                answers = await asyncio.gather(*asked, return_exceptions=True)
                assert 0.15 < time.monotonic() - began < 1.0
                assert all(isinstance(each, StoreError) for each in answers)
                assert len(lost) == 1
                assert "did not answer within 0.2 s" in str(lost[0])
                with pytest.raises(StoreError):
                    await redis.ask("PING")

    async def test_a_server_that_ends_takes_those_that_wait_with_it(self) -> None:
        lost: list[StoreError] = []
        with running_redis() as server:
            async with connected(server.url, reply_s=5.0, on_lost=lost.append) as redis:
                waiting = redis.ask("BLPOP", "never", 0)
                errors: list[StoreError] = []
                redis.tell(errors.append, "PING")
                await asyncio.sleep(0.05)
                server.kill()
                with pytest.raises(StoreError, match="was lost"):
                    await waiting
                assert len(lost) == len(errors) == 1

    async def test_closing_is_no_loss(self, redis_server: RedisServer) -> None:
        lost: list[StoreError] = []
        redis = await Redis.open(Address.parse(redis_server.url), on_lost=lost.append)
        waiting = redis.ask("BLPOP", "never", 0)
        redis.close()
        with pytest.raises(StoreError, match="was closed"):
            await waiting
        await redis.closed()
        assert lost == []

    @pytest.mark.parametrize("said", [b"HTTP/1.1 400 Bad Request\r\n\r\n", b"+OK\r\n+OK\r\n"])
    async def test_what_is_no_redis_is_told_to_be_none(self, said: bytes) -> None:
        def script(peer: Peer) -> None:
            peer.sock.recv(100)
            peer.send(said)
            peer.stall()

        lost: list[StoreError] = []
        with serving(script) as server:
            async with connected(f"redis://127.0.0.1:{server.port}", on_lost=lost.append) as redis:
                answers = await asyncio.gather(redis.ask("PING"), return_exceptions=True)
                await asyncio.sleep(0.05)
                assert len(lost) == 1
                assert isinstance(answers[0], StoreError) or answers == [b"OK"]
