"""Links of strangers, followed over real sockets: what comes back, and everything that must not be reached."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.wire.servers import Peer, Script, Server, repeating, serving
from torouter.wire.fetch import Fetched, Fetcher, FetchError

PNG = b"\x89PNG\r\n\x1a\n"


def answer(body: bytes, status: str = "200 OK", **fields: str) -> bytes:
    lines = {"content-type": "image/png", "content-length": str(len(body)), **fields}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return f"HTTP/1.1 {status}\r\n{head}\r\n".encode() + body


def redirect(location: str, status: str = "302 Found") -> bytes:
    return answer(b"", status, location=location)


@asynccontextmanager
async def fetching(
    *, size_bytes: int = 1000, timeout_s: float = 5.0, may_reach: Callable[[str], bool] | None = None
) -> AsyncIterator[Fetcher]:
    fetcher = Fetcher(size_bytes=size_bytes, timeout_s=timeout_s, may_reach=may_reach)
    try:
        yield fetcher
    finally:
        await fetcher.close()


def at(server: Server, path: str = "/cat.png", host: str = "127.0.0.1") -> str:
    return f"http://{host}:{server.port}{path}"


async def refused(fetcher: Fetcher, url: str) -> str:
    with pytest.raises(FetchError) as caught:
        await fetcher.fetch([url], 1)
    assert caught.value.url == url
    return caught.value.why


async def test_what_is_behind_a_link() -> None:
    asked: list[bytes] = []

    def script(peer: Peer) -> None:
        asked.append(peer.request().head)
        peer.send(answer(PNG, content_type="Image/PNG; charset=x"))

    with serving(script) as server:
        async with fetching() as fetcher:
            assert await fetcher.fetch([at(server, "/ä b?c=d e#frag")], 1) == [Fetched(PNG, "image/png")]
    [head] = asked
    assert head.startswith(b"GET /%C3%A4%20b?c=d%20e HTTP/1.1\r\n")
    assert f"host: 127.0.0.1:{server.port}\r\n".encode() in head
    assert b"accept-encoding: identity\r\n" in head
    for name in (b"authorization", b"cookie", b"referer", b"proxy", b"x-forwarded"):
        assert name not in head.lower()


async def test_several_at_once_in_their_order() -> None:
    def script(peer: Peer) -> None:
        peer.send(answer(peer.request().line.split(b" ")[1]))

    with serving(script) as server:
        async with fetching() as fetcher:
            found = await fetcher.fetch([at(server, f"/{n}") for n in range(12)], 1)
    assert [each.data for each in found] == [f"/{n}".encode() for n in range(12)]


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "127.1"])
async def test_the_own_machine_is_not_reached(host: str) -> None:
    with serving(repeating(answer(PNG))) as server:
        fetcher = Fetcher(size_bytes=1000, timeout_s=5)
        assert "not allowed" in await refused(fetcher, at(server, host=host))
        await fetcher.close()
        assert server.accepted == 0


async def test_nor_is_it_in_the_words_of_ipv6() -> None:
    with serving(repeating(answer(PNG)), host="::1") as server:
        fetcher = Fetcher(size_bytes=1000, timeout_s=5)
        for host in ("[::1]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:1]"):
            assert "not allowed" in await refused(fetcher, at(server, host=host))
        await fetcher.close()
        assert server.accepted == 0


async def test_each_redirect_is_looked_at_anew() -> None:
    with serving(repeating(answer(PNG)), host="127.0.0.2") as inner:
        script = repeating(redirect(f"http://127.0.0.2:{inner.port}/latest/meta-data"))
        with serving(script) as outer:
            async with fetching(may_reach=lambda address: address == "127.0.0.1") as fetcher:
                assert "not allowed" in await refused(fetcher, at(outer))
        assert (outer.accepted, inner.accepted) == (1, 0)


async def test_the_address_that_was_looked_at_is_the_one_connected_to() -> None:
    """A name that has an allowed and a forbidden address leads to the allowed one only."""
    seen: list[str] = []

    def may_reach(address: str) -> bool:
        seen.append(address)
        return address == "127.0.0.1"

    with serving(repeating(answer(PNG))) as server:
        async with fetching(may_reach=may_reach) as fetcher:
            assert await fetcher.fetch([at(server, host="localhost")], 1) == [Fetched(PNG, "image/png")]
    assert "127.0.0.1" in seen


async def test_redirects_are_followed_a_few_times() -> None:
    def script(peer: Peer) -> None:
        path = peer.request().line.split(b" ")[1]
        peer.send(redirect(f"/{int(path[1:]) - 1}") if path != b"/0" else answer(PNG))

    with serving(script) as server:
        async with fetching() as fetcher:
            assert await fetcher.fetch([at(server, "/3")], 1) == [Fetched(PNG, "image/png")]
            assert "redirected" in await refused(fetcher, at(server, "/4"))


@pytest.mark.parametrize("location", ["file:///etc/passwd", "gopher://x/", "http://u:p@x/", "", "http://[", "//"])
async def test_a_redirect_may_lead_to_nothing_else(location: str) -> None:
    loops = repeating(redirect(location))
    with serving(loops) as server:
        async with fetching() as fetcher:
            assert await refused(fetcher, at(server))


@pytest.mark.parametrize(
    "url",
    [
        *(
            "file:///etc/passwd",
            "ftp://example.com/x",
            "gopher://example.com/",
            "data:image/png;base64,AA",
            "//x/y",
            "",
        ),
        *("http://", "http:///path", "http://user:pw@127.0.0.1/", "http://user@127.0.0.1/", "http://127.0.0.1:99999/"),
        *("http://[::1", "http://a b/", "http://a\tb%00/", "http://127.0.0.1%2f@x/", "http://" + "a" * 9000),
        *("http://ä" + "ö" * 70 + "/", "http://[fe80::1%25eth0]/"),
    ],
)
async def test_what_is_no_address_is_refused(url: str) -> None:
    async with fetching() as fetcher:
        assert await refused(fetcher, url)


@pytest.mark.parametrize("port", [0, 1, 22, 25, 1023])
async def test_ports_of_other_services(port: int) -> None:
    async with fetching() as fetcher:
        assert "ports below 1024" in await refused(fetcher, f"http://127.0.0.1:{port}/")


async def test_which_names_exist_is_not_told() -> None:
    """`localhost` does, and leads to where nobody may go."""
    fetcher = Fetcher(size_bytes=1000, timeout_s=20)
    known = await refused(fetcher, "http://localhost/")
    unknown = await refused(fetcher, "http://unknown.invalid/")
    await fetcher.close()
    assert known.removeprefix("localhost") == unknown.removeprefix("unknown.invalid")


async def test_names_that_take_long_hold_up_nobody_else(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither other threads' work nor the looking up of channels' names."""
    may_end = threading.Event()
    found = socket.getaddrinfo

    def slow(host: str, *given: Any, **how: Any) -> Any:
        if "flags" not in how and host.endswith(".invalid"):
            may_end.wait(10)
        return found(host, *given, **how)

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    async with fetching(timeout_s=20) as fetcher:
        fetches = [asyncio.create_task(fetcher.fetch([f"http://{n}.invalid/"], 1)) for n in range(100)]
        await asyncio.sleep(0.1)
        async with asyncio.timeout(5):
            await asyncio.gather(*(asyncio.to_thread(str) for _ in range(100)))
            await asyncio.get_running_loop().getaddrinfo("localhost", 80)
        for fetch in fetches:
            fetch.cancel()
        may_end.set()
        await asyncio.wait(fetches)


async def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(repeating(answer(b"proxy"))) as proxy, serving(repeating(answer(PNG))) as server:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.port}")
        monkeypatch.setenv("all_proxy", f"http://127.0.0.1:{proxy.port}")
        async with fetching() as fetcher:
            assert (await fetcher.fetch([at(server)], 1))[0].data == PNG
        assert proxy.accepted == 0


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (answer(b"no", "404 Not Found"), "status 404"),
        (answer(b"", "204 No Content"), "status 204"),
        (answer(PNG, content_encoding="gzip"), "compressed"),
        (answer(b"x" * 1001), "1000 bytes"),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" + b"200\r\n" + b"x" * 512 + b"\r\n" * 1, "closed"),
        (b"SSH-2.0-OpenSSH_9.6\r\n", "not valid HTTP"),
    ],
)
async def test_answers_that_are_none(said: bytes, why: str) -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(said)

    with serving(script) as server:
        async with fetching() as fetcher:
            assert why in await refused(fetcher, at(server))


async def test_the_budget_of_bytes_is_for_all_links_together() -> None:
    with serving(repeating(answer(b"x" * 400))) as server:
        async with fetching() as fetcher:
            assert len(await fetcher.fetch([at(server, "/1"), at(server, "/2")], 1)) == 2
            with pytest.raises(FetchError, match="1000 bytes in all"):
                await fetcher.fetch([at(server, f"/{n}") for n in range(3)], 1)


async def test_a_body_without_end_is_cut_off_at_the_limit() -> None:
    def script(peer: Peer) -> None:
        peer.request()
        peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
        while True:
            peer.send(b"x" * 65536)

    with serving(script) as server:
        async with fetching(size_bytes=100_000) as fetcher:
            assert "100000 bytes" in await refused(fetcher, at(server))
            assert server.gone.acquire(timeout=5)


def dripping(peer: Peer) -> None:
    peer.request()
    peer.send(b"HTTP/1.1 200 OK\r\n\r\n")
    peer.stall()


@pytest.mark.parametrize("script", [dripping, Peer.stall], ids=["a body that stalls", "a head that never comes"])
async def test_time_is_bounded(script: Script) -> None:
    with serving(script) as server:
        async with fetching(timeout_s=0.2) as fetcher:
            assert "within 0.2 s" in await refused(fetcher, at(server))
            assert server.gone.acquire(timeout=5)


async def test_connections_are_bounded() -> None:
    """For each who asks, so that no other has to wait, and for all together."""
    with serving(Peer.stall) as server, serving(repeating(answer(PNG))) as prompt:
        async with fetching(timeout_s=20) as fetcher, asyncio.timeout(10):
            links = [at(server, f"/{n}") for n in range(20)]
            fetches = [asyncio.create_task(fetcher.fetch(links, 1)) for _ in range(2)]
            while server.accepted < 8:
                await asyncio.sleep(0.01)
            assert await fetcher.fetch([at(prompt)], 2) == [Fetched(PNG, "image/png")]
            assert server.accepted == 8
            fetches += [asyncio.create_task(fetcher.fetch(links, asker)) for asker in range(3, 20)]
            while server.accepted < 64:
                await asyncio.sleep(0.01)
            await asyncio.sleep(0.2)
            assert server.accepted == 64
            for fetch in fetches:
                fetch.cancel()
            await asyncio.wait(fetches)


async def test_who_leaves_takes_the_connection_along() -> None:
    with serving(Peer.stall) as server:
        async with fetching() as fetcher:
            fetch = asyncio.create_task(fetcher.fetch([at(server)], 1))
            while not server.accepted:
                await asyncio.sleep(0.01)
            fetch.cancel()
            with pytest.raises(asyncio.CancelledError):
                await fetch
            assert server.gone.acquire(timeout=5)
