"""An error in the place of an answer: some upstreams say 200, and then that they have failed.

It is looked for at the beginning only, and by its bytes first, because this is done for every answer that passes. In a
whole body it may also stand behind other fields, or in the place of all that an answer has.
"""

from __future__ import annotations

import re
from typing import Final

import msgspec

from torouter.codecs.codec import UpstreamFault
from torouter.codecs.faults import read_error
from torouter.codecs.figures import decoded
from torouter.codecs.frames import FrameCutter, payload_of

__all__ = ["early_error", "ended_badly", "error_within", "is_plain", "says_nothing"]

_LOOKED_AT_BYTES: Final = 96
_EVENT: Final = re.compile(rb"(?:event|data):")
_ERROR: Final = re.compile(rb'\s*\[?\s*\{\s*"(?:error|type)"')
_SHORT_BYTES: Final = 4096
"""No error is longer that says no `error`."""
_SAYS: Final = re.compile(rb'"(?:choices|output|content|candidates|promptFeedback|(error))"\s*:\s*(?!null|\s|\[\s*\])')
"""What an answer has, of whichever dialect, or the error that stands before it."""
_HEAD_BYTES: Final = 256
_TAIL_BYTES: Final = 512
"""Where a finish reason stands: before the message, as at OpenRouter, or behind it, as everywhere else."""
_ENDED_SO: Final = b'{"error":{"message":"the upstream ended its answer with an error"}}'


def early_error(data: bytes) -> UpstreamFault | None:
    """The error that an answer of status 200 begins with, in any dialect's form, or `None`."""
    if data.find(b'"error"', 0, _LOOKED_AT_BYTES) < 0:
        return None
    if _EVENT.match(data):
        frames = FrameCutter().feed(data)
        data = payload_of(frames[0] if frames else data)
    if not _ERROR.match(data):
        return None
    said = decoded(data)
    if isinstance(said, list) and said:
        said = said[0]
    is_error = isinstance(said, dict) and (said.get("type") == "error" or bool(said.get("error")))
    return read_error(200, data) if is_error else None


def is_plain(body: bytes) -> bool:
    """Is a whole answer surely one that says something, and no error? The hot path: nearly all are. Of others
    `error_within` and `says_nothing` tell."""
    first = _SAYS.search(body)
    return (
        first is not None
        and first[1] is None
        and body.find(b'"error"', 0, _HEAD_BYTES) < 0
        and body.find(b'"error"', max(len(body) - _TAIL_BYTES, 0)) < 0
    )


def error_within(body: bytes) -> UpstreamFault | None:
    """The error that a whole answer of status 200 is, or `None`: a failed response, or what some servers say without
    the word (`base_resp`, `success`, `msg`, `detail`). An answer that says nothing else is none."""
    first = _SAYS.search(body)
    if first is not None and first[1] is None:
        return _choice_error(body)
    if first is None and len(body) > _SHORT_BYTES:
        return None
    said = decoded(body)
    if not isinstance(said, dict) or not (said.get("error") or (first is None and _says_no(said))):
        return None
    return read_error(200, body)


def says_nothing(body: bytes) -> bool:
    """Is a whole answer one without a choice (Chat), or without a candidate and a word on why (Gemini)?"""
    if len(body) > _SHORT_BYTES or _SAYS.search(body):
        return False
    said = decoded(body)
    return isinstance(said, dict) and (said.get("choices") == [] or "usageMetadata" in said)


def ended_badly(choice: object) -> bytes:
    """The error of a chat's choice that says it ended in one (OpenRouter), in the envelope in which errors come; empty
    for any other."""
    if not isinstance(choice, dict) or choice.get("finish_reason") != "error":
        return b""
    error = choice.get("error")
    return msgspec.json.encode({"error": error}) if error else _ENDED_SO


def _choice_error(body: bytes) -> UpstreamFault | None:
    said = decoded(body)
    choices = said.get("choices") if isinstance(said, dict) else None
    error = ended_badly(choices[0]) if isinstance(choices, list) and choices else b""
    return read_error(200, error) if error else None


def _says_no(said: dict[str, object]) -> bool:
    base = said.get("base_resp")
    if isinstance(base, dict):
        return bool(base.get("status_code"))
    return said.get("success") is False or any(isinstance(said.get(name), str) for name in ("message", "msg", "detail"))
