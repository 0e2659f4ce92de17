"""By what a conversation is known again: a name that its client gives it, else what all of its requests begin with.

Providers cache prefixes of prompts by account, so a conversation that stays with one credential pays a tenth for them.
Looked for only where a route has a choice. A body of 100 kB takes about 40 µs to look through and 55 µs to
hash (nothing is built of what is only carried); a name in a header costs nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from torouter.access.admission import Admission
from torouter.relay.call import Call
from torouter.routing.affinity import affinity_key
from torouter.wire.exchange import Exchange

__all__ = ["affinity_of"]

_HEADERS: Final = (
    b"x-claude-code-session-id",
    b"session_id",
    b"session-id",
    b"conversation_id",
    b"x-opencode-session",
    b"x-session-affinity",
    b"x-session-id",
)
"""Claude Code's; Codex's (an underscore, or a hyphen in newer ones); opencode's; what gateways and Fireworks look at.
Seen 2026-11."""
_HEADER_NAMES: Final = frozenset(_HEADERS)
_LEAST_BYTES: Final = 4096
"""Of a body whose beginning is worth to be known again: providers cache from 1024 tokens."""
_CACHE_MARK: Final = re.compile(rb'\s*,?\s*"cache_control"\s*:\s*(?:\{[^{}]*\}|null)')
"""Clients move Anthropic's marks to the latest messages, so the first user message has one in the first turn only."""
_MOST_NAMED: Final = 1024


class _Metadata(msgspec.Struct):
    user_id: str | UnsetType | None = UNSET


class _Said(msgspec.Struct, rename={"system_snake": "system_instruction", "system_camel": "systemInstruction"}):
    """The fields of all dialects that name a conversation, or stand at its beginning."""

    prompt_cache_key: str | UnsetType | None = UNSET
    metadata: Raw | UnsetType = UNSET
    conversation: Raw | UnsetType = UNSET
    cachedContent: str | UnsetType | None = UNSET  # noqa: N815  # Gemini's own spelling
    system: Raw | UnsetType = UNSET
    instructions: Raw | UnsetType = UNSET
    system_snake: Raw | UnsetType = UNSET
    system_camel: Raw | UnsetType = UNSET
    tools: Raw | UnsetType = UNSET
    messages: list[Raw] | UnsetType | None = UNSET
    contents: list[Raw] | UnsetType | None = UNSET
    input: Raw | UnsetType = UNSET


class _Message(msgspec.Struct):
    role: str | UnsetType | None = UNSET


_READ: Final = msgspec.json.Decoder(_Said).decode
_READ_METADATA: Final = msgspec.json.Decoder(_Metadata).decode
_READ_MESSAGE: Final = msgspec.json.Decoder(_Message).decode
_READ_LIST: Final = msgspec.json.Decoder(list[Raw]).decode


def affinity_of(exchange: Exchange, admission: Admission, call: Call) -> bytes | None:
    """`None` for what is no conversation, or too small to be cached."""
    named = _in_headers(exchange.fields)
    body, prefix = exchange.body, None
    is_long = len(body) >= _LEAST_BYTES
    if named is None and not is_long and not _may_name(body):
        return None
    if named is None and (said := _read(body)) is not None:
        named = _named(said)
        prefix = _prefix(said) if named is None and is_long else None
    return affinity_key(admission.key.account_id, admission.route.model, named, prefix)


def _in_headers(fields: Mapping[bytes, bytes]) -> bytes | None:
    for name in () if _HEADER_NAMES.isdisjoint(fields) else _HEADERS:
        if name in fields:
            return fields[name][:_MOST_NAMED] or None
    return None


def _may_name(body: bytes) -> bool:
    # Not `in`: where it is asked of bytes it makes an exception first and throws it away, which costs as much again.
    find = body.find
    return (
        find(b'"prompt_cache_key"') >= 0
        or find(b'"user_id"') >= 0
        or find(b'"conversation"') >= 0
        or find(b'"cachedContent"') >= 0
    )


def _read(body: bytes) -> _Said | None:
    try:
        return _READ(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _named(said: _Said) -> bytes | None:
    """What the body calls the conversation: a cache key, a session (Claude Code's is in `metadata.user_id`), or
    something that an upstream keeps."""
    if said.prompt_cache_key:
        return said.prompt_cache_key.encode("utf-8", "replace")[:_MOST_NAMED]
    if isinstance(said.metadata, Raw):
        try:
            user_id = _READ_METADATA(said.metadata).user_id
        except msgspec.MsgspecError:
            user_id = UNSET
        if user_id:
            return user_id.encode("utf-8", "replace")[:_MOST_NAMED]
    if isinstance(said.conversation, Raw) and said.conversation != Raw(b"null"):
        return bytes(said.conversation)[:_MOST_NAMED]
    if said.cachedContent:
        return said.cachedContent.encode("utf-8", "replace")[:_MOST_NAMED]
    return None


def _prefix(said: _Said) -> bytes:
    """A hash of what all requests of a conversation begin with: instructions, tools, and the messages up to and with
    the user's first."""
    digest = sha256()  # twice as fast as blake2b where the processor knows it
    for part in (said.system, said.instructions, said.system_snake, said.system_camel, said.tools):
        digest.update(b"\0" if part is UNSET else bytes(part) + b"\0")
    for message in _opening(said):
        digest.update(_CACHE_MARK.sub(b"", message))
        digest.update(b"\0")
    return digest.digest()


def _opening(said: _Said) -> Iterable[bytes]:
    for raw in _messages(said):
        yield bytes(raw)
        if _is_users(raw):
            return


def _messages(said: _Said) -> Iterable[Raw]:
    for messages in (said.messages, said.contents):
        if messages:
            return messages
    if not isinstance(said.input, Raw):
        return ()
    return _READ_LIST(said.input) if bytes(said.input).startswith(b"[") else (said.input,)


def _is_users(raw: Raw) -> bool:
    """A text is; an item without a role is a call or a result, and Gemini's content without one is the user's."""
    try:
        return _READ_MESSAGE(raw).role == "user"
    except msgspec.MsgspecError:
        return True
