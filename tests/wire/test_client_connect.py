"""Finding and trusting an upstream: names, addresses, TLS, forward proxies."""

from __future__ import annotations

import asyncio
import base64
import socket
import ssl
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import certifi
import pytest
import trustme
from msgspec.structs import replace

from tests.wire.servers import Peer, Server, asking, black_hole, connect_proxy, echo, repeating, serving, whole
from torouter.errors import ConfigError, UpstreamError
from torouter.wire.client import Client
from torouter.wire.proxy import Proxies, Proxy
from torouter.wire.tls import client_context
from torouter.wire.upstream import Origin


async def asked(client: Client, origin: Origin, body: bytes = b"x") -> bytes:
    response = await client.send(asking(origin, body))
    try:
        return await response.read(100_000)
    finally:
        response.close()


async def refusal(client: Client, origin: Origin) -> UpstreamError:
    """The error of an attempt that must fail in `connect`."""
    with pytest.raises(UpstreamError) as caught:
        await client.send(asking(origin))
    assert caught.value.phase == "connect"
    assert client.stats.open == 0
    return caught.value


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def resolving(monkeypatch: pytest.MonkeyPatch, *found: tuple[str, int] | OSError) -> list[str]:
    """Makes the loop's resolver answer for `up.test`, with these addresses or this error; returns the names asked."""
    names: list[str] = []
    loop = asyncio.get_running_loop()
    resolve = loop.getaddrinfo

    async def getaddrinfo(host: str, port: int, **how: Any) -> Any:
        if host != "up.test":  # uvloop resolves addresses, too, before it connects to them
            return await resolve(host, port, **how)
        names.append(host)
        for each in found:
            if isinstance(each, OSError):
                raise each
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", address) for address in found]

    monkeypatch.setattr(loop, "getaddrinfo", getaddrinfo, raising=False)
    return names


class TestAddresses:
    async def test_refused(self, client: Client) -> None:
        error = await refusal(client, Origin("http", "127.0.0.1", unused_port()))
        assert (error.kind, error.status) == ("upstream_fault", 502)
        assert str(error) == "127.0.0.1: the connection was refused"

    async def test_unknown_name(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        resolving(monkeypatch, socket.gaierror(socket.EAI_NONAME, "not known"))
        error = await refusal(client, Origin("http", "up.test", 80))
        assert str(error) == "up.test: the host name cannot be resolved"

    @pytest.mark.parametrize("host", ["a" * 64 + ".test", "up..test"])
    async def test_name_that_is_none(self, client: Client, host: str) -> None:
        error = await refusal(client, Origin("http", host, 80))
        assert str(error).startswith(f"{host}: the host name ")

    async def test_unknown_scheme(self, client: Client) -> None:
        error = await refusal(client, Origin("memory", "demo", 0))
        assert str(error) == "demo: no sockets lead to memory://"

    async def test_localhost(self, client: Client) -> None:
        with serving(echo) as up:  # on IPv4 only, though the name may also mean ::1
            assert await asked(client, replace(up.origin, host="localhost")) == b"x"

    async def test_ipv6(self, client: Client) -> None:
        with serving(echo, host="::1") as up:
            assert await asked(client, up.origin) == b"x"

    async def test_second_address_after_a_refusal(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(echo) as up:
            names = resolving(monkeypatch, ("127.0.0.1", unused_port()), ("127.0.0.1", up.port))
            assert await asked(client, Origin("http", "up.test", 80)) == b"x"
            assert names == ["up.test"]

    async def test_second_address_beside_a_silent_one(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(echo) as up, black_hole() as silent:
            resolving(monkeypatch, ("127.0.0.1", silent), ("127.0.0.1", up.port))
            start = time.monotonic()
            assert await asked(client, Origin("http", "up.test", 80)) == b"x"
            assert 0.2 < time.monotonic() - start < 2

    async def test_no_address_answers(self, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        resolving(monkeypatch, ("127.0.0.1", unused_port()), ("127.0.0.1", unused_port()))
        error = await refusal(client, Origin("http", "up.test", 80))
        assert str(error).startswith("up.test: the connection was refused")


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


def server_context(authority: trustme.CA, *names: str) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    return context


def trusting(authority: trustme.CA | None) -> Client:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_alpn_protocols(["http/1.1"])
    if authority is not None:
        authority.configure_trust(context)
    return Client(ssl_context=context, proxies={}, sweep_s=0.05)


class TestTls:
    async def test_good_certificate(self, authority: trustme.CA) -> None:
        client = trusting(authority)
        with serving(echo, context=server_context(authority, "127.0.0.1")) as up:
            for size in (1, 70_000, 2_000_000):
                response = await client.send(asking(up.origin, bytes(size)))
                assert len(await response.read(size)) == size
                response.close()
            assert up.accepted == 1
            assert client.stats.idle == 1
            await client.close()
            assert client.stats.open == 0

    async def test_name_and_protocol_are_told(self, authority: trustme.CA) -> None:
        names: list[str | None] = []
        protocols: list[str | None] = []
        context = server_context(authority, "localhost")
        context.set_alpn_protocols(["h2", "http/1.1"])
        context.sni_callback = lambda _sock, name, _context: names.append(name)

        def script(peer: Peer) -> None:
            assert isinstance(peer.sock, ssl.SSLSocket)
            protocols.append(peer.sock.selected_alpn_protocol())
            echo(peer)

        client = trusting(authority)
        with serving(script, context=context) as up:
            assert await asked(client, replace(up.origin, host="localhost")) == b"x"
        assert (names, protocols) == (["localhost"], ["http/1.1"])
        await client.close()

    async def test_wrong_host(self, authority: trustme.CA) -> None:
        client = trusting(authority)
        with serving(echo, context=server_context(authority, "other.test")) as up:
            error = await refusal(client, up.origin)
            assert str(error).startswith("127.0.0.1: the TLS certificate is not accepted (")
            assert "127.0.0.1" in str(error).partition("(")[2]
            assert await asyncio.to_thread(up.gone.acquire, timeout=5)
        await client.close()

    async def test_unknown_authority(self, authority: trustme.CA) -> None:
        client = trusting(None)
        with serving(echo, context=server_context(authority, "127.0.0.1")) as up:
            error = await refusal(client, up.origin)
            assert str(error).startswith("127.0.0.1: the TLS certificate is not accepted (")
            assert await asyncio.to_thread(up.gone.acquire, timeout=5)
        await client.close()

    async def test_no_tls_there(self, authority: trustme.CA) -> None:
        def plain(peer: Peer) -> None:
            peer.sock.recv(10)
            peer.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        client = trusting(authority)
        with serving(plain) as up:
            error = await refusal(client, replace(up.origin, scheme="https"))
            assert "the TLS session failed (" in str(error)
        await client.close()

    @pytest.mark.parametrize("how", ["close", "reset"])
    async def test_gone_in_the_handshake(self, authority: trustme.CA, how: str) -> None:
        def script(peer: Peer) -> None:
            peer.sock.recv(10)
            getattr(peer, how)()

        client = trusting(authority)
        with serving(script) as up:
            error = await refusal(client, replace(up.origin, scheme="https"))
            assert error.kind == "upstream_fault"
        await client.close()

    async def test_handshake_that_never_ends(self, authority: trustme.CA) -> None:
        client = trusting(authority)
        with serving(Peer.stall) as up:
            request = asking(replace(up.origin, scheme="https"))
            request = replace(request, deadlines=replace(request.deadlines, connect_s=0.2))
            with pytest.raises(UpstreamError) as caught:
                await client.send(request)
            assert (caught.value.phase, caught.value.kind) == ("connect", "timeout")
            assert await asyncio.to_thread(up.gone.acquire, timeout=5)
        await client.close()

    async def test_stream_and_pause(self, authority: trustme.CA) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(whole(bytes(20_000_000)))
            peer.stall()

        taken_bytes = 0

        def sink(data: bytes) -> None:
            nonlocal taken_bytes
            taken_bytes += len(data)

        client = trusting(authority)
        with serving(script, context=server_context(authority, "127.0.0.1")) as up:
            response = await client.send(asking(up.origin))
            response.pause()
            task = asyncio.ensure_future(response.pipe(sink))
            await asyncio.sleep(0.2)
            assert taken_bytes < 5_000_000
            response.resume()
            await task
            assert taken_bytes == 20_000_000
            response.close()
        await client.close()
        assert client.stats.open == 0

    async def test_cut_in_the_middle(self, authority: trustme.CA) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(whole(b"abcdef")[:-3])

        client = trusting(authority)
        with serving(script, context=server_context(authority, "127.0.0.1")) as up:
            response = await client.send(asking(up.origin))
            with pytest.raises(UpstreamError) as caught:
                await response.read(100)
            assert caught.value.phase == "body"
            response.close()
        await client.close()

    async def test_cancelled(self, authority: trustme.CA) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.stall()

        client = trusting(authority)
        with serving(script, context=server_context(authority, "127.0.0.1")) as up:
            task = asyncio.ensure_future(client.send(asking(up.origin)))
            await asyncio.sleep(0.1)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            assert await asyncio.to_thread(up.gone.acquire, timeout=5)
        await client.close()
        assert client.stats.open == 0


class TestTrust:
    """Which stores `client_context` reads."""

    @pytest.fixture(autouse=True)
    def no_ambient_store(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("SSL_CERT_FILE", raising=False)
        monkeypatch.delenv("SSL_CERT_DIR", raising=False)

    def test_certifi_without_variables(self) -> None:
        known = set(client_context().get_ca_certs(binary_form=True))
        bundle = ssl.create_default_context(cafile=certifi.where())
        assert set(bundle.get_ca_certs(binary_form=True)) <= known

    def test_context_verifies(self) -> None:
        context = client_context()
        assert context.verify_mode == ssl.CERT_REQUIRED
        assert context.check_hostname

    async def test_extra_file(self, authority: trustme.CA, tmp_path: Path) -> None:
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        client = Client(ssl_context=client_context(str(tmp_path / "ca.pem")), proxies={})
        with serving(echo, context=server_context(authority, "127.0.0.1")) as up:
            assert await asked(client, up.origin) == b"x"
        await client.close()

    async def test_default_of_the_client(
        self, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with serving(echo, context=server_context(authority, "127.0.0.1")) as up:
            client = Client(proxies={})
            await refusal(client, up.origin)
            await client.close()

            authority.cert_pem.write_to_path(tmp_path / "ca.pem")
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
            client = Client(proxies={})
            assert await asked(client, up.origin) == b"x"
            await client.close()

    def test_variable_stands_alone(
        self, authority: trustme.CA, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
        monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
        assert len(client_context().get_ca_certs()) == 1

    @pytest.mark.parametrize("text", [None, "this is no certificate"])
    def test_file_that_is_none(self, tmp_path: Path, text: str | None) -> None:
        path = tmp_path / "ca.pem"
        if text is not None:
            path.write_text(text)
        with pytest.raises(ConfigError, match=r"ca\.pem"):
            client_context(str(path))


def through(proxy: Server, *, scheme: str, userinfo: str = "", authority: trustme.CA | None = None) -> Client:
    """A client for which everything, loopback too, goes through `proxy`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if authority is not None:
        authority.configure_trust(context)
    url = f"http://{userinfo}127.0.0.1:{proxy.port}"
    return Client(ssl_context=context, proxies={scheme: url}, proxy_loopback=True)


class TestTunnel:
    async def test_https_through_a_proxy(self, authority: trustme.CA) -> None:
        context = server_context(authority, "127.0.0.1")
        with serving(echo, context=context) as up, serving(connect_proxy) as proxy:
            client = through(proxy, scheme="https", authority=authority)
            for body in (b"one", b"two", bytes(90_000)):
                assert await asked(client, up.origin, body) == body
            assert (proxy.accepted, up.accepted) == (1, 1)
            await client.close()
            assert client.stats.open == 0

    async def test_the_certificate_is_the_upstreams(self, authority: trustme.CA) -> None:
        context = server_context(authority, "other.test")
        with serving(echo, context=context) as up, serving(connect_proxy) as proxy:
            client = through(proxy, scheme="https", authority=authority)
            assert "certificate" in str(await refusal(client, up.origin))
            await client.close()

    async def test_what_the_proxy_is_told(self) -> None:
        heads: list[bytes] = []

        def script(peer: Peer) -> None:
            heads.append(peer.request().head)
            peer.send(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n")

        with serving(script) as proxy:
            client = through(proxy, scheme="https", userinfo="us%40er:pa%3Ass@")
            error = await refusal(client, Origin("https", "up.test", 443))
            assert str(error) == "up.test: the proxy 127.0.0.1 refused the tunnel with status 403"
            await refusal(client, Origin("https", "::1", 8443))
            await client.close()
        basic = b"proxy-authorization: Basic " + base64.b64encode(b"us@er:pa:ss")
        assert heads == [
            b"CONNECT up.test:443 HTTP/1.1\r\nhost: up.test:443\r\n" + basic + b"\r\n\r\n",
            b"CONNECT [::1]:8443 HTTP/1.1\r\nhost: [::1]:8443\r\n" + basic + b"\r\n\r\n",
        ]

    @pytest.mark.parametrize(
        "answer",
        [
            b"",
            b"HTTP/1.1 200 OK\r\n",
            b"HTTP/1.1 OK\r\n\r\n",
            b"SSH-2.0\r\n\r\n",
            b"HTTP/1.1 200 OK\r\n\r\nand more, before our ClientHello",
            b"HTTP/1.1 200 OK\r\nx: " + b"y" * 40_000,
        ],
    )
    async def test_broken_answers(self, answer: bytes) -> None:
        def script(peer: Peer) -> None:
            peer.request()
            peer.send(answer)

        with serving(script) as proxy:
            client = through(proxy, scheme="https")
            error = await refusal(client, Origin("https", "up.test", 443))
            assert str(error) == "up.test: the proxy 127.0.0.1 gave no valid answer to CONNECT"
            await client.close()

    async def test_silent_proxy(self) -> None:
        with serving(Peer.stall) as proxy:
            client = through(proxy, scheme="https")
            request = asking(Origin("https", "up.test", 443))
            request = replace(request, deadlines=replace(request.deadlines, connect_s=0.2))
            with pytest.raises(UpstreamError) as caught:
                await client.send(request)
            assert (caught.value.phase, caught.value.kind) == ("connect", "timeout")
            assert await asyncio.to_thread(proxy.gone.acquire, timeout=5)
            await client.close()

    async def test_no_proxy_there(self) -> None:
        client = Client(proxies={"all": f"http://127.0.0.1:{unused_port()}"})
        assert "refused" in str(await refusal(client, Origin("https", "up.test", 443)))
        await client.close()


class TestAbsoluteForm:
    async def test_http_through_a_proxy(self) -> None:
        heads: list[bytes] = []

        def script(peer: Peer) -> None:
            while True:
                asked = peer.request()
                heads.append(asked.head)
                peer.send(whole(asked.body))

        with serving(script) as proxy:
            client = through(proxy, scheme="http", userinfo="user:secret@")
            for _ in range(2):
                assert await asked(client, Origin("http", "up.test", 8080), b"abc") == b"abc"
            await client.close()
            assert proxy.accepted == 1
        basic = base64.b64encode(b"user:secret")
        assert (
            heads
            == [
                b"POST http://up.test:8080/v1/x HTTP/1.1\r\nhost: up.test\r\nproxy-authorization: Basic "
                + basic
                + b"\r\ncontent-length: 3\r\n\r\n"
            ]
            * 2
        )

    async def test_secrets_stay_out_of_errors(self) -> None:
        with serving(repeating(b"rubbish")) as proxy:
            client = through(proxy, scheme="http", userinfo="user:hunter2@")
            with pytest.raises(UpstreamError) as caught:
                await client.send(asking(Origin("http", "up.test", 80)))
            assert "hunter2" not in f"{caught.value!r} {caught.value.__cause__!r}"
            await client.close()


UP = Origin("https", "api.up.test", 443)
PROXY = Proxy("proxy.test", 3128)


class TestChoice:
    @pytest.mark.parametrize(
        ("settings", "origin", "proxy"),
        [
            ({}, UP, None),
            ({"https": "http://proxy.test:3128"}, UP, PROXY),
            ({"https": "proxy.test:3128"}, UP, PROXY),
            ({"https": "http://proxy.test"}, UP, Proxy("proxy.test", 80)),
            ({"https": "http://[::1]:3128/"}, UP, Proxy("::1", 3128)),
            ({"http": "http://proxy.test:3128"}, UP, None),
            ({"http": "http://proxy.test:3128"}, replace(UP, scheme="http"), PROXY),
            ({"all": "http://proxy.test:3128"}, UP, PROXY),
            ({"all": "http://other.test", "https": "http://proxy.test:3128"}, UP, PROXY),
            ({"all": "http://proxy.test:3128", "no": "up.test"}, UP, None),
            ({"all": "http://proxy.test:3128", "no": ".up.test, other.test"}, UP, None),
            ({"all": "http://proxy.test:3128", "no": "api.up.test:443"}, UP, None),
            ({"all": "http://proxy.test:3128", "no": "api.up.test:444"}, UP, PROXY),
            ({"all": "http://proxy.test:3128", "no": "p.test"}, UP, PROXY),
            ({"all": "http://proxy.test:3128", "no": "*"}, UP, None),
            ({"all": "http://proxy.test:3128"}, replace(UP, host="127.0.0.1"), None),
            ({"all": "http://proxy.test:3128"}, replace(UP, host="127.8.8.8"), None),
            ({"all": "http://proxy.test:3128"}, replace(UP, host="::1"), None),
            ({"all": "http://proxy.test:3128"}, replace(UP, host="localhost"), None),
            ({"all": "http://proxy.test:3128"}, replace(UP, host="a.localhost"), None),
            ({"all": "http://proxy.test:3128"}, replace(UP, host="10.0.0.1"), PROXY),
        ],
    )
    def test_table(self, settings: Mapping[str, str], origin: Origin, proxy: Proxy | None) -> None:
        proxies = Proxies(settings)
        assert proxies.of(origin) == proxy
        assert proxies.of(origin) is proxies.of(origin)

    def test_loopback_when_asked(self) -> None:
        proxies = Proxies({"all": "http://proxy.test:3128"}, with_loopback=True)
        assert proxies.of(replace(UP, host="127.0.0.1")) == PROXY

    @pytest.mark.parametrize(
        ("names", "proxy"),
        [
            ({"HTTPS_PROXY": "http://proxy.test:3128"}, PROXY),
            ({"https_proxy": "http://proxy.test:3128", "HTTPS_PROXY": "http://other.test"}, PROXY),
            ({"ALL_PROXY": "http://proxy.test:3128"}, PROXY),
            ({"all_proxy": "http://proxy.test:3128", "NO_PROXY": "up.test"}, None),
            ({"all_proxy": "http://proxy.test:3128", "no_proxy": "other.test"}, PROXY),
            ({"HTTPS_PROXY": "http://proxy.test:3128", "https_proxy": ""}, None),
            ({"HTTP_PROXY": "http://proxy.test:3128"}, None),
        ],
    )
    def test_environment(self, names: Mapping[str, str], proxy: Proxy | None, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
            monkeypatch.delenv(name.upper(), raising=False)
        for name, value in names.items():
            monkeypatch.setenv(name, value)
        assert Proxies().of(UP) == proxy

    @pytest.mark.parametrize(
        ("url", "words"),
        [
            ("https://user:hunter2@proxy.test", "https:// one; only http://"),
            ("socks5://user:hunter2@proxy.test", "socks5:// one; only http://"),
            ("http://user:hunter2@proxy.test:port", "not valid"),
            ("http://user:hunter2@[proxy", "not valid"),
            ("http://user:hunter2@", "names no host"),
        ],
    )
    async def test_one_that_we_cannot_speak_to(self, url: str, words: str) -> None:
        client = Client(proxies={"https": url})
        error = await refusal(client, UP)
        assert str(error).startswith("api.up.test: ")
        assert words in str(error)
        assert "hunter2" not in str(error)
        assert error.__cause__ is None

    def test_password_prints_as_stars(self) -> None:
        proxy = Proxies({"all": "http://user:hunter2@proxy.test"}).of(UP)
        assert proxy is not None
        assert proxy.authorization is not None
        assert proxy.authorization.reveal() == "Basic " + base64.b64encode(b"user:hunter2").decode()
        assert proxy.authorization.reveal() not in repr(proxy)
