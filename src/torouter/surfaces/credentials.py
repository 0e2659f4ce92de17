"""Where a key may stand in a request, and where it must not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import unquote_to_bytes

from torouter.errors import RequestError

__all__ = ["credential_of", "without_key"]

_SCHEME: Final = b"bearer "


def credential_of(fields: Mapping[bytes, bytes], query: bytes, *, is_anthropic: bool, may_be_in_query: bool) -> bytes:
    """The key as it was sent, or empty bytes. All three header forms are good on every surface; agents send Bearer to
    Anthropic paths. Where both stand, Anthropic's own API reads `x-api-key`, and so does its surface here.

    Raises `RequestError` for a key in a query parameter where none belongs: it ends up in logs and histories.
    """
    query_key = _query_key(query, may_be_in_query) if query else b""
    bearer = fields.get(b"authorization", b"")
    bearer = bearer[len(_SCHEME) :].strip() if bearer[: len(_SCHEME)].lower() == _SCHEME else b""
    api_key = fields.get(b"x-api-key", b"")
    first, second = (api_key, bearer) if is_anthropic else (bearer, api_key)
    return first or second or fields.get(b"x-goog-api-key", b"") or query_key


def without_key(query: bytes) -> bytes:
    """The query as it goes upstream: without the key, however its parameter's name was spelled."""
    return b"&".join(part for part in query.split(b"&") if _name(part) != b"key")


def _query_key(query: bytes, may_be_in_query: bool) -> bytes:
    found = b""
    for part in query.split(b"&"):
        name = _name(part)
        if name == b"api_key" or (name == b"key" and not may_be_in_query):
            raise RequestError(
                "An API key must not be sent in the query string here. "
                "Send it as `Authorization: Bearer sk-…`, `x-api-key` or `x-goog-api-key`.",
                type="api_key_in_query_deprecated",
            )
        if name == b"key":
            found = unquote_to_bytes(part.partition(b"=")[2])
    return found


def _name(part: bytes) -> bytes:
    return unquote_to_bytes(part.partition(b"=")[0]).lower()
