"""Fetching what a caller's link leads to: the one place where a stranger chooses whom we connect to.

Only http and https; only addresses that the operator allows, checked on those that are connected to (a name is resolved
once) and again at each redirect; no proxy, whose own network would be reached; no credentials, no cookies; bytes, time,
redirects and connections are bounded.
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, NamedTuple
from urllib.parse import quote, urljoin, urlsplit
from weakref import WeakValueDictionary

from torouter import __version__
from torouter.errors import UpstreamError
from torouter.wire.client import Client
from torouter.wire.public import is_public
from torouter.wire.upstream import Deadlines, Origin, Request, Response

__all__ = ["FetchError", "Fetched", "Fetcher"]

_SLOTS: Final = 64
_SLOTS_OF_ONE: Final = 8
"""So that one who sends links to servers that do not answer holds up nobody but himself."""
_NAME_THREADS: Final = 32
"""Of our own: a resolver that a stranger keeps waiting would block the loop's, where channels' names are looked up."""
_MAX_REDIRECTS: Final = 3
_MAX_URL_CHARACTERS: Final = 8192
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_PORTS: Final = {"http": 80, "https": 443}
_FIRST_FREE_PORT: Final = 1024
"""Below it are services that are not the web's: mail, remote shells. Nobody is to knock at them through us."""
_HOST: Final = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*")
_SAFE: Final = "/:?@!$&'()*+,;=~%[]"
_AGENT: Final = f"torouter/{__version__}"


class FetchError(Exception):
    """Why a link was not followed to its end, in words for the caller who sent it."""

    def __init__(self, url: str, why: str) -> None:
        super().__init__(why)
        self.url = url
        self.why = why


class Fetched(NamedTuple):
    """`media_type` is what the server said, in lower case without parameters: to be doubted."""

    data: bytes
    media_type: str


class Fetcher:
    """`may_reach` decides on IP addresses (`None`: all are allowed). `size_bytes` and `timeout_s` are for all links of
    one request together. Belongs to the event loop that first uses it."""

    def __init__(
        self,
        *,
        size_bytes: int,
        timeout_s: float,
        may_reach: Callable[[str], bool] | None = is_public,
        ssl_context: ssl.SSLContext | None = None,
    ) -> None:
        self._size_bytes = size_bytes
        self._timeout_s = timeout_s
        self._name_threads = ThreadPoolExecutor(_NAME_THREADS, thread_name_prefix="names-of-links")
        self._client = Client(
            ssl_context=ssl_context,
            proxies={},
            may_reach=may_reach,
            name_threads=self._name_threads,
            max_idle_per_origin=0,
        )
        self._slots = asyncio.Semaphore(_SLOTS)
        self._slots_of: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    async def fetch(self, urls: Sequence[str], asker: int) -> list[Fetched]:
        """What each of them leads to. Raises `FetchError` for the first that fails, and gives up the others. `asker` is
        any number: the fetches of each have only a part of the connections."""
        return await asyncio.create_task(
            self._all(urls, asker)
        )  # `asyncio.timeout` needs a task; the caller may be none

    async def close(self) -> None:
        await self._client.close()
        self._name_threads.shutdown(wait=False, cancel_futures=True)

    async def _all(self, urls: Sequence[str], asker: int) -> list[Fetched]:
        budget = _Budget(self._size_bytes)
        slots = self._slots_of.setdefault(asker, asyncio.Semaphore(_SLOTS_OF_ONE))
        fetches = [asyncio.create_task(self._one(url, budget, slots)) for url in urls]
        try:
            async with asyncio.timeout(self._timeout_s):
                return await asyncio.gather(*fetches)
        except TimeoutError:
            late = (url for url, fetch in zip(urls, fetches, strict=True) if not fetch.done() or fetch.cancelled())
            raise FetchError(next(late, urls[0]), f"it did not arrive within {self._timeout_s:g} s") from None
        finally:
            for fetch in fetches:
                fetch.cancel()

    async def _one(self, url: str, budget: _Budget, slots: asyncio.Semaphore) -> Fetched:
        try:
            async with slots, self._slots:
                return await self._follow(url, budget)
        except UpstreamError as error:
            raise FetchError(url, error.message) from error
        except _Refused as error:
            raise FetchError(url, str(error)) from None

    async def _follow(self, url: str, budget: _Budget) -> Fetched:
        for _ in range(_MAX_REDIRECTS + 1):
            response = await self._client.send(_request(url, self._timeout_s))
            try:
                if response.status in _REDIRECTS:
                    url = _redirected(url, response.header(b"location").decode("latin-1"))
                    continue
                if response.status != 200:
                    raise _Refused(f"its server answered with status {response.status}")
                if response.header(b"content-encoding").lower() not in (b"", b"identity"):
                    raise _Refused("its server compressed it, though it was asked not to")
                said = response.header(b"content-type").decode("latin-1")
                return Fetched(await budget.read(response), said.partition(";")[0].strip().lower())
            finally:
                response.close()
        raise _Refused(f"it was redirected more than {_MAX_REDIRECTS} times")


class _Refused(Exception):
    """Our own reason to give up a link."""


class _Budget:
    """Bytes that may still come."""

    def __init__(self, size_bytes: int) -> None:
        self._size_bytes = size_bytes
        self._left_bytes = size_bytes

    async def read(self, response: Response) -> bytes:
        pieces: list[bytes] = []

        def keep(piece: bytes) -> None:
            self._left_bytes -= len(piece)
            if self._left_bytes < 0:
                raise _Refused(f"the files behind the links of one request may have {self._size_bytes} bytes in all")
            pieces.append(piece)

        await response.pipe(keep)
        return b"".join(pieces)


def _request(url: str, timeout_s: float) -> Request:
    origin, authority, target = _parsed(url)
    head = (
        f"GET {target} HTTP/1.1\r\nhost: {authority}\r\naccept: */*\r\naccept-encoding: identity\r\n"
        f"user-agent: {_AGENT}\r\nconnection: close\r\n"
    ).encode("ascii")
    deadlines = Deadlines(connect_s=timeout_s, head_s=timeout_s, idle_s=timeout_s)
    return Request(origin, b"GET", target.encode("ascii"), head, b"", deadlines)


def _redirected(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise _Refused("it was redirected to what is no address") from None


def _parsed(url: str) -> tuple[Origin, str, str]:
    """Where to connect to, the `host` field, the target."""
    if len(url) > _MAX_URL_CHARACTERS:
        raise _Refused("the address is too long")
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("ascii" if url.isascii() else "idna").decode("ascii")
        target = quote(parts.path or "/", safe=_SAFE) + (f"?{quote(parts.query, safe=_SAFE)}" if parts.query else "")
    except ValueError:
        raise _Refused("it is not a valid address") from None
    if parts.scheme not in _PORTS:
        raise _Refused("only http and https addresses are fetched")
    if "@" in parts.netloc:
        raise _Refused("addresses with a user's name or a password are not fetched")
    if not _HOST.fullmatch(host):
        raise _Refused("it names no valid host")
    authority = f"[{host}]" if ":" in host else host
    if port is None:
        port = _PORTS[parts.scheme]
    elif port < _FIRST_FREE_PORT and port not in _PORTS.values():
        raise _Refused(f"of the ports below {_FIRST_FREE_PORT} only 80 and 443 are connected to")
    if port != _PORTS[parts.scheme]:
        authority += f":{port}"
    return Origin(parts.scheme, host, port), authority, target
