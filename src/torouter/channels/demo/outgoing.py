"""Replies of the demo: a JSON body at once, or pieces of a stream at a speaker's pace."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from torouter.wire.memory import Reply

__all__ = ["event", "json_bytes", "json_reply", "stream_reply", "typed_event"]

_PACE_S: Final = 0.015
_JSON: Final = msgspec.json.Encoder()


def json_bytes(value: object) -> bytes:
    return _JSON.encode(value)


def json_reply(value: object, status: int = 200) -> Reply:
    return Reply(status, [(b"content-type", b"application/json")], [json_bytes(value)])


def stream_reply(pieces: Sequence[bytes], content_type: bytes = b"text/event-stream") -> Reply:
    headers = [(b"content-type", content_type), (b"cache-control", b"no-cache")]
    return Reply(200, headers, pieces, _PACE_S)


def event(value: object) -> bytes:
    """A server-sent event without a name, as OpenAI Chat and Gemini have them."""
    return b"data: %b\n\n" % json_bytes(value)


def typed_event(value: Mapping[str, object]) -> bytes:
    """A server-sent event named like its data's `type`, as OpenAI Responses and Anthropic have them."""
    return b"event: %b\ndata: %b\n\n" % (str(value["type"]).encode(), json_bytes(value))
