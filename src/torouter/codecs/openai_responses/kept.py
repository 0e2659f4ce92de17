"""Turns that the gateway itself keeps: the document that is kept of one, and requests that refer to such documents.

A document is `{"input": [items…], "response": {…}}`: all that led to the answer, and the answer as the client got it.
It is both a request and the event that ended its stream, which is all that `history` wants to know.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec
from msgspec import Raw

from torouter.codecs.codec import Resolved
from torouter.codecs.openai_responses.history import Kept, expand, keep, kept_input, previous_id, too_large, with_input
from torouter.codecs.splice import edit, elements, values_of
from torouter.codecs.surrogates import lenient_decoder
from torouter.errors import RequestError

__all__ = ["References", "disclaim", "document_of", "references_of", "response_of"]

_OURS: Final = re.compile(r"resp_[0-9a-f]{24}")
_ITEM_OF_OURS: Final = re.compile(r"[a-z]+_([0-9a-f]{24})_\d+")
"""Both as the encoders make them, of the seed that the gateway gives: ids of others are not even looked up."""
_MOST_RESPONSES: Final = 1000
_MOST_READ: Final = 4
"""Times the limit of a request. Each document holds a whole conversation, of which a reference wants one item."""
_DATA: Final = b"\ndata: "
_ENDED: Final = frozenset({"completed", "incomplete"})


class _Event(msgspec.Struct):
    response: Raw


class _Head(msgspec.Struct):
    id: str
    status: str


class _Item(msgspec.Struct):
    type: object = None
    id: object = None
    encrypted_content: object = None


_read_event = lenient_decoder(_Event)
_read_head = lenient_decoder(_Head)
_read_item = lenient_decoder(_Item)
_UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)


def references_of(body: bytes, limit_bytes: int) -> References | None:
    """`None` for a request that refers to nothing: a look at the bytes says so of nearly all. `limit_bytes` is that of
    the request with all that it refers to. Raises `RequestError`."""
    previous = previous_id(body) if b'"previous_response_id"' in body else None
    items = dict(_item_references(body)) if b'"item_reference"' in body else {}
    return References(body, previous, items, limit_bytes) if previous is not None or items else None


class References:
    """What a request refers to. Each id in `wanted` may be that of a kept response; those that are found are told with
    `learn`, and `resolved` puts them in place. `items` has the id of each item reference by its place in the input."""

    __slots__ = (
        "_body",
        "_counts",
        "_found",
        "_items",
        "_kept",
        "_limit_bytes",
        "_previous",
        "_read_bytes",
        "_size_bytes",
        "wanted",
    )

    def __init__(self, body: bytes, previous: str | None, items: dict[int, str], limit_bytes: int) -> None:
        self._body = body
        self._previous = previous
        self._items = items
        self._counts = Counter(items.values())
        self._limit_bytes = limit_bytes
        self._size_bytes = len(body)
        self._read_bytes = 0
        self._kept: Kept | None = None
        self._found: dict[str, bytes] = {}
        self.wanted: tuple[str, ...] = tuple(dict.fromkeys(self._wanted()))
        if len(self.wanted) > _MOST_RESPONSES:
            raise RequestError(f"`input` refers to items of more than {_MOST_RESPONSES} responses.", param="input")

    def _wanted(self) -> Iterator[str]:
        if self._previous is not None and _OURS.fullmatch(self._previous):
            yield self._previous
        for item_id in self._items.values():
            if found := _ITEM_OF_OURS.fullmatch(item_id):
                yield f"resp_{found[1]}"

    def learn(self, response_id: str, document: bytes) -> None:
        """Raises `RequestError` where the whole becomes too large: a small request may refer to much, and often."""
        self._read_bytes += len(document)
        if self._read_bytes > self._limit_bytes * _MOST_READ:
            raise too_large(self._limit_bytes)
        kept = keep(document, document)
        if kept is None:
            return
        said: list[bytes] = []
        for span in elements(kept.output):
            item = kept.output[span.start : span.end]
            head = _read_item(item)
            # Nobody takes a summary back without its state, and OpenAI would look for an id that only we know.
            item = b"" if head.type == "reasoning" and not head.encrypted_content else item
            if item:
                said.append(item)
            if isinstance(head.id, str) and head.id in self._counts:
                self._grow(len(item) * self._counts[head.id])
                self._found[head.id] = item
        if response_id == self._previous:
            self._grow(len(kept.input) + len(kept.output))
            self._kept = msgspec.structs.replace(kept, output=_array(said))

    def _grow(self, more_bytes: int) -> None:
        self._size_bytes += more_bytes
        if self._size_bytes > self._limit_bytes:
            raise too_large(self._limit_bytes)

    def resolved(self) -> Resolved:
        missing = next((f"input.{place}" for place, named in self._items.items() if named not in self._found), None)
        body = self._with_items() if self._found else self._body
        if self._kept is not None:
            body = expand(body, self._kept, self._limit_bytes)
        elif self._previous is not None:
            missing = "previous_response_id"
        return Resolved(body=body, previous=self._previous, missing=missing)

    def _with_items(self) -> bytes:
        said = values_of(self._body)["input"]
        items = (
            self._found.get(self._items.get(place, ""), said[span.start : span.end])
            for place, span in enumerate(elements(said))
        )
        return with_input(self._body, [item for item in items if item], self._limit_bytes)


def document_of(body: bytes, last: bytes) -> tuple[str, bytes] | None:
    """The response's id and the document to keep of a request that refers to nothing any more, and of our own encoder's
    last bytes: a whole answer, or events of which the last one ends the stream. `None` for an answer that failed."""
    response = _response(last)
    head = _read_head(response)
    if head.status not in _ENDED:
        return None
    return head.id, b'{"input":%b,"response":%b}' % (kept_input(body), response)


def disclaim(last: bytes) -> bytes:
    """The same last bytes, saying that the answer is not stored after all."""
    response = _response(last)
    return last.replace(response, edit(response, {"store": b"false"}))


def response_of(document: bytes) -> bytes:
    """The response object as its client got it."""
    return bytes(_read_event(document).response)


def _array(items: Iterable[bytes]) -> bytes:
    return b"[%b]" % b",".join(items)


def _response(last: bytes) -> bytes:
    if last.startswith(b"{"):
        return last
    return bytes(_read_event(last[last.rindex(_DATA) + len(_DATA) :]).response)


def _item_references(body: bytes) -> Iterator[tuple[int, str]]:
    """(place in `input`, id) of each. What is malformed is left for others to refuse."""
    said = values_of(body).get("input", b"")
    if not said.startswith(b"["):
        return
    for place, span in enumerate(elements(said)):
        item = said[span.start : span.end]
        if not item.startswith(b"{"):
            continue
        try:
            reference = _read_item(item)
        except _UNREADABLE:  # such as a number in the place of the type that no float holds
            continue
        if reference.type == "item_reference" and isinstance(reference.id, str):
            yield place, reference.id
