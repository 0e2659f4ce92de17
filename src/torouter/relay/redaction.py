"""What the wire view does not show: credentials nobody, and what is the operator's only administrators.

Bytes become text here, piece by piece: a character that is not whole yet, or what may become a credential, waits for
the piece after it.
"""

from __future__ import annotations

from base64 import b64encode
from codecs import utf_8_decode
from collections.abc import Collection, Iterable
from typing import Final, NamedTuple

from torouter.wire.headers import TO_CLIENT, TO_UPSTREAM
from torouter.wire.upstream import Headers, Request

__all__ = [
    "FRAME_BODY_BYTES",
    "MARK",
    "Body",
    "Piece",
    "came_fields",
    "own_fields",
    "read_block",
    "sent_fields",
    "url_of",
    "without",
]

MARK: Final = "•••"
FRAME_BODY_BYTES: Final = 1024 * 1024
"""Of a body, what one frame may hold."""

_MARK_BYTES: Final = MARK.encode()
_LEAST_SECRET_BYTES: Final = 8
"""Servers without authentication are given words for keys ("EMPTY", "none"): in a body those are only words."""
_CREDENTIALS: Final = frozenset({b"authorization", b"x-api-key", b"api-key", b"x-goog-api-key", b"proxy-authorization"})
_SHOWN_TAIL: Final = 4
_SHORT: Final = 16
"""Of a credential that is no longer than this nothing is shown."""
_SENT: Final = frozenset({*TO_UPSTREAM, b"content-type", b"content-length", b"accept-encoding", *_CREDENTIALS})
"""Fields to an upstream that everybody may see whole, but for credentials: the client's own, and those of the body."""
_CAME: Final = frozenset({*TO_CLIENT, b"content-length", b"date", b"request-id", b"transfer-encoding", b"x-request-id"})
"""Fields of an upstream's answer that everybody may see."""


class Piece(NamedTuple):
    """`cut_bytes` of it are not there."""

    data: str
    is_base64: bool
    cut_bytes: int


class Body:
    """The text of one body. `secrets` may become more meanwhile."""

    __slots__ = ("_rest", "_secrets")

    def __init__(self, secrets: Collection[bytes]) -> None:
        self._secrets = secrets
        self._rest = b""

    def feed(self, data: bytes) -> Piece | None:
        """`None`: all of it waits."""
        data = without(self._rest + data, self._secrets)
        end = len(data) - _waiting_bytes(data, self._secrets)
        data, held = data[:end], data[end:]
        try:
            text, used = utf_8_decode(data, "strict", False)
        except UnicodeDecodeError:
            self._rest = held
            return _piece(data)
        self._rest = data[used:] + held
        return _piece(data[:used]) if text else None

    def close(self) -> Piece | None:
        rest, self._rest = self._rest, b""
        return _piece(rest) if rest else None

    def whole(self, data: bytes) -> Piece:
        """Of a body that is there at once."""
        return _piece(without(data, self._secrets))


def without(data: bytes, secrets: Iterable[bytes]) -> bytes:
    for secret in sorted(secrets, key=len, reverse=True):  # one may be the beginning of another
        if len(secret) >= _LEAST_SECRET_BYTES:
            data = data.replace(secret, _MARK_BYTES)
    return data


def own_fields(headers: Headers) -> list[tuple[str, str]]:
    """Of the client's request: of its credentials the last characters, of cookies nothing."""
    return [(_text(name), _text(_own_value(name, value))) for name, value in headers]


def sent_fields(request: Request, secret: bytes, *, is_admin: bool) -> list[tuple[str, str]]:
    """Of a request to an upstream."""
    fields = [*read_block(request.head.partition(b"\r\n")[2]), (b"content-length", b"%d" % len(request.body))]
    return [(_text(name), _sent_value(name, value, secret, is_admin)) for name, value in fields]


def came_fields(headers: Headers, secrets: Iterable[bytes], *, is_admin: bool) -> list[tuple[str, str]]:
    """Of an upstream's answer."""
    return [
        (_text(name), without(value, secrets).decode("utf-8", "replace"))
        for name, value in headers
        if is_admin or name in _CAME
    ]


def url_of(request: Request, secret: bytes, *, is_admin: bool) -> str:
    """For others than administrators its path."""
    target = _text(request.target)
    if secret:
        target = target.replace(_text(secret), MARK)
    if not is_admin:
        return target.partition("?")[0]
    origin = request.origin
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    is_usual = (origin.scheme, origin.port) in {("http", 80), ("https", 443)} or not origin.port
    return f"{origin.scheme}://{host}{'' if is_usual else f':{origin.port}'}{target}"


def read_block(block: bytes) -> Headers:
    """From `name: value` lines to fields."""
    lines = (line.partition(b": ") for line in block.split(b"\r\n") if line)
    return [(name, value) for name, _, value in lines]


def _own_value(name: bytes, value: bytes) -> bytes:
    if name == b"cookie":
        return _MARK_BYTES
    if name not in _CREDENTIALS:
        return value
    scheme, space, credential = value.rpartition(b" ")
    return b"%b%b%b" % (scheme, space, masked(credential))


def masked(credential: bytes) -> bytes:
    """Its last characters."""
    return _MARK_BYTES + (credential[-_SHOWN_TAIL:] if len(credential) > _SHORT else b"")


def _sent_value(name: bytes, value: bytes, secret: bytes, is_admin: bool) -> str:
    if not is_admin and name not in _SENT:
        return MARK
    if not secret:
        return _text(value)
    return _text(value).replace(_text(secret), MARK)


def _waiting_bytes(data: bytes, secrets: Iterable[bytes]) -> int:
    """How much of its end may be the beginning of a secret."""
    return max((_overlap(data, secret) for secret in secrets if len(secret) >= _LEAST_SECRET_BYTES), default=0)


def _overlap(data: bytes, secret: bytes) -> int:
    return next((size for size in range(min(len(secret) - 1, len(data)), 0, -1) if data.endswith(secret[:size])), 0)


def _piece(data: bytes) -> Piece:
    cut_bytes = max(0, len(data) - FRAME_BODY_BYTES)
    if cut_bytes:
        data = data[:FRAME_BODY_BYTES]
    try:
        text, used = utf_8_decode(data, "strict", not cut_bytes)
    except UnicodeDecodeError:
        return Piece(b64encode(data).decode("ascii"), True, cut_bytes)
    return Piece(text, False, cut_bytes + len(data) - used)


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")
