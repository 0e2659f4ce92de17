"""What was said before, for requests that refer to it: a turn kept as items, and a request that holds them again.

Items are never decoded and written anew: whatever a vendor put into them goes back as it came.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import Raw

from torouter.codecs.splice import edit, elements, members, skim, values_of
from torouter.codecs.surrogates import lenient_decoder
from torouter.errors import RequestError

__all__ = ["Kept", "Listener", "expand", "keep", "kept_input", "previous_id", "too_large", "with_input"]

_ABSENT: Final = Raw()
_ENDED: Final = frozenset({"completed", "incomplete"})
_NO_CHANGES: Final[Mapping[str, None]] = {}
_GONE_ON_FROM: Final = {"previous_response_id": None}
_OF_OUTPUT_ONLY: Final = {"created_by": None}
"""Fields that items of an answer may have and items of a request may not (openai 3.54.0, seen 2026-11)."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A turn that others may follow. `input` and `output` are JSON arrays of items; `input` holds all that led here."""

    id: str
    input: bytes
    output: bytes


class _Answer(msgspec.Struct):
    """Either a response object or an event that has one."""

    id: object = None
    status: object = None
    store: object = None
    output: Raw = _ABSENT
    response: Raw = _ABSENT


class _DoneItem(msgspec.Struct):
    type: object = None
    item: Raw = _ABSENT


class _Item(msgspec.Struct):
    id: object = None
    type: object = None
    encrypted_content: object = None
    content: object = None
    created_by: object = None


_read_answer = lenient_decoder(_Answer)
_read_done_item = lenient_decoder(_DoneItem)
_read_item = lenient_decoder(_Item)
_read_id = lenient_decoder(str)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def previous_id(body: bytes) -> str | None:
    """The response that a request goes on from, if any. Raises `RequestError`."""
    said = skim(body).get("previous_response_id")
    if said is None or bytes(said) == b"null":
        return None
    try:
        return _read_id(said)
    except _UNREADABLE:
        raise RequestError("The field `previous_response_id` must be a string.", param="previous_response_id") from None


def expand(body: bytes, previous: Kept, limit_bytes: int) -> bytes:
    """The request with all that it refers to: `input` is what was said before and then its own, and everything else is
    as it came, byte for byte. `instructions` are not carried over. Raises `RequestError`, see `with_input`."""
    items = (*_inner(previous.input), *_inner(previous.output), *_inner(kept_input(body)))
    return with_input(body, items, limit_bytes, _GONE_ON_FROM)


def with_input(
    body: bytes, pieces: Sequence[bytes], limit_bytes: int, changes: Mapping[str, None] = _NO_CHANGES
) -> bytes:
    """The request with another `input`, made of items or runs of items. Raises `RequestError` for one that would be
    over the limit, before it is made: a few bytes of request can refer to the same large item any number of times."""
    if sum(map(len, pieces)) + len(pieces) > limit_bytes:
        raise too_large(limit_bytes)
    if sum(member.name == "input" for member in members(body)) > 1:
        raise RequestError("The field `input` is there more than once.", param="input")
    whole = edit(body, {**changes, "input": _array(pieces)})
    if len(whole) > limit_bytes:
        raise too_large(limit_bytes)
    return whole


def kept_input(body: bytes) -> bytes:
    """The input items of a request that refers to nothing before it. A text is one message of the user's. Raises
    `RequestError`."""
    said = values_of(body).get("input", b"null")
    if said.startswith(b"["):
        return said
    if said.startswith(b'"'):
        return b'[{"type":"message","role":"user","content":[{"type":"input_text","text":%b}]}]' % said
    if said == b"null":
        return b"[]"
    raise RequestError("The field `input` must be a string or an array of items.", param="input")


def keep(body: bytes, answer: bytes | Raw, items: tuple[bytes, ...] = ()) -> Kept | None:
    """Of a request that refers to nothing before it and its answer: a response object, or the event that ended the
    stream. `items` are those that the stream said were done, for an ending that does not repeat them.

    `None` where nothing can follow: the answer failed, or is none. Raises nothing for what an upstream sent.
    """
    try:
        said = _read_answer(answer)
        if bytes(said.response):
            said = _read_answer(said.response)
        output = bytes(said.output)
        found = tuple(output[span.start : span.end] for span in elements(output)) if output.startswith(b"[") else ()
    except _UNREADABLE:
        return None
    if not (isinstance(said.id, str) and isinstance(said.status, str) and said.status in _ENDED):
        return None
    trusted = f"rs_{said.id.removeprefix('resp_')}_" if said.store is False else ""
    again = (_as_input(item, trusted) for item in found or items)
    return Kept(id=said.id, input=kept_input(body), output=_array(tuple(item for item in again if item)))


class Listener:
    """Watches the events of one streamed answer, each the JSON of one, for what `keep` wants to know."""

    __slots__ = ("_ending", "_items")

    def __init__(self) -> None:
        self._items: list[bytes] = []
        self._ending = b""

    def feed(self, event: bytes) -> None:
        if b'"response.output_item.done"' in event:
            try:
                said = _read_done_item(event)
            except _UNREADABLE:
                return
            if said.type == "response.output_item.done" and bytes(said.item):
                self._items.append(bytes(said.item))
        elif b'"response.completed"' in event or b'"response.incomplete"' in event:
            self._ending = event

    def kept(self, body: bytes) -> Kept | None:
        """`body` is the request that was answered."""
        return keep(body, self._ending, tuple(self._items)) if self._ending else None


def _as_input(item: bytes, trusted: str) -> bytes:
    """An item of an answer as one of a request; nothing for what no request may hold.

    A reasoning item that brings neither its state nor its text is a reference to what the provider stores, with a
    summary or without. Where nothing is stored it is refused ("Items are not persisted when `store` is set to false",
    OpenAI, seen 2026-11). `trusted` is how its id must begin to go back: with anything where answers are stored, else
    as the ids of our own making do, which refer to nothing.
    """
    try:
        said = _read_item(item)
    except _UNREADABLE:
        return item
    is_reference = said.type == "reasoning" and not (said.encrypted_content or said.content)
    if is_reference and not str(said.id).startswith(trusted):
        return b""
    return item if said.created_by is None else edit(item, _OF_OUTPUT_ONLY)


def _inner(array: bytes) -> tuple[bytes, ...]:
    """What stands between the brackets, as one piece, or no piece at all."""
    text = array.strip()[1:-1].strip()
    return (text,) if text else ()


def _array(pieces: Sequence[bytes]) -> bytes:
    return b"[%b]" % b",".join(pieces)


def too_large(limit_bytes: int) -> RequestError:
    return RequestError(
        f"The request with all that it refers to is over the limit of {limit_bytes} bytes.",
        kind="too_large",
        code="request_too_large",
    )
