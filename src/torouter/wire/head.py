"""The head of a request, understood; and how it is known again when the same client repeats it.

A client on keep-alive sends the same head with every request, but for the digits of `content-length`. Once llhttp has
taken a head apart and found it sound, its bytes need not be parsed again to mean the same, and all that the house
derived from it holds too (what that is worth: `python -m bench.line --without repeat`). The body may come in the same
read or, as from the vendors' Python SDKs, in those that follow.
"""

from __future__ import annotations

import re
from typing import Final

from torouter.wire.headers import upstream_block
from torouter.wire.upstream import Headers

__all__ = ["Head", "Repeat"]

_LENGTH_LINE: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]+)(?=\r\n)", re.IGNORECASE)
_MAX_DIGITS: Final = 9
_NOT_REPEATED: Final = frozenset({b"transfer-encoding", b"trailer", b"te", b"expect", b"upgrade"})
"""Fields that make more of a request than a head and so many bytes of body."""


class Head:
    """`path` is as sent (not percent-decoded), `query` without the question mark, header names in lower case.
    `headers` are all fields in order; `fields` has the last value of each name.

    Shared by the exchanges that repeat it, so `content-length` may be that of another one.
    `reading` is for whoever answers: what it made of this head, kept for the next request that has the same.
    """

    __slots__ = (
        "_upstream_block",
        "fields",
        "headers",
        "is_http10",
        "keep_alive",
        "method",
        "path",
        "query",
        "reading",
        "upgrade",
    )

    def __init__(self, method: bytes, path: bytes, query: bytes, headers: Headers, keep_alive: bool) -> None:
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.fields = dict(headers)
        self.keep_alive = keep_alive
        self.is_http10 = False
        self.upgrade = b""
        self.reading: object = None
        self._upstream_block: bytes | None = None

    @property
    def upstream_block(self) -> bytes:
        """The fields that go upstream, as `name: value` lines, each with its CRLF."""
        block = self._upstream_block
        if block is None:
            block = self._upstream_block = upstream_block(self.headers)
        return block


class Repeat:
    """A head as it stands on the wire, around the digits of its `content-length`."""

    __slots__ = ("__weakref__", "_after", "_before", "_limit_bytes", "_start", "head")

    def __init__(self, head: Head, before: bytes, after: bytes, limit_bytes: int) -> None:
        self.head = head
        self._before = before
        self._start = len(before)
        self._after = after
        self._limit_bytes = limit_bytes

    @classmethod
    def of(cls, head: Head, data: bytes, body_bytes: int, limit_bytes: int) -> Repeat | None:
        """`None` unless `data` is exactly this head (already parsed, and found sound), alone or with a body of that
        length, and the head is plain: one decimal `content-length`, nothing else about framing, HTTP/1.1 with
        keep-alive. `limit_bytes` is that of bodies."""
        end = data.find(b"\r\n\r\n") + 2
        behind_bytes = len(data) - end - 2
        if (
            not (head.keep_alive and not head.is_http10 and head.method == b"POST" and data.startswith(b"POST "))
            or not _NOT_REPEATED.isdisjoint(head.fields)
            or end < 2
            or behind_bytes not in (0, body_bytes)
        ):
            return None
        lines = list(_LENGTH_LINE.finditer(data, 0, end))
        if len(lines) != 1 or int(lines[0][1]) != body_bytes:
            return None
        start, stop = lines[0].span(1)
        return cls(head, data[:start], data[stop : end + 2], limit_bytes)

    @property
    def wire_form(self) -> tuple[bytes, bytes]:
        """Repeats of equal form mean the same, whoever sends them."""
        return self._before, self._after

    def body_of(self, data: bytes) -> bytes | None:
        """The body, if `data` is exactly this head with other digits and that many bytes of body; else `None`."""
        start, after = self._start, self._after
        if not data.startswith(self._before):
            return None
        stop = data.find(b"\r", start, start + _MAX_DIGITS + 1)
        if stop < 0 or not data.startswith(after, stop):
            return None
        begin = stop + len(after)
        size = len(data) - begin
        if size > self._limit_bytes or data[start:stop] != b"%d" % size:
            return None
        return data[begin:]

    def announced_bytes(self, data: bytes) -> int:
        """Of the body to come, if `data` is exactly this head with other digits and nothing behind it; else 0."""
        if not (data.startswith(self._before) and data.endswith(self._after)):
            return 0
        digits = data[self._start : len(data) - len(self._after)]
        if len(digits) > _MAX_DIGITS or not digits.isdigit():
            return 0
        size = int(digits)
        return size if size <= self._limit_bytes else 0
