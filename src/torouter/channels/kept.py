"""Asking an upstream for what it keeps itself: responses by their id, below its own Responses endpoint."""

from __future__ import annotations

import re
from typing import Final

from torouter import __version__
from torouter.channels.base_url import BaseUrl
from torouter.channels.target import PATHS, base_path
from torouter.errors import RequestError
from torouter.wire.upstream import Deadlines, Request

__all__ = ["kept_request"]

_UNSAFE: Final = re.compile(rb"[^\x21-\x7e]|#")
_USER_AGENT: Final = f"user-agent: torouter/{__version__}\r\n".encode()


def kept_request(
    base: BaseUrl, auth: bytes, method: bytes, below: bytes, passed: bytes, query: bytes, deadlines: Deadlines
) -> Request:
    """`below` is the path behind `…/responses`; `passed` are the client's own fields that go upstream, as lines, and
    `query` is without credentials. Raises `RequestError`."""
    target = (base_path(base, "openai-responses") + PATHS["openai-responses"]["chat"]).encode() + below
    if query:
        target += b"?" + query
    if _UNSAFE.search(target):
        raise RequestError("the path or the query holds characters that must be percent-encoded")
    agent = b"" if b"user-agent:" in passed else _USER_AGENT
    head = b"%b %b HTTP/1.1\r\nhost: %b\r\n%baccept-encoding: identity\r\n%b%b" % (
        *(method, target, base.host),
        *(auth, passed, agent),
    )
    return Request(base.origin, method, target, head, b"", deadlines)
