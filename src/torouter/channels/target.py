"""One operation of one channel in one dialect: everything of a request towards it that can be known beforehand.

The caller hands in the client's header fields already filtered (`wire.headers.upstream_block`), the query without
credentials and the body; what comes out is ready to be written. Nothing that a client or an operator wrote can add a
header or a line: whatever could is refused.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from torouter import __version__
from torouter.channels.base_url import BaseUrl
from torouter.channels.kind import Auth
from torouter.errors import ConfigError, RequestError
from torouter.units import Dialect, Operation, Secret
from torouter.wire.upstream import Deadlines, Origin, Request

__all__ = ["PATHS", "Target", "auth_field", "base_path"]

PATHS: Final[Mapping[Dialect, Mapping[Operation, str]]] = {
    "openai-chat": {
        "chat": "/chat/completions",
        "embeddings": "/embeddings",
        "images": "/images/generations",
        "image_edits": "/images/edits",
        "transcriptions": "/audio/transcriptions",
        "speech": "/audio/speech",
        "rerank": "/rerank",
    },
    "openai-responses": {"chat": "/responses", "count_tokens": "/responses/input_tokens"},
    "anthropic": {"chat": "/messages", "count_tokens": "/messages/count_tokens"},
    "gemini": {"chat": "/", "count_tokens": "/", "embeddings": "/"},
}
"""What follows the versioned base. Gemini's paths are made of the model and a verb."""

_VERBS: Final[Mapping[str, Operation]] = {
    "generateContent": "chat",
    "streamGenerateContent": "chat",
    "countTokens": "count_tokens",
    "embedContent": "embeddings",
    "batchEmbedContents": "embeddings",
}
_OWN_VERB: Final[Mapping[Operation, str]] = {"count_tokens": "countTokens", "embeddings": "batchEmbedContents"}

_AUTH_FIELDS: Final[Mapping[Auth, bytes]] = {
    "bearer": b"authorization: Bearer %b\r\n",
    "x-api-key": b"x-api-key: %b\r\n",
    "api-key": b"api-key: %b\r\n",
    "x-goog-api-key": b"x-goog-api-key: %b\r\n",
    "none": b"",
}
_USER_AGENT: Final = f"user-agent: torouter/{__version__}\r\n".encode()
_ANTHROPIC_VERSION: Final = b"anthropic-version: 2023-06-01\r\n"
"""The version that every model takes, with sampling parameters too (protocols: 1.3; seen 2026-11)."""

_UNPRINTABLE: Final = re.compile(r"[^\x21-\x7e]")
_UNSAFE_IN_QUERY: Final = re.compile(rb"[^\x21-\x7e]|#")
_UNSAFE_IN_VALUE: Final = re.compile(rb"[^\x20-\x7e\t]")
_RESOURCE: Final = re.compile(r"(?:publishers/[^/]+/)?(?:models|tunedModels)/")


def base_path(base: BaseUrl, dialect: Dialect) -> str:
    """The versioned path that a dialect's operations hang under.

    OpenAI's base has its version already. Anthropic's SDKs take a root and Gemini's too, but people write either; a
    version they wrote is kept for Gemini, whose models differ by it.
    """
    if dialect == "anthropic":
        return base.root + "/v1"
    if dialect == "gemini":
        return base.root + base.version("/v1beta")
    return base.path


def auth_field(auth: Auth, api_key: Secret | None) -> bytes:
    """The header line with the key, or nothing. Raises `ConfigError`, without the key in it."""
    if api_key is None or auth == "none":
        return b""
    key = api_key.reveal()
    if not key or _UNPRINTABLE.search(key):
        raise ConfigError("api_key: empty, or with spaces, line breaks or non-ASCII characters in it", param="api_key")
    return _AUTH_FIELDS[auth] % key.encode()


class Target:
    """Where one operation goes. Made once per channel, dialect and operation; `request` is on the hot path."""

    __slots__ = ("_fields", "_missing_version", "_path", "dialect", "operation", "origin")

    def __init__(self, base: BaseUrl, dialect: Dialect, operation: Operation, auth: bytes) -> None:
        self.dialect: Dialect = dialect
        self.operation: Operation = operation
        self.origin: Origin = base.origin
        self._path = (base_path(base, dialect) + PATHS[dialect][operation]).encode()
        self._fields = b"host: %b\r\n%baccept-encoding: identity\r\n" % (base.host, auth)
        self._missing_version = _ANTHROPIC_VERSION if dialect == "anthropic" else b""

    def __repr__(self) -> str:
        return f"Target({self.dialect!r}, {self.operation!r}, {self.origin!r})"

    def request(
        self,
        *,
        model: str,
        verb: str,
        is_stream: bool,
        content_type: bytes,
        passed: bytes,
        query: bytes,
        body: bytes,
        deadlines: Deadlines,
    ) -> Request:
        """A request ready for `Upstream.send`.

        `passed` are the client's fields that go upstream, as `name: value` lines in lower case with CRLF, without
        content type, length, encoding and credentials. `verb` is Gemini's (`generateContent`); empty means the
        operation's own, and then a stream is asked for as SSE. Model and verb matter where they stand in the path.
        Asked uncompressed, so that usage can be read from the bytes that pass. Raises `RequestError`.
        """
        target = self._target(model, verb, is_stream, query)
        if content_type != b"application/json" and _UNSAFE_IN_VALUE.search(content_type):
            raise RequestError("content-type: control characters are not allowed")
        # A name within some field's value would hide a default too; that harms nobody but the client who wrote it.
        agent = b"" if b"user-agent:" in passed else _USER_AGENT
        version = b"" if b"anthropic-version:" in passed else self._missing_version
        head = b"POST %b HTTP/1.1\r\n%b%b%b%bcontent-type: %b\r\n" % (
            *(target, self._fields, passed, agent, version),
            content_type,
        )
        return Request(self.origin, b"POST", target, head, body, deadlines)

    def _target(self, model: str, verb: str, is_stream: bool, query: bytes) -> bytes:
        path = self._path
        if self.dialect == "gemini":
            path += _model_path(model)
            path += b":" + self._verb(verb, is_stream)
            if not verb and is_stream:
                query = b"alt=sse"
        if not query:
            return path
        if _UNSAFE_IN_QUERY.search(query):
            raise RequestError("the query holds characters that must be percent-encoded")
        return b"%b?%b" % (path, query)

    def _verb(self, verb: str, is_stream: bool) -> bytes:
        own = _OWN_VERB.get(self.operation) or ("streamGenerateContent" if is_stream else "generateContent")
        chosen = verb or own
        if _VERBS.get(chosen) != self.operation:
            raise RequestError(f"{chosen!r} is not a method of this operation", kind="not_found")
        return chosen.encode()


@lru_cache(maxsize=1024)
def _model_path(model: str) -> bytes:
    """`models/<name>` percent-encoded; a name that is a resource path already (`tunedModels/x`) keeps its slashes."""
    is_resource = _RESOURCE.match(model) is not None
    segments = model.split("/") if is_resource else [model]
    if any(segment in ("", ".", "..") for segment in segments) or not model.isprintable():
        raise RequestError("the model's name cannot stand in a path", param="model")
    path = "/".join(quote(segment, safe="") for segment in segments)
    return (path if is_resource else f"models/{path}").encode()
