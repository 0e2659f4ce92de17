"""Events of the WebSocket form of Responses: what a client sends, and what is said beside the stream's own events.

A client's `response.create` is a request with all its fields at the top level, and a few of the socket's own: types of
openai 3.54.0 (`responses_client_event_param`), Codex 0.169, seen 2026-11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

import msgspec
from msgspec import Raw

from torouter.canon.events import Finish, Start, UsageSeen
from torouter.canon.usage import Usage
from torouter.codecs.codec import AnswerOptions
from torouter.codecs.faults import read_error
from torouter.codecs.openai_errors import openai_error
from torouter.codecs.openai_responses.encoder import Encoder
from torouter.codecs.splice import edit, values_of
from torouter.codecs.surrogates import lenient_decoder
from torouter.errors import RequestError, TorouterError

__all__ = ["Create", "in_lane", "is_event", "read_event", "warm_up", "whole_event"]

_CREATE: Final = "response.create"
_ACKNOWLEDGEMENTS: Final = frozenset({"response.processed"})
"""Codex says that it has dealt with an answer; nothing is to be said to that."""
_TO_REQUEST: Final = {"type": None, "stream_id": None, "generate": None, "stream": b"true"}
_LONGEST_LANE: Final = 256
"""In bytes: it is written into every event, of which a single piece from the upstream may hold hundreds."""
_ENDED: Final = frozenset({"completed", "incomplete", "failed"})


class Create(msgspec.Struct, frozen=True, kw_only=True):
    """`body` is the request, as it would be posted. `lane` is the JSON of the `stream_id` that all events of the answer
    carry, or nothing. A warm-up is answered without a model, by an id to go on from."""

    body: bytes
    lane: bytes = b""
    is_warm_up: bool = False


class _CacheOptions(msgspec.Struct):
    prewarm: object = None


class _Event(msgspec.Struct):
    """Any JSON object: nothing of it is kept."""


class _Body(msgspec.Struct):
    error: Raw = Raw()
    status: object = None


class _Error(msgspec.Struct):
    message: str
    type: str


T = TypeVar("T", str, bool)

_read_event = lenient_decoder(_Event)
_read_cache_options = lenient_decoder(_CacheOptions)
_read_body = lenient_decoder(_Body)
_read_error = lenient_decoder(_Error)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def read_event(message: bytes) -> Create | None:
    """`None` for what needs no answer. Raises `RequestError`."""
    values = values_of(message)
    kind = _value(values, "type", str)
    if kind in _ACKNOWLEDGEMENTS:
        return None
    if kind != _CREATE:
        said = "is missing" if kind is None else f"is `{kind[:200]}`"
        raise RequestError(f"The field `type` {said}; the only event served is `{_CREATE}`.", param="type")
    if _value(values, "background", bool):
        raise RequestError("An answer in the background is not served over WebSocket.", param="background")
    return Create(
        body=edit(message, _TO_REQUEST),
        lane=_lane(values),
        is_warm_up=_value(values, "generate", bool) is False or _is_prewarm(values),
    )


def _value(values: Mapping[str, bytes], name: str, kind: type[T]) -> T | None:
    said = values.get(name, b"null")
    if said == b"null":
        return None
    try:
        return msgspec.json.decode(said, type=kind)
    except _UNREADABLE:
        word = {str: "a string", bool: "true or false"}[kind]
        raise RequestError(f"The field `{name}` must be {word}.", param=name) from None


def _lane(values: Mapping[str, bytes]) -> bytes:
    if _value(values, "stream_id", str) is None:
        return b""
    lane = values["stream_id"]
    if len(lane) > _LONGEST_LANE:
        raise RequestError(f"The field `stream_id` is longer than {_LONGEST_LANE} bytes.", param="stream_id")
    return lane


def _is_prewarm(values: Mapping[str, bytes]) -> bool:
    try:
        return _read_cache_options(values.get("prompt_cache_options", b"{}")).prewarm is True
    except _UNREADABLE:
        return False  # whoever answers the request says what is wrong with it


def warm_up(options: AnswerOptions) -> bytes:
    """The stream of an answer in which nothing is said and nothing was used."""
    encoder = Encoder(options)
    events = (Start(), UsageSeen(Usage(quality="reported")), Finish(reason="stop"))
    return b"".join(encoder.feed(event) for event in events)


def whole_event(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """An answer that is no stream as an event: an error body, or a response object where a stream was asked for."""
    if status >= 400:
        return _error_event(status, headers, body)
    try:
        word = _read_body(body).status
    except _UNREADABLE:
        return _error_event(502, headers, body)
    ending = word if isinstance(word, str) and word in _ENDED else "completed"
    return b'{"type":"response.%b","sequence_number":0,"response":%b}' % (ending.encode(), body)


def _error_event(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """The headers stand twice: in the error for the official package's type, beside it for Codex."""
    error = edit(_error_object(status, body), {"headers": msgspec.json.encode(headers)})
    return msgspec.json.encode({"type": "error", "status": status, "error": Raw(error), "headers": headers})


def _error_object(status: int, body: bytes) -> bytes:
    """As it came, if it is what a client reads; else made of what was understood of it."""
    try:
        error = bytes(_read_body(body).error)
        _read_error(error)
    except _UNREADABLE:
        fault = read_error(status, body)
        said = TorouterError(fault.message, kind=fault.kind, type=fault.type, code=fault.code, param=fault.param)
        return msgspec.json.encode(openai_error(said))
    return error


def is_event(data: bytes) -> bool:
    """Is it a JSON object? An upstream that breaks off leaves half of one, and the end mark of chat streams is none."""
    try:
        _read_event(data)
    except _UNREADABLE:
        return False
    return True


def in_lane(event: bytes, lane: bytes) -> bytes:
    """An event with the `stream_id` of its request."""
    return edit(event, {"stream_id": lane}) if lane else event
